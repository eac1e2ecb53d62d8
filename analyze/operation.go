package analyze

import "strings"

// An Operation is a family of work that any service may do: signing, a remote
// call, JSON, garbage collection. Rules speak of operations, never of the
// functions of one library.
type Operation uint8

// The operations. Those up to opLastWork are work that somebody's code asked
// for; those behind it are what the runtime does on the way.
const (
	OpNone Operation = iota
	OpSign
	OpVerify
	OpKeyParse
	OpKeyMake
	OpTLSHandshake
	OpTLSRecord
	OpDial
	OpHTTPClient
	OpHTTPServer
	OpSQL
	OpRedis
	OpMessaging
	OpRPC
	OpJSON
	OpSerialise
	OpCompress
	OpRegexpCompile
	OpRegexp
	OpTemplate
	OpFormat
	OpLog
	OpObserve
	OpHash
	OpCipher
	OpRandom
	OpSearch
	OpSliceDelete
	OpListWalk
	OpSort
	OpProfiling
	opLastWork
	OpMapWalk
	OpGC
	OpGCIdle
	OpAllocation
	OpLock
	OpChannel
	OpScheduler
	OpSyscall
	OpCopy
	OpTimer
	OpNative
	OpOwn   // the service's own code, doing none of the above
	OpOther // a library doing none of the above
	operations
)

var operationNames = [operations]string{
	OpNone: "nothing", OpSign: "sign", OpVerify: "verify signatures", OpKeyParse: "parse keys", OpKeyMake: "make keys",
	OpTLSHandshake: "TLS handshake", OpTLSRecord: "TLS encryption", OpDial: "dial", OpHTTPClient: "HTTP client",
	OpHTTPServer: "HTTP server", OpSQL: "SQL client", OpRedis: "Redis client", OpMessaging: "message broker client",
	OpRPC: "RPC", OpJSON: "JSON", OpSerialise: "serialisation", OpCompress: "compression",
	OpRegexpCompile: "compile regexps", OpRegexp: "match regexps", OpTemplate: "templates", OpFormat: "format text",
	OpLog: "logging", OpObserve: "metrics and tracing", OpHash: "hash", OpCipher: "cipher", OpRandom: "random numbers",
	OpSearch: "linear search", OpSliceDelete: "delete from slice", OpListWalk: "walk list", OpSort: "sort",
	OpProfiling: "profiling", OpMapWalk: "walk map", OpGC: "garbage collection",
	OpGCIdle: "garbage collection on idle CPUs", OpAllocation: "allocation", OpLock: "locks", OpChannel: "channels",
	OpScheduler: "scheduler", OpSyscall: "system calls", OpCopy: "copy and clear memory", OpTimer: "timers and clock",
	OpNative: "native code", OpOwn: "own code", OpOther: "libraries",
}

// String is the operation's name, as reports show it.
func (o Operation) String() string { return operationNames[o] }

// isWork says whether code asked for it, rather than the runtime doing it.
func (o Operation) isWork() bool { return o > OpNone && o < opLastWork }

// operationSet has one bit an operation.
type operationSet uint64

func (s operationSet) has(o Operation) bool { return s&(1<<o) != 0 }

func setOf(list ...Operation) operationSet {
	var s operationSet
	for _, o := range list {
		s |= 1 << o
	}
	return s
}

// A pattern classifies a function of a known package: by the beginning of its
// name inside the package ("SignPKCS1v15", "(*Conn).Handshake"), or "" for all.
// The first that fits counts. Whole packages are listed only where everything
// in them is the same kind of work: a middleware that merely lies on the stack
// of everything below it is not (aws signer/v4 was 21 % of a profile by its
// frames and 3 % by its hashing).
type pattern struct {
	prefix string
	op     Operation
}

// goPackages classifies Go functions by import path, without a major version
// at its end. math/big is on purpose in none: it is arithmetic, not crypto.
var goPackages = map[string][]pattern{
	"crypto/rsa":                                       {{"Sign", OpSign}, {"(*PrivateKey).Sign", OpSign}, {"Verify", OpVerify}, {"GenerateKey", OpKeyMake}, {"(*PrivateKey).Precompute", OpKeyParse}, {"Decrypt", OpCipher}, {"Encrypt", OpCipher}},
	"crypto/ecdsa":                                     {{"Sign", OpSign}, {"(*PrivateKey).Sign", OpSign}, {"Verify", OpVerify}, {"GenerateKey", OpKeyMake}},
	"crypto/ed25519":                                   {{"Sign", OpSign}, {"(PrivateKey).Sign", OpSign}, {"PrivateKey.Sign", OpSign}, {"Verify", OpVerify}},
	"crypto/hmac":                                      {{"", OpHash}},
	"crypto/internal/fips140/rsa":                      {{"Sign", OpSign}, {"Verify", OpVerify}},
	"crypto/internal/fips140/ecdsa":                    {{"Sign", OpSign}, {"sign", OpSign}, {"Verify", OpVerify}},
	"crypto/internal/fips140/ed25519":                  {{"Sign", OpSign}, {"sign", OpSign}, {"Verify", OpVerify}},
	"crypto/x509":                                      {{"Parse", OpKeyParse}, {"parse", OpKeyParse}, {"(*Certificate).Verify", OpVerify}},
	"encoding/pem":                                     {{"Decode", OpKeyParse}},
	"crypto/tls":                                       {{"(*Conn).Handshake", OpTLSHandshake}, {"(*Conn).handshake", OpTLSHandshake}, {"(*Conn).clientHandshake", OpTLSHandshake}, {"(*Conn).serverHandshake", OpTLSHandshake}, {"(*Conn).Read", OpTLSRecord}, {"(*Conn).Write", OpTLSRecord}, {"X509KeyPair", OpKeyParse}, {"LoadX509KeyPair", OpKeyParse}},
	"crypto/sha1":                                      {{"", OpHash}},
	"crypto/sha256":                                    {{"", OpHash}},
	"crypto/sha512":                                    {{"", OpHash}},
	"crypto/md5":                                       {{"", OpHash}},
	"crypto/aes":                                       {{"", OpCipher}},
	"crypto/cipher":                                    {{"", OpCipher}},
	"crypto/rand":                                      {{"", OpRandom}},
	"math/rand":                                        {{"", OpRandom}},
	"golang.org/x/crypto/bcrypt":                       {{"", OpHash}},
	"golang.org/x/crypto/argon2":                       {{"", OpHash}},
	"golang.org/x/crypto/scrypt":                       {{"", OpHash}},
	"golang.org/x/crypto/ssh":                          {{"ParsePrivateKey", OpKeyParse}, {"(*handshakeTransport)", OpTLSHandshake}},
	"github.com/golang-jwt/jwt":                        {{"(*Token).SignedString", OpSign}, {"(*SigningMethodHMAC).Sign", OpSign}, {"ParseWithClaims", OpVerify}, {"(*Parser).Parse", OpVerify}, {"ParseRSAPrivate", OpKeyParse}, {"ParseECPrivate", OpKeyParse}, {"ParseEdPrivate", OpKeyParse}, {"ParseRSAPublic", OpKeyParse}},
	"github.com/dgrijalva/jwt-go":                      {{"(*Token).SignedString", OpSign}, {"ParseWithClaims", OpVerify}, {"(*Parser).Parse", OpVerify}, {"ParseRSAPrivate", OpKeyParse}},
	"github.com/go-jose/go-jose":                       {{"(*genericSigner).Sign", OpSign}, {"(JSONWebSignature).Verify", OpVerify}, {"JSONWebSignature.Verify", OpVerify}},
	"github.com/go-jose/go-jose/v3/jwt":                {{"(*builder)", OpSign}, {"(*signedBuilder)", OpSign}},
	"github.com/lestrrat-go/jwx/v2/jws":                {{"Sign", OpSign}, {"Verify", OpVerify}},
	"github.com/lestrrat-go/jwx/v2/jwt":                {{"Sign", OpSign}},
	"github.com/cristalhq/jwt":                         {{"(*Builder).Build", OpSign}},
	"github.com/nats-io/nkeys":                         {{"(*kp).Sign", OpSign}},
	"net":                                              {{"(*Dialer).Dial", OpDial}, {"(*sysDialer)", OpDial}, {"(*Resolver)", OpDial}, {"Dial", OpDial}},
	"net/http":                                         {{"(*Client).", OpHTTPClient}, {"(*Transport).", OpHTTPClient}, {"(*persistConn).", OpHTTPClient}, {"Get", OpHTTPClient}, {"Post", OpHTTPClient}, {"(*conn).", OpHTTPServer}, {"(*http2Transport).", OpHTTPClient}, {"(*http2ClientConn).", OpHTTPClient}, {"(*http2serverConn).", OpHTTPServer}, {"(*http2clientConnReadLoop).", OpHTTPClient}},
	"net/http/pprof":                                   {{"", OpProfiling}},
	"runtime/pprof":                                    {{"", OpProfiling}},
	"runtime/metrics":                                  {{"", OpObserve}},
	"github.com/valyala/fasthttp":                      {{"(*Client).", OpHTTPClient}, {"(*HostClient).", OpHTTPClient}, {"(*Server).", OpHTTPServer}},
	"github.com/go-resty/resty":                        {{"(*Request).", OpHTTPClient}},
	"google.golang.org/grpc":                           {{"(*ClientConn).", OpRPC}, {"(*clientStream).", OpRPC}, {"(*csAttempt).", OpRPC}, {"invoke", OpRPC}},
	"google.golang.org/grpc/internal/transport":        {{"(*http2Client).", OpRPC}, {"(*loopyWriter).", OpRPC}},
	"connectrpc.com/connect":                           {{"(*Client", OpRPC}},
	"net/rpc":                                          {{"(*Client).", OpRPC}},
	"database/sql":                                     {{"(*DB).", OpSQL}, {"(*Tx).", OpSQL}, {"(*Stmt).", OpSQL}, {"(*Rows).", OpSQL}, {"(*Conn).", OpSQL}, {"(*Row).", OpSQL}},
	"github.com/jackc/pgx":                             {{"", OpSQL}},
	"github.com/jackc/pgx/v5/pgconn":                   {{"", OpSQL}},
	"github.com/jackc/pgx/v5/pgxpool":                  {{"", OpSQL}},
	"github.com/jackc/pgx/v4/pgxpool":                  {{"", OpSQL}},
	"github.com/jackc/pgconn":                          {{"", OpSQL}},
	"github.com/lib/pq":                                {{"", OpSQL}},
	"github.com/go-sql-driver/mysql":                   {{"", OpSQL}},
	"github.com/mattn/go-sqlite3":                      {{"", OpSQL}},
	"modernc.org/sqlite":                               {{"", OpSQL}},
	"go.mongodb.org/mongo-driver/mongo":                {{"", OpSQL}},
	"github.com/redis/go-redis":                        {{"", OpRedis}},
	"github.com/redis/go-redis/v9/internal/proto":      {{"", OpRedis}},
	"github.com/redis/go-redis/v9/internal/pool":       {{"", OpRedis}},
	"github.com/go-redis/redis":                        {{"", OpRedis}},
	"github.com/go-redis/redis/v8/internal/proto":      {{"", OpRedis}},
	"github.com/go-redis/redis/v8/internal/pool":       {{"", OpRedis}},
	"github.com/gomodule/redigo/redis":                 {{"", OpRedis}},
	"github.com/redis/rueidis":                         {{"", OpRedis}},
	"github.com/mediocregopher/radix":                  {{"", OpRedis}},
	"github.com/bradfitz/gomemcache/memcache":          {{"", OpRedis}},
	"github.com/nats-io/nats.go":                       {{"", OpMessaging}},
	"github.com/nats-io/nats.go/jetstream":             {{"", OpMessaging}},
	"github.com/rabbitmq/amqp091-go":                   {{"", OpMessaging}},
	"github.com/streadway/amqp":                        {{"", OpMessaging}},
	"github.com/segmentio/kafka-go":                    {{"", OpMessaging}},
	"github.com/twmb/franz-go/pkg/kgo":                 {{"", OpMessaging}},
	"github.com/IBM/sarama":                            {{"", OpMessaging}},
	"github.com/Shopify/sarama":                        {{"", OpMessaging}},
	"github.com/confluentinc/confluent-kafka-go/kafka": {{"", OpMessaging}},
	"github.com/aws/aws-sdk-go-v2/service/sqs":         {{"(*Client).", OpMessaging}},
	"github.com/aws/aws-sdk-go/service/sqs":            {{"(*SQS).", OpMessaging}},
	"cloud.google.com/go/pubsub":                       {{"", OpMessaging}},
	"encoding/json":                                    {{"", OpJSON}},
	"encoding/json/v2":                                 {{"", OpJSON}},
	"encoding/json/jsontext":                           {{"", OpJSON}},
	"github.com/json-iterator/go":                      {{"", OpJSON}},
	"github.com/goccy/go-json":                         {{"", OpJSON}},
	"github.com/bytedance/sonic":                       {{"", OpJSON}},
	"github.com/segmentio/encoding/json":               {{"", OpJSON}},
	"github.com/mailru/easyjson/jlexer":                {{"", OpJSON}},
	"github.com/tidwall/gjson":                         {{"", OpJSON}},
	"github.com/buger/jsonparser":                      {{"", OpJSON}},
	"encoding/gob":                                     {{"", OpSerialise}},
	"encoding/xml":                                     {{"", OpSerialise}},
	"encoding/binary":                                  {{"Read", OpSerialise}, {"Write", OpSerialise}},
	"google.golang.org/protobuf/proto":                 {{"", OpSerialise}},
	"google.golang.org/protobuf/internal/impl":         {{"", OpSerialise}},
	"github.com/golang/protobuf/proto":                 {{"", OpSerialise}},
	"github.com/gogo/protobuf/proto":                   {{"", OpSerialise}},
	"github.com/vmihailenco/msgpack":                   {{"", OpSerialise}},
	"gopkg.in/yaml.v3":                                 {{"", OpSerialise}},
	"gopkg.in/yaml.v2":                                 {{"", OpSerialise}},
	"compress/gzip":                                    {{"", OpCompress}},
	"compress/flate":                                   {{"", OpCompress}},
	"compress/zlib":                                    {{"", OpCompress}},
	"github.com/klauspost/compress/gzip":               {{"", OpCompress}},
	"github.com/klauspost/compress/flate":              {{"", OpCompress}},
	"github.com/klauspost/compress/zstd":               {{"", OpCompress}},
	"github.com/klauspost/compress/s2":                 {{"", OpCompress}},
	"github.com/golang/snappy":                         {{"", OpCompress}},
	"github.com/pierrec/lz4":                           {{"", OpCompress}},
	"github.com/andybalholm/brotli":                    {{"", OpCompress}},
	"regexp":                                           {{"Compile", OpRegexpCompile}, {"MustCompile", OpRegexpCompile}, {"compile", OpRegexpCompile}, {"MatchString", OpRegexpCompile}, {"", OpRegexp}},
	"regexp/syntax":                                    {{"(*Inst)", OpRegexp}, {"IsWordChar", OpRegexp}, {"EmptyOpContext", OpRegexp}, {"", OpRegexpCompile}},
	"text/template":                                    {{"", OpTemplate}},
	"html/template":                                    {{"", OpTemplate}},
	"text/template/parse":                              {{"", OpTemplate}},
	"fmt":                                              {{"", OpFormat}},
	"strconv":                                          {{"", OpFormat}},
	"log":                                              {{"", OpLog}},
	"log/slog":                                         {{"", OpLog}},
	"go.uber.org/zap":                                  {{"", OpLog}},
	"go.uber.org/zap/zapcore":                          {{"", OpLog}},
	"github.com/sirupsen/logrus":                       {{"", OpLog}},
	"github.com/rs/zerolog":                            {{"", OpLog}},
	"github.com/go-kit/log":                            {{"", OpLog}},
	"k8s.io/klog":                                      {{"", OpLog}},
	"github.com/prometheus/client_golang/prometheus":   {{"", OpObserve}},
	"github.com/prometheus/client_golang/prometheus/promhttp": {{"", OpObserve}},
	"github.com/prometheus/common/expfmt":                     {{"", OpObserve}},
	"go.opentelemetry.io/otel/sdk/trace":                      {{"", OpObserve}},
	"go.opentelemetry.io/otel/sdk/metric":                     {{"", OpObserve}},
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer":          {{"", OpObserve}},
	"expvar":                         {{"", OpObserve}},
	"slices":                         {{"Index", OpSearch}, {"Contains", OpSearch}, {"Delete", OpSliceDelete}, {"Insert", OpSliceDelete}, {"Sort", OpSort}, {"sort", OpSort}, {"pdq", OpSort}, {"insertionSort", OpSort}, {"heapSort", OpSort}},
	"sort":                           {{"Search", OpNone}, {"", OpSort}},
	"container/list":                 {{"(*Element).Next", OpListWalk}, {"(*Element).Prev", OpListWalk}},
	"sync":                           {{"(*Mutex).", OpLock}, {"(*RWMutex).", OpLock}, {"(*Cond).", OpLock}, {"runtime_Semacquire", OpLock}, {"(*Map).Range", OpMapWalk}},
	"internal/sync":                  {{"(*Mutex).", OpLock}, {"(*HashTrieMap", OpMapWalk}},
	"syscall":                        {{"", OpSyscall}},
	"internal/runtime/syscall":       {{"", OpSyscall}},
	"internal/runtime/syscall/linux": {{"", OpSyscall}},
	"runtime/internal/syscall":       {{"", OpSyscall}},
	"internal/runtime/maps":          {{"(*Iter).Next", OpMapWalk}},
	"time":                           {{"Now", OpTimer}, {"now", OpTimer}, {"(*Timer)", OpTimer}, {"AfterFunc", OpTimer}, {"NewTimer", OpTimer}, {"After", OpTimer}},
	"runtime": {
		{"gcDrainMarkWorkerIdle", OpGCIdle}, {"gcBgMarkWorker", OpGC}, {"gcAssist", OpGC}, {"gcDrain", OpGC}, {"gcStart", OpGC}, {"gcMark", OpGC},
		{"scanobject", OpGC}, {"scanObject", OpGC}, {"greyobject", OpGC}, {"markroot", OpGC}, {"bgsweep", OpGC}, {"bgscavenge", OpGC}, {"sweepone", OpGC}, {"wbBufFlush", OpGC}, {"(*sweepLocked)", OpGC}, {"(*mspan).sweep", OpGC},
		{"mallocgc", OpAllocation}, {"newobject", OpAllocation}, {"makeslice", OpAllocation}, {"growslice", OpAllocation}, {"(*mheap)", OpAllocation}, {"(*mcache)", OpAllocation}, {"(*mcentral)", OpAllocation}, {"makemap", OpAllocation},
		{"lock", OpLock}, {"unlock", OpLock}, {"semacquire", OpLock}, {"semrelease", OpLock}, {"sync_", OpLock},
		{"chansend", OpChannel}, {"chanrecv", OpChannel}, {"selectgo", OpChannel}, {"selectnb", OpChannel}, {"sellock", OpChannel}, {"selunlock", OpChannel}, {"closechan", OpChannel},
		{"schedule", OpScheduler}, {"findRunnable", OpScheduler}, {"findrunnable", OpScheduler}, {"mcall", OpScheduler}, {"park_m", OpScheduler}, {"gopark", OpScheduler}, {"goready", OpScheduler}, {"ready", OpScheduler}, {"wakep", OpScheduler}, {"startm", OpScheduler}, {"stopm", OpScheduler}, {"netpoll", OpScheduler}, {"stealWork", OpScheduler}, {"runqgrab", OpScheduler}, {"sysmon", OpScheduler}, {"newproc", OpScheduler}, {"goschedImpl", OpScheduler}, {"gosched_m", OpScheduler}, {"futex", OpScheduler}, {"notesleep", OpScheduler}, {"notewakeup", OpScheduler}, {"morestack", OpScheduler}, {"newstack", OpScheduler}, {"osyield", OpScheduler}, {"usleep", OpScheduler}, {"exitsyscall", OpScheduler}, {"entersyscall", OpScheduler}, {"reentersyscall", OpScheduler}, {"epollwait", OpScheduler}, {"mPark", OpScheduler},
		{"memmove", OpCopy}, {"memclr", OpCopy}, {"typedmemmove", OpCopy}, {"typedslicecopy", OpCopy}, {"bulkBarrier", OpCopy}, {"slicebytetostring", OpCopy}, {"stringtoslicebyte", OpCopy},
		{"mapiter", OpMapWalk}, {"mapIter", OpMapWalk},
		{"nanotime", OpTimer}, {"walltime", OpTimer}, {"time_now", OpTimer}, {"(*timers)", OpTimer}, {"(*timer)", OpTimer}, {"runtimer", OpTimer}, {"checkTimers", OpTimer},
		{"cgocall", OpNative}, {"_ExternalCode", OpNative}, {"sigprof", OpProfiling},
	},
}

// An idiom classifies functions of Python, Ruby, Java and Node programs, whose
// profiles name functions in their own ways, by a part of the name or the file.
type idiom struct {
	part string
	op   Operation
}

var foreignIdioms = []idiom{
	{"jwt.encode", OpSign}, {"rsa.sign", OpSign}, {"java.security.Signature.sign", OpSign}, {"OpenSSL::PKey#sign", OpSign}, {"jsonwebtoken/sign", OpSign}, {"RSASignature.engineSign", OpSign},
	{"jwt.decode", OpVerify}, {"java.security.Signature.verify", OpVerify},
	{"load_pem_private_key", OpKeyParse}, {"OpenSSL::PKey::RSA#initialize", OpKeyParse},
	{"do_handshake", OpTLSHandshake}, {"SSLSocketImpl.startHandshake", OpTLSHandshake}, {"SSLSocket#connect", OpTLSHandshake},
	{"create_connection", OpDial}, {"TCPSocket#initialize", OpDial}, {"java.net.Socket.connect", OpDial},
	{"urllib3/", OpHTTPClient}, {"requests/sessions.py", OpHTTPClient}, {"http/client.py", OpHTTPClient}, {"Net::HTTP#", OpHTTPClient}, {"okhttp3.", OpHTTPClient}, {"node:_http_client", OpHTTPClient}, {"axios/", OpHTTPClient},
	{"psycopg", OpSQL}, {"sqlalchemy/", OpSQL}, {"django/db/", OpSQL}, {"ActiveRecord::", OpSQL}, {"java.sql.", OpSQL}, {"org.postgresql.", OpSQL}, {"org.hibernate.", OpSQL}, {"PG::Connection#", OpSQL}, {"/pg/lib/", OpSQL},
	{"redis/client.py", OpRedis}, {"redis/connection.py", OpRedis}, {"redis/_parsers", OpRedis}, {"redis.clients.jedis.", OpRedis}, {"RedisClient", OpRedis}, {"Redis#", OpRedis}, {"/ioredis/", OpRedis}, {"redis-parser", OpRedis},
	{"kombu/", OpMessaging}, {"pika/", OpMessaging}, {"Bunny::", OpMessaging}, {"com.rabbitmq.client.", OpMessaging}, {"org.apache.kafka.clients.", OpMessaging}, {"amqplib/", OpMessaging},
	{"json.loads", OpJSON}, {"json/decoder.py", OpJSON}, {"json/encoder.py", OpJSON}, {"JSON.parse", OpJSON}, {"JSON.stringify", OpJSON}, {"JSON::Ext::", OpJSON}, {"com.fasterxml.jackson.", OpJSON}, {"com.google.gson.", OpJSON},
	{"pickle", OpSerialise}, {"Marshal.load", OpSerialise}, {"Marshal.dump", OpSerialise}, {"msgpack", OpSerialise}, {"com.google.protobuf.", OpSerialise},
	{"zlib.compress", OpCompress}, {"gzip.py", OpCompress}, {"Zlib::", OpCompress}, {"java.util.zip.Deflater", OpCompress}, {"node:zlib", OpCompress},
	{"re/_compiler.py", OpRegexpCompile}, {"sre_compile.py", OpRegexpCompile}, {"sre_parse.py", OpRegexpCompile}, {"java.util.regex.Pattern.compile", OpRegexpCompile}, {"Regexp#initialize", OpRegexpCompile},
	{"logging/__init__.py", OpLog}, {"Logger#", OpLog}, {"ch.qos.logback.", OpLog}, {"org.apache.logging.log4j.", OpLog}, {"winston/", OpLog},
	{"prometheus_client/", OpObserve}, {"opentelemetry/", OpObserve}, {"io.opentelemetry.", OpObserve}, {"io.micrometer.", OpObserve},
	{"hashlib", OpHash}, {"OpenSSL::Digest", OpHash}, {"java.security.MessageDigest", OpHash},
	{"(garbage collection)", OpGC}, {"(garbage collector)", OpGC}, {"GCTaskThread", OpGC}, {"G1ParTask", OpGC}, {"(GC)", OpGC}, {"GC.start", OpGC},
	{"Array#delete", OpSliceDelete}, {"Array#find", OpSearch}, {"Array#index", OpSearch}, {"java.util.ArrayList.indexOf", OpSearch}, {"java.util.LinkedList.remove", OpListWalk},
}

// operationOf classifies one function. It is called once a function, never once
// a sample.
func operationOf(name, file string, golang bool) Operation {
	if !golang {
		for _, i := range foreignIdioms {
			if strings.Contains(name, i.part) || strings.Contains(file, i.part) {
				return i.op
			}
		}
		return OpNone
	}
	pkg, rest := splitGoName(name)
	list, ok := goPackages[pkg]
	if short := withoutMajor(pkg); !ok && len(short) < len(pkg) {
		list = goPackages[short]
	}
	for _, p := range list {
		if strings.HasPrefix(rest, p.prefix) {
			return p.op
		}
	}
	return OpNone
}

// splitGoName parts a Go symbol at the end of its import path:
// "net/http.(*Client).Do" is "net/http" and "(*Client).Do". Type arguments are
// dropped first: they carry other packages' paths and struct tags.
func splitGoName(name string) (pkg, rest string) {
	name = WithoutTypeArguments(name)
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.')
	if dot < 0 {
		return "", name
	}
	pkg, rest = name[:slash+1+dot], name[slash+2+dot:]
	if strings.Contains(pkg, "%2e") { // how the linker writes a dot in a path's last element
		pkg = strings.ReplaceAll(pkg, "%2e", ".")
	}
	return pkg, rest
}

// WithoutTypeArguments is the name of a function without what stands in brackets,
// nested or not: it has paths and dots of its own.
func WithoutTypeArguments(name string) string {
	if strings.IndexByte(name, '[') < 0 {
		return name
	}
	var b strings.Builder
	depth := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// withoutMajor cuts "/v2" and the like from the end of an import path.
func withoutMajor(pkg string) string {
	slash := strings.LastIndexByte(pkg, '/')
	last := pkg[slash+1:]
	if slash < 0 || len(last) < 2 || last[0] != 'v' || strings.Trim(last[1:], "0123456789") != "" {
		return pkg
	}
	return pkg[:slash]
}
