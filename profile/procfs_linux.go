package profile

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is USER_HZ, the unit of CPU times and start times in /proc. It
// is part of the kernel's interface and 100 on everything that Go runs on,
// whatever the kernel's own clock rate is.
const ticksPerSecond = 100

// maxProcFile bounds one file of /proc. /proc/stat of a machine with 512 CPUs
// and as many interrupt lines is about 200 KB.
const maxProcFile = 4 << 20

// preadAll reads fd from its beginning into buf, growing it as needed, and
// returns what was read. Files of /proc have no size, and those that are lists
// come in pieces of a page, so only an empty read is the end.
func preadAll(fd int, buf []byte) ([]byte, error) {
	n := 0
	for {
		data, err := preadOnce(fd, buf, n)
		if err != nil || len(data) == n {
			return data, err
		}
		buf, n = data[:cap(data)], len(data)
	}
}

// preadOnce reads on from offset n, behind the n bytes that are in buf. For a
// file that is one record, not a list, this gives all of it if there is room;
// not asking for the end saves a quarter of the cost of a sweep.
func preadOnce(fd int, buf []byte, n int) ([]byte, error) {
	buf = buf[:cap(buf)]
	if n == len(buf) {
		if n >= maxProcFile {
			return nil, fmt.Errorf("more than %d MiB", maxProcFile>>20)
		}
		buf = append(buf, make([]byte, max(len(buf), 4096))...)
	}
	for {
		k, err := unix.Pread(fd, buf[n:], int64(n))
		if err == nil {
			return buf[:n+k], nil
		}
		if err != unix.EINTR {
			return nil, err
		}
	}
}

func openAt(dir int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// isGone says that a process ended between being listed and being read: the
// open fails with ENOENT, a read of what was opened before with ESRCH.
func isGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}

// nextField splits the first word off b.
func nextField(b []byte) (field, rest []byte) {
	b = bytes.TrimLeft(b, " \t")
	if end := bytes.IndexAny(b, " \t\n"); end >= 0 {
		return b[:end], b[end:]
	}
	return b, nil
}

// parseUint reads a decimal number without allocating, as strconv would for a
// []byte.
func parseUint(b []byte) (uint64, error) {
	var v uint64
	for _, d := range b {
		if d < '0' || d > '9' || v > (math.MaxUint64-9)/10 {
			return 0, fmt.Errorf("%q is not a number", b)
		}
		v = v*10 + uint64(d-'0')
	}
	if len(b) == 0 {
		return 0, errors.New("a number is missing")
	}
	return v, nil
}

// parsePID reads a process or CPU number.
func parsePID(b []byte) (int, error) {
	v, err := parseUint(b)
	if err == nil && v > math.MaxInt32 {
		err = fmt.Errorf("%d is out of range", v)
	}
	return int(v), err
}
