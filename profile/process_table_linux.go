package profile

import (
	"encoding/binary"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// A procDir reads /proc through one held descriptor and reused buffers. It is
// not safe for concurrent use.
type procDir struct {
	fd       int
	entries  []byte // one getdents
	buf      []byte // one file
	link     []byte // one symbolic link
	commands commandLines
}

func openProcDir() (*procDir, error) {
	fd, err := openAt(unix.AT_FDCWD, "/proc", unix.O_DIRECTORY)
	if err != nil {
		return nil, unavailablef("mount /proc", "/proc: %v", err)
	}
	return &procDir{
		fd:       fd,
		entries:  make([]byte, 32<<10), // 1,300 processes a call
		buf:      make([]byte, 4<<10),
		link:     make([]byte, maxPathBytes),
		commands: commandLines{},
	}, nil
}

func (d *procDir) close() { unix.Close(d.fd) }

// pids appends the numbers of all processes to list.
func (d *procDir) pids(list []int) ([]int, error) {
	if _, err := unix.Seek(d.fd, 0, unix.SEEK_SET); err != nil {
		return list, err
	}
	return d.numbered(d.fd, list)
}

// threads appends the numbers of all threads of a process to list.
func (d *procDir) threads(pid int, list []int) ([]int, error) {
	fd, err := openAt(d.fd, procPath(pid, "/task"), unix.O_DIRECTORY)
	if err != nil {
		return list, err
	}
	defer unix.Close(fd)
	return d.numbered(fd, list)
}

// numbered appends those names in an open folder that are numbers to list.
func (d *procDir) numbered(fd int, list []int) ([]int, error) {
	for {
		n, err := unix.Getdents(fd, d.entries)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return list, err
		case n == 0:
			return list, nil
		default:
			list = numericNames(d.entries[:n], list)
		}
	}
}

// numericNames picks the numeric names out of an array of linux_dirent64. The
// os package would make a string of each of the other hundred, too.
func numericNames(entries []byte, list []int) []int {
	const headerSize = 19 // inode 8, offset 8, record length 2, type 1
	for len(entries) >= headerSize {
		size := int(binary.NativeEndian.Uint16(entries[16:]))
		if size < headerSize || size > len(entries) {
			break
		}
		name := entries[headerSize:size]
		for i, b := range name {
			if b == 0 {
				name = name[:i]
				break
			}
		}
		if pid, err := parsePID(name); err == nil {
			list = append(list, pid)
		}
		entries = entries[size:]
	}
	return list
}

// procPath is the path of a process's or thread's file, relative to its folder.
func procPath(id int, file string) string { return strconv.Itoa(id) + file }

// stat reads /proc/PID/stat into s, whose name is valid until the next read.
func (d *procDir) stat(pid int, s *procStat) error {
	fd, err := d.openStat(pid)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return d.readStat(fd, s)
}

func (d *procDir) openStat(pid int) (int, error) { return openAt(d.fd, procPath(pid, "/stat"), 0) }

// readStat reads what openStat has opened. It is one record of at most 700
// bytes, which fits into the buffer.
func (d *procDir) readStat(fd int, s *procStat) error {
	data, err := preadOnce(fd, d.buf, 0)
	if err != nil {
		return err
	}
	return parseProcessStat(data, s)
}

// children appends the children that one thread has to list. The kernel may
// leave out some while others are just ending.
func (d *procDir) children(pid, thread int, list []int) ([]int, error) {
	fd, err := openAt(d.fd, procPath(pid, "/task/"+procPath(thread, "/children")), 0)
	if err != nil {
		return list, err
	}
	defer unix.Close(fd)
	data, err := preadAll(fd, d.buf)
	if err != nil {
		return list, err
	}
	d.buf = data[:cap(data)]
	for {
		var field []byte
		if field, data = nextField(data); len(field) == 0 {
			return list, nil
		}
		child, err := parsePID(field)
		if err != nil {
			return list, err
		}
		list = append(list, child)
	}
}

// command reads a command line as the kernel has it, NULs and secrets
// included, cut at its bound. It is valid until the next read; it is empty for
// kernel threads and zombies.
func (d *procDir) command(pid int) []byte {
	fd, err := openAt(d.fd, procPath(pid, "/cmdline"), 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n, err := unix.Pread(fd, d.buf[:maxCommandBytes], 0)
	if err != nil {
		return nil
	}
	return d.buf[:n]
}

// identity reads what else there is to know of a process.
func (d *procDir) identity(s *procStat) ProcessIdentity {
	id := ProcessIdentity{ProcessKey: s.ProcessKey, PPID: s.ppid, Name: Clean(string(s.name))}
	id.Command = d.commands.keep(d.command(s.PID))
	id.Exe = d.executable(s.PID)
	return id
}

// executable is the path of a process's program, "" if it may not be known.
func (d *procDir) executable(pid int) string {
	n, err := unix.Readlinkat(d.fd, procPath(pid, "/exe"), d.link)
	if err != nil {
		return ""
	}
	return Clean(string(d.link[:n]))
}

// inspectable says whether the kernel tells us all about a process, as it does
// to its owner and to root. A zombie has no program any more, so the attempt to
// read its link fails either way: for us with ENOENT, for a stranger with
// EACCES.
func (d *procDir) inspectable(pid int) bool {
	_, err := unix.Readlinkat(d.fd, procPath(pid, "/exe"), d.link)
	return err == nil || err == unix.ENOENT
}

// A runningProcess is a process with its arguments as they are. They may hold
// secrets: they are for looking, not for keeping.
type runningProcess struct {
	ProcessKey
	PPID int
	Name string
	Args []string
}

// runningProcesses lists the processes of this machine.
func runningProcesses() ([]runningProcess, error) {
	d, err := openProcDir()
	if err != nil {
		return nil, err
	}
	defer d.close()
	pids, err := d.pids(nil)
	if err != nil {
		return nil, err
	}
	var list []runningProcess
	var s procStat
	for _, pid := range pids {
		if d.stat(pid, &s) != nil || s.State == "Z" {
			continue // ended, whether or not somebody has asked how, or hidden from us
		}
		p := runningProcess{ProcessKey: s.ProcessKey, PPID: s.ppid, Name: string(s.name)}
		p.Args = splitArguments(d.command(pid))
		list = append(list, p)
	}
	return slices.Clip(list), nil
}
