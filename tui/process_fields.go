package tui

import (
	"math"
	"strconv"

	"busywork/analyze"
)

// A procCell is what a column of the process list is written from.
type procCell struct {
	c        *processes
	t        *theme
	b        *branch
	row      *analyze.ProcessRow
	was      *analyze.ProcessRow // at the mark; nil if it was not there
	selected bool
}

// look is a style, or that of the whole row where the cursor is on it.
func (x *procCell) look(s, row style) style {
	if x.selected {
		return row
	}
	return s
}

// procOrderHeads are the heads of the columns that the orders go by.
var procOrderHeads = [procOrders]string{byTree: "process", byCores: "own", byDead: "dead", byBirths: "born/s"}

// procFields are the columns of the process list. Own are the cores of the
// process itself, dead those of the children that it has reaped, tree all of
// these and of those below.
func procFields() []field[procCell] {
	own := func(r *analyze.ProcessRow) float64 { return r.Cores }
	dead := func(r *analyze.ProcessRow) float64 { return r.Dead }
	tree := func(r *analyze.ProcessRow) float64 { return r.Tree }
	born := func(r *analyze.ProcessRow) float64 { return r.Births }
	died := func(r *analyze.ProcessRow) float64 { return r.Deaths }
	return []field[procCell]{
		{head: "process", w: 10, grow: 3, most: 50, left: true, put: procName},
		{head: "pid", w: 8, from: 50, put: procPID},
		{head: "own", w: 6, put: procFigure(own, appendCores)},
		{head: "since", w: 7, from: 130, mark: true, put: procChange(own, appendCores)},
		{head: "dead", w: 6, put: procFigure(dead, appendCores)},
		{head: "since", w: 7, from: 76, mark: true, put: procChange(dead, appendCores)},
		{head: "tree", w: 6, from: 66, put: procFigure(tree, appendCores)},
		{head: "since", w: 7, from: 76, mark: true, put: procChange(tree, appendCores)},
		{head: "", w: 13, from: 90, put: procBar},
		{head: "born/s", w: 8, put: procFigure(born, appendRate)},
		{head: "since", w: 7, from: 130, mark: true, put: procChange(born, appendRate)},
		{head: "died/s", w: 8, from: 60, put: procFigure(died, appendRate)},
		{head: "rss", w: 6, from: 100, put: procRSS},
		{head: "thr", w: 5, from: 106, put: procThreads},
		{head: " state", w: 8, from: 90, left: true, put: procState},
		{head: " command", w: 12, grow: 1, from: 140, left: true, put: procCommand},
	}
}

// procFigure is a column of figures. Nothing is faint, so that the eye finds what
// is something.
func procFigure(of func(*analyze.ProcessRow) float64, write amount) func(*page, style, int, procCell) {
	return func(p *page, look style, w int, x procCell) {
		var b [24]byte
		v := of(x.row)
		text, s := write(b[:0], v), look
		if string(text) == "0" {
			s = x.look(x.t.faint, look)
		}
		p.rightmost(look, s, w, text)
	}
}

// procChange is a column of changes since the mark.
func procChange(of func(*analyze.ProcessRow) float64, write amount) func(*page, style, int, procCell) {
	return func(p *page, look style, w int, x procCell) {
		var b [24]byte
		if x.was == nil {
			p.rightmost(look, x.look(x.t.faint, look), w, append(b[:0], "new"...))
			return
		}
		text, s := x.t.sinceMark(b[:0], of(x.row)-of(x.was), lessIsBetter, write)
		p.rightmost(look, x.look(s, look), w, text)
	}
}

// nameRoom is what is left of a name's column at the least, however deep in the
// tree it stands.
const nameRoom = 12

// indent draws the lines of the tree before a name, two cells a level. Levels
// that there is no room for are left out at the left.
func (b *branch) indent(p *page, look style, w int) {
	first := max(1, b.depth-max(1, (w-nameRoom)/2)+1)
	if first > 1 {
		p.put(look, "…")
	}
	for d := first; d <= b.depth; d++ {
		follows := d < 64 && b.guides&(1<<d) != 0
		switch {
		case d == b.depth && follows:
			p.put(look, "├ ")
		case d == b.depth:
			p.put(look, "└ ")
		case follows:
			p.put(look, "│ ")
		default:
			p.put(look, "  ")
		}
	}
}

// The signs before a name.
const (
	targetSign = "◆ "
	endedSign  = "† "
	targetWord = " target"
	matchSign  = "/" // of what the filter has found, and not of its parents
)

func procName(p *page, look style, w int, x procCell) {
	end := p.x + w
	x.b.indent(p, x.look(x.t.faint, look), w)
	s := look
	switch {
	case x.b.faint || x.row.Gone:
		s = x.look(x.t.faint, look)
	case x.row.Target:
		s = x.look(x.t.bold, look)
	case x.c.view.filter != "":
		s = x.look(x.t.match, look)
	}
	if x.c.view.filter != "" && !x.b.faint {
		p.put(x.look(x.t.match, look), matchSign)
	}
	if n := x.b.hidden; n > 0 {
		var b [24]byte
		p.put(x.look(x.t.key, look), string(append(strconv.AppendInt(append(b[:0], "(+"...), int64(n), 10), ") "...)))
	}
	word := ""
	switch {
	case x.row.Target:
		p.put(s, targetSign)
		if end-p.x >= width(targetWord)+nameRoom {
			word = targetWord
		}
	case x.row.Gone:
		p.put(s, endedSign)
	}
	p.put(s, cut(x.row.Name, end-p.x-width(word))).put(s, word)
}

func procPID(p *page, look style, w int, x procCell) {
	var b [24]byte
	p.rightmost(look, x.look(x.t.faint, look), w, strconv.AppendInt(b[:0], int64(x.row.PID), 10))
}

func procRSS(p *page, look style, w int, x procCell) {
	var b [24]byte
	p.rightmost(look, look, w, appendBytes(b[:0], x.row.RSS))
}

func procThreads(p *page, look style, w int, x procCell) {
	var b [24]byte
	p.rightmost(look, look, w, appendCount(b[:0], float64(x.row.Threads)))
}

func procState(p *page, look style, w int, x procCell) {
	p.put(look, " ").put(look, cut(stateWord(x.row), w-1))
}

func procCommand(p *page, look style, w int, x procCell) {
	p.put(look, " ").put(x.look(x.t.faint, look), cut(x.row.Command, w-1))
}

// stateWord is the state of a process for people.
func stateWord(r *analyze.ProcessRow) string {
	switch {
	case r.Gone:
		return "ended"
	case r.State == "Z":
		return "zombie" // ended, and its parent has not asked how
	case r.Young:
		return "new"
	case r.State == "R":
		return "running"
	case r.State == "S":
		return "asleep"
	case r.State == "D":
		return "blocked" // on a disk, mostly
	case r.State == "T", r.State == "t":
		return "stopped"
	case r.State == "I":
		return "idle"
	}
	return r.State
}

// The parts of a process's bar, told apart without colours.
const (
	ownSign, deadSign, belowSign = '█', '†', '░'
	barLegend                    = "█ own  † dead  ░ below"
)

// procBar is the CPU of a process, of its dead, and of what is below it, as parts
// of the largest tree.
func procBar(p *page, look style, w int, x procCell) {
	n := w - 2
	p.put(look, " ")
	own, dead := x.row.Cores, x.row.Dead
	a := share(own, x.c.most, n)
	b := max(a, share(own+dead, x.c.most, n))
	c := max(b, share(x.row.Tree, x.c.most, n))
	p.fill(x.look(x.t.bar, look), ownSign, a)
	p.fill(x.look(x.t.hatch, look), deadSign, b-a)
	p.fill(x.look(x.t.faint, look), belowSign, c-b)
}

// share is how many of n cells v is of whole, none where that cannot be told.
func share(v, whole float64, n int) int {
	cells := math.Round(v / whole * float64(n))
	if !(cells > 0) { // NaN, too
		return 0
	}
	return int(min(cells, float64(n)))
}
