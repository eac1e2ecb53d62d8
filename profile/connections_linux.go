package profile

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"
)

const (
	// connectionInterval lets a window of ten seconds have 40 looks. A connection
	// that is made for one request lives a few milliseconds, so at some hundred a
	// second every other look finds one.
	connectionInterval = 250 * time.Millisecond
	// maxRemotes endpoints are kept, those with most connections; the others as
	// one. A service has few that matter, a crawler any number.
	maxRemotes = 32
	// maxSeen connections are remembered by the looks.
	maxSeen = 1 << 16
)

// connectionSource counts the connections that are made, and looks where those
// of the target lead. How many there were is the kernel's count, of all
// processes in the target's network namespace; where they led is seen of those
// that live while a look is taken. Looks take no more than a share of one core.
func connectionSource(pid int, share float64) Source {
	return Source{Signal: "connections", Gather: func(ctx context.Context, w Window, c *Capture) error {
		runtime.LockOSThread() // costs are told from the thread's CPU clock
		defer runtime.UnlockOSThread()
		d, err := openProcDir()
		if err != nil {
			return err
		}
		defer d.close()
		r := connectionReader{procDir: d, pid: pid, seen: map[connection]int{}}
		first, err := r.made()
		if err != nil {
			return explainProcess(pid, err)
		}
		start := time.Now()
		for more := true; more; {
			cost, err := threadCost(r.look)
			if err != nil {
				return explainProcess(pid, err)
			}
			more = pause(ctx, w, restAfter(cost, connectionInterval, share))
		}
		last, err := r.made()
		if err != nil {
			return explainProcess(pid, err)
		}
		c.AddConnections(Connections{At: start, Seconds: time.Since(start).Seconds(), Made: last - min(first, last), Remotes: r.remotes()})
		return nil
	}}
}

// A connectionReader adds up what looks have found.
type connectionReader struct {
	*procDir
	pid  int
	seen map[connection]int // how many looks found it

	inodes []uint64     // the target's sockets at the last look, in order
	steady bool         // they were the same at the look before
	open   []connection // those of them that the target made itself
}

// look notes which connections the target has that it made itself. Which ones
// these are is read from the table of all sockets of the namespace, which costs
// the kernel half a millisecond or more, however few there are: not where the
// target has the sockets that it had at two looks before. At the second of these
// one that was just made had got its address.
func (r *connectionReader) look() error {
	var inodes []uint64
	if err := r.sockets(r.pid, func(inode uint64) { inodes = append(inodes, inode) }); err != nil {
		return err
	}
	slices.Sort(inodes)
	same := slices.Equal(inodes, r.inodes)
	if !same || !r.steady {
		if err := r.readTable(inodes); err != nil {
			return err
		}
	}
	r.inodes, r.steady = inodes, same
	for _, c := range r.open {
		if len(r.seen) < maxSeen || r.seen[c] > 0 {
			r.seen[c]++
		}
	}
	return nil
}

// readTable finds the connections that the target made itself among its sockets.
func (r *connectionReader) readTable(inodes []uint64) error {
	listening := map[uint16]bool{}
	r.open = nil
	err := eachTCP(r.net(), func(s tcpSocket) {
		if s.state == tcpListen {
			listening[s.Local.Port()] = true
		} else if _, own := slices.BinarySearch(inodes, s.inode); own {
			r.open = append(r.open, s.connection)
		}
	})
	// To a port that is listened at somebody else connected.
	r.open = slices.DeleteFunc(r.open, func(c connection) bool { return listening[c.Local.Port()] })
	return err
}

// net is the folder with the tables of the process's network namespace.
func (r *connectionReader) net() string {
	return filepath.Join("/proc", strconv.Itoa(r.pid), "net")
}

// made is how many connections were begun from the namespace since it exists.
func (r *connectionReader) made() (uint64, error) {
	data, err := r.file(procPath(r.pid, "/net/snmp"))
	if err != nil {
		return 0, err
	}
	return activeOpens(data)
}

// activeOpens finds a figure in two lines of names and of numbers, which begin
// with "Tcp:" both.
func activeOpens(data []byte) (uint64, error) {
	var names [][]byte
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		switch {
		case len(fields) == 0 || string(fields[0]) != "Tcp:":
		case names == nil:
			names = fields
		default:
			i := slices.IndexFunc(names, func(n []byte) bool { return string(n) == "ActiveOpens" })
			if i >= 0 && i < len(fields) {
				return parseUint(fields[i])
			}
		}
	}
	return 0, errors.New("net/snmp has no count of connections")
}

// remotes lists the endpoints with most connections, and the sum of the others.
func (r *connectionReader) remotes() []Remote {
	byAddr := map[string]*Remote{}
	for c, looks := range r.seen {
		addr := c.Remote.String()
		if byAddr[addr] == nil {
			byAddr[addr] = &Remote{Addr: addr}
		}
		if looks > 1 {
			byAddr[addr].Kept++
		} else {
			byAddr[addr].Brief++
		}
	}
	var list []Remote
	for _, o := range byAddr {
		list = append(list, *o)
	}
	slices.SortFunc(list, func(a, b Remote) int {
		return cmp.Or(cmp.Compare(b.Brief, a.Brief), cmp.Compare(b.Kept, a.Kept), cmp.Compare(a.Addr, b.Addr))
	})
	if len(list) <= maxRemotes {
		return list
	}
	var others Remote
	for _, o := range list[maxRemotes:] {
		others.Brief += o.Brief
		others.Kept += o.Kept
	}
	return append(list[:maxRemotes:maxRemotes], others)
}
