package tui

import (
	"slices"
	"strconv"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// finding is the screen of one finding: all that is known of it, as one text to
// be scrolled. The headline, the sentence and the fix are on its first page,
// however small that is.
//
// The text is made when it is first seen after a change, so that a window which
// comes while another screen is looked at costs nothing here.
type finding struct {
	w, h           int
	s              *scene
	id             string // of the row that the text is about
	stale          bool   // the text is of an earlier scene, or of another size
	pager          pager
	slice          slice
	next, previous key.Binding
}

func newFinding() screen {
	return &finding{
		next:     bind("n", "next finding", "n"),
		previous: bind("N", "previous finding", "N"),
	}
}

func (f *finding) SetSize(w, h int) {
	if f.w != w || f.h != h {
		f.w, f.h, f.stale = w, h, true
	}
}

// Show stays where the text was scrolled to, as long as it is about the same.
func (f *finding) Show(s *scene) {
	id := ""
	if s.open != nil {
		id = s.open.id
	}
	if id != f.id {
		f.pager.top = 0
	}
	f.s, f.id, f.stale = s, id, true
}

func (f *finding) Keys() []key.Binding { return []key.Binding{f.next, f.previous} }

func (f *finding) Key(k tea.KeyMsg) (tea.Cmd, bool) {
	if f.s == nil {
		return nil, false
	}
	switch {
	case key.Matches(k, f.next):
		return f.step(1), true
	case key.Matches(k, f.previous):
		return f.step(-1), true
	}
	f.refresh()
	return nil, f.pager.key(k, f.s.keys)
}

// step asks for the finding after this one, or before it, in the order of the
// overview. From one that is not there, because it has been forgotten or the
// filter leaves it out, it goes to the first.
func (f *finding) step(by int) tea.Cmd {
	if len(f.s.rows) == 0 {
		return nil
	}
	i := f.s.place()
	to := max(0, min(i+by, len(f.s.rows)-1))
	if i < 0 {
		to = 0
	}
	if to == i {
		return nil
	}
	return f.s.opens(f.s.rows[to].id)
}

// place is where the finding that is open stands among those that the filter
// leaves, −1 if it is not one of them.
func (s *scene) place() int {
	if s.open == nil {
		return -1
	}
	return slices.IndexFunc(s.rows, func(r *row) bool { return r.id == s.open.id })
}

func (f *finding) Click(int, int) tea.Cmd { return nil }

func (f *finding) Wheel(rows int) {
	f.refresh()
	f.pager.scroll(rows)
}

func (f *finding) View() string {
	f.refresh()
	return f.pager.View()
}

// refresh makes the text, if it is not up to date.
func (f *finding) refresh() {
	if !f.stale || f.s == nil {
		return
	}
	f.stale = false
	f.pager.write(f.w, f.h, f.s.theme, func(p *page) {
		switch {
		case f.s.report() == nil:
			f.s.waiting(p)
		case f.s.open == nil:
			p.wrap(f.s.theme.plain, 0, 0, f.unopened())
		default:
			f.slice.set(f.s.calls.calls, f.s.open.finding)
			f.text(p).write()
		}
	})
}

// unopened says how to open a finding, where there is one.
func (f *finding) unopened() string {
	if f.s.all == 0 {
		return "Nothing was found in this window. The screen of the rules says which of them looked."
	}
	return "No finding is open. Choose one of the " + strconv.Itoa(f.s.all) + " in the overview (1) and press enter, or n for the first."
}

// text is the finding with all that the text about it is made from.
func (f *finding) text(p *page) *findingText {
	x := &findingText{
		page: p, theme: f.s.theme, s: f.s, slice: &f.slice,
		row: f.s.open, f: f.s.open.finding, report: f.s.report(), indent: indentIn(p.w), seen: f.h,
	}
	if f.s.mark != nil {
		x.was = like(findingsOf(f.s.mark.Report), x.row)
	}
	return x
}
