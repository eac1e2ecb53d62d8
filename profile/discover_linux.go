package profile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// socketTable is where sockets are read from, in words.
const socketTable = "from /proc/net and the process's open files"

const (
	// maxSockets bounds the lines of a socket table that are read, 150 bytes
	// each. A million connections are more than a machine has ports for.
	maxSockets = 1 << 20
	// The kernel's numbers for the states of a TCP connection.
	tcpEstablished = 1
	tcpListen      = 10
	// unixAccepting is __SO_ACCEPTCON, the flag of a Unix socket that listens.
	unixAccepting = 1 << 16
)

// A tcpSocket is one line of /proc/net/tcp.
type tcpSocket struct {
	connection
	state int
	inode uint64
}

// socketsOf returns where a process listens and what it is connected to.
func socketsOf(pid int) (listens []netip.AddrPort, conns []connection, err error) {
	d, err := openProcDir()
	if err != nil {
		return nil, nil, err
	}
	defer d.close()
	own := map[uint64]bool{}
	if err := d.sockets(pid, func(inode uint64) { own[inode] = true }); err != nil {
		return nil, nil, explainProcess(pid, err)
	}
	// The tables are those of the process's network namespace, not of ours.
	err = eachTCP(filepath.Join("/proc", strconv.Itoa(pid), "net"), func(s tcpSocket) {
		switch {
		case !own[s.inode]:
		case s.state == tcpListen:
			listens = append(listens, s.Local)
		case s.state == tcpEstablished:
			conns = append(conns, s.connection)
		}
	})
	if err != nil {
		return nil, nil, explainProcess(pid, err)
	}
	return listens, conns, nil
}

// explainProcess turns an error of a file below /proc/PID into its reason.
func explainProcess(pid int, err error) error {
	switch {
	case isGone(err):
		return unavailablef("", "process %d has ended", pid)
	case errors.Is(err, fs.ErrPermission):
		return unavailablef(hiddenHint, "process %d belongs to somebody else", pid)
	}
	return err
}

// allListeners returns those of a process's network namespace.
func allListeners(pid int) (listeners, error) {
	var ls listeners
	err := eachTCP(filepath.Join("/proc", strconv.Itoa(pid), "net"), func(s tcpSocket) {
		if s.state == tcpListen {
			ls = append(ls, listener{s.Local, s.inode})
		}
	})
	return ls, err
}

// sharesNetwork says whether a process is in our network namespace, so that its
// loopback addresses are ours.
func sharesNetwork(pid int) bool {
	own, errOwn := os.Readlink("/proc/self/ns/net")
	other, errOther := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns/net"))
	return errOwn == nil && errOther == nil && own == other
}

// eachTCP hands out the lines of both TCP tables below the folder dir.
func eachTCP(dir string, each func(tcpSocket)) error {
	for _, name := range []string{"tcp", "tcp6"} {
		if name == "tcp6" && !hasTCP6(dir) {
			continue
		}
		err := eachLine(filepath.Join(dir, name), func(line []byte) {
			if s, ok := parseTCP(line); ok {
				each(s)
			}
		})
		if errors.Is(err, fs.ErrNotExist) && name == "tcp6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hasTCP6 says whether there may be anything in the table of IPv6. The kernel goes
// through all of its buckets, for two milliseconds on a large machine, to find
// that there is not.
func hasTCP6(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "sockstat6"))
	return err != nil || !bytes.HasPrefix(data, []byte("TCP6: inuse 0\n"))
}

// eachLine hands out the lines of a table, without its heading.
func eachLine(file string, each func([]byte)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Scan()
	for n := 0; n < maxSockets && in.Scan(); n++ {
		each(in.Bytes())
	}
	return in.Err()
}

// parseTCP reads a line of /proc/net/tcp or tcp6: number, local and remote
// address, state, four columns that are of no use here, timeout, inode.
func parseTCP(line []byte) (s tcpSocket, ok bool) {
	var fields [10][]byte
	for i := range fields {
		fields[i], line = nextField(line)
	}
	var okLocal, okRemote bool
	s.Local, okLocal = parseAddr(fields[1])
	s.Remote, okRemote = parseAddr(fields[2])
	state, errState := strconv.ParseUint(string(fields[3]), 16, 8)
	inode, errInode := parseUint(fields[9])
	s.state, s.inode = int(state), inode
	return s, okLocal && okRemote && errState == nil && errInode == nil
}

// parseAddr reads an address and port as the kernel prints them: the address as
// 32-bit words in the byte order of the machine, 0100007F:1F90 on most.
func parseAddr(field []byte) (netip.AddrPort, bool) {
	text, port, ok := bytes.Cut(field, []byte(":"))
	if !ok || len(text) != 8 && len(text) != 32 {
		return netip.AddrPort{}, false
	}
	raw, errAddr := hex.AppendDecode(nil, text)
	n, errPort := strconv.ParseUint(string(port), 16, 16)
	if errAddr != nil || errPort != nil {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(raw, 4) {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), ok
}

// sockets hands out the inodes of the sockets that a process has open.
func (d *procDir) sockets(pid int, each func(inode uint64)) error {
	dir, err := openAt(d.fd, procPath(pid, "/fd"), unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	files, err := d.numbered(dir, nil)
	if err != nil {
		return err
	}
	for _, fd := range files {
		n, err := unix.Readlinkat(dir, strconv.Itoa(fd), d.link)
		if err != nil {
			continue // closed since
		}
		if rest, ok := bytes.CutPrefix(d.link[:n], []byte("socket:[")); ok {
			if inode, err := parseUint(bytes.TrimSuffix(rest, []byte("]"))); err == nil {
				each(inode)
			}
		}
	}
	return nil
}

// socketHolders returns the processes that have each of the sockets, given by
// inode, open, and how many processes may not be asked.
func socketHolders(inodes []uint64) (holders map[uint64][]int, hidden int, err error) {
	d, err := openProcDir()
	if err != nil {
		return nil, 0, err
	}
	defer d.close()
	pids, err := d.pids(nil)
	if err != nil {
		return nil, 0, err
	}
	holders = map[uint64][]int{}
	for _, pid := range pids {
		err := d.sockets(pid, func(inode uint64) {
			if slices.Contains(inodes, inode) && !slices.Contains(holders[inode], pid) {
				holders[inode] = append(holders[inode], pid)
			}
		})
		if errors.Is(err, fs.ErrPermission) {
			hidden++
		}
	}
	if !slices.Contains(pids, 1) {
		hidden++ // hidepid=2: those of others are not even listed
	}
	return holders, hidden, nil
}

// pidOfUnixListener returns the process that listens on a Unix socket.
func pidOfUnixListener(path string) (pid int, how string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return 0, "", err
	}
	inode := uint64(math.MaxUint64)
	err = eachLine("/proc/net/unix", func(line []byte) {
		if at, i, ok := parseUnix(line); ok && at == path {
			inode = i
		}
	})
	if err != nil {
		return 0, "", err
	}
	if inode == math.MaxUint64 {
		return 0, "", unavailablef("start the service, or check the path", "nothing listens on %s", Clean(path))
	}
	holders, hidden, err := socketHolders([]uint64{inode})
	if err != nil {
		return 0, "", err
	}
	return ownerOf(holders[inode], hidden, "listens on "+Clean(path))
}

// parseUnix reads a line of /proc/net/unix, if it is a socket with a name that
// listens: address, references, protocol, flags, type, state, inode, path.
func parseUnix(line []byte) (path string, inode uint64, ok bool) {
	var fields [7][]byte
	for i := range fields {
		fields[i], line = nextField(line)
	}
	flags, errFlags := strconv.ParseUint(string(fields[3]), 16, 32)
	inode, errInode := parseUint(fields[6])
	path = strings.TrimPrefix(string(line), " ")
	return path, inode, errFlags == nil && errInode == nil && flags&unixAccepting != 0 && path != ""
}

// executableOf returns a file that can be opened to read the program that a
// process runs, even if it was replaced or deleted since, and its path for
// people.
func executableOf(pid int) (file, path string, err error) {
	file = filepath.Join("/proc", strconv.Itoa(pid), "exe")
	path, err = os.Readlink(file)
	if err != nil {
		return "", "", explainProcess(pid, err)
	}
	return file, Clean(strings.TrimSuffix(path, " (deleted)")), nil
}
