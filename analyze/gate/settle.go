package gate

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"busywork/analyze"
	"busywork/analyze/gate/blame"
	"busywork/profile"
)

// Settle finishes a result, after which it can be rendered: its rows in order,
// regressions first, then what could not be judged, then what is accepted, then
// the others, each by package and name; its outcome from the rows; every string
// clean and every figure finite. Rows of one benchmark keep the order in which
// the gate made them.
func (r *Result) Settle() {
	r.Schema = ResultSchema
	analyze.Sanitise(r, inert)
	for i := range r.Rows {
		if r.Rows[i].Causes == nil {
			r.Rows[i].Causes = []blame.Cause{}
		}
	}
	if r.Rows == nil {
		r.Rows = []Row{}
	}
	if r.Caveats == nil {
		r.Caveats = []string{}
	}
	slices.SortStableFunc(r.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Name, b.Name))
	})
	r.Outcome = outcomeOf(r.Rows)
}

// outcomeOf is the verdict on the whole. Nothing judged is nothing known.
func outcomeOf(rows []Row) Outcome {
	outcome := Pass
	if len(rows) == 0 {
		outcome = Unsure
	}
	for i := range rows {
		switch {
		case rows[i].fails():
			return Regression
		case rows[i].Verdict == Inconclusive:
			outcome = Unsure
		}
	}
	return outcome
}

// fails says whether the row is a regression that nobody accepts, or no more.
func (r *Row) fails() bool { return r.Verdict == Slower && !r.forgiven() }

// forgiven says whether the row is a regression that is accepted.
func (r *Row) forgiven() bool {
	return r.Verdict == Slower && r.Accepted != nil && !r.Accepted.Expired
}

// urgency is the place of a row among the others.
func (r *Row) urgency() int {
	switch {
	case r.fails():
		return 0
	case r.Verdict == Inconclusive:
		return 1
	case r.forgiven():
		return 2
	}
	return 3
}

// longestString is how long a string of a result may be, in bytes: some screens of
// prose. Names come from programs and files that can make them as long as they
// like.
const longestString = 4096

// inert makes a string fit for every output: a clean, single line, and one that a
// CI system does not take for a command to itself when it meets it in a log.
// Those are words that begin with "::" (GitHub: ::add-mask::) and, anywhere, "##"
// (GitHub's ##[group], Azure's ##vso[…], ##teamcity[…]). Text is broken at blanks
// only, so nothing but a word can come to begin a line.
func inert(s string) string {
	s = profile.Clean(s)
	if len(s) > longestString {
		end := longestString - len("…")
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	for strings.Contains(s, "##") {
		s = strings.ReplaceAll(s, "##", "# #")
	}
	words := strings.Fields(s)
	for i, w := range words {
		rest := strings.TrimLeft(w, ":")
		if colons := len(w) - len(rest); colons >= 2 {
			words[i] = strings.Repeat(": ", colons-1) + ":" + rest
		}
	}
	return strings.Join(words, " ")
}
