package profile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// stallInterval is short because whether a thread is blocked is only seen at
// the moment of looking: 40 looks in a window of ten seconds know a share of one
// half to ± 15 points.
const stallInterval = 250 * time.Millisecond

// stallSource samples how the target's threads are kept waiting. A look costs
// some 15 µs of CPU for each thread; it rests so long between two that it stays
// within a share of one core.
func stallSource(pid int, share float64) Source {
	return Source{Signal: "stalls", Gather: func(ctx context.Context, w Window, c *Capture) error {
		runtime.LockOSThread() // costs are told from the thread's CPU clock
		defer runtime.UnlockOSThread()
		d, err := openProcDir()
		if err != nil {
			return err
		}
		defer d.close()
		t := stallReader{procDir: d, pid: pid, seen: map[int]float64{}}
		for last := false; ; {
			var s StallSample
			cost, err := threadCost(func() (err error) { s, err = t.sample(time.Now()); return err })
			if err != nil {
				return explainProcess(pid, err)
			}
			c.AddStall(s)
			if last {
				return nil
			}
			last = !pause(ctx, w, restAfter(cost, stallInterval, share))
		}
	}}
}

// A stallReader adds up what threads have waited. Threads end, and their
// figures with them, so the sum is kept here.
type stallReader struct {
	*procDir
	pid     int
	tids    []int
	seen    map[int]float64 // by thread, what it had waited when last seen
	total   float64
	ran     float64 // seconds on a CPU of all threads, by the same record
	started bool
}

func (t *stallReader) sample(now time.Time) (StallSample, error) {
	s := StallSample{At: now}
	var self procStat
	if err := t.stat(t.pid, &self); err != nil {
		return s, err
	}
	s.ProcessKey = self.ProcessKey
	s.MajorFaults = self.majorFaults
	t.ran = 0
	var err error
	if t.tids, err = t.threads(t.pid, t.tids[:0]); err != nil {
		return s, err
	}
	for _, tid := range t.tids {
		blocked, err := t.thread(tid)
		switch {
		case isGone(err):
			continue // it ended since it was listed
		case err != nil:
			return s, err
		}
		s.Threads++
		if blocked {
			s.Blocked++
		}
	}
	if s.Threads == 0 || t.ran == 0 && self.User+self.System > 1 {
		return s, unavailablef("", "this kernel does not count how long threads wait for a CPU (CONFIG_SCHED_INFO)")
	}
	t.started = true
	s.RunDelay = t.total
	s.Swapped, err = t.swapped()
	return s, err
}

// thread adds what one thread has waited for a CPU since it was last seen, and
// says whether it is blocked. What a thread had waited before gathering began
// does not count; a thread that was started since counts from its start.
func (t *stallReader) thread(tid int) (blocked bool, err error) {
	dir := procPath(t.pid, "/task/"+procPath(tid, ""))
	data, err := t.file(dir + "/schedstat")
	if err != nil {
		return false, err
	}
	ran, delay, err := parseSchedstat(data)
	if err != nil {
		return false, err
	}
	t.ran += ran
	before, known := t.seen[tid]
	if t.seen[tid] = delay; known || t.started {
		t.total += max(0, delay-before)
	}
	data, err = t.file(dir + "/stat")
	if err != nil {
		return false, err
	}
	var s procStat
	err = parseProcessStat(data, &s)
	return s.State == "D", err
}

// parseSchedstat reads /proc/PID/schedstat, in seconds: on a CPU, and runnable
// without one. All is zero where the kernel does not count.
func parseSchedstat(data []byte) (ran, delay float64, err error) {
	var nanos [2]uint64
	for i := range nanos {
		var field []byte
		field, data = nextField(data)
		if nanos[i], err = parseUint(field); err != nil {
			return 0, 0, fmt.Errorf("schedstat: %w", err)
		}
	}
	return float64(nanos[0]) / 1e9, float64(nanos[1]) / 1e9, nil
}

// swapped reads how much of the process is in swap; kernels without swap do not
// say, which is none.
func (t *stallReader) swapped() (uint64, error) {
	data, err := t.file(procPath(t.pid, "/status"))
	if err != nil {
		return 0, err
	}
	_, after, found := bytes.Cut(data, []byte("\nVmSwap:"))
	if !found {
		return 0, nil
	}
	field, _ := nextField(after)
	kb, err := parseUint(field)
	return kb << 10, err
}

// file reads one small file below /proc; what it returns is valid until the
// next read.
func (d *procDir) file(path string) ([]byte, error) {
	fd, err := openAt(d.fd, path, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	data, err := preadAll(fd, d.buf)
	if cap(data) > cap(d.buf) {
		d.buf = data[:cap(data)]
	}
	return data, err
}

// peersSource notes once, when the window begins, which processes the target
// works with.
func peersSource(pid int) Source {
	return Source{Signal: "stalls", Gather: func(_ context.Context, _ Window, c *Capture) error {
		list, err := peersOf(pid)
		if err != nil {
			return explainProcess(pid, err)
		}
		for _, p := range list {
			c.AddPeer(p)
		}
		return nil
	}}
}

// Bounds on peers: a server may have thousands of clients, but few of them are
// other processes of this machine.
const (
	maxPeers       = 256
	maxPeerSockets = 1024
)

// peersOf lists the processes at the other ends of the connections of the target
// and its descendants, and those that are connected to the same server as the target: the producers
// and the other workers of one queue meet at its broker. Only TCP inside the
// target's network namespace is seen.
func peersOf(pid int) ([]Peer, error) {
	_, conns, err := socketsOf(pid)
	if err != nil {
		return nil, err
	}
	all, err := listProcesses()
	if err != nil {
		return nil, err
	}
	for _, child := range all.descendants(pid, maxFamily) {
		if _, more, err := socketsOf(child); err == nil {
			conns = append(conns, more...)
		}
	}
	// An end of a connection is found by its two addresses.
	direct := map[connection]bool{}
	servers := map[string]bool{}
	for _, c := range conns {
		direct[connection{c.Remote, c.Local}] = true
		servers[c.Remote.String()] = true
	}
	how := map[uint64]string{} // by socket
	var inodes []uint64
	err = eachTCP("/proc/"+procPath(pid, "/net"), func(s tcpSocket) {
		switch {
		case s.state != tcpEstablished || len(inodes) == maxPeerSockets:
			return
		case direct[s.connection]:
			how[s.inode] = "has a connection with the target"
		case servers[s.Remote.String()]:
			how[s.inode] = "is connected to " + s.Remote.String() + ", as the target is"
		default:
			return
		}
		inodes = append(inodes, s.inode)
	})
	if err != nil || len(inodes) == 0 {
		return nil, err
	}
	return holdersOf(pid, inodes, how)
}

// holdersOf names the processes that hold sockets, each once; of several
// reasons the first in the order of the table counts.
func holdersOf(target int, inodes []uint64, how map[uint64]string) ([]Peer, error) {
	holders, _, err := socketHolders(inodes)
	if err != nil {
		return nil, err
	}
	list := []Peer{{PID: os.Getpid(), How: "is busywork itself"}}
	known := map[int]bool{target: true, os.Getpid(): true}
	for _, inode := range inodes {
		for _, pid := range holders[inode] {
			if !known[pid] && len(list) < maxPeers {
				known[pid] = true
				list = append(list, Peer{PID: pid, How: how[inode]})
			}
		}
	}
	return list, nil
}
