package tui

import (
	"math"
	"strconv"
	"strings"

	"busywork/analyze"
	"busywork/analyze/report"
)

// What the first cell of a run says. It also parts the run from its neighbour
// where there are no colours; where the run is wide enough to say it in its text,
// it does no more than that.
const (
	signPlain = '▏'
	signWaste = '▒' // so much of the run, from its right end on, is waste
	signMore  = '▲' // than at the mark
	signLess  = '▼'
	signRest  = '·' // calls that are narrower than a cell
	signAt    = '▸' // the cursor
	signMatch = '/' // the search has found it
	signSame  = '=' // the function that is highlighted
)

// An accent says that a node is drawn in another way than the others: with
// another sign and look. ok is false where it is not.
type accent func(node int32) (sign rune, look style, ok bool)

// draw writes rows of the graph, from that row on, as full rows of the page;
// rows that the graph does not have are empty. accent may be nil.
func (g *icicle) draw(p *page, t *theme, from, rows int, accent accent) {
	for i := from; i < from+rows && p.rows() > 0; i++ {
		list := g.row(i)
		for k := range list {
			r := &list[k]
			p.tab(r.x)
			if r.rest {
				p.fill(t.faint, signRest, r.w)
				continue
			}
			sign, look := g.look(t, r)
			if accent != nil {
				if s, l, ok := accent(r.node); ok {
					sign, look = s, l
				}
			}
			g.drawRun(p, r, sign, look)
		}
		p.end()
	}
}

// drawRun writes one run: its sign, its text, and hatching as far to the left as
// the waste goes and the text leaves room.
func (g *icicle) drawRun(p *page, r *run, sign rune, look style) {
	if !r.made {
		r.text, r.made = g.text(r), true
	}
	end := p.x + r.w
	p.begin(look)
	p.fill(style{}, sign, 1).put(style{}, r.text)
	if r.text != "" && end-p.x > 1 {
		p.tab(p.x + 1)
	}
	p.tab(end-r.waste).fill(style{}, signWaste, min(r.waste, end-p.x)).tab(end)
	p.finish(look)
}

// look is the sign and the colours of a run: by what it does, or, where there is
// a mark, by how it has changed.
func (g *icicle) look(t *theme, r *run) (rune, style) {
	sign := signPlain
	if r.w == 1 && r.waste == 1 {
		sign = signWaste
	}
	if g.before == nil {
		return sign, t.ops[familyOf(g.calls.Nodes[r.node].Op)]
	}
	look := t.steady
	switch change := g.changed(r.node); {
	case change > 0 && r.w >= deltaFrom:
		look = t.grown
	case change > 0:
		sign, look = signMore, t.grown
	case change < 0 && r.w >= deltaFrom:
		look = t.shrunk
	case change < 0:
		sign, look = signLess, t.shrunk
	}
	return sign, look
}

// changed is 1 if a node costs more than at the mark and −1 if it costs less. What
// sampling alone explains is no change: numbers of samples that differ by less
// than twice the square root of their sum, which 95 % of equal ones do. Both
// profiles count as sampled equally often.
func (g *icicle) changed(node int32) int {
	now, was := g.calls.InCores(g.calls.Nodes[node].Seconds), g.before[node]
	sample := g.calls.Cores / g.calls.Samples // cores
	if d := now - was; !(math.Abs(d) > 2*math.Sqrt((now+was)*sample)) {
		return 0
	} else if d < 0 {
		return -1
	}
	return 1
}

// Widths from which a run has room for more than a name.
const (
	nameFirst  = 12 // up to here the name matters more than how much is hatched
	hatchFrom  = 8  // so many hatched cells are seen, whatever the name
	sharedFrom = 17 // its share of all CPU: a name of ten letters is left
	deltaFrom  = 13 // how much it has changed: one of six is
)

// text is what stands in a run behind its sign: the name, the share, and, in
// words, what kind of work begins here.
func (g *icicle) text(r *run) string {
	room := r.w - 1
	if r.waste > 0 { // at least one cell shows it, and more of a wide run
		room = max(min(room-1, nameFirst), room-min((r.waste+1)/2, hatchFrom))
	}
	if room < 2 {
		return "" // one letter says nothing
	}
	if g.before != nil {
		delta := g.delta(r)
		return delta + shorten(callName(g.calls, r.node), room-width(delta))
	}
	text := shorten(callName(g.calls, r.node), room)
	if r.w < sharedFrom {
		return text
	}
	if share := " " + percent(g.share(r.node)); width(text)+len(share) <= room {
		text += share
	}
	if family := " " + familyNames[familyOf(g.calls.Nodes[r.node].Op)]; g.begins(r.node) && width(text)+len(family) <= room {
		text += family
	}
	return text
}

// delta is how a run has changed since the mark, with a space behind it; nothing
// if it has not, or there is no room.
func (g *icicle) delta(r *run) string {
	change := g.changed(r.node)
	if change == 0 || r.w < deltaFrom {
		return ""
	}
	sign := string(signMore)
	if change < 0 {
		sign = string(signLess)
	}
	d := g.calls.InCores(g.calls.Nodes[r.node].Seconds) - g.before[r.node]
	return sign + strconv.FormatFloat(math.Abs(d), 'f', 2, 64) + " "
}

// share is the part of all weight that a node has, 0 to 1.
func (g *icicle) share(node int32) float64 {
	if all := g.weight(0); all > 0 {
		return g.weight(node) / all
	}
	return 0
}

// begins says that a node is of another kind than its caller.
func (g *icicle) begins(node int32) bool {
	n := &g.calls.Nodes[node]
	return node != 0 && (n.Parent == 0 || familyOf(n.Op) != familyOf(g.calls.Nodes[n.Parent].Op))
}

// callName is the full name of a node's function, "all" for the root.
func callName(c *analyze.Calls, node int32) string {
	if f := c.Nodes[node].Function; f >= 0 {
		return c.Functions[f].Name
	}
	return "all"
}

// shorten makes a function's name fit into n cells. The end of it says most, so
// the directory of the package goes first, then the package, then the receiver:
// "offer.func1" says more than "dispatch.(…".
func shorten(name string, n int) string {
	name = report.ShortName(name)
	if width(name) <= n {
		return name
	}
	if _, inside, ok := strings.Cut(name, "."); ok && inside != "" {
		name = inside
	}
	if width(name) > n && strings.HasPrefix(name, "(") {
		if _, method, ok := strings.Cut(name, ")."); ok && method != "" {
			name = method
		}
	}
	return cut(name, n)
}
