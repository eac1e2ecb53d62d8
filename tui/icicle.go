package tui

import (
	"busywork/analyze"
)

// An icicle draws a tree of calls: the root on top, each call below its caller,
// and as wide as its part of the CPU. This file says which cells a call gets;
// icicle_draw.go what they look like.
//
// It lays out when it is first asked for something after a change, and keeps
// that: to move a cursor over it costs only the drawing. It knows nothing of
// cursors itself.
type icicle struct {
	calls   *analyze.Calls
	weights []float64 // by node, what widths go by; nil for the CPU seconds
	hatched []float64 // by node, the part of its weight that is waste; nil if none is
	before  []float64 // by node, cores at the mark; nil if there is none

	top      int32 // the node that is drawn as wide as there is room
	w        int   // cells
	laid     bool  // what follows is up to date
	runs     []run // row by row, from left to right
	starts   []int // by row, its first run; and behind the last row, how many runs there are
	families [opFamilies]int
	parts    []part // kept for the next call of below
}

// A run is the cells of one call, or of several that are too narrow.
type run struct {
	node  int32
	x, w  int
	waste int  // how many of the cells, at the right end, are waste
	rest  bool // callees of node that would be narrower than a cell, together
	made  bool // text is
	text  string
}

// set gives the icicle another tree; weights, hatched and before have an element
// a node or are nil, as the fields say. It is zoomed out then.
func (g *icicle) set(calls *analyze.Calls, weights, hatched, before []float64) {
	g.calls, g.weights, g.hatched, g.before = calls, weights, hatched, before
	g.top, g.laid = 0, false
}

// zoom draws a node, and what is below it, as wide as there is room.
func (g *icicle) zoom(node int32) {
	if node != g.top {
		g.top, g.laid = node, false
	}
}

// resize says how wide there is room.
func (g *icicle) resize(w int) {
	if w != g.w {
		g.w, g.laid = w, false
	}
}

// height is how many rows the graph has.
func (g *icicle) height() int {
	g.lay()
	return max(0, len(g.starts)-1)
}

// row is the runs of a row, from left to right.
func (g *icicle) row(i int) []run {
	if i < 0 || i >= g.height() {
		return nil
	}
	return g.runs[g.starts[i]:g.starts[i+1]]
}

// rowOf is the row that a node is in, or would be in if it was wide enough;
// negative above the top.
func (g *icicle) rowOf(node int32) int {
	return int(g.calls.Nodes[node].Depth - g.calls.Nodes[g.top].Depth)
}

// index is where a node is in its row, −1 if it is not drawn.
func (g *icicle) index(node int32) int {
	for i, r := range g.row(g.rowOf(node)) {
		if r.node == node && !r.rest {
			return i
		}
	}
	return -1
}

// at is the node at a cell; of the calls that are too narrow to be drawn, their
// caller. It is −1 where there is none.
func (g *icicle) at(x, row int) int32 {
	for _, r := range g.row(row) {
		if x >= r.x && x < r.x+r.w {
			return r.node
		}
	}
	return -1
}

// beside is the node that is drawn so many runs to the right of another, or to
// the left; −1 where there is none.
func (g *icicle) beside(node int32, by int) int32 {
	list, at := g.row(g.rowOf(node)), g.index(node)
	if at < 0 { // too narrow to be drawn: what is beside it is not known
		return -1
	}
	for i := at + by; i >= 0 && i < len(list); i += by {
		if !list[i].rest {
			return list[i].node
		}
	}
	return -1
}

// absurd is a weight that no number of CPUs comes to, and small enough for a
// million of them to be added.
const absurd = 1e100

// weight is what a node's width goes by. Figures that make no sense, as hostile
// profiles have them, count as nothing.
func (g *icicle) weight(node int32) float64 {
	v := g.calls.Nodes[node].Seconds
	if g.weights != nil {
		v = g.weights[node]
	}
	if v > 0 && v < absurd {
		return v
	}
	return 0
}

// lay gives every call its cells, row by row.
func (g *icicle) lay() {
	if g.laid {
		return
	}
	g.laid = true
	g.runs, g.starts, g.families = g.runs[:0], g.starts[:0], [opFamilies]int{}
	if g.calls == nil || len(g.calls.Nodes) == 0 || g.w <= 0 || g.weight(g.top) == 0 {
		return
	}
	g.add(run{node: g.top, w: g.w})
	for from := 0; from < len(g.runs); {
		to := len(g.runs)
		g.starts = append(g.starts, from)
		for i := from; i < to; i++ {
			if !g.runs[i].rest {
				g.below(g.runs[i])
			}
		}
		from = to
	}
	g.starts = append(g.starts, len(g.runs))
}

// add takes a run in and says how much of it is waste.
func (g *icicle) add(r run) {
	if !r.rest {
		g.families[familyOf(g.calls.Nodes[r.node].Op)] += r.w
		if g.hatched != nil {
			part := g.hatched[r.node] / g.weight(r.node)
			r.waste = int(part*float64(r.w) + 0.5)
			if !(part > 0) { // or not a number
				r.waste = 0
			}
			r.waste = max(0, min(r.waste, r.w))
		}
	}
	g.runs = append(g.runs, r)
}

// A part is what gets some of the cells below a call: a callee, the callees that
// are narrower than a cell together, or the call itself.
type part struct {
	node  int32
	quota float64 // cells, in fractions
	cells int
}

// nearly is what sums of fractions may be off by; a callee that has all of its
// caller's one cell must not get lost for it.
const nearly = 1e-9

// below shares the cells below a call out among its callees. What the call does
// itself stays empty, at the right. Where callees come to more than their caller,
// as no sane profile has it, they share what there is.
func (g *icicle) below(r run) {
	nodes, sum := g.calls.Nodes, 0.0
	for k := nodes[r.node].First; k != 0; k = nodes[k].Next {
		sum += g.weight(k)
	}
	if sum == 0 {
		return
	}
	whole := max(g.weight(r.node), sum)
	rest := part{node: r.node}
	g.parts = g.parts[:0]
	for k := nodes[r.node].First; k != 0; k = nodes[k].Next {
		if quota := g.weight(k) / whole * float64(r.w); quota >= 1-nearly {
			g.parts = append(g.parts, part{node: k, quota: quota})
		} else {
			rest.quota += quota
		}
	}
	callees := len(g.parts)
	g.parts = append(g.parts, rest, part{quota: (whole - sum) / whole * float64(r.w)})
	apportion(g.parts, r.w)
	x := r.x
	for i, part := range g.parts[:callees+1] {
		if part.cells > 0 {
			g.add(run{node: part.node, x: x, w: part.cells, rest: i == callees})
			x += part.cells
		}
	}
}

// apportion shares cells out by quotas that add up to them: whole cells first,
// and what is left to the largest remainders, of equal ones to the first.
func apportion(parts []part, cells int) {
	for i := range parts {
		parts[i].cells = int(parts[i].quota + nearly)
		cells -= parts[i].cells
	}
	for ; cells > 0; cells-- {
		most := 0
		for i := range parts {
			if parts[i].quota-float64(parts[i].cells) > parts[most].quota-float64(parts[most].cells) {
				most = i
			}
		}
		parts[most].cells++
	}
}
