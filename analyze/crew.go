package analyze

import (
	"math"
	"path/filepath"
	"slices"
	"strings"

	"busywork/profile"
)

// A crew is the processes of one command line that do the same work side by
// side: the workers of a queue. Copies that they fork of themselves are not
// members but belong to them.
type crew struct {
	members []*Proc         // in order of pid
	copies  []profile.Birth // forked inside the window, as far as they were seen: a lower bound
	others  int             // children seen that are other programs
	// Cores of the members themselves, of the children they have reaped, and of
	// each what the kernel did in their name.
	own, ownSystem, dead, deadSystem float64
	// faults is pages a second that members and dead children were given or had
	// to copy; 0 where the recording has none.
	faults float64
}

// crews are all that live to the end of the window, in order of their first pid.
func (f *Facts) crews() []*crew {
	var list []*crew
	byCommand := map[string]*crew{}
	for _, q := range f.Processes.List {
		if q.Gone || len(q.Command) == 0 {
			continue
		}
		if parent := f.Processes.pid(q.PPID); parent != nil && parent != q && isCopy(q.ProcessIdentity, parent) {
			continue
		}
		key := q.Exe + "\x00" + strings.Join(q.Command, "\x00")
		c := byCommand[key]
		if c == nil {
			c = new(crew)
			byCommand[key] = c
			list = append(list, c)
		}
		c.add(f, q)
	}
	return list
}

func (c *crew) add(f *Facts, q *Proc) {
	c.members = append(c.members, q)
	for _, b := range f.birthsOf(q) {
		switch {
		case isCopy(b.ProcessIdentity, q):
			c.copies = append(c.copies, b)
		case len(b.Command) > 0:
			c.others++
		}
	}
	a, b, span := q.First, q.Last, f.Processes.Seconds
	c.own += q.CPU
	c.ownSystem += forward(a.System, b.System) / span
	c.dead += q.Dead
	if total := forward(reaped(a), reaped(b)); total > 0 {
		c.deadSystem += q.Dead * forward(a.ChildSystem, b.ChildSystem) / total
	}
	if b.Faults >= a.Faults && b.ChildFaults >= a.ChildFaults {
		c.faults += float64(b.Faults-a.Faults+b.ChildFaults-a.ChildFaults) / span
	}
}

// cores is the CPU of the crew and of its dead.
func (c *crew) cores() float64 { return c.own + c.dead }

func (c *crew) label() string { return c.members[0].label() }

// forksItself says whether what the crew starts is copies of itself. Whoever
// starts other programs is seen to have copies, too: each child is one from its
// fork to its exec.
func (c *crew) forksItself() bool {
	return len(c.copies) > 0 && float64(c.others) <= 0.2*float64(len(c.copies)+c.others) && !c.isShell()
}

// isShell: a shell forks itself for each command and substitution; that is how
// it works, and not how it handles jobs.
func (c *crew) isShell() bool {
	m := c.members[0]
	program := m.Exe
	if program == "" {
		program = m.Command[0]
	}
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox"}, filepath.Base(program))
}

// works says whether a crew does the target's work: the target is one of it, or
// has started one of it. Without a target, all do.
func (f *Facts) works(c *crew) bool {
	if f.Target == nil {
		return true
	}
	for _, m := range c.members {
		for depth, q := 0, m; q != nil && depth < 16; depth, q = depth+1, f.Processes.pid(q.PPID) {
			if q == f.Target {
				return true
			}
		}
	}
	return false
}

// isCopy says whether a child is its parent once more: it was forked and has
// executed nothing else. It has its parent's command line, or, where both write
// over theirs what they are at, the same word in front.
func isCopy(child profile.ProcessIdentity, parent *Proc) bool {
	if len(child.Command) == 0 || child.Exe != "" && parent.Exe != "" && child.Exe != parent.Exe {
		return false
	}
	if slices.Equal(child.Command, parent.Command) {
		return true
	}
	t := title(child.Command)
	return t != "" && t == title(parent.Command)
}

// title is the first word of a command line that a process has written over: a
// single argument with blanks in it, "resque-2.6.0: Forked 4242 at 1767323045".
func title(command []string) string {
	if len(command) != 1 {
		return ""
	}
	word, _, written := strings.Cut(command[0], " ")
	if !written {
		return ""
	}
	return strings.TrimSuffix(word, ":")
}

const (
	// What the births and deaths of copies cost, as a multiple of the kernel's part
	// of it: the copying itself, and then cold caches, connections made and modules
	// loaded again. In six pairs of runs of one service, forking and not, the CPU
	// saved was 1.3 to 2.1 times the kernel's part. That part is split from the
	// user's by ticks, of which a child of 10 ms sees two or three.
	forkCost, forkLeast, forkMost = 1.7, 0.7, 2.5
	// pageMost is CPU seconds of the kernel for each page fault of a fork: 2.9 to
	// 4.2 µs were measured, the fork and the exit included, on a virtual machine.
	// It tells a fork from jobs that keep the kernel busy.
	pageMost = 5e-6
)

// births is what it costs, in cores, that a crew forks copies of itself. It is
// no more than the CPU of the copies and what the kernel does for the parents.
func (c *crew) births() Interval {
	kernel := c.deadSystem + c.ownSystem
	if c.faults > 0 {
		kernel = math.Min(kernel, c.faults*pageMost)
	}
	all := c.dead + c.ownSystem
	of := func(times float64) float64 { return math.Min(times*kernel, all) }
	return Interval{of(forkCost), of(forkLeast), of(forkMost)}
}
