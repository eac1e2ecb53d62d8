package gate

import (
	"io"
	"strings"

	"busywork/analyze/report"
)

// Text writes the result for a terminal: a table with an interval plot for each
// figure, then why of what got worse, where it comes from and what could not be
// judged, then the caveats. The last line is the outcome in words.
func Text(style report.Style) Renderer {
	return func(w io.Writer, r *Result) error {
		shown := r.run()
		t := text{Page: report.NewPage(w, style.Bounded(40)), r: shown, titles: shown.titles()}
		t.head()
		t.table()
		t.details()
		t.unjudged()
		for _, c := range r.Caveats {
			t.WrapFrom(t.Paint(report.Faint, "caveat")+"  ", 8, strings.Repeat(" ", 8), c)
		}
		if len(r.Caveats) > 0 {
			t.Line("")
		}
		t.outcome(r.sentence())
		return t.Flush()
	}
}

type text struct {
	report.Page
	r      *Result
	titles []string
}

func (t *text) head() {
	name := "gate " + t.r.Gate
	t.WrapFrom(t.Paint(report.Bold, name)+"  ", len(name)+2, "  ", t.r.sides())
	t.Line("")
}

// details says of each regression, accepted or not, why it is one and where it
// comes from.
func (t *text) details() {
	for i := range t.r.Rows {
		row := &t.r.Rows[i]
		if row.Verdict != Slower {
			continue
		}
		t.heading(row, t.titles[i])
		t.Wrap("  ", row.Why)
		for k := range row.Causes {
			c := &row.Causes[k]
			t.WrapFrom("  • ", 4, "    ", causeSentence(c))
			if c.Why != "" {
				t.Wrap("    ", c.Why)
			}
		}
		if s := row.acceptance(); s != "" {
			t.WrapFrom("  • ", 4, "    ", s)
		}
		t.Line("")
	}
}

// heading is a title over a row's details.
func (t *text) heading(row *Row, title string) {
	t.WrapFrom("", 0, "  ", t.painted(row, title))
}

// painted is each word of s in the colour of the row's verdict, so that lines can
// be broken between them.
func (t *text) painted(row *Row, s string) string {
	words := strings.Fields(s)
	for i := range words {
		words[i] = t.Paint(colour(row), words[i])
	}
	return strings.Join(words, " ")
}

// unjudged says why of what could not be judged: once for all figures with the
// same reason, such as files of different machines.
func (t *text) unjudged() {
	var reasons []string
	of := map[string][]int{}
	for i := range t.r.Rows {
		if row := &t.r.Rows[i]; row.Verdict == Inconclusive {
			if of[row.Why] == nil {
				reasons = append(reasons, row.Why)
			}
			of[row.Why] = append(of[row.Why], i)
		}
	}
	for _, why := range reasons {
		var names []string
		for _, i := range of[why] {
			names = append(names, t.titles[i])
		}
		t.heading(&t.r.Rows[of[why][0]], firstOf(names))
		t.Wrap("  ", why)
		t.Line("")
	}
}

func (t *text) outcome(sentence string) {
	sgr := report.Green
	switch t.r.Outcome {
	case Regression:
		sgr = report.Red
	case Unsure:
		sgr = report.Amber
	}
	word, rest, _ := strings.Cut(sentence, ":")
	t.WrapFrom(t.Paint(sgr, word+":")+" ", len(word)+2, "  ", rest)
}

// colour of a row's verdict.
func colour(r *Row) string {
	switch {
	case r.fails():
		return report.Red
	case r.forgiven() || r.Verdict == Inconclusive:
		return report.Amber
	case r.Verdict == Faster:
		return report.Green
	}
	return report.Faint
}
