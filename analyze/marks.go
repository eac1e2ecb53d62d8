package analyze

import (
	"slices"
	"strings"
)

// A Mark says of a stack what its operation leaves open: that serialising is
// encoding, that a system call writes, that a lock was not free. A stack has any
// number of marks; they are no part of the ledger.
type Mark uint32

// The marks.
const (
	MarkEncode  Mark = 1 << iota // a value becomes bytes
	MarkDecode                   // bytes become a value
	MarkRead                     // read from a descriptor: a file, a pipe, a socket
	MarkWrite                    // write to one
	MarkMapping                  // memory mapped or unmapped by request, not by the runtime
	MarkFiles                    // files opened, closed, looked up or renamed
	MarkRecord                   // an event recorded for a heap, block or mutex profile
	MarkDump                     // such a profile written, memory statistics read, stacks printed

	MarkSlowLock // a lock's slow path: somebody else held it
	MarkSwap     // compare-and-swap
	MarkSend     // a channel send
	MarkReceive  // a channel receive
	MarkSelect   // a select over several channels
	MarkPoll     // a send or receive that does not wait: one case and a default
	MarkPark     // a goroutine went to sleep, and its thread looks for another
	MarkTimer    // a timer made, set again or stopped
	MarkGrow     // memory that was too small is copied into more: append, a buffer, +=
	MarkConvert  // bytes copied into a string, or back
	MarkLarge    // an allocation too large for the size classes, cleared as a whole

	MarkTry     // a lock asked for without waiting
	MarkYield   // a goroutine lets others go first, and goes on
	MarkCompile // text or types made into what can be run: a pattern, a template, a codec, a statement
	MarkRSA     // RSA, whatever is done with it
	MarkAccept  // the side of a handshake that was called
)

func (m Mark) has(n Mark) bool { return m&n != 0 }

// A markPattern marks functions of a package by the beginning of their name in
// it. The first that fits counts.
type markPattern struct {
	prefix string
	mark   Mark
}

// codec are the usual names of what encodes and what decodes.
var codec = []markPattern{
	{"Marshal", MarkEncode}, {"(*Encoder)", MarkEncode}, {"(*encodeState)", MarkEncode}, {"Encode", MarkEncode}, {"frozenConfig.Marshal", MarkEncode}, {"(*frozenConfig).Marshal", MarkEncode},
	{"Unmarshal", MarkDecode}, {"(*Decoder)", MarkDecode}, {"(*decodeState)", MarkDecode}, {"Decode", MarkDecode}, {"frozenConfig.Unmarshal", MarkDecode}, {"(*frozenConfig).Unmarshal", MarkDecode},
}

// gobEngines are where a gob stream learns a type: once for each new Encoder or
// Decoder, and again for each value if there is a new one for each.
var gobEngines = []markPattern{
	{"(*Encoder).sendType", MarkEncode | MarkCompile}, {"(*Encoder).sendActualType", MarkEncode | MarkCompile},
	{"(*Decoder).compile", MarkDecode | MarkCompile}, {"(*Decoder).recvType", MarkDecode | MarkCompile},
}

// systemCalls are the wrappers that packages syscall and x/sys/unix have of the
// same system calls, in either case of the first letter.
var systemCalls = []markPattern{
	{"ReadDirent", MarkFiles}, {"Readlink", MarkFiles}, {"readlink", MarkFiles},
	{"Read", MarkRead}, {"read", MarkRead}, {"Pread", MarkRead}, {"pread", MarkRead},
	{"Write", MarkWrite}, {"write", MarkWrite}, {"Pwrite", MarkWrite}, {"pwrite", MarkWrite},
	{"Mmap", MarkMapping}, {"mmap", MarkMapping}, {"(*mmapper)", MarkMapping}, {"Munmap", MarkMapping}, {"munmap", MarkMapping}, {"Madvise", MarkMapping}, {"madvise", MarkMapping}, {"Mremap", MarkMapping},
	{"Open", MarkFiles}, {"open", MarkFiles}, {"Stat", MarkFiles}, {"Lstat", MarkFiles}, {"Fstat", MarkFiles}, {"fstatat", MarkFiles},
	{"Unlink", MarkFiles}, {"unlink", MarkFiles}, {"Rename", MarkFiles}, {"rename", MarkFiles}, {"Mkdir", MarkFiles}, {"mkdir", MarkFiles}, {"Getdents", MarkFiles}, {"getdents", MarkFiles},
}

// slowLocks are the ways in which the mutexes of package sync wait and wake, by
// their names in the current runtime and in older ones.
var slowLocks = []markPattern{
	{"(*Mutex).TryLock", MarkTry}, {"(*RWMutex).Try", MarkTry},
	{"(*Mutex).lockSlow", MarkSlowLock}, {"(*Mutex).unlockSlow", MarkSlowLock}, {"(*RWMutex).rUnlockSlow", MarkSlowLock},
	{"runtime_SemacquireMutex", MarkSlowLock}, {"runtime_SemacquireRWMutex", MarkSlowLock}, {"runtime_doSpin", MarkSlowLock},
}

var goMarks = map[string][]markPattern{
	"encoding/json":                      codec,
	"encoding/json/v2":                   codec,
	"encoding/json/jsontext":             codec,
	"encoding/gob":                       slices.Concat(gobEngines, codec),
	"encoding/xml":                       codec,
	"github.com/json-iterator/go":        codec,
	"github.com/goccy/go-json":           codec,
	"github.com/bytedance/sonic":         codec,
	"github.com/segmentio/encoding/json": codec,
	"google.golang.org/protobuf/proto":   codec,
	"github.com/golang/protobuf/proto":   codec,
	"github.com/gogo/protobuf/proto":     codec,
	"github.com/vmihailenco/msgpack":     codec,
	"gopkg.in/yaml.v2":                   codec,
	"gopkg.in/yaml.v3":                   codec,
	"syscall":                            systemCalls,
	"golang.org/x/sys/unix":              systemCalls,
	"internal/poll": {
		{"(*FD).ReadDirent", MarkFiles}, {"(*FD).Read", MarkRead}, {"(*FD).Pread", MarkRead},
		{"(*FD).Write", MarkWrite}, {"(*FD).Pwrite", MarkWrite},
	},
	"os": {
		{"Open", MarkFiles}, {"Create", MarkFiles}, {"Stat", MarkFiles}, {"Lstat", MarkFiles}, {"Remove", MarkFiles}, {"Rename", MarkFiles}, {"Mkdir", MarkFiles},
		{"(*File).Close", MarkFiles}, {"(*File).Stat", MarkFiles}, {"(*File).Readdir", MarkFiles}, {"(*File).ReadDir", MarkFiles},
	},
	"runtime": {
		{"profilealloc", MarkRecord}, {"mProf_Malloc", MarkRecord}, {"saveblockevent", MarkRecord}, {"blockevent", MarkRecord}, {"mutexevent", MarkRecord},
		{"ReadMemStats", MarkDump}, {"Stack", MarkDump},
		{"chansend", MarkSend}, {"chanrecv", MarkReceive}, {"selectgo", MarkSelect}, {"selectnb", MarkPoll}, {"chanlen", MarkPoll}, {"Gosched", MarkYield}, {"gosched_m", MarkYield}, {"park_m", MarkPark},
		{"growslice", MarkGrow}, {"concatstring", MarkGrow},
		{"slicebytetostring", MarkConvert}, {"stringtoslice", MarkConvert}, {"slicerunetostring", MarkConvert},
		{"mallocgcLarge", MarkLarge}, {"largeAlloc", MarkLarge}, {"(*mcache).allocLarge", MarkLarge}, {"memclrNoHeapPointersChunked", MarkLarge},
	},
	"crypto/rsa":                  {{"", MarkRSA}},
	"crypto/internal/fips140/rsa": {{"", MarkRSA}},
	"crypto/tls":                  {{"(*Conn).serverHandshake", MarkAccept}, {"(*serverHandshakeState", MarkAccept}},
	"golang.org/x/crypto/ssh":     {{"(*connection).serverHandshake", MarkAccept}},

	"regexp":              {{"Compile", MarkCompile}, {"MustCompile", MarkCompile}, {"compile", MarkCompile}},
	"regexp/syntax":       {{"Parse", MarkCompile}, {"Compile", MarkCompile}},
	"text/template":       {{"(*Template).Parse", MarkCompile}, {"Parse", MarkCompile}, {"parseFiles", MarkCompile}, {"parseGlob", MarkCompile}, {"parseFS", MarkCompile}},
	"text/template/parse": {{"", MarkCompile}},
	"html/template": {{"(*Template).Parse", MarkCompile}, {"Parse", MarkCompile}, {"parseFiles", MarkCompile}, {"parseGlob", MarkCompile}, {"parseFS", MarkCompile},
		{"escapeTemplate", MarkCompile}, {"(*escaper)", MarkCompile}},
	"database/sql":                          {{"(*DB).Prepare", MarkCompile}, {"(*DB).prepare", MarkCompile}, {"(*Tx).Prepare", MarkCompile}, {"(*Conn).Prepare", MarkCompile}, {"ctxDriverPrepare", MarkCompile}},
	"github.com/lib/pq":                     {{"(*conn).prepare", MarkCompile}, {"(*conn).Prepare", MarkCompile}},
	"github.com/go-sql-driver/mysql":        {{"(*mysqlConn).Prepare", MarkCompile}},
	"github.com/santhosh-tekuri/jsonschema": {{"(*Compiler).Compile", MarkCompile}, {"(*Compiler).MustCompile", MarkCompile}, {"Compile", MarkCompile}, {"MustCompile", MarkCompile}},
	"github.com/xeipuu/gojsonschema":        {{"NewSchema", MarkCompile}, {"(*SchemaLoader).Compile", MarkCompile}},
	"github.com/go-playground/validator":    {{"(*Validate).extractStructCache", MarkCompile}, {"(*Validate).parseFieldTags", MarkCompile}},
	"github.com/google/cel-go/cel":          {{"(*Env).Compile", MarkCompile}, {"(*Env).Parse", MarkCompile}, {"(*Env).Check", MarkCompile}, {"(*Env).Program", MarkCompile}},
	"github.com/expr-lang/expr":             {{"Compile", MarkCompile}},
	"github.com/itchyny/gojq":               {{"Parse", MarkCompile}, {"Compile", MarkCompile}},
	"github.com/hamba/avro":                 {{"Parse", MarkCompile}, {"MustParse", MarkCompile}},
	"github.com/linkedin/goavro":            {{"NewCodec", MarkCompile}},

	"sync":          slowLocks,
	"internal/sync": slowLocks,
	"sync/atomic": {
		{"CompareAndSwap", MarkSwap}, {"(*Int32).CompareAndSwap", MarkSwap}, {"(*Int64).CompareAndSwap", MarkSwap},
		{"(*Uint32).CompareAndSwap", MarkSwap}, {"(*Uint64).CompareAndSwap", MarkSwap}, {"(*Uintptr).CompareAndSwap", MarkSwap},
		{"(*Pointer).CompareAndSwap", MarkSwap}, {"(*Bool).CompareAndSwap", MarkSwap}, {"(*Value).CompareAndSwap", MarkSwap},
	},
	"bytes":   {{"growSlice", MarkGrow}, {"(*Buffer).grow", MarkGrow}, {"makeSlice", MarkGrow}},
	"strings": {{"(*Builder).grow", MarkGrow}},
	"time": {
		{"NewTimer", MarkTimer}, {"NewTicker", MarkTimer}, {"After", MarkTimer}, {"Tick", MarkTimer}, {"(*Timer).", MarkTimer},
		{"newTimer", MarkTimer}, {"startTimer", MarkTimer}, {"stopTimer", MarkTimer}, {"resetTimer", MarkTimer},
	},
	"context":       {{"WithTimeout", MarkTimer}, {"WithDeadline", MarkTimer}, {"(*timerCtx).", MarkTimer}},
	"runtime/debug": {{"Stack", MarkDump}, {"PrintStack", MarkDump}, {"WriteHeapDump", MarkDump}, {"ReadGCStats", MarkDump}},
	// Goroutine profiles in the protobuf form are not here: busywork asks for them.
	"runtime/pprof": {
		{"WriteHeapProfile", MarkDump}, {"writeHeap", MarkDump}, {"writeAlloc", MarkDump}, {"writeBlock", MarkDump},
		{"writeMutex", MarkDump}, {"writeGoroutineStacks", MarkDump},
	},
}

// foreignMarks are those of other languages, by a part of the name or the file.
var foreignMarks = []struct {
	part string
	mark Mark
}{
	{"re/_compiler.py", MarkCompile}, {"re/_parser.py", MarkCompile}, {"sre_compile.py", MarkCompile}, {"sre_parse.py", MarkCompile},
	{"jinja2/compiler.py", MarkCompile}, {"jinja2/parser.py", MarkCompile}, {"jinja2/lexer.py", MarkCompile},
	{"java.util.regex.Pattern.compile", MarkCompile}, {"Regexp#initialize", MarkCompile},
	{"json.loads", MarkDecode}, {"json/decoder.py", MarkDecode}, {"json.dumps", MarkEncode}, {"json/encoder.py", MarkEncode},
	{"pickle.loads", MarkDecode}, {"pickle.dumps", MarkEncode}, {"JSON.parse", MarkDecode}, {"JSON.stringify", MarkEncode},
	{"Marshal.load", MarkDecode}, {"Marshal.dump", MarkEncode}, {"ObjectMapper.readValue", MarkDecode}, {"ObjectMapper.writeValue", MarkEncode},
}

// marksOf marks one function. It is called once a function, never once a sample.
func marksOf(name, file string, golang bool) Mark {
	if !golang {
		for _, m := range foreignMarks {
			if strings.Contains(name, m.part) || strings.Contains(file, m.part) {
				return m.mark
			}
		}
		return 0
	}
	pkg, rest := splitGoName(name)
	list, ok := goMarks[pkg]
	if short := withoutMajor(pkg); !ok && len(short) < len(pkg) {
		list = goMarks[short]
	}
	for _, p := range list {
		if strings.HasPrefix(rest, p.prefix) {
			return p.mark
		}
	}
	return 0
}

// asked says whether the stack is own code's own doing: the service is on it,
// and between it and the leaf lies no work of a family that is another's to
// judge, as when a JSON decoder copies.
func (g *Group) asked() bool { return len(g.Chain) > 0 && !g.Op.isWork() }
