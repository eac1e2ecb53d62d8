package tui

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"busywork/analyze"
)

// A procOrder is how the processes are listed: as a tree, or flat, by a figure.
type procOrder uint8

const (
	byTree procOrder = iota
	byCores
	byDead
	byBirths
	procOrders
)

var procOrderNames = [procOrders]string{"as a tree", "by own cores", "by cores of the dead", "by births"}

// of is the figure that the order goes by.
func (o procOrder) of(r *analyze.ProcessRow) float64 {
	switch o {
	case byCores:
		return r.Cores
	case byDead:
		return r.Dead
	}
	return r.Births
}

// A branch is one line of the tree as it is shown: a process, or what has been
// folded into one.
type branch struct {
	row    int // of the process; of a fold, that of the process above it, −1 if there is none
	depth  int
	guides uint64 // bit d: at depth d a sibling of this or of an ancestor follows below
	hidden int    // processes below it that are not shown, since it is closed
	faint  bool   // it is only there to show where a match belongs
	fold   *fold  // nil for a process
}

// A fold is processes that are counted in place of being shown: there are often
// hundreds of them, and one by one they say nothing.
type fold struct {
	ended, quiet int
	unseen       bool    // more have ended than were seen one by one, so that ended is what births and logs tell
	cores        float64 // of those that have ended
}

// A procView is how the user wants to see the processes.
type procView struct {
	order  procOrder
	all    bool // nothing is folded
	filter string
	closed map[int]bool // by pid: what is below is not shown
	opened map[int]bool // by pid, noParent at the root: its fold is shown one by one
}

// noParent stands for the pid above processes that have no parent in the table.
const noParent = -1

// A procForest is the rows of a window together with who stands above whom, by
// index; −1 is nobody.
type procForest struct {
	rows    []analyze.ProcessRow
	parents []int
	seconds float64 // of the window
}

// forestOf finds the parents again, which the rows tell by order and depth.
func forestOf(rows []analyze.ProcessRow, seconds float64) *procForest {
	f := &procForest{rows, make([]int, len(rows)), seconds}
	var above []int
	for i := range rows {
		above = above[:max(0, min(rows[i].Depth, len(above)))]
		f.parents[i] = -1
		if n := len(above); n > 0 {
			f.parents[i] = above[n-1]
		}
		above = append(above, i)
	}
	return f
}

// quietCores is the CPU that a column shows as 0.
const quietCores = 0.005

// busyRow says whether a process is worth a line of its own.
func busyRow(r *analyze.ProcessRow) bool {
	return r.Target || !r.Gone && (r.Cores >= quietCores || r.Dead >= quietCores || r.Births > 0 || r.Deaths > 0)
}

// pid is that of a row, noParent for nobody.
func (f *procForest) pid(row int) int {
	if row < 0 {
		return noParent
	}
	return f.rows[row].PID
}

// wanted says which rows are to be shown for their own sake.
func (f *procForest) wanted(v *procView) []bool {
	list := make([]bool, len(f.rows))
	for i := range f.rows {
		r := &f.rows[i]
		if v.filter != "" {
			list[i] = contains(v.filter, r.Name, r.Command, strconv.Itoa(r.PID))
			continue
		}
		list[i] = v.all || busyRow(r) || v.opened[f.pid(f.parents[i])]
	}
	return list
}

// branches is what is shown, and how many processes of it are there for their
// own sake.
func (f *procForest) branches(v *procView) (list []branch, n int) {
	wanted := f.wanted(v)
	for _, w := range wanted {
		if w {
			n++
		}
	}
	if v.order != byTree {
		return f.flat(v, wanted), n
	}
	return f.tree(v, wanted), n
}

// flat is the rows that are wanted, most of the figure first, and then one fold.
func (f *procForest) flat(v *procView, wanted []bool) []branch {
	var list []branch
	var rest fold
	for i := range f.rows {
		if wanted[i] {
			list = append(list, branch{row: i})
		} else {
			rest.add(&f.rows[i])
		}
	}
	slices.SortStableFunc(list, func(a, b branch) int {
		return cmp.Compare(v.order.of(&f.rows[b.row]), v.order.of(&f.rows[a.row]))
	})
	if v.filter == "" && rest.ended+rest.quiet > 0 {
		list = append(list, branch{row: -1, fold: &rest})
	}
	return list
}

// add counts a process.
func (d *fold) add(r *analyze.ProcessRow) {
	if r.Gone {
		d.ended++
		d.cores += r.Cores + r.Dead
	} else {
		d.quiet++
	}
}

// under makes the fold agree with what the process above it is known to have
// reaped: that is exact, and has those that lived shorter than the polls lie
// apart.
func (d *fold) under(r *analyze.ProcessRow, seconds float64) {
	if n := math.Round(r.Deaths * seconds); n > float64(d.ended) && n < math.MaxInt32 {
		d.ended, d.unseen = int(n), true
	}
	d.cores = max(d.cores, r.Dead)
}

// tree is the rows that are wanted with those above them, and below each process
// a fold of the rest.
func (f *procForest) tree(v *procView, wanted []bool) []branch {
	kept := slices.Clone(wanted)
	for i, parent := range slices.Backward(f.parents) {
		if kept[i] && parent >= 0 {
			kept[parent] = true
		}
	}
	w := &treeWalk{f: f, v: v}
	for i := 0; i < len(f.rows); {
		w.leave(f.parents[i])
		b := branch{row: i, depth: len(w.above), faint: !wanted[i] && v.filter != ""}
		switch {
		case !kept[i]:
			end := f.end(i)
			w.drop(i, end)
			i = end
			continue
		case v.closed[f.rows[i].PID] && v.filter == "":
			end := f.end(i)
			b.hidden = end - i - 1
			i = end
		default:
			w.above = append(w.above, openRow{row: i})
			i++
		}
		w.list = append(w.list, b)
	}
	w.leave(-1)
	w.close(&w.root, -1)
	drawGuides(w.list)
	return w.list
}

// end is the row behind the last that is below row i.
func (f *procForest) end(i int) int {
	end := i + 1
	for end < len(f.rows) && f.rows[end].Depth > f.rows[i].Depth {
		end++
	}
	return end
}

// A treeWalk goes through the rows once, with the processes above where it is.
type treeWalk struct {
	f     *procForest
	v     *procView
	list  []branch
	above []openRow
	root  fold // of rows that have no parent
}

// An openRow is a process, and what has been folded into it so far.
type openRow struct {
	row  int
	fold fold
}

// drop folds the rows of a whole subtree into the process above it.
func (w *treeWalk) drop(from, end int) {
	into := &w.root
	if n := len(w.above); n > 0 {
		into = &w.above[n-1].fold
	}
	for i := from; i < end; i++ {
		into.add(&w.f.rows[i])
	}
}

// leave goes up until row is the innermost process above.
func (w *treeWalk) leave(row int) {
	for n := len(w.above); n > 0 && w.above[n-1].row != row; n-- {
		last := w.above[n-1]
		w.close(&last.fold, last.row)
		w.above = w.above[:n-1]
	}
}

// close writes the fold of a process below all else that is below it.
func (w *treeWalk) close(d *fold, row int) {
	if w.v.filter != "" {
		return
	}
	if row >= 0 && !w.v.all && !w.v.opened[w.f.pid(row)] {
		d.under(&w.f.rows[row], w.f.seconds)
	}
	if d.ended+d.quiet > 0 || d.cores >= quietCores {
		folded := *d
		w.list = append(w.list, branch{row: row, depth: len(w.above), fold: &folded})
	}
}

// drawGuides finds, from the last line up, where lines have to go on to a
// sibling further down. Deeper than 64 there is no room for them anyway.
func drawGuides(list []branch) {
	var below uint64
	for i := range slices.Backward(list) {
		b := &list[i]
		if b.depth >= 63 {
			continue
		}
		below &= 1<<(b.depth+1) - 1
		b.guides = below
		below |= 1 << b.depth
	}
}

// text is a fold in words.
func (d *fold) text() string {
	b := make([]byte, 0, 64)
	b = append(b, '+')
	switch {
	case d.ended > 0:
		b = append(b, ' ')
		if d.unseen {
			b = append(b, '~')
		}
		b = strconv.AppendInt(b, int64(d.ended), 10)
		b = append(b, " ended"...)
	case d.cores >= quietCores:
		b = append(b, " ended unseen"...)
	}
	if d.cores >= quietCores {
		b = append(appendCores(append(b, ", "...), d.cores), " cores"...)
	}
	if d.quiet > 0 {
		if len(b) > 1 {
			b = append(b, " ·"...)
		}
		b = strconv.AppendInt(append(b, ' '), int64(d.quiet), 10)
		b = append(b, " quiet"...)
	}
	return string(b)
}
