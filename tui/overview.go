package tui

import (
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
)

// The overview is the first screen: how the host is and was, whether work waits,
// what is wasted, and where all the CPU went. Its parts, a file each, are drawn
// when there is something new to show; only the findings, which have the cursor,
// are drawn for every frame.
type overview struct {
	w, h  int
	parts overviewLayout
	scene *scene
	enter key.Binding

	list    list   // of findings
	id      string // of the finding that the cursor is on
	chosen  bool   // by the user
	depth   int    // rows that a finding takes
	name    int    // width of the longest name of a rule
	columns findingColumns

	atMark map[string]*analyze.Finding // by name, as they were at the mark
	mark   *analyze.Examination        // what atMark is of
	queue  string                      // whose depth is shown
	wasted float64                     // cores in this window, as a target is ranked by

	levers []analyze.Lever
	above  string // all that is above the findings
	ledger string // beside or below them
}

func newOverview() screen { return &overview{enter: bind("enter", "open the finding", "enter")} }

func (o *overview) SetSize(w, h int) {
	o.w, o.h = w, h
	o.draw()
}

func (o *overview) Show(s *scene) {
	if o.scene == nil || o.scene.of != s.of {
		o.chosen = false
	}
	o.scene = s
	if !o.chosen { // nobody has moved the cursor: it is on what wastes most
		o.list.to(0)
		o.id = ""
	}
	if s.mark != o.mark {
		o.mark, o.atMark = s.mark, nil
		if s.mark != nil {
			o.atMark = findingsOf(s.mark.Report)
		}
	}
	if r := s.report(); r != nil {
		o.wasted, o.levers = wasted(r), leversOf(r)
	}
	if at := slices.IndexFunc(s.rows, func(r *row) bool { return r.id == o.id }); at >= 0 {
		o.list.n = len(s.rows)
		o.list.at = at
	}
	o.draw()
}

// draw makes all but the findings anew.
func (o *overview) draw() {
	s := o.scene
	if s == nil {
		return
	}
	depthOf := deepestQueue(s.report(), o.queue)
	if depthOf != nil {
		o.queue = depthOf.Name
	}
	o.parts = arrangeOverview(o.w, o.h, overviewContent{s.mark != nil, s.history.known, depthOf != nil})
	o.fit()
	o.above, o.ledger = "", ""
	if s.report() == nil {
		return
	}
	v := drawing{s: s, t: s.theme, r: s.report()}
	if s.mark != nil {
		v.then = s.mark.Report
	}
	band := v.history(o.parts.History)
	if o.parts.Depths.H > 0 {
		join := stacked
		if o.parts.Depths.X > 0 {
			join = beside
		}
		band = join(band, v.depths(o.parts.Depths, depthOf))
	}
	o.above = stacked(stacked(stacked(v.verdict(o.parts.Verdict), v.host(o.parts.Host)), v.queue(o.parts.Queue, depthOf)), band)
	o.ledger = v.ledger(o.parts.Ledger)
}

// A drawing is what the parts that do not move are drawn from.
type drawing struct {
	s *scene
	t *theme
	r *analyze.Report

	then *analyze.Report // at the mark; nil if there is none
}

// stacked puts one drawing below another; one without rows is "".
func stacked(top, bottom string) string {
	if top == "" || bottom == "" {
		return top + bottom
	}
	return top + "\n" + bottom
}

func (o *overview) View() string {
	if o.w <= 0 || o.h <= 0 {
		return ""
	}
	if o.scene.report() == nil {
		p := newPage(o.w, o.h)
		if o.scene != nil {
			o.scene.waiting(p)
		}
		return p.String()
	}
	if o.parts.Ledger.X > 0 {
		return stacked(o.above, beside(o.findings(), o.ledger))
	}
	return stacked(stacked(o.above, o.findings()), o.ledger)
}

func (o *overview) Keys() []key.Binding { return []key.Binding{o.enter} }

func (o *overview) Key(k tea.KeyMsg) (tea.Cmd, bool) {
	if o.scene == nil {
		return nil, false
	}
	if key.Matches(k, o.enter) {
		return o.open(), true
	}
	done := o.list.key(k, o.scene.keys)
	o.chosen = o.chosen || done
	o.moved()
	return nil, done
}

// Click puts the cursor on a finding; a second one opens it.
func (o *overview) Click(x, y int) tea.Cmd {
	f := o.parts.Findings
	y -= f.Y + o.titleRows()
	if !f.contains(x, f.Y) || y < 0 || o.depth == 0 {
		return nil
	}
	before := o.id
	if !o.list.click(y / o.depth) {
		return nil
	}
	o.chosen = true
	if o.moved(); o.id == before {
		return o.open()
	}
	return nil
}

func (o *overview) Wheel(rows int) {
	o.list.wheel(rows)
	o.chosen = true
	o.moved()
}

// moved remembers which finding the cursor is on.
func (o *overview) moved() {
	if r := o.Subject(); r != nil {
		o.id = r.id
	}
}

// open asks for the finding under the cursor.
func (o *overview) open() tea.Cmd {
	r := o.Subject()
	if r == nil {
		return nil
	}
	return o.scene.opens(r.id)
}

// Subject is the finding that the cursor is on, nil if there is none.
func (o *overview) Subject() *row {
	if o.scene == nil || o.list.at >= len(o.scene.rows) {
		return nil
	}
	return o.scene.rows[o.list.at]
}
