package tui

import (
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
		if only := r.only(t.open.finding.Rule); only != nil && mayBeSame(only.finding, t.open.finding) {
			s.open = only
		}
	}
	if s.open == nil && t.open != nil && t.open.id == t.openID {
		s.open = &row{id: t.open.id, finding: t.open.finding, waste: t.open.waste, state: rowGone}
	}
	if t.mark != nil {
		s.change = t.change(t.mark, s.exam)
	}
	return s
}
