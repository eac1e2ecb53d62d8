package profile

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// ioSource samples what a process reads and writes, and how many files it has
// open. It needs to be the process's user, or root.
func ioSource(pid int, interval time.Duration) Source {
	return Source{Signal: "io", Gather: func(ctx context.Context, w Window, c *Capture) error {
		d, err := openProcDir()
		if err != nil {
			return err
		}
		defer d.close()
		return every(ctx, w, interval, func(now time.Time) error {
			s, err := d.io(pid)
			if err != nil {
				return explainIO(pid, err)
			}
			s.At = now
			c.AddIO(s)
			return nil
		})
	}}
}

// errNoAccounting is a kernel's that was built without CONFIG_TASK_IO_ACCOUNTING.
var errNoAccounting = errors.New("the kernel does not count input and output")

func explainIO(pid int, err error) error {
	if errors.Is(err, errNoAccounting) {
		return unavailablef("", "%v", err)
	}
	return explainProcess(pid, err)
}

// io reads one process's account. That it runs is seen first, so that a missing
// file means a missing account.
func (d *procDir) io(pid int) (s IOSample, err error) {
	var stat procStat
	if err := d.stat(pid, &stat); err != nil {
		return s, err
	}
	s.ProcessKey = stat.ProcessKey
	data, err := d.file(procPath(pid, "/io"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, errNoAccounting
	}
	if err != nil {
		return s, err
	}
	if err := parseIO(data, &s); err != nil {
		return s, err
	}
	s.OpenFiles = d.openFiles(pid)
	return s, nil
}

// parseIO reads lines of a name and a number: "syscr: 10".
func parseIO(data []byte, s *IOSample) error {
	for line := range bytes.Lines(data) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		var to *uint64
		switch string(name) {
		case "syscr":
			to = &s.ReadCalls
		case "syscw":
			to = &s.WriteCalls
		case "rchar":
			to = &s.ReadBytes
		case "wchar":
			to = &s.WriteBytes
		case "read_bytes":
			to = &s.StorageRead
		case "write_bytes":
			to = &s.StorageWrite
		default:
			continue // cancelled_write_bytes, and what later kernels add
		}
		var err error
		if *to, err = parseUint(value); err != nil {
			return err
		}
	}
	return nil
}

// openFiles counts a process's descriptors; it is -1 if they may not be seen.
// Since Linux 6.2 the folder's size is their number; before, they are listed.
func (d *procDir) openFiles(pid int) int {
	dir, err := openAt(d.fd, procPath(pid, "/fd"), unix.O_DIRECTORY)
	if err != nil {
		return -1
	}
	defer unix.Close(dir)
	var stat unix.Stat_t
	if unix.Fstat(dir, &stat) == nil && stat.Size > 0 {
		return int(stat.Size)
	}
	list, err := d.numbered(dir, nil)
	if err != nil {
		return -1
	}
	return len(list)
}

// environmentOf is what a process was started with of the Go runtime's
// variables; nil if that may not be read.
func environmentOf(pid int) map[string]string {
	d, err := openProcDir()
	if err != nil {
		return nil
	}
	defer d.close()
	raw, err := d.file(procPath(pid, "/environ"))
	if err != nil {
		return nil
	}
	return runtimeEnvironment(raw)
}
