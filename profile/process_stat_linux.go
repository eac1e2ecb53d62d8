package profile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// pageSize is the unit of memory in /proc/PID/stat.
var pageSize = uint64(os.Getpagesize())

// A procStat is what /proc/PID/stat tells of one process.
type procStat struct {
	Process
	ppid int
	name []byte // part of the buffer that was parsed
	// exit is the status as wait(2) gives it. The kernel says 0 to those who
	// may not inspect the process.
	exit uint64
	// majorFaults is page faults that had to read from a disk.
	majorFaults uint64
}

// The fields of /proc/PID/stat that are used, by their number in proc(5).
const (
	fieldState       = 3
	fieldPPID        = 4
	fieldFaults      = 10
	fieldChildFaults = 11
	fieldMajor       = 12
	fieldUser        = 14
	fieldSystem      = 15
	fieldChildUser   = 16
	fieldChildSys    = 17
	fieldThreads     = 20
	fieldStart       = 22
	fieldRSS         = 24
	fieldExit        = 52 // since Linux 3.5
)

// parseProcessStat reads the text of /proc/PID/stat into s without allocating.
// The name stands in parentheses and may itself hold blanks, newlines and
// parentheses, so it ends at the last one of the text.
func parseProcessStat(data []byte, s *procStat) error {
	*s = procStat{}
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return errors.New("no name in parentheses")
	}
	s.name = data[open+1 : end]
	pid, err := parsePID(bytes.TrimSpace(data[:open]))
	if err != nil {
		return err
	}
	s.PID = pid
	rest := data[end+1:]
	n := fieldState
	for ; n <= fieldExit; n++ {
		var field []byte
		field, rest = nextField(rest)
		if len(field) == 0 {
			break
		}
		if err := s.field(n, field); err != nil {
			return fmt.Errorf("field %d: %w", n, err)
		}
	}
	if n <= fieldRSS {
		return errors.New("cut off")
	}
	return nil
}

func (s *procStat) field(n int, field []byte) (err error) {
	switch n {
	case fieldState:
		s.State = stateLetter(field)
	case fieldPPID:
		s.ppid, err = parsePID(field)
	case fieldFaults:
		err = parseInto(field, &s.Faults)
	case fieldChildFaults:
		err = parseInto(field, &s.ChildFaults)
	case fieldMajor:
		err = parseInto(field, &s.majorFaults)
	case fieldUser:
		err = ticks(field, &s.User)
	case fieldSystem:
		err = ticks(field, &s.System)
	case fieldChildUser:
		err = ticks(field, &s.ChildUser)
	case fieldChildSys:
		err = ticks(field, &s.ChildSystem)
	case fieldThreads:
		s.Threads, err = parsePID(field)
	case fieldStart:
		err = ticks(field, &s.Start)
	case fieldRSS:
		err = parseInto(field, &s.RSS)
		s.RSS *= pageSize
	case fieldExit:
		err = parseInto(field, &s.exit)
	}
	return err
}

func ticks(field []byte, to *float64) error {
	// cutime and cstime are signed in the kernel's format, and a thread that
	// exits while they are summed has made them negative before.
	if len(field) > 0 && field[0] == '-' {
		*to = 0
		return nil
	}
	v, err := parseUint(field)
	*to = float64(v) / ticksPerSecond
	return err
}

// stateLetters are all letters that kernels have used.
const stateLetters = "RSDZTtXxKWPI"

// stateLetter returns a substring of a constant, so that it does not allocate.
func stateLetter(field []byte) string {
	if len(field) == 1 {
		if i := bytes.IndexByte([]byte(stateLetters), field[0]); i >= 0 {
			return stateLetters[i : i+1]
		}
	}
	return ""
}

// exitCode turns a wait status into what a shell would call it: the code that
// was passed to exit, or 128 and the number of the signal that killed.
func exitCode(status uint64) int {
	if signal := int(status & 0x7f); signal != 0 {
		return 128 + signal
	}
	return int(status >> 8 & 0xff)
}
