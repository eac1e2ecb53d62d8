package tui

import (
	"fmt"
	"path"

	"busywork/analyze"
)

// inCode is where in the code the waste is and, beside or below that, what part of
// the profile it is.
func (x *findingText) inCode() {
	if x.w < wide || !(x.slice.cores > 0) || x.f.Location.Function == "" {
		x.sections((*findingText).where, (*findingText).calls)
		return
	}
	const between = 3
	w := x.w*45/100 - between
	left, right := x.rowsIn(w, (*findingText).where), x.rowsIn(x.w-w-between, (*findingText).calls)
	for i := range max(len(left), len(right)) {
		if i < len(left) {
			x.raw(left[i], w)
		}
		x.tab(w).put(x.theme.faint, " │ ")
		if i < len(right) {
			x.raw(right[i], x.w-w-between)
		}
		x.end()
	}
}

// where is the place in the code, and below it who calls it, up to where the
// service's own code begins. Nearest first: the place to change is the first
// line.
func (x *findingText) where() {
	l := x.f.Location
	if l.Function == "" {
		return
	}
	x.label("where").put(x.theme.bold, shorten(l.Function, x.left()))
	at := ""
	if l.File != "" {
		at = fileAt(l.File, l.Line)
	}
	x.behind(at)
	for i, name := range l.Path {
		if i == 0 && name == l.Function {
			continue
		}
		x.tab(x.indent).put(x.theme.faint, "← ").put(x.theme.plain, shorten(name, x.left()-2))
		x.behind(x.slice.places[name])
	}
}

// behind writes a file and line behind a function's name; where there is no room
// without the directories, and else below it.
func (x *findingText) behind(at string) {
	switch n := x.left() - 2; {
	case at == "":
	case width(at) <= n:
		x.put(x.theme.faint, "  "+at)
	case width(path.Base(at)) <= n:
		x.put(x.theme.faint, "  "+path.Base(at))
	default:
		x.end().tab(x.indent+2).put(x.theme.faint, path.Base(at))
	}
	x.end()
}

func fileAt(file string, line int64) string {
	if line <= 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// A slice is the part of a profile that one finding accuses: as a graph, and the
// lines of the functions on the way to it. To make it takes a pass over the whole
// tree, so it is kept as long as tree and finding stay.
type slice struct {
	calls   *analyze.Calls
	finding *analyze.Finding
	cores   float64
	graph   icicle
	places  map[string]string // file and line by function, of those on the finding's path
}

func (l *slice) set(calls *analyze.Calls, f *analyze.Finding) {
	if l.calls == calls && l.finding == f {
		return
	}
	*l = slice{calls: calls, finding: f}
	if calls == nil {
		return
	}
	accused := calls.Accused(f)
	l.cores = calls.InCores(accused[0])
	l.graph.set(calls, accused, nil, nil)
	l.graph.zoom(trunk(calls, accused, f.Location.Function))
	l.places = placesOf(calls, accused, f.Location.Path)
}

// almostAll is the part of the weight with which a call is a link of the chain
// that all of it goes through, a few stray samples aside.
const almostAll = 0.98

// trunk is the call from which on a graph has something to tell: where all that
// is accused has one caller after another, the graph need not show them, since
// the path above it does. It does not go past the function that the finding
// names.
func trunk(calls *analyze.Calls, weights []float64, until string) int32 {
	node := int32(0)
	for {
		next := int32(0)
		for k := calls.Nodes[node].First; k != 0; k = calls.Nodes[k].Next {
			if weights[k] >= almostAll*weights[0] {
				next = k
			}
		}
		if next == 0 || weights[0] <= 0 {
			return node
		}
		if node = next; callName(calls, node) == until {
			return node
		}
	}
}

// placesOf finds the file and line of functions where most of the weight passes
// through them.
func placesOf(calls *analyze.Calls, weights []float64, names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	wanted := make(map[string]int, len(names))
	for i, name := range names {
		wanted[name] = i + 1
	}
	index := make([]int, len(calls.Functions)) // into best, 0 for none
	for i := range calls.Functions {
		index[i] = wanted[calls.Functions[i].Name]
	}
	best := make([]int32, len(names)+1)
	for i := range calls.Nodes {
		f := calls.Nodes[i].Function
		if f < 0 || index[f] == 0 || weights[i] <= 0 {
			continue
		}
		if b := &best[index[f]]; *b == 0 || weights[i] > weights[*b] {
			*b = int32(i)
		}
	}
	places := make(map[string]string, len(names))
	for name, i := range wanted {
		if node := best[i]; node != 0 {
			n := &calls.Nodes[node]
			if file := calls.Functions[n.Function].File; file != "" {
				places[name] = fileAt(file, n.Line)
			}
		}
	}
	return places
}

// calls draws the slice of the profile that the finding accuses, as wide as the
// text, and as deep as a third of a page.
func (x *findingText) calls() {
	if x.slice.calls == nil {
		x.noCalls()
		return
	}
	g := &x.slice.graph
	g.resize(x.w)
	rows := g.height()
	if rows == 0 {
		return // the waste is none of the profile's CPU: the evidence says what it is
	}
	seen := min(rows, pick(x.seen, 4, 16, 8, 45, 12, 55, 18))
	x.put(x.theme.faint, "calls ").put(x.theme.plain, fmt.Sprintf("that it accuses: %.2f cores", x.slice.cores))
	if rows > seen {
		x.put(x.theme.faint, fmt.Sprintf(", %d rows of %d (2 shows all)", seen, rows))
	}
	x.end()
	g.draw(x.page, x.theme, 0, seen, nil)
}

// noCalls says why there is no graph, where the finding could have one.
func (x *findingText) noCalls() {
	switch c := &x.s.calls; {
	case x.s.exam.Profile() == nil:
	case c.exam != x.s.exam:
		x.line(x.theme.faint, "calls: the profile is being read …")
	case c.err != nil:
		x.field("calls", c.err.Error())
	}
}
