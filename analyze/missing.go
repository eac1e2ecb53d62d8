package analyze

import "strings"

// without is what is left of a need when some signals are there: those of All
// that are not, and Any unless one of it is.
func (s Signals) without(have Signal) Signals {
	left := Signals{All: s.All &^ have}
	if s.Any&have == 0 {
		left.Any = s.Any
	}
	return left
}

// missing says what of the need is not there, "" if nothing is.
func (s Signals) missing(have Signal) string {
	left := s.without(have)
	all, oneOf := strings.Join(left.All.names(), ", "), strings.Join(left.Any.names(), " or ")
	if all != "" && oneOf != "" {
		return all + ", and " + oneOf
	}
	return all + oneOf
}

// names are the signals of a set by name.
func (s Signal) names() (list []string) {
	for _, n := range signalNames {
		if s&n.signal != 0 {
			list = append(list, n.name)
		}
	}
	return list
}

// Missing is what of a need was not seen in the window of the report: all of All,
// and one of Any unless that is empty, would have to be had.
func (r *Report) Missing(need Signals) Signals { return need.without(r.have) }

// NotObserved is why a signal is not there that nothing went wrong with.
const NotObserved = "not observed"

// Unseen says of each signal in a need, whether of All or of Any, why it was not
// seen, or not all of it, and how to get it: in the report's own words where it
// has a gap, else how it is asked for. Of what was seen whole it says nothing.
func (r *Report) Unseen(need Signals) (list []ReportGap) {
	for _, n := range signalNames {
		if (need.All|need.Any)&n.signal == 0 {
			continue
		}
		known := false
		for _, g := range r.Gaps {
			if g.Signal == n.name {
				list = append(list, g)
				known = true
			}
		}
		if !known && r.have&n.signal == 0 {
			list = append(list, ReportGap{Signal: n.name, Reason: NotObserved, Hint: n.how})
		}
	}
	return list
}
