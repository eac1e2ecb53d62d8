package tui

import (
	"slices"

	"busywork/analyze"
)

// leversTitle asks what the levers are the answers to.
const leversTitle = "Would it help?"

// leversOf is what people reach for in an incident, what helps first, and what
// nobody knows last.
func leversOf(r *analyze.Report) []analyze.Lever {
	list := slices.Clone(r.Levers)
	order := map[string]int{"yes": 0, "no": 1, "unknown": 2}
	slices.SortStableFunc(list, func(a, b analyze.Lever) int { return order[a.Helps] - order[b.Helps] })
	return list
}

// answer is whether a lever helps, in five cells.
func (t *theme) answer(l analyze.Lever) (style, string) {
	switch l.Helps {
	case "yes":
		return t.good, "yes  "
	case "no":
		return t.plain, "no   "
	}
	return t.faint, "?    "
}
