package profile

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/klauspost/compress/gzip"
)

// A Capture on disk is a folder:
//
//	evidence.jsonl.gz   one JSON object a line, in order of arrival
//	cpu-N.pb.gz         the CPU profiles, as received; `go tool pprof` opens them
//
// The evidence file is flushed after each line, so whatever cuts it off, all
// whole lines before the cut can be read. A profile is written and closed
// before the line that names it. Files are readable by their owner only.
const evidenceFile = "evidence.jsonl.gz"

// Bounds on what Load believes: a capture may come from anybody.
const (
	maxEvidence = 256 << 20 // inflated: an hour of a host with 1,000 processes is 100 MB
	maxLine     = 32 << 20  // a sweep over 100,000 processes is 25 MB
	maxProfile  = 512 << 20 // a 256-CPU profile of 30 s is 61 MB
)

// The kinds of line. They are part of Schema.
const (
	kindStart       = "start"
	kindProfile     = "profile"
	kindGoroutines  = "goroutines"
	kindHost        = "host"
	kindCgroup      = "cgroup"
	kindIdentity    = "identity"
	kindProcesses   = "processes"
	kindBirth       = "birth"
	kindSupervisor  = "supervisor"
	kindCounters    = "counters"
	kindJetStream   = "jetstream"
	kindRedis       = "redis"
	kindPostgres    = "postgres"
	kindIO          = "io"
	kindStall       = "stall"
	kindPeer        = "peer"
	kindConnections = "connections"
	kindBuild       = "build"
	kindCalibration = "calibration"
	kindDiscovery   = "discovery"
	kindGap         = "gap"
	kindEnd         = "end"
)

type line struct {
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

// startLine opens a capture, endLine closes one that was not cut off.
type startLine struct {
	Schema string
	Target Target
	Window Window // as planned
}

type endLine struct {
	Target Target
	Window Window // as it was
	Self   SelfCost
}

// profileLine is a CPUProfile whose bytes are in a file of their own.
type profileLine struct {
	CPUProfile
	File   string
	Size   int
	SHA256 string
}

var profileName = regexp.MustCompile(`^cpu-[1-9][0-9]{0,5}\.pb\.gz$`)

// A Writer keeps a growing Capture on disk. Its first error stops it: what was
// written before stays readable, and Close reports it.
type Writer struct {
	dir      string
	disk     *disk // nil for none in particular
	file     *diskFile
	out      *bufio.Writer // makes one write of a line, for what is cut off to end with a whole one
	zip      *gzip.Writer
	profiles int
	err      error
}

// Create starts a capture in dir, which must not hold one yet.
func Create(dir string) (*Writer, error) { return create(dir, nil) }

func create(dir string, d *disk) (*Writer, error) {
	if err := d.mkdir(dir); err != nil {
		return nil, err
	}
	f, err := d.create(filepath.Join(dir, evidenceFile))
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s already holds a capture", dir)
	}
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriterSize(f, 64<<10)
	return &Writer{dir: dir, disk: d, file: f, out: out, zip: gzip.NewWriter(out)}, nil
}

// Attach makes everything that is added to c from now on go to disk too. It
// writes what c holds already.
func (w *Writer) Attach(c *Capture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.append(kindStart, startLine{Schema, c.Target, c.Window})
	c.each(w.append)
	c.sink = w
}

// Close writes the end of c and closes the files. It returns the first error
// that was met while writing.
func (w *Writer) Close(c *Capture) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.append(kindEnd, endLine{c.Target, c.Window, c.Self})
	c.sink = nil
	if w.err == nil {
		w.err = errors.Join(w.zip.Close(), w.out.Flush())
	}
	return errors.Join(w.err, w.file.Close())
}

// each hands out all evidence of c, in the order of the fields.
func (c *Capture) each(put func(kind string, v any)) {
	eachOf(put, kindProfile, c.Profiles)
	eachOf(put, kindGoroutines, c.Goroutines)
	eachOf(put, kindHost, c.Host)
	eachOf(put, kindCgroup, c.Cgroups)
	eachOf(put, kindIdentity, c.Identities)
	eachOf(put, kindProcesses, c.Processes)
	eachOf(put, kindBirth, c.Births)
	eachOf(put, kindSupervisor, c.Supervisors)
	eachOf(put, kindCounters, c.Counters)
	eachOf(put, kindJetStream, c.JetStream)
	eachOf(put, kindRedis, c.Redis)
	eachOf(put, kindPostgres, c.Postgres)
	eachOf(put, kindIO, c.IO)
	eachOf(put, kindStall, c.Stalls)
	eachOf(put, kindPeer, c.Peers)
	eachOf(put, kindConnections, c.Connections)
	eachOf(put, kindBuild, c.Builds)
	eachOf(put, kindCalibration, c.Calibrations)
	eachOf(put, kindDiscovery, c.Discoveries)
	eachOf(put, kindGap, c.Gaps)
}

func eachOf[T any](put func(string, any), kind string, list []T) {
	for _, v := range list {
		put(kind, v)
	}
}

// append writes one line and flushes it, so that a cut loses at most the line
// being written.
func (w *Writer) append(kind string, v any) {
	if w.err != nil {
		return
	}
	if p, ok := v.(CPUProfile); ok {
		v, w.err = w.keepProfile(p)
		if w.err != nil {
			return
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		w.err = fmt.Errorf("%s: %w", kind, err)
		return
	}
	text, err := json.Marshal(line{kind, data})
	if err != nil {
		w.err = fmt.Errorf("%s: %w", kind, err)
		return
	}
	if _, err = w.zip.Write(append(text, '\n')); err == nil {
		err = errors.Join(w.zip.Flush(), w.out.Flush())
	}
	w.err = err
}

func (w *Writer) keepProfile(p CPUProfile) (profileLine, error) {
	w.profiles++
	sum := sha256.Sum256(p.Data)
	l := profileLine{p, fmt.Sprintf("cpu-%d.pb.gz", w.profiles), len(p.Data), hex.EncodeToString(sum[:])}
	return l, w.disk.write(filepath.Join(w.dir, l.File), p.Data)
}

// Save writes a whole Capture to dir.
func Save(dir string, c *Capture) error { return save(dir, nil, c) }

func save(dir string, d *disk, c *Capture) error {
	w, err := create(dir, d)
	if err != nil {
		return err
	}
	w.Attach(c)
	return w.Close(c)
}

// Load reads a capture folder, or the newest whole window of a recording. A
// capture that was cut off, at whatever byte, loads up to its last whole line
// and gets a Gap that says so.
func Load(dir string) (*Capture, error) {
	c, _, err := loadFolder(dir)
	if errors.Is(err, errNoEvidence) {
		if list, none := Windows(dir); none == nil {
			return newestWhole(list)
		}
		return nil, fmt.Errorf("%s is not a capture: it has no %s", dir, evidenceFile)
	}
	return c, err
}

var errNoEvidence = errors.New("there is no " + evidenceFile)

// loadFolder also says whether the capture was written to its end.
func loadFolder(dir string) (c *Capture, whole bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, false, err
	}
	defer root.Close()
	f, err := openRegular(root, evidenceFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, errNoEvidence
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %s: %w", dir, evidenceFile, err)
	}
	l := loader{root: root, c: new(Capture)}
	if err := l.read(zip); err != nil {
		return nil, false, fmt.Errorf("%s: %w", dir, err)
	}
	return l.c, l.ended, nil
}

// asLoaded is c as it would be after Save and Load. A clock's monotonic reading,
// say, is not kept on disk, and differences of times would not be the same to
// the last digit: analysis is to see the same live as from a folder.
func (c *Capture) asLoaded() (*Capture, error) {
	l := loader{c: new(Capture), started: true}
	var failed error
	c.each(func(kind string, v any) {
		data, err := json.Marshal(v)
		if p, ok := v.(CPUProfile); ok {
			var q CPUProfile
			err = errors.Join(err, json.Unmarshal(data, &q))
			q.Data = p.Data
			l.c.Profiles = append(l.c.Profiles, q)
		} else {
			err = errors.Join(err, l.take(line{kind, data}))
		}
		failed = errors.Join(failed, err)
	})
	end, err := json.Marshal(endLine{c.Target, c.Window, c.Self})
	return l.c, errors.Join(failed, err, l.take(line{kindEnd, end}))
}

// openRegular refuses symbolic links, devices and whatever else a hostile
// folder may hold under a harmless name.
func openRegular(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return root.Open(name)
}

type loader struct {
	root    *os.Root
	c       *Capture
	started bool
	ended   bool
	cut     string // why reading stopped early
}

func (l *loader) read(r io.Reader) error {
	bounded := &io.LimitedReader{R: r, N: maxEvidence}
	in := bufio.NewScanner(bounded)
	in.Buffer(make([]byte, 64<<10), maxLine)
	in.Split(wholeLines)
	for n := 0; in.Scan() && !l.ended && l.cut == ""; n++ {
		var ln line
		if err := json.Unmarshal(in.Bytes(), &ln); err != nil {
			l.cut = fmt.Sprintf("line %d is damaged", n+1)
			break
		}
		if err := l.take(ln); err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	switch err := in.Err(); {
	case bounded.N == 0:
		return fmt.Errorf("its evidence is larger than %d MiB", maxEvidence>>20)
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("a line is longer than %d MiB", maxLine>>20)
	case !l.started:
		return errors.New("not a capture, or cut off before its first line")
	case !l.ended:
		l.finishCut(err)
	}
	return nil
}

// wholeLines is bufio.ScanLines without its last, unterminated line.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	n, token, err := bufio.ScanLines(data, false)
	if n == 0 && atEOF {
		return len(data), nil, nil
	}
	return n, token, err
}

// finishCut makes a capture without an end usable: its window is what its
// samples span.
func (l *loader) finishCut(err error) {
	why := l.cut
	switch {
	case why != "":
	case err != nil:
		why = err.Error()
	default:
		why = "its end is missing"
	}
	if end := l.c.lastSample(); !end.IsZero() {
		l.c.Window.End = end
	}
	l.c.Gaps = append(l.c.Gaps, Gap{
		Signal: "capture",
		Reason: "the capture was cut off: " + why,
		Hint:   "figures cover the span up to the last whole sample",
	})
}

func (l *loader) take(ln line) error {
	if !l.started && ln.Kind != kindStart {
		return errors.New("a capture begins with its start line")
	}
	c := l.c
	switch ln.Kind {
	case kindStart:
		return l.start(ln.Data)
	case kindEnd:
		var e endLine
		err := json.Unmarshal(ln.Data, &e)
		c.Target, c.Window, c.Self, l.ended = e.Target, e.Window, e.Self, true
		return err
	case kindProfile:
		return l.profile(ln.Data)
	case kindGoroutines:
		return into(ln.Data, &c.Goroutines)
	case kindHost:
		return into(ln.Data, &c.Host)
	case kindCgroup:
		return into(ln.Data, &c.Cgroups)
	case kindIdentity:
		return into(ln.Data, &c.Identities)
	case kindProcesses:
		return into(ln.Data, &c.Processes)
	case kindBirth:
		return into(ln.Data, &c.Births)
	case kindSupervisor:
		return into(ln.Data, &c.Supervisors)
	case kindCounters:
		return into(ln.Data, &c.Counters)
	case kindJetStream:
		return into(ln.Data, &c.JetStream)
	case kindRedis:
		return into(ln.Data, &c.Redis)
	case kindPostgres:
		return into(ln.Data, &c.Postgres)
	case kindIO:
		return into(ln.Data, &c.IO)
	case kindStall:
		return into(ln.Data, &c.Stalls)
	case kindPeer:
		return into(ln.Data, &c.Peers)
	case kindConnections:
		return into(ln.Data, &c.Connections)
	case kindBuild:
		return into(ln.Data, &c.Builds)
	case kindCalibration:
		return into(ln.Data, &c.Calibrations)
	case kindDiscovery:
		return into(ln.Data, &c.Discoveries)
	case kindGap:
		return into(ln.Data, &c.Gaps)
	}
	return nil // a kind that a later busywork has added
}

func into[T any](data json.RawMessage, list *[]T) error {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	*list = append(*list, v)
	return nil
}

func (l *loader) start(data json.RawMessage) error {
	var s startLine
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	if s.Schema != Schema {
		return fmt.Errorf("its form is %q; this busywork reads %q", s.Schema, Schema)
	}
	l.c.Target, l.c.Window, l.started = s.Target, s.Window, true
	return nil
}

func (l *loader) profile(data json.RawMessage) error {
	var p profileLine
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	if !profileName.MatchString(p.File) || p.Size < 0 || p.Size > maxProfile {
		return fmt.Errorf("%q of %d bytes is not the name and size of a profile", p.File, p.Size)
	}
	bytes, err := readExactly(l.root, p.File, p.Size)
	if sum := sha256.Sum256(bytes); err != nil || hex.EncodeToString(sum[:]) != p.SHA256 {
		l.c.Gaps = append(l.c.Gaps, Gap{
			Signal: "cpu-profile",
			Reason: p.File + " is missing or not what was recorded",
		})
		return nil
	}
	p.Data = bytes
	l.c.Profiles = append(l.c.Profiles, p.CPUProfile)
	return nil
}

func readExactly(root *os.Root, name string, size int) ([]byte, error) {
	f, err := openRegular(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() != int64(size) {
		return nil, fmt.Errorf("%s has another size than was recorded", name)
	}
	data := make([]byte, size)
	_, err = io.ReadFull(f, data)
	return data, err
}
