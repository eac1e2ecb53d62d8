package tui

import (
	"slices"
	"strings"

	"busywork/analyze"
	"busywork/profile/stacks"
)

// A way is where the cursor is: the calls from the root to it, and on which of
// them the graph is zoomed. From one window to the next it is known by names,
// because nodes are numbered anew. Where a call is missing from a window, the
// cursor waits on its nearest caller and goes back when the call is there again,
// unless it was moved meanwhile.
type way struct {
	nodes []int32 // from the root to the cursor; never empty while there is a tree
	zooms []int   // the depths that were zoomed to, ascending; the last one in nodes counts

	wanted []stacks.Function // where the cursor was put, root left out
	moved  bool              // since wanted was made
}

func (w *way) cursor() int32 { return w.nodes[len(w.nodes)-1] }

// top is the node that the graph is zoomed to, the root if it is not.
func (w *way) top() int32 {
	for _, depth := range slices.Backward(w.zooms) {
		if depth < len(w.nodes) {
			return w.nodes[depth]
		}
	}
	return w.nodes[0]
}

// to puts the cursor on a node. Zooms that it is outside of end.
func (w *way) to(c *analyze.Calls, node int32) {
	if node == w.cursor() {
		return
	}
	nodes := make([]int32, c.Nodes[node].Depth+1)
	for i := len(nodes) - 1; i > 0; i-- {
		nodes[i] = node
		node = c.Nodes[node].Parent
	}
	w.zooms = slices.DeleteFunc(w.zooms, func(depth int) bool {
		return depth >= len(nodes) || depth >= len(w.nodes) || nodes[depth] != w.nodes[depth]
	})
	w.nodes, w.moved = nodes, true
}

// zoom zooms in on a node on the way; false if the graph is there already.
func (w *way) zoom(depth int) bool {
	if n := len(w.zooms); depth <= 0 || n > 0 && w.zooms[n-1] >= depth {
		return false
	}
	w.zooms = append(w.zooms, depth)
	return true
}

// out takes the last zoom back; false if there is none.
func (w *way) out() bool {
	if len(w.zooms) == 0 {
		return false
	}
	w.zooms = w.zooms[:len(w.zooms)-1]
	return true
}

// leave keeps the way by names, before its tree goes. They are copies: one name
// would keep the names of the whole tree in memory.
func (w *way) leave(c *analyze.Calls) {
	if !w.moved || c == nil {
		return
	}
	w.wanted, w.moved = w.wanted[:0], false
	for _, node := range w.nodes[1:] {
		f := c.Functions[c.Nodes[node].Function]
		w.wanted = append(w.wanted, stacks.Function{Name: strings.Clone(f.Name), File: strings.Clone(f.File)})
	}
}

// find goes the way in another tree, as far as there is one.
func (w *way) find(c *analyze.Calls) {
	w.nodes = append(w.nodes[:0], 0)
	for i := range w.wanted {
		node := calleeNamed(c, w.cursor(), &w.wanted[i])
		if node == 0 {
			break
		}
		w.nodes = append(w.nodes, node)
	}
}

// missing is the name of the call that the cursor was put on, if this window does
// not have it.
func (w *way) missing() string {
	if w.moved || len(w.nodes) > len(w.wanted) {
		return ""
	}
	return w.wanted[len(w.wanted)-1].Name
}

// calleeNamed is the heaviest callee of that name, 0 if there is none. Of several,
// as scripts have them, one in the same file is preferred.
func calleeNamed(c *analyze.Calls, node int32, f *stacks.Function) int32 {
	found := int32(0)
	for k := c.Nodes[node].First; k != 0; k = c.Nodes[k].Next {
		if g := &c.Functions[c.Nodes[k].Function]; g.Name == f.Name {
			if g.File == f.File {
				return k
			}
			if found == 0 {
				found = k
			}
		}
	}
	return found
}

// follow zooms to where the way says and scrolls so that the cursor is seen.
func (f *flame) follow() {
	if f.calls == nil {
		return
	}
	f.loose = false
	f.graph.zoom(f.way.top())
	row := f.graph.rowOf(f.way.cursor())
	f.scroll(max(min(f.first, row), row-f.rooms.graph+1))
}

// scroll shows the graph from a row on, or from the nearest there is.
func (f *flame) scroll(first int) {
	f.first = max(0, min(first, f.graph.height()-f.rooms.graph))
}

// up goes to the caller; above the top of the graph, that is zoomed out for it.
func (f *flame) up(by int) {
	n := len(f.way.nodes) - 1
	f.way.to(f.calls, f.way.nodes[max(0, n-by)])
}

// down goes to the heaviest callee, as far as that is wide enough to be drawn.
func (f *flame) down(by int) {
	at := f.way.cursor()
	for range by {
		next := f.calls.Nodes[at].First
		if next == 0 || f.graph.index(next) < 0 {
			break
		}
		at = next
	}
	f.way.to(f.calls, at)
}

// sideways goes to what is drawn next to the cursor: a callee of the same caller,
// or, where there are no more of them, of the next one.
func (f *flame) sideways(by int) {
	if node := f.graph.beside(f.way.cursor(), by); node >= 0 {
		f.way.to(f.calls, node)
	}
}

// zoomIn zooms to the cursor.
func (f *flame) zoomIn() { f.way.zoom(len(f.way.nodes) - 1) }

// undo takes back what was done last to what is drawn; false if nothing was.
func (f *flame) undo() bool {
	return f.way.out() || f.same.clear()
}

// legible is how many cells a call should have that is gone to: a short name's.
const legible = 8

// reveal puts the cursor on a node below the root and zooms in until it can be
// seen, no farther than that takes: what is around it is half of what it says.
func (f *flame) reveal(node int32) {
	f.way.to(f.calls, node)
	f.graph.zoom(f.way.top())
	if f.graph.index(node) >= 0 {
		return
	}
	last := len(f.way.nodes) - 1
	for cells := legible; cells <= f.w; cells *= 2 {
		depth := f.depthFor(node, cells)
		for _, depth := range []int{min(depth, last-1), depth} {
			f.graph.zoom(f.way.nodes[depth])
			if f.graph.index(node) >= 0 {
				f.way.zoom(depth)
				return
			}
		}
	}
	f.way.zoom(last)
}

// depthFor is the depth of the outermost call above the cursor's node below which
// that is due so many cells; its own if there is none. What it then gets may be
// less, because each row rounds.
func (f *flame) depthFor(node int32, cells int) int {
	all := float64(f.w) * f.graph.weight(node)
	depth := len(f.way.nodes) - 1
	for depth > 0 && all/f.graph.weight(f.way.nodes[depth-1]) >= float64(cells) {
		depth--
	}
	return depth
}
