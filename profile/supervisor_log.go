package profile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// tailBytes is how much of the end of a log is read at once: 2,900 lines.
	tailBytes = 256 << 10
	// followPause is how often a log is read on: a program that dies 300 times a
	// second writes 250 KB in that time.
	followPause = 3 * time.Second
	// maxSupervisorEvents bounds what is kept of one supervisor's log.
	maxSupervisorEvents = 20000
)

// A supervisorLog follows the log of one supervisord.
type supervisorLog struct {
	files   *processFiles
	path    string
	program map[string]string // name of a process in the log → name of its section
	window  Window

	file    *os.File // held, so that the rest of a rotated log is read too
	offset  int64
	partial []byte // of a line that was being written
	pids    map[string]int
	events  []SupervisorEvent
	lost    bool // lines were skipped or events dropped
}

// read takes in what was written since the last call, following the log when
// it was rotated.
func (l *supervisorLog) read() error {
	next, err := l.files.open(l.path)
	if err != nil {
		return err
	}
	if l.file == nil {
		l.file = next
		return l.first()
	}
	if sameFile(l.file, next) {
		next.Close()
		return l.more()
	}
	err = l.more() // the end of the rotated log
	l.file.Close()
	l.file, l.offset, l.partial = next, 0, nil
	return errors.Join(err, l.more())
}

func (l *supervisorLog) close() {
	if l.file != nil {
		l.file.Close()
	}
}

// first starts at the tail: the lines before the window tell which program has
// which pid.
func (l *supervisorLog) first() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	l.offset = max(0, info.Size()-tailBytes)
	return l.more()
}

func (l *supervisorLog) more() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	switch behind := info.Size() - l.offset; {
	case behind < 0: // truncated in place
		l.offset, l.partial = 0, nil
	case behind > tailBytes:
		l.offset, l.partial, l.lost = info.Size()-tailBytes, nil, true
	}
	data, err := io.ReadAll(io.NewSectionReader(l.file, l.offset, tailBytes))
	l.offset += int64(len(data))
	l.take(append(l.partial, data...), info.ModTime())
	return err
}

// take reads the whole lines of data, the last of which was written at the
// given time.
func (l *supervisorLog) take(data []byte, written time.Time) {
	end := bytes.LastIndexByte(data, '\n') + 1
	l.partial = bytes.Clone(data[end:])
	if len(l.partial) > tailBytes {
		l.partial = nil
	}
	text := string(data[:end])
	zone := logZone(text, written)
	for line := range strings.Lines(text) {
		e, ok := parseSupervisorLine(line, zone)
		if !ok {
			continue
		}
		l.takeEvent(e)
	}
}

func (l *supervisorLog) takeEvent(e SupervisorEvent) {
	process := e.Program
	if program, ok := l.program[process]; ok {
		e.Program = program
	}
	if e.What == "spawned" {
		l.pids[process] = e.PID
	} else { // the log names the pid only when it is new
		e.PID = l.pids[process]
	}
	e.Program = printable(e.Program, maxNameBytes)
	switch {
	case e.At.Before(l.window.Start) || e.At.After(l.window.End):
	case len(l.events) >= maxSupervisorEvents:
		l.lost = true
	default:
		l.events = append(l.events, e)
	}
	if len(l.pids) > maxSupervisorEvents { // names are the log's, and may be endless
		clear(l.pids)
	}
}

// logLine is supervisord's own form: time of day without zone, level, text.
var logLine = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) [A-Z]{4} (.*)$`)

const logTime = "2006-01-02 15:04:05,000"

// The texts about one program. Their wording has not changed since version 3.
var (
	spawnedText = regexp.MustCompile(`^spawned: '(.*)' with pid (\d{1,9})$`)
	exitedText  = regexp.MustCompile(`^exited: (.*) \((?:exit status (\d{1,6})|terminated by (\w+)(?: \(core dumped\))?|unknown termination cause \w+)(?:; (?:not )?expected)?\)$`)
	gaveUpText  = regexp.MustCompile(`^gave up: (.*) entered FATAL state`)
	spawnErr    = regexp.MustCompile(`^spawnerr: (?:too many open files to spawn|unknown error (?:making dispatchers|during fork) for) '(.*?)'`)
)

// parseSupervisorLine reads one line of the log; ok is false if it is not about
// a program's life.
func parseSupervisorLine(line string, zone *time.Location) (e SupervisorEvent, ok bool) {
	m := logLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
	if m == nil {
		return e, false
	}
	at, err := time.ParseInLocation(logTime, m[1], zone)
	if err != nil {
		return e, false
	}
	e.At = at.Local()
	text := m[2]
	if m := spawnedText.FindStringSubmatch(text); m != nil {
		e.What, e.Program = "spawned", m[1]
		e.PID, err = strconv.Atoi(m[2])
		return e, err == nil
	}
	if m := exitedText.FindStringSubmatch(text); m != nil {
		e.What, e.Program, e.Signal = "exited", m[1], m[3]
		if code, err := strconv.Atoi(m[2]); err == nil {
			e.ExitCode = &code
		}
		return e, true
	}
	if m := gaveUpText.FindStringSubmatch(text); m != nil {
		e.What, e.Program = "fatal", m[1]
		return e, true
	}
	if m := spawnErr.FindStringSubmatch(text); m != nil {
		e.What, e.Program = "backoff", m[1]
		return e, true
	}
	return e, false
}

// logZone is the zone of the log's times, which do not name it. It may differ
// from ours: supervisord may run with another TZ or in a container. But the
// time of the last line is the time at which the file was changed, so the
// difference, to the quarter of an hour that all zones keep to, is the zone.
func logZone(text string, written time.Time) *time.Location {
	const quarter = 15 * time.Minute
	last := lastLogTime(text)
	if last.IsZero() {
		return time.Local
	}
	offset := last.Sub(written).Round(quarter)
	// A file that was touched later, by a backup say, tells nothing.
	if off := last.Sub(written) - offset; off.Abs() > time.Minute || offset.Abs() > 15*time.Hour {
		return time.Local
	}
	return time.FixedZone("", int(offset.Seconds()))
}

// lastLogTime is the time of the last line that has one, as if in UTC.
func lastLogTime(text string) time.Time {
	for text != "" {
		text = strings.TrimRight(text, "\n")
		start := strings.LastIndexByte(text, '\n') + 1
		if m := logLine.FindStringSubmatch(text[start:]); m != nil {
			if t, err := time.Parse(logTime, m[1]); err == nil {
				return t
			}
		}
		text = text[:start]
	}
	return time.Time{}
}

// lastLine is the last line of a file that is not empty, fit to be kept.
func lastLine(f *os.File) (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	const most = 16 << 10 // a last line longer than that has no place in a report
	data := make([]byte, min(info.Size(), most))
	n, err := f.ReadAt(data, info.Size()-int64(len(data)))
	if err != nil && err != io.EOF {
		return "", err
	}
	text := bytes.TrimSpace(data[:n])
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	return printable(redactText(Clean(string(text))), maxLastLine), nil
}

// maxLastLine is as much as a reader takes in.
const maxLastLine = 1 << 10

func sameFile(a, b *os.File) bool {
	x, err := a.Stat()
	if err != nil {
		return false
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y)
}
