package profile

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Sweeps miss most processes that live less than a second, and sweeping more
// often costs too much. But most of them are children of a few parents, and
// what children one parent has can be asked for a few microseconds. So the
// sweeps tell which parents to look at: those that have reaped CPU time, and
// those whose children differ from the sweep before.

const (
	// maxParents bounds what a look costs.
	maxParents = 16
	// lookPause is short against the 0.2–1 s that an interpreter needs to start
	// and fail, and 20 looks a second at 16 parents are 0.2 % of a core.
	lookPause = 50 * time.Millisecond
	// quietTime is how long a parent is watched without anything happening.
	quietTime = 10 * time.Second
	// infancy is how long a child is read at each look; one that lives longer
	// is read with the sweeps.
	infancy = 2 * time.Second
	// comingOrGoing is what one child more or less counts against CPU seconds
	// of reaped children: one tick, the least that can be seen of those.
	comingOrGoing = 1.0 / ticksPerSecond
)

// A birthWatch follows the children of those parents whose children come and
// go.
type birthWatch struct {
	t       *processTable
	boot    time.Time // when the clock of start times was zero
	lists   bool      // the kernel lists children
	stirred map[int]float64
	newborn []ProcessKey // processes that this sweep has seen first
	parents map[int]*watchedParent
	active  map[int]*follow
	count   int
	cost    time.Duration // CPU time of a look, smoothed
	pids    []int
	threads []int
}

type watchedParent struct {
	ProcessKey
	score    float64
	last     time.Time      // when anything happened
	children map[int]uint64 // pid → the last look that listed it
	looks    uint64
}

// A follow is a Birth in the making.
type follow struct {
	Birth
	name string // as the kernel has it
	raw  string // command line as the kernel has it
	done bool   // recorded, and waiting to be reaped
}

func newBirthWatch(t *processTable) *birthWatch {
	b := &birthWatch{
		t:       t,
		boot:    time.Now().Add(-clock(unix.CLOCK_BOOTTIME)),
		stirred: map[int]float64{},
		parents: map[int]*watchedParent{},
		active:  map[int]*follow{},
	}
	pid := unix.Getpid()
	_, err := t.dir.children(pid, pid, nil)
	if b.lists = err == nil; !b.lists {
		t.c.AddGap("processes", "this kernel does not list children, short-lived processes are seen by chance only",
			"a kernel with CONFIG_PROC_CHILDREN")
	}
	return b
}

// started turns a start time of /proc into a time of day.
func (b *birthWatch) started(start float64) time.Time {
	return b.boot.Add(time.Duration(start * float64(time.Second)))
}

// appeared notes a process that a sweep has seen first. What the first sweep
// sees was there before.
func (b *birthWatch) appeared(s *procStat, round uint64) {
	if round > 1 {
		b.stirred[s.ppid] += comingOrGoing
		b.newborn = append(b.newborn, s.ProcessKey)
	}
}

// left notes that a child of a process has ended.
func (b *birthWatch) left(ppid int) { b.stirred[ppid] += comingOrGoing }

// grew notes CPU seconds of children that a process has reaped.
func (b *birthWatch) grew(pid int, seconds float64) {
	if seconds > 0 {
		b.stirred[pid] += seconds
	}
}

// swept chooses the parents to watch after a sweep, and takes in the births
// that the sweep itself has seen.
func (b *birthWatch) swept(now time.Time) {
	b.choose(now)
	b.refresh(now, false)
	for _, key := range b.newborn {
		if k := b.t.known[key.PID]; k != nil && k.ProcessKey == key && b.parents[k.ppid] != nil {
			b.meet(key.PID, k.ppid, now)
		}
	}
	b.newborn = b.newborn[:0]
}

// choose ranks parents by what their children have burned lately and how many
// came and went.
func (b *birthWatch) choose(now time.Time) {
	for pid, score := range b.stirred {
		k := b.t.known[pid]
		if k == nil || isKernelThread(k) {
			continue
		}
		p := b.parents[pid]
		if p == nil || p.ProcessKey != k.ProcessKey {
			p = &watchedParent{ProcessKey: k.ProcessKey, children: map[int]uint64{}}
			b.parents[pid] = p
		}
		p.score += score
		p.last = now
	}
	clear(b.stirred)
	for pid, p := range b.parents {
		p.score /= 2 // half of the weight is on the last sweep
		if k := b.t.known[pid]; k == nil || k.ProcessKey != p.ProcessKey || now.Sub(p.last) > quietTime {
			delete(b.parents, pid)
		}
	}
	if len(b.parents) <= maxParents {
		return
	}
	ranked := b.ranked()
	for _, p := range ranked[maxParents:] {
		delete(b.parents, p.PID)
	}
}

// ranked lists the watched parents, the busiest first.
func (b *birthWatch) ranked() []*watchedParent {
	list := make([]*watchedParent, 0, len(b.parents))
	for _, p := range b.parents {
		list = append(list, p)
	}
	slices.SortFunc(list, func(x, y *watchedParent) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.PID, y.PID))
	})
	return list
}

// isKernelThread: kthreadd's children come and go all the time and are not
// anybody's jobs.
func isKernelThread(k *knownProcess) bool {
	return k.name == "kthreadd" && k.ppid == 0 || k.ppid == 2 && k.RSS == 0
}

// watching says whether looks are worth their while.
func (b *birthWatch) watching() bool { return b.lists && len(b.parents) > 0 }

// look asks the watched parents for their children and returns how long to
// wait before the next look.
func (b *birthWatch) look(now time.Time) time.Duration {
	cost, _ := threadCost(func() error {
		b.refresh(now, true)
		for _, p := range b.parents {
			b.ask(p, now)
		}
		return nil
	})
	b.cost = (3*b.cost + cost) / 4 // one slow look must not blind us
	return restAfter(b.cost, lookPause, b.t.share)
}

// ask lists the children of one parent and takes in the new ones.
func (b *birthWatch) ask(p *watchedParent, now time.Time) {
	b.pids = b.pids[:0]
	b.threads = append(b.threads[:0], p.PID)
	if k := b.t.known[p.PID]; k != nil && k.Threads > 1 {
		// Children are listed with the thread that forked them.
		if list, err := b.t.dir.threads(p.PID, b.threads[:0]); err == nil {
			b.threads = list
		}
	}
	for _, thread := range b.threads {
		if list, err := b.t.dir.children(p.PID, thread, b.pids); err == nil {
			b.pids = list
		}
	}
	p.looks++
	for _, pid := range b.pids {
		_, listed := p.children[pid]
		p.children[pid] = p.looks
		if !listed {
			p.last = now
			b.meet(pid, p.PID, now)
		}
	}
	for pid, look := range p.children {
		if look != p.looks {
			delete(p.children, pid)
		}
	}
}

// meet begins to follow a child, unless it is known already.
func (b *birthWatch) meet(pid, ppid int, now time.Time) {
	var s procStat
	if b.t.dir.stat(pid, &s) != nil || s.ppid != ppid {
		return // gone, or handed to another parent
	}
	if f := b.active[pid]; f != nil && f.ProcessKey == s.ProcessKey {
		return
	}
	if k := b.t.known[pid]; k != nil && k.ProcessKey == s.ProcessKey && !b.isNewborn(s.ProcessKey) {
		return // it was there when its parent came under watch
	}
	if b.count++; b.count > maxBirths {
		if b.count == maxBirths+1 {
			b.t.c.AddGap("processes", "more births than are kept, later ones are not listed",
				"fork rate and CPU of the dead are complete; observe for a shorter time to see them all")
		}
		return
	}
	f := &follow{name: string(s.name)}
	f.At = earlier(b.started(s.Start), now)
	f.ProcessKey = s.ProcessKey
	b.active[pid] = f
	b.update(f, &s, now)
}

func (b *birthWatch) isNewborn(key ProcessKey) bool { return slices.Contains(b.newborn, key) }

// refresh reads the children that are followed: all of them, or the young.
func (b *birthWatch) refresh(now time.Time, young bool) {
	var s procStat
	for pid, f := range b.active {
		if young && now.Sub(f.At) > infancy {
			continue
		}
		switch err := b.t.dir.stat(pid, &s); {
		case err == nil && s.ProcessKey == f.ProcessKey:
			b.update(f, &s, now)
		case err == nil || isGone(err):
			f.Exited = true
			b.record(f)
			delete(b.active, pid)
		}
	}
}

// update takes in what a child is now. Its command line is read again while it
// is young or when its name changes: between fork and exec it has its parent's,
// and a script that starts the real program has its own.
func (b *birthWatch) update(f *follow, s *procStat, now time.Time) {
	if f.done {
		return
	}
	f.CPU, f.LastSeen = s.User+s.System, now
	state, exit := s.State, s.exit
	if f.Name == "" || f.name != string(s.name) || now.Sub(f.At) < youth {
		b.identify(f, s)
	}
	if state != "Z" && state != "X" {
		return
	}
	f.Exited = true
	// A status of 0 may mean that we are not to know it.
	if exit != 0 || b.t.dir.inspectable(f.PID) {
		code := exitCode(exit)
		f.ExitCode = &code
	}
	b.record(f)
}

// identify reads the command line, which costs 3 µs. Cutting its secrets costs
// 50 µs and more and waits until the birth is recorded.
func (b *birthWatch) identify(f *follow, s *procStat) {
	first := f.Name == ""
	renamed := f.name != string(s.name)
	f.name = string(s.name)
	f.Name = Clean(f.name)
	f.PPID = s.ppid
	raw := b.t.dir.command(f.PID)
	if len(raw) == 0 { // a zombie: what it was is known, or lost
		return
	}
	if first || renamed || f.raw != string(raw) {
		f.raw = string(raw)
		f.Exe = b.t.dir.executable(f.PID)
	}
}

// record puts a birth into the Capture, once.
func (b *birthWatch) record(f *follow) {
	if !f.done {
		f.done = true
		f.Command = b.t.dir.commands.keep([]byte(f.raw))
		b.t.c.AddBirth(f.Birth)
	}
}

// finish records the children that have outlived the window.
func (b *birthWatch) finish(now time.Time) {
	b.refresh(now, false)
	alive := make([]*follow, 0, len(b.active))
	for _, f := range b.active {
		alive = append(alive, f)
	}
	slices.SortFunc(alive, func(x, y *follow) int { return x.At.Compare(y.At) })
	for _, f := range alive {
		b.record(f)
	}
}
