package profile

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// settleTime is the pause between the first two sweeps, so that parents
	// whose children come and go are known almost from the beginning.
	settleTime = 200 * time.Millisecond
	// maxPause keeps the pauses useful where even the share of a core that they
	// are made for is not enough.
	maxPause = 10 * time.Second
	// maxHeld bounds the files that are held open between sweeps, well below the
	// 4,096 that systems let a process have at least; further processes have
	// theirs opened each time.
	maxHeld = 1024
)

// processSource sweeps the process table at the given interval. It needs no
// privileges where /proc shows all processes. A sweep costs 2–8 µs of CPU for
// each process, the more the busier the machine and the colder its caches; the
// first one of a machine some 30 µs, for who they all are.
func processSource(interval time.Duration, m *machine) Source {
	return Source{Signal: "processes", Gather: func(ctx context.Context, w Window, c *Capture) error {
		// Costs are told from the CPU clock of the thread: on a busy machine, the
		// very one to be observed, the wall clock would count waiting as cost.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		t, err := openProcessTable(c)
		if err != nil {
			return err
		}
		defer t.close()
		t.share, t.remembered = m.share(), &m.identities
		return t.run(ctx, w, interval)
	}}
}

// A processTable is what the last sweep has seen.
type processTable struct {
	c      *Capture
	dir    *procDir
	known  map[int]*knownProcess
	round  uint64
	list   []int // pids of this sweep
	stat   procStat
	births *birthWatch
	held   int // files of known processes that are open

	share      float64     // of one core, that sweeps and looks for births may each take
	remembered *identities // of the window before; nil for none

	unread    int   // processes of this sweep that could not be read
	unreadErr error // why the first of them could not
	partial   bool  // the Gap that says so has been recorded
}

type knownProcess struct {
	Process
	ppid  int
	name  string // as the kernel has it
	round uint64 // the last sweep that listed it
	file  int    // its /proc/PID/stat, or noFile
	// identity is what was recorded, kept only while the process is so young
	// that it may not have called exec yet.
	identity *ProcessIdentity
}

// noFile stands for a file that is not held open.
const noFile = -1

func openProcessTable(c *Capture) (*processTable, error) {
	dir, err := openProcDir()
	if err != nil {
		return nil, err
	}
	t := &processTable{c: c, dir: dir, known: make(map[int]*knownProcess, 512), share: observing().share}
	t.births = newBirthWatch(t)
	t.checkNamespace()
	return t, nil
}

func (t *processTable) close() {
	for _, k := range t.known {
		t.release(k)
	}
	t.dir.close()
}

func (t *processTable) release(k *knownProcess) {
	if k.file != noFile {
		unix.Close(k.file)
		k.file = noFile
		t.held--
	}
}

// read reads one process into t.stat. The file of one that has been there
// before is held open: that halves the cost of a sweep.
func (t *processTable) read(pid int) error {
	k := t.known[pid]
	if k == nil {
		return t.dir.stat(pid, &t.stat)
	}
	if k.file == noFile && t.held < maxHeld {
		if fd, err := t.dir.openStat(pid); err == nil {
			k.file = fd
			t.held++
		}
	}
	if k.file != noFile {
		err := t.dir.readStat(k.file, &t.stat)
		if !isGone(err) {
			return err
		}
		t.release(k) // it ended, and another may have its pid
	}
	return t.dir.stat(pid, &t.stat)
}

// run sweeps and looks for births in turn, each at its own pace, until the
// window ends. One goroutine does both, so nothing needs a lock.
func (t *processTable) run(ctx context.Context, w Window, interval time.Duration) error {
	nextSweep, nextLook := time.Now(), time.Now()
	pause := min(settleTime, interval)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return t.finish()
		case <-timer.C:
		}
		now := time.Now()
		if !now.Before(w.End) {
			return t.finish()
		}
		if !now.Before(nextSweep) {
			cost, err := threadCost(func() error { return t.sweep(now) })
			if err != nil {
				return err
			}
			nextSweep = now.Add(pause)
			// The cost of this sweep decides the pause after the next: the
			// first is dear, as all command lines are read in it.
			pause = restAfter(cost, interval, t.share)
			if t.round == 1 {
				pause = interval
			}
		}
		next := nextSweep
		if t.births.watching() {
			if !now.Before(nextLook) {
				nextLook = now.Add(t.births.look(now))
			}
			next = earlier(next, nextLook)
		}
		timer.Reset(time.Until(earlier(next, w.End)))
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// restAfter is the pause after something that cost so much CPU, for it to take no
// more than a share of one core.
func restAfter(cost, least time.Duration, share float64) time.Duration {
	return max(least, min(time.Duration(float64(cost)/share), maxPause))
}

// threadCost runs f and returns the CPU time that it took of this thread.
func threadCost(f func() error) (time.Duration, error) {
	before := clock(unix.CLOCK_THREAD_CPUTIME_ID)
	err := f()
	return clock(unix.CLOCK_THREAD_CPUTIME_ID) - before, err
}

// clock reads one of the kernel's clocks; it is zero if there is no such.
func clock(id int32) time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(id, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// finish sweeps once more, so that differences span the window.
func (t *processTable) finish() error {
	err := t.sweep(time.Now())
	t.births.finish(time.Now())
	return err
}

// sweep reads all processes and records what changed.
func (t *processTable) sweep(now time.Time) error {
	var err error
	if t.list, err = t.dir.pids(t.list[:0]); err != nil {
		return fmt.Errorf("list /proc: %w", err)
	}
	t.round++
	t.unread, t.unreadErr = 0, nil
	sample := ProcessSample{At: now}
	for _, pid := range t.list {
		switch err := t.read(pid); {
		case err == nil:
			t.note(&t.stat, now, &sample)
		case !isGone(err):
			t.noteUnread(pid, err)
		}
	}
	sample.Gone = t.forget()
	sample.Total = len(t.known) + t.unread
	t.c.AddProcesses(sample)
	t.reportUnread()
	t.births.swept(now)
	return nil
}

// note takes one process into the table and into the sample if it changed.
func (t *processTable) note(s *procStat, now time.Time, sample *ProcessSample) {
	k := t.known[s.PID]
	if k != nil && k.ProcessKey != s.ProcessKey {
		sample.Gone = append(sample.Gone, k.ProcessKey) // its pid is used again
		t.release(k)
		k = nil
	}
	if k == nil {
		k = &knownProcess{Process: s.Process, ppid: s.ppid, round: t.round, file: noFile}
		t.known[s.PID] = k
		t.births.appeared(s, t.round)
		sample.Changed = append(sample.Changed, s.Process)
		t.identify(k, s, now)
		return
	}
	k.round, k.ppid = t.round, s.ppid
	if k.name != string(s.name) || k.identity != nil {
		t.identify(k, s, now)
	}
	if k.Process == s.Process {
		return
	}
	grown := s.ChildUser + s.ChildSystem - k.ChildUser - k.ChildSystem
	t.births.grew(s.PID, grown)
	k.Process = s.Process
	sample.Changed = append(sample.Changed, s.Process)
}

// youth is how long after its start a process is expected to have called exec,
// if it ever does. Until then its command line is its parent's.
const youth = time.Second

// identify records who a process is, if it is not who it was recorded as.
func (t *processTable) identify(k *knownProcess, s *procStat, now time.Time) {
	k.name = string(s.name)
	id, known := t.remembered.get(s.ProcessKey, s.ppid, k.name)
	if !known {
		id = t.dir.identity(s)
	}
	if k.identity == nil || !sameProgram(*k.identity, id) {
		t.c.AddIdentity(id)
	}
	k.identity = nil
	if now.Sub(t.births.started(s.Start)) < youth {
		k.identity = &id
	} else {
		t.remembered.put(k.name, id)
	}
}

// sameProgram says that nothing was executed between two looks. A zombie has
// lost its command line and is still what it was.
func sameProgram(a, b ProcessIdentity) bool {
	return a.Name == b.Name && (len(b.Command) == 0 || a.Exe == b.Exe && slices.Equal(a.Command, b.Command))
}

// forget drops the processes that this sweep has not listed.
func (t *processTable) forget() []ProcessKey {
	var gone []ProcessKey
	for pid, k := range t.known {
		if k.round != t.round {
			gone = append(gone, k.ProcessKey)
			t.births.left(k.ppid)
			t.release(k)
			delete(t.known, pid)
		}
	}
	slices.SortFunc(gone, func(a, b ProcessKey) int { return a.PID - b.PID })
	return gone
}

// noteUnread keeps a process that is there and cannot be read from looking
// gone.
func (t *processTable) noteUnread(pid int, err error) {
	if t.unread++; t.unreadErr == nil {
		t.unreadErr = err
	}
	if k := t.known[pid]; k != nil {
		k.round = t.round
		t.unread--
	}
}

// reportUnread says once that part of the processes is out of sight: with
// hidepid=1 they can be listed and not read, with hidepid=2 not even listed,
// not even the first.
func (t *processTable) reportUnread() {
	if t.partial {
		return
	}
	switch {
	case t.unread > 0:
		t.partial = true
		t.c.AddGap("processes", fmt.Sprintf("%d of %d processes cannot be read: %v",
			t.unread, len(t.known)+t.unread, t.unreadErr), hiddenHint)
	case t.known[1] == nil:
		t.partial = true
		t.c.AddGap("processes", fmt.Sprintf("only %d processes are visible, the first of the system is not one of them",
			len(t.known)), hiddenHint)
	}
}

// firstNamespace is the name of the machine's own pid namespace; the number is
// part of the kernel's interface (PROC_PID_INIT_INO).
const firstNamespace = "pid:[4026531836]"

// checkNamespace says when only the processes of a container can be seen,
// while the CPU times of the host are those of the whole machine.
func (t *processTable) checkNamespace() {
	if name, err := os.Readlink("/proc/self/ns/pid"); err == nil && name != firstNamespace {
		t.c.AddGap("processes", "only the processes of this container are visible",
			"run busywork on the host, or share its pid namespace with the container")
	}
}
