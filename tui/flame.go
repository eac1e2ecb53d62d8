package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
)

// flame is the screen of the whole CPU profile: an icicle graph with a cursor.
// What it is at survives the next window, where the same calls have other
// numbers and widths. flame_view.go says what it looks like, flame_way.go where
// the cursor is, flame_search.go what is highlighted, flame_waste.go what is
// hatched, and what has changed.
type flame struct {
	w, h  int
	rooms flameRooms
	keys  flameKeys

	scene  *scene
	shown  *analyze.Examination // of the last scene
	behind int                  // windows that have come without their tree of calls
	exam   *analyze.Examination // whose tree is drawn; nil if none is
	calls  *analyze.Calls

	graph  icicle
	way    way
	first  int  // the row of the graph that is drawn first
	loose  bool // it was scrolled to: it need not have the cursor on it
	search search
	same   sameFunction
	wastes wastes
	diff   diff
}

// flameKeys are the keys of this screen alone.
type flameKeys struct {
	Left, Right, In, Out, Match, Before, Same, Waste, Diff key.Binding
}

func newFlame() screen {
	return &flame{
		keys: flameKeys{
			In:     bind("enter", "zoom in", "enter"),
			Out:    bind("u", "zoom out", "u"),
			Left:   bind("h ←", "to the left", "h", "left"),
			Right:  bind("l →", "to the right", "l", "right"),
			Waste:  bind("x", "hatch: of all findings, of each", "x"),
			Same:   bind("f", "highlight: the same function everywhere", "f"),
			Diff:   bind("d", "diff: against the mark, or not", "d"),
			Match:  bind("n", "next match", "n"),
			Before: bind("N", "match before", "N"),
		},
		diff: diff{wanted: true},
	}
}

func (f *flame) Keys() []key.Binding {
	k := &f.keys
	return []key.Binding{k.In, k.Out, k.Waste, k.Same, k.Diff, k.Match, k.Before, k.Left, k.Right}
}

func (f *flame) SetSize(w, h int) {
	f.w, f.h, f.rooms = w, h, arrangeFlame(h)
	f.graph.resize(w)
	f.follow()
}

// Show takes a scene in. Most of them differ from the one before in something
// else; what a new tree of calls, mark or filter costs is paid only for such.
func (f *flame) Show(s *scene) {
	if f.scene != nil && f.scene.of != s.of {
		f.adopt(nil, nil)
		f.way, f.same = way{}, sameFunction{}
	}
	f.scene = s
	if s.exam != f.shown {
		f.shown = s.exam
		f.behind++
	}
	if s.calls.exam == s.exam {
		f.behind = 0
	}
	exam, calls := s.calls.exam, s.calls.calls
	if s.exam == nil || calls == nil || len(calls.Nodes) == 0 || exam != s.exam && s.exam.Profile() == nil {
		exam, calls = nil, nil
	}
	another := calls != f.calls
	if another {
		f.adopt(exam, calls)
	}
	if f.calls == nil {
		return
	}
	changed := f.wastes.show(f.calls, f.exam, s.open)
	changed = f.diff.show(f.calls, f.exam, s) || changed
	if another || changed {
		f.redraw()
	}
	f.search.show(f.calls, s.filter)
	if f.graph.zoom(f.way.top()); f.loose {
		f.scroll(f.first)
	} else {
		f.follow()
	}
}

// adopt takes another tree in, and finds in it what was looked at in the old one.
func (f *flame) adopt(exam *analyze.Examination, calls *analyze.Calls) {
	f.way.leave(f.calls)
	f.exam, f.calls = exam, calls
	f.search, f.wastes, f.diff = search{}, wastes{choice: f.wastes.choice}, diff{wanted: f.diff.wanted}
	f.graph.set(nil, nil, nil, nil)
	if calls == nil {
		return
	}
	f.way.find(calls)
	f.same.find(calls)
}

// redraw gives the graph all that it draws anew.
func (f *flame) redraw() {
	f.graph.set(f.calls, nil, f.wastes.hatched(), f.diff.cores())
	f.graph.zoom(f.way.top())
}

// Key moves the cursor, or changes what is drawn. Esc is taken only while there
// is something of this screen to undo.
func (f *flame) Key(k tea.KeyMsg) (tea.Cmd, bool) {
	if f.calls == nil {
		return nil, false
	}
	if f.move(k) {
		f.follow()
		return nil, true
	}
	is := func(b key.Binding) bool { return key.Matches(k, b) }
	switch {
	case is(f.keys.In):
		f.zoomIn()
	case is(f.keys.Out), is(f.scene.keys.Back):
		if !f.undo() {
			return nil, is(f.keys.Out)
		}
	case is(f.keys.Match):
		return f.toMatch(1), true
	case is(f.keys.Before):
		return f.toMatch(-1), true
	case is(f.keys.Same):
		f.same.toggle(f.calls, f.way.cursor())
	case is(f.keys.Waste):
		return f.nextWaste(), true
	case is(f.keys.Diff):
		return f.toggleDiff(), true
	default:
		return nil, false
	}
	f.follow()
	return nil, true
}

// move is the keys that move the cursor.
func (f *flame) move(k tea.KeyMsg) bool {
	is := func(b key.Binding) bool { return key.Matches(k, b) }
	switch keys := f.scene.keys; {
	case is(keys.Up):
		f.up(1)
	case is(keys.Down):
		f.down(1)
	case is(keys.PageUp):
		f.up(max(1, f.rooms.graph-1))
	case is(keys.PageDown):
		f.down(max(1, f.rooms.graph-1))
	case is(keys.Home):
		f.way.to(f.calls, f.way.top())
	case is(keys.End):
		f.down(len(f.calls.Nodes))
	case is(f.keys.Left):
		f.sideways(-1)
	case is(f.keys.Right):
		f.sideways(1)
	default:
		return false
	}
	return true
}

// Click selects, and zooms in on what is selected already.
func (f *flame) Click(x, y int) tea.Cmd {
	row := y - f.rooms.title
	if f.calls == nil || row < 0 || row >= f.rooms.graph {
		return nil
	}
	switch node := f.graph.at(x, f.first+row); node {
	case -1:
		return nil
	case f.way.cursor():
		f.zoomIn()
	default:
		f.way.to(f.calls, node)
	}
	f.follow()
	return nil
}

// Wheel scrolls down the stacks; the cursor stays where it is.
func (f *flame) Wheel(rows int) {
	if f.calls != nil {
		f.loose = true
		f.scroll(f.first + rows)
	}
}
