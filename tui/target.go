package tui

import (
	"fmt"
	"slices"
	"time"

	"busywork/analyze"
	"busywork/tui/feed"
)

// A target is one of what is watched, with its windows as far as they are kept.
type target struct {
	name    string
	history history
	roster  roster // of the windows as they came

	newest *analyze.Examination // the last window; nil if there was none yet
	number int                  // of the newest
	at     time.Time            // when it ended
	err    error                // why the last window has nothing to show
	news   int                  // windows that have come with something to show, those read for their figures left out

	held   *analyze.Examination // what is looked at in place of the newest; nil while that is shown
	heldAt int                  // its number
	wanted int                  // the number of the window that is being loaded; 0 for none
	mark   *analyze.Examination

	openID string // of the finding that was opened last
	open   *row   // as it was last seen

	compared struct { // the last comparison
		mark, shown *analyze.Examination
		change      *analyze.Comparison
	}
	calls, markCalls callsMsg // the last trees of calls that were made: of what is shown, and of the mark
}

// settling is the number of windows at the start whose findings are not called
// new: the first is too short to find anything in.
const settling = 2

// arrive takes in a window.
func (t *target) arrive(a feed.Arrival) {
	if a.Exam != nil {
		t.history.add(a.Number, a.At, a.Exam.Report)
	}
	if a.Indexed {
		return
	}
	t.err = a.Err
	if a.Exam == nil {
		return
	}
	t.news++
	t.roster.next(a.Exam.Report, t.news <= settling)
	t.newest, t.number, t.at = a.Exam, a.Number, a.At
}

// shown is the window that is looked at, and its number.
func (t *target) shown() (*analyze.Examination, int) {
	if t.held != nil {
		return t.held, t.heldAt
	}
	return t.newest, t.number
}

// wasted is what a list of targets is ranked by: cores in the newest window.
func (t *target) wasted() float64 {
	if t.newest == nil {
		return 0
	}
	return wasted(t.newest.Report)
}

// overtakes says whether the target belongs before another one. With its first
// window it has no place yet.
func (t *target) overtakes(other *target) bool {
	ratio := overtakeRatio
	if t.news <= 1 {
		ratio = 1
	}
	a, b := t.wasted(), other.wasted()
	if max(a, b) < next0 { // then by what waits
		a, b = t.waits(), other.waits()
	}
	return a > ratio*b
}

// next0 is what rounds to no core.
const next0 = 0.005

// waits is how many jobs wait because of the worst finding of the newest window.
func (t *target) waits() (most float64) {
	if t.newest == nil {
		return 0
	}
	for i := range t.newest.Report.Findings {
		if f := &t.newest.Report.Findings[i]; f.Confidence != analyze.Suspected {
			most = max(most, waiting(f))
		}
	}
	return most
}

// figure is what the list of targets says of it.
func (t *target) figure() string {
	switch {
	case t.err != nil:
		return "!"
	case t.newest == nil:
		return "…"
	case t.wasted() < next0 && t.waits() > 0:
		return compact(t.waits()) + " wait"
	}
	return fmt.Sprintf("%.2f", t.wasted())
}

// title is what a target calls itself. Where that tells it from no other, as the
// recordings of a service or its instances, what it was given as comes first.
func (m *Model) title(t *target) string {
	name := t.ownName()
	same := func(other *target) bool { return other != t && other.ownName() == name }
	if name == t.name || m.feed.Live() && !slices.ContainsFunc(m.targets, same) {
		return name
	}
	return t.name + ": " + name
}

// ownName is what the service calls itself, if that is known.
func (t *target) ownName() string {
	if exam, _ := t.shown(); exam != nil && exam.Report.Target.Name != "" {
		return exam.Report.Target.Name
	}
	return t.name
}

// change compares what is shown with the mark, once.
func (t *target) change(mark, shown *analyze.Examination) *analyze.Comparison {
	if t.compared.mark != mark || t.compared.shown != shown {
		t.compared.mark, t.compared.shown = mark, shown
		t.compared.change = analyze.Compare(mark.Report, shown.Report)
	}
	return t.compared.change
}

// scene is what there is to show of the target.
func (t *target) scene(m *Model) *scene {
	s := &scene{
		theme: m.theme, keys: m.keys, target: m.title(t), live: m.feed.Live(), err: t.err,
		of: t, opens: m.openFinding, history: &t.history, filter: m.filter, mark: t.mark, calls: t.calls, markCalls: t.markCalls,
	}
	s.exam, s.number = t.shown()
	s.newest = t.held == nil
	if s.exam == nil {
		return s
	}
	r := &t.roster
	if t.held != nil {
		r = rosterOf(s.exam.Report)
	}
	s.rows, s.all = r.matching(m.filter), len(r.rows)
	if s.open = r.row(t.openID); s.open == nil && t.open != nil && t.open.id == t.openID {
		s.open = r.only(t.open.finding.Rule)
	}
	if s.open == nil && t.open != nil && t.open.id == t.openID {
		s.open = &row{id: t.open.id, finding: t.open.finding, waste: t.open.waste, state: rowGone}
	}
	if t.mark != nil {
		s.change = t.change(t.mark, s.exam)
	}
	return s
}
