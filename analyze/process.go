package analyze

import (
	"path/filepath"
	"sort"
	"strings"

	"busywork/profile"
)

// A Proc is what one process did inside the window.
type Proc struct {
	profile.ProcessIdentity
	CPU         float64 // cores of the process itself
	Gone        bool    // it ended inside the window
	Young       bool    // it was started inside the window
	First, Last profile.Process
	// Dead is the cores of children that it reaped inside the window, without
	// what those had used before. It is exact to a clock tick.
	Dead float64
}

// Processes is the process table over the window.
type Processes struct {
	Seconds float64
	List    []*Proc // in order of pid and start
	byKey   map[profile.ProcessKey]*Proc
	byPID   map[int]*Proc // the last one with that pid
	// byParent is the children of each pid; a process is not its own.
	byParent map[int][]*Proc
}

// newProcesses folds the sweeps, which list only what changed, into one row a
// process.
func newProcesses(c *profile.Capture) *Processes {
	if len(c.Processes) < 2 {
		return nil
	}
	first, last := c.Processes[0], c.Processes[len(c.Processes)-1]
	p := &Processes{
		Seconds: seconds(first.At, last.At),
		byKey:   map[profile.ProcessKey]*Proc{},
		byPID:   map[int]*Proc{}, byParent: map[int][]*Proc{},
	}
	if p.Seconds <= 0 {
		return nil
	}
	for i, sweep := range c.Processes {
		for _, s := range sweep.Changed {
			p.see(s, i == 0)
		}
		for _, k := range sweep.Gone {
			if q := p.byKey[k]; q != nil {
				q.Gone = true
			}
		}
	}
	for _, id := range c.Identities {
		if q := p.byKey[id.ProcessKey]; q != nil {
			q.ProcessIdentity = id // the last one counts: a fork before its exec looks like its parent
		}
	}
	p.finish()
	return p
}

func (p *Processes) see(s profile.Process, atStart bool) {
	q := p.byKey[s.ProcessKey]
	if q == nil {
		q = &Proc{ProcessIdentity: profile.ProcessIdentity{ProcessKey: s.ProcessKey}, First: s, Young: !atStart}
		if q.Young { // all that it has used, it used inside the window
			q.First = profile.Process{ProcessKey: s.ProcessKey}
		}
		p.byKey[s.ProcessKey] = q
		p.List = append(p.List, q)
	}
	q.Last = s
}

func (p *Processes) finish() {
	sort.Slice(p.List, func(i, j int) bool {
		a, b := p.List[i], p.List[j]
		return a.PID < b.PID || a.PID == b.PID && a.Start < b.Start
	})
	for _, q := range p.List {
		p.byPID[q.PID] = q
		if q.PPID != q.PID {
			p.byParent[q.PPID] = append(p.byParent[q.PPID], q)
		}
		q.CPU = forward(own(q.First), own(q.Last)) / p.Seconds
	}
	for _, q := range p.List {
		if !q.Gone {
			q.Dead = p.deadOf(q)
		}
	}
}

func own(s profile.Process) float64    { return s.User + s.System }
func reaped(s profile.Process) float64 { return s.ChildUser + s.ChildSystem }

// deadOf is the cores of q's reaped children inside the window: the growth of
// its reaped-children time, less what those that were alive at the start, and
// theirs in turn, had used by then. Children that went unreaped still count by
// what was seen.
func (p *Processes) deadOf(q *Proc) float64 {
	before, seen := p.ended(q, map[*Proc]bool{q: true})
	grown := forward(reaped(q.First), reaped(q.Last))
	return max(grown-before, seen, 0) / p.Seconds
}

// ended adds up q's descendants that ended inside the window: the CPU that they
// had used before it, and what they were seen to use in it.
func (p *Processes) ended(q *Proc, done map[*Proc]bool) (before, seen float64) {
	for _, child := range p.children(q) {
		if !child.Gone || done[child] {
			continue
		}
		done[child] = true
		b, s := p.ended(child, done)
		before += own(child.First) + reaped(child.First) + b
		seen += forward(own(child.First), own(child.Last)) + s
	}
	return before, seen
}

// pid is the process with that pid, nil if there is none.
func (p *Processes) pid(pid int) *Proc {
	if p == nil {
		return nil
	}
	return p.byPID[pid]
}

// children are the processes that q started, dead ones included.
func (p *Processes) children(q *Proc) []*Proc { return p.byParent[q.PID] }

// tree is the cores of a process and of all that it has started, the living and
// the dead.
func (p *Processes) tree(q *Proc) float64 {
	cores := 0.0
	seen := map[*Proc]bool{}
	for list := []*Proc{q}; len(list) > 0; list = list[1:] {
		if q := list[0]; !seen[q] && !q.Gone {
			seen[q] = true
			cores += q.CPU + q.Dead
			list = append(list, p.children(q)...)
		}
	}
	return cores
}

// label names a process for people: an interpreter by its program.
func (q *Proc) label() string { return commandLabel(q.Name, q.Command) }

// interpreters run somebody's program; its name says more than theirs.
var interpreters = []string{"python", "ruby", "node", "perl", "php", "java", "sh", "bash", "dash", "zsh", "ash"}

func isInterpreter(name string) bool {
	for _, i := range interpreters {
		if name == i || strings.HasPrefix(name, i) && strings.Trim(name[len(i):], "0123456789.") == "" {
			return true
		}
	}
	return false
}

// labelLength is how much of a command is worth a reader's line.
const labelLength = 40

// commandLabel is a short name of a command: "dispatchd", or for an interpreter
// what it runs: "python3 -m celery -A tasks beat", "ruby worker.rb".
func commandLabel(name string, command []string) string {
	if len(command) == 0 || command[0] == "" {
		return name
	}
	// A server that writes what it does into its title puts its name first:
	// "postgres: app shop 10.0.0.7(40404) UPDATE".
	title, _, _ := strings.Cut(command[0], ": ")
	base := filepath.Base(title)
	if !isInterpreter(base) {
		return base
	}
	label := base
	for _, arg := range command[1:] {
		if strings.ContainsAny(arg, " \n\t;") { // a program on the command line
			return label + " …"
		}
		if label += " " + filepath.Base(arg); len(label) > labelLength {
			return label[:labelLength] + "…"
		}
	}
	return label
}
