//go:build !linux

package profile

import (
	"net/netip"
	"runtime"

	"github.com/shirou/gopsutil/v3/net"
	"github.com/shirou/gopsutil/v3/process"
)

// socketTable is where sockets are read from, in words.
const socketTable = "from the system's list of sockets"

// socketsOf returns where a process listens and what it is connected to.
func socketsOf(pid int) (listens []netip.AddrPort, conns []connection, err error) {
	list, err := net.ConnectionsPid("tcp", int32(pid))
	if err != nil {
		return nil, nil, unavailablef(hiddenHint, "the sockets of process %d cannot be had on %s", pid, runtime.GOOS)
	}
	for _, s := range list {
		local, ok := addrPort(s.Laddr)
		remote, connected := addrPort(s.Raddr)
		switch {
		case s.Status == "LISTEN" && ok:
			listens = append(listens, local)
		case s.Status == "ESTABLISHED" && ok && connected:
			conns = append(conns, connection{local, remote})
		}
	}
	return listens, conns, nil
}

// allListeners returns all of this machine. Their number is the process.
func allListeners(int) (listeners, error) {
	list, err := net.Connections("tcp")
	if err != nil {
		return nil, unavailablef(hiddenHint, "the sockets of this machine cannot be had on %s", runtime.GOOS)
	}
	var ls listeners
	for _, s := range list {
		if local, ok := addrPort(s.Laddr); ok && s.Status == "LISTEN" {
			ls = append(ls, listener{local, uint64(max(0, s.Pid))})
		}
	}
	return ls, nil
}

// sharesNetwork is true: namespaces are Linux's.
func sharesNetwork(int) bool { return true }

// socketHolders returns the processes that have each of the sockets open, and
// how many processes may not be asked.
func socketHolders(sockets []uint64) (holders map[uint64][]int, hidden int, err error) {
	holders = map[uint64][]int{}
	for _, s := range sockets {
		if s == 0 {
			hidden++
		} else {
			holders[s] = []int{int(s)}
		}
	}
	return holders, hidden, nil
}

// addrPort reads what gopsutil found; "*" and "" are all addresses.
func addrPort(a net.Addr) (netip.AddrPort, bool) {
	if a.IP == "*" || a.IP == "" {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(a.Port)), true
	}
	addr, err := netip.ParseAddr(a.IP)
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(a.Port)), err == nil
}

// pidOfUnixListener is not available: few systems tell who has a Unix socket.
func pidOfUnixListener(string) (pid int, how string, err error) {
	return 0, "", unavailablef("give pid:N", "who listens on a Unix socket cannot be told on %s", runtime.GOOS)
}

// executableOf returns the program that a process runs, as a file to open and
// as a path for people.
func executableOf(pid int) (file, path string, err error) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return "", "", unavailablef("", "there is no process %d", pid)
	}
	file, err = p.Exe()
	if err != nil {
		return "", "", unavailablef(hiddenHint, "the executable of process %d cannot be had on %s", pid, runtime.GOOS)
	}
	return file, Clean(file), nil
}
