package analyze

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"busywork/profile"
)

// A ProcessRow is one process as a line of a process tree. Cores are
// core-seconds a second over the window; rates are a second.
type ProcessRow struct {
	PID, Parent, Depth int     // Depth is that in the list of rows: 0 where the parent is not in it
	Name               string  // for people, at most 60 bytes
	Command            string  // command line, at most 200 bytes; "" if unknown
	State              string  // the kernel's letter: R, S, D, Z, T, I; "" if it is gone
	Cores              float64 // of the process itself
	Dead               float64 // of the children that it reaped in the window, exact to a clock tick
	// Tree is the process with all below it, the living and the dead. What is Gone
	// counts there for what its parent reaped, and not once more.
	Tree    float64
	RSS     uint64 // bytes
	Threads int
	// Births and Deaths are those of its own children. They are lower bounds:
	// processes that live shorter than the polls lie apart are seen only where
	// their parent is a supervisor that keeps a log. Dead has their CPU all the same.
	Births, Deaths float64
	Gone           bool // it ended inside the window
	Young          bool // it was started inside the window
	Target         bool
}

func (r *ProcessRow) size() int {
	return int(unsafe.Sizeof(*r)) + len(r.Name) + len(r.Command) + len(r.State)
}

// How many bytes a name, a command line and a state may have. A process can give
// itself a title of megabytes; a screen has a line.
const (
	rowName    = 60
	rowCommand = 200
	rowState   = 4
)

// processTable is the process tree over the window, depth first, siblings in
// order of pid, nil if there is none.
func processTable(f *Facts) []ProcessRow {
	if f.Processes == nil {
		return nil
	}
	w := forest{list: f.Processes.List, parents: parentsOf(f.Processes.List)}
	w.link()
	born, died := litters(f)
	rows := make([]ProcessRow, 0, len(w.list))
	at := make([]int, len(w.list)) // from the index in list to that in rows
	for _, i := range w.order() {
		q := w.list[i]
		r := ProcessRow{
			PID: q.PID, Parent: q.PPID, Name: bounded(q.label(), rowName), Command: commandLine(q.Command),
			Cores: finite(q.CPU), Dead: finite(q.Dead), Tree: finite(q.CPU + q.Dead),
			RSS: q.Last.RSS, Threads: q.Last.Threads,
			Births: born[q.ProcessKey] / f.Processes.Seconds, Deaths: died[q.ProcessKey] / f.Processes.Seconds,
			Gone: q.Gone, Young: q.Young, Target: q == f.Target,
		}
		if !q.Gone {
			r.State = bounded(q.Last.State, rowState)
		}
		if p := w.parents[i]; p >= 0 {
			r.Depth = rows[at[p]].Depth + 1
		}
		at[i] = len(rows)
		rows = append(rows, r)
	}
	addUp(rows)
	return rows
}

// addUp makes Tree, which has been each row's own, the sum of what is below.
func addUp(rows []ProcessRow) {
	// below[d] is what rows of depth d, not yet given to a parent, come to.
	below := make([]float64, len(rows)+1)
	for i := len(rows) - 1; i >= 0; i-- {
		r := &rows[i]
		orphans := below[r.Depth+1]
		below[r.Depth+1] = 0
		own := r.Tree
		if r.Gone { // its parent answers for it, not for those that it has left behind
			own = 0
		}
		r.Tree = finite(r.Tree + orphans)
		below[r.Depth] += own + orphans
	}
}

// A forest is processes by parent.
type forest struct {
	list     []*Proc // in order of pid and start
	parents  []int   // by index in list, −1 for a root
	children [][]int
}

// parentsOf finds the parent of each process. A forged table may have circles;
// they are cut where they begin, at the process with the lowest pid.
func parentsOf(list []*Proc) []int {
	parents := make([]int, len(list))
	for i, q := range list {
		if parents[i] = parentIn(list, q.PPID, q.Start); parents[i] == i {
			parents[i] = -1
		}
	}
	cutCircles(parents)
	return parents
}

// parentIn is the index of the process with that pid that can have started one
// which is that old: a pid may have been used again, so it is the last of those
// that are not younger. −1 if there is none.
func parentIn(list []*Proc, pid int, start float64) int {
	next, _ := slices.BinarySearchFunc(list, pid, func(p *Proc, pid int) int { // behind the last that fits
		if c := cmp.Compare(p.PID, pid); c != 0 {
			return c
		}
		if p.Start <= start {
			return -1
		}
		return 1
	})
	if next == 0 || list[next-1].PID != pid {
		return -1
	}
	return next - 1
}

// cutCircles makes a root of one process of each circle. Every process is looked
// at once: walk is the number of the walk that has come by it.
func cutCircles(parents []int) {
	walk := make([]int, len(parents))
	for i := range parents {
		at := i
		for at >= 0 && walk[at] == 0 {
			walk[at] = i + 1
			at = parents[at]
		}
		if at >= 0 && walk[at] == i+1 { // back at where this walk has been
			parents[at] = -1
		}
	}
}

func (w *forest) link() {
	w.children = make([][]int, len(w.list))
	for i, p := range w.parents {
		if p >= 0 {
			w.children[p] = append(w.children[p], i)
		}
	}
}

// order is every index once, depth first. It does not recurse: 100,000 processes
// may each have the next for a child.
func (w *forest) order() []int {
	order := make([]int, 0, len(w.list))
	var stack []int
	for i, p := range w.parents {
		if p >= 0 {
			continue
		}
		for stack = append(stack, i); len(stack) > 0; {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			order = append(order, at)
			for _, child := range slices.Backward(w.children[at]) {
				stack = append(stack, child)
			}
		}
	}
	return order
}

// litters counts, by parent, the children that were started and those that ended
// inside the window.
func litters(f *Facts) (born, died map[profile.ProcessKey]float64) {
	born, died = map[profile.ProcessKey]float64{}, map[profile.ProcessKey]float64{}
	watched := map[profile.ProcessKey]bool{}
	count := func(ppid int, start float64, young, gone bool) {
		at := parentIn(f.Processes.List, ppid, start)
		if at < 0 {
			return
		}
		parent := f.Processes.List[at].ProcessKey
		if young {
			born[parent]++
		}
		if gone {
			died[parent]++
		}
	}
	for i := range f.Capture.Births {
		if b := &f.Capture.Births[i]; !watched[b.ProcessKey] {
			q := f.Processes.byKey[b.ProcessKey]
			watched[b.ProcessKey] = true
			count(b.PPID, b.Start, true, b.Exited || q != nil && q.Gone)
		}
	}
	for _, q := range f.Processes.List {
		if !watched[q.ProcessKey] {
			count(q.PPID, q.Start, q.Young, q.Gone)
		}
	}
	for i := range f.Capture.Supervisors { // a log misses nothing of what it is about
		s := &f.Capture.Supervisors[i]
		spawned, exited := logged(s.Events)
		born[s.ProcessKey] = max(born[s.ProcessKey], spawned)
		died[s.ProcessKey] = max(died[s.ProcessKey], exited)
	}
	return born, died
}

func logged(events []profile.SupervisorEvent) (spawned, exited float64) {
	for _, e := range events {
		switch e.What {
		case "spawned":
			spawned++
		case "exited":
			exited++
		}
	}
	return spawned, exited
}

// commandLine is a command in one line, as far as it is worth showing.
func commandLine(command []string) string {
	var b strings.Builder
	for i, arg := range command {
		if i > 0 {
			b.WriteByte(' ')
		}
		if b.Len() > rowCommand {
			break
		}
		b.WriteString(arg[:min(len(arg), 4*rowCommand)]) // an endless argument is not worth joining
	}
	return bounded(b.String(), rowCommand)
}

// bounded is a clean copy of text from outside, of at most limit bytes, which is
// more than the mark at the end of what was cut.
func bounded(s string, limit int) string {
	s = profile.Clean(s[:min(len(s), 4*limit)])
	if len(s) <= limit {
		return strings.Clone(s)
	}
	const mark = "…"
	end := max(0, limit-len(mark))
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}
