package tui

import (
	"slices"
	"strings"

	"busywork/analyze"
)

// A roster is the findings of the windows one after another, kept from
// flapping: a finding that one window of five seconds misses has not gone, and
// two that waste about the same do not change places at every window.
type roster struct {
	rows []*row // most waste first
}

// A row is one finding over time.
type row struct {
	id      string
	finding *analyze.Finding // as it was last seen
	state   rowState
	waste   float64 // cores, smoothed: what it is ordered by
	seen    int     // windows in which it was found
	missed  int     // windows in turn in which its rule looked and found it no more
}

// A rowState says how a finding stands.
type rowState uint8

const (
	rowThere rowState = iota
	rowNew            // since the last few windows
	rowQuiet          // not in this window, which may be chance
	rowBlind          // its rule could not look in this window
	rowGone           // not for several windows in turn
)

// What it takes to change a row's state. In the recorded incidents the rules
// find a waste in every window of 5 s, or in four of five where it is close to a
// limit: three misses in turn of such a one are seen once in 125 windows, ten
// minutes.
const (
	newWindows    = 3  // for so long a finding is new
	goneAfter     = 3  // misses in turn
	forgetAfter   = 15 // misses in turn; a minute in which it is seen to be gone
	smoothing     = 0.4
	overtakeRatio = 1.15 // the sampling error of a window of 5 s
)

// rowID names a finding over time: its figures change, what it is about does
// not.
func rowID(f *analyze.Finding) string {
	if f.Location.Function != "" {
		return f.Rule + "\x00" + f.Location.Function
	}
	return f.Rule + "\x00" + f.Subject
}

// rosterOf is the findings of one window alone, as it found them.
func rosterOf(r *analyze.Report) *roster {
	s := &roster{rows: make([]*row, 0, len(r.Findings))}
	named := make(map[string]*analyze.Finding, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		s.rows = append(s.rows, &row{id: name(named, f), finding: f, waste: f.Waste.Cores, seen: 1})
	}
	return s
}

// findingsOf is the findings of a window by the names that its roster gives them, and
// behind them their kin, which may stand for themselves in another window.
func findingsOf(r *analyze.Report) map[string]*analyze.Finding {
	named := make(map[string]*analyze.Finding, len(r.Findings))
	for i := range r.Findings {
		name(named, &r.Findings[i])
	}
	for i := range r.Findings {
		for k := range r.Findings[i].Kin {
			name(named, &r.Findings[i].Kin[k])
		}
	}
	return named
}

// name gives a finding a name that no other of its window has.
func name(named map[string]*analyze.Finding, f *analyze.Finding) string {
	id := rowID(f)
	for named[id] != nil {
		id += "+"
	}
	named[id] = f
	return id
}

func (s *roster) row(id string) *row {
	for _, r := range s.rows {
		if r.id == id {
			return r
		}
	}
	return nil
}

// next takes the next window in. first says that there was none before, so that
// nothing is new.
func (s *roster) next(r *analyze.Report, first bool) {
	found := rosterOf(r)
	byID := make(map[string]*row, len(s.rows))
	for _, old := range s.rows {
		byID[old.id] = old
	}
	inWindow, beneath := make(map[string]bool, len(found.rows)), s.beneath()
	for _, now := range found.rows {
		old := byID[now.id]
		if old == nil && found.only(now.finding.Rule) == now {
			if only := s.only(now.finding.Rule); only != nil && mayBeSame(only.finding, now.finding) {
				old = only
			}
		}
		if old != nil {
			inWindow[old.id] = true
			old.sawAgain(now.finding)
			continue
		}
		inWindow[now.id] = true
		if !first && !beneath[now.id] {
			now.state = rowNew
		}
		s.rows = append(s.rows, now)
	}
	looked, beneath := looked(r), found.beneath()
	s.rows = slices.DeleteFunc(s.rows, func(old *row) bool {
		switch {
		case inWindow[old.id]:
		case looked[old.finding.Rule]:
			old.miss()
		case old.state != rowGone:
			old.state = rowBlind
		}
		return old.missed >= forgetAfter || old.missed >= goneAfter && beneath[old.id]
	})
	s.order()
}

// mayBeSame says whether two findings of a rule, the only ones of their windows, may
// be one: a window without a profile tells no place in the code.
func mayBeSame(a, b *analyze.Finding) bool {
	return a.Location.Function == "" || b.Location.Function == ""
}

// only is the finding of a rule, nil if there is none or more than one.
func (s *roster) only(rule string) (only *row) {
	for _, r := range s.rows {
		if r.finding.Rule == rule && r.state != rowGone {
			if only != nil {
				return nil
			}
			only = r
		}
	}
	return only
}

// like is the finding of another window that a row is about, nil if it is not there:
// the one of its name or, where one of them tells no place, the only one of its rule.
func like(named map[string]*analyze.Finding, r *row) *analyze.Finding {
	if f := named[r.id]; f != nil {
		return f
	}
	var only *analyze.Finding
	for _, f := range named {
		if f.Rule == r.finding.Rule {
			if only != nil {
				return nil
			}
			only = f
		}
	}
	if only != nil && !mayBeSame(only, r.finding) {
		return nil
	}
	return only
}

// beneath is the findings that stand beneath others, of whose cause they are: they
// have not gone, and are not new when they stand for themselves again.
func (s *roster) beneath() map[string]bool {
	set := map[string]bool{}
	for _, r := range s.rows {
		for i := range r.finding.Kin {
			set[rowID(&r.finding.Kin[i])] = true
		}
	}
	return set
}

// looked is the rules that could look in this window: one that was skipped has
// not found that something is gone.
func looked(r *analyze.Report) map[string]bool {
	set := make(map[string]bool, len(r.Rules))
	for _, status := range r.Rules {
		set[status.Rule] = status.Status == "clean" || status.Status == "found"
	}
	return set
}

func (r *row) sawAgain(f *analyze.Finding) {
	r.finding = f
	r.waste += smoothing * (f.Waste.Cores - r.waste)
	r.seen++
	if r.missed >= goneAfter {
		r.seen = 1 // it has come back, with what it wastes now
		r.state, r.waste = rowNew, f.Waste.Cores
	}
	r.missed = 0
	if r.state == rowQuiet || r.state == rowBlind || r.state == rowNew && r.seen > newWindows {
		r.state = rowThere
	}
}

func (r *row) miss() {
	r.missed++
	r.state = rowQuiet
	if r.missed >= goneAfter {
		r.state = rowGone
	}
}

// order sorts the rows, and leaves those that are close to each other as they
// are: what is gone last, what is only suspected before that, then by waste.
func (s *roster) order() { settle(s.rows, (*row).overtakes) }

// settle puts each of a list before the first of those before it that it overtakes,
// so that none stands behind one that it overtakes, and those that are as good as
// equal stay where they are.
func settle[T any](list []T, overtakes func(a, b T) bool) {
	for i, moving := range list {
		at := slices.IndexFunc(list[:i], func(other T) bool { return overtakes(moving, other) })
		if at >= 0 {
			copy(list[at+1:i+1], list[at:i])
			list[at] = moving
		}
	}
}

func (r *row) overtakes(q *row) bool {
	if a, b := r.state == rowGone, q.state == rowGone; a != b {
		return b
	}
	if a, b := r.finding.Confidence == analyze.Suspected, q.finding.Confidence == analyze.Suspected; a != b {
		return b
	}
	if r.seen == 1 && r.missed == 0 { // it has no place yet
		return r.waste > q.waste
	}
	return r.waste > overtakeRatio*q.waste
}

// matching is the rows that a filter leaves.
func (s *roster) matching(filter string) []*row {
	if filter == "" {
		return s.rows
	}
	var list []*row
	for _, r := range s.rows {
		f := r.finding
		if contains(filter, f.Rule, f.Subject, f.Message, f.Location.Function, f.Location.File, string(f.Confidence), f.Severity.String()) {
			list = append(list, r)
		}
	}
	return list
}

// contains says whether the filter occurs in any of the texts, whatever the case.
func contains(filter string, texts ...string) bool {
	filter = strings.ToLower(filter)
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), filter) {
			return true
		}
	}
	return false
}
