package gate

import (
	"fmt"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/perf/benchunit"

	"busywork/analyze"
	"busywork/analyze/gate/blame"
	"busywork/analyze/report"
)

// What all forms of output say in the same words.

// exponentMetric is the metric whose Effect is a difference and not a relative change.
const exponentMetric = "exponent"

// titles names each row: "BenchmarkCancel/depth=10k cpu"; where the rows are of
// several packages, with the last element of the package's path.
func (r *Result) titles() []string {
	packages := map[string]bool{}
	for _, row := range r.Rows {
		packages[row.Package] = true
	}
	list := make([]string, len(r.Rows))
	for i, row := range r.Rows {
		list[i] = row.Name
		if row.Package != "" && len(packages) > 1 {
			list[i] = path.Base(row.Package) + "." + row.Name
		}
		if r.Gate != "budget" { // whose names are keys that say it
			list[i] += " " + row.Metric
		}
	}
	return list
}

// run is the result without the rows of what was not run: for people, who would
// search in them for those that were.
func (r *Result) run() *Result {
	ran := *r
	ran.Rows = slices.DeleteFunc(slices.Clone(r.Rows), func(row Row) bool { return row.Unchanged })
	return &ran
}

// word is the verdict on a row, and whether somebody has accepted it.
func (r *Row) word() string {
	switch {
	case r.forgiven():
		return "accepted"
	case r.Verdict == Slower && r.Accepted != nil:
		return "expired"
	}
	return string(r.Verdict)
}

// change is the effect of a row in figures, "" where it is not known.
func (r *Row) change() string {
	if r.Effect == nil {
		return ""
	}
	v := r.Effect.Value
	if r.Effect.Low == r.Effect.High && v != 0 && math.Abs(v) < 0.0005 { // counted: one of 12345 is one
		return fmt.Sprintf("%+.1g %%", 100*v)
	}
	return r.moved(v)
}

// between is the interval of the effect, "" where there is none.
func (r *Row) between() string {
	if r.Effect == nil || r.Effect.Low == r.Effect.High {
		return ""
	}
	return r.moved(r.Effect.Low) + " to " + r.moved(r.Effect.High)
}

// against is what the effects of a gate are relative to.
func (r *Result) against() string {
	if r.Gate == "budget" {
		return "to limit"
	}
	return "change"
}

// moved is an effect of this row's metric.
func (r *Row) moved(v float64) string {
	if r.Metric == exponentMetric {
		return fmt.Sprintf("%+.2f", v)
	}
	return signed(v)
}

// measured is the figure of head; an exponent with its error, since it is an
// estimate and not what was counted.
func (r *Row) measured() string {
	s := r.quantity(r.Head)
	if i := r.HeadInterval; s != "" && i != nil && r.Metric == exponentMetric {
		s += fmt.Sprintf(" ± %.2f", (i.High-i.Low)/2)
	}
	return s
}

// quantity is a figure of the row with its unit, "" if there is none. What is
// exact keeps all its digits: 12345 and 12346 allocations are not the same.
func (r *Row) quantity(v *float64) string {
	if v == nil {
		return ""
	}
	unit, _, _ := strings.Cut(r.Unit, "/") // for one operation, for one job: the title says which
	switch {
	case unit == "s":
		return benchunit.Scale(*v, benchunit.Decimal) + "s"
	case unit == "allocs":
		return counted(*v)
	case unit == "B" && math.Abs(*v) < 1e7: // up to here the digits can be read
		return counted(*v) + " B"
	case unit == "B":
		return benchunit.Scale(*v, benchunit.Binary) + "B"
	case unit == "instructions":
		return benchunit.Scale(*v, benchunit.Decimal)
	case unit == "":
		unit = "1"
	}
	return report.Figure(*v, unit)
}

// acceptance is what a row's acceptance says, "" if it has none.
func (r *Row) acceptance() string {
	switch a := r.Accepted; {
	case a == nil || r.Verdict != Slower:
		return ""
	case a.Expired:
		return fmt.Sprintf("it was accepted until %s, which is over: %s", a.Until, a.Reason)
	default:
		return fmt.Sprintf("accepted until %s: %s", a.Until, a.Reason)
	}
}

// causeSentence is what a cause comes to: "+16 points (+14 to +18) in
// queue.(*Delayed).Cancel (queue/delayed.go:41) → slices.IndexFunc: linear search
// (linear-queue-scan)".
func causeSentence(c *blame.Cause) string {
	s := "in "
	if c.Points != (analyze.Interval{}) { // of a budget, nothing says how many
		s = points(c.Points) + " in "
	}
	s += report.Where(analyze.Location{Function: c.Function, File: c.File, Line: c.Line})
	for _, f := range c.Callees {
		s += " → " + report.ShortName(f)
	}
	if c.Operation != "" {
		s += ": " + c.Operation
	}
	if c.Rule != "" {
		s += " (" + c.Rule + ")"
	}
	return s
}

// points are percentages of what one operation of base costs.
func points(i analyze.Interval) string {
	digits := 0
	if math.Abs(i.Value) < 0.0995 {
		digits = 1
	}
	of := func(v float64) string { return fmt.Sprintf("%+.*f", digits, 100*v) }
	s := of(i.Value) + " points"
	if i.Low != i.High {
		s += " (" + of(i.Low) + " to " + of(i.High) + ")"
	}
	return s
}

// verdictNames is how many regressions a sentence names.
const verdictNames = 3

// sentence is the outcome in words.
func (r *Result) sentence() string {
	titles := r.titles()
	var names []string
	var unsure, expired, forgiven int
	for i := range r.Rows {
		row := &r.Rows[i]
		switch {
		case row.fails():
			names = append(names, strings.TrimSpace(titles[i]+" "+row.change()))
			if row.Accepted != nil {
				expired++
			}
		case row.forgiven():
			forgiven++
		case row.Verdict == Inconclusive:
			unsure++
		}
	}
	var s string
	switch of := figuresOf(len(r.Rows)); {
	case len(r.Rows) == 0:
		s = "inconclusive: nothing was judged"
	case len(names) > 0:
		is := "is"
		if len(names) > 1 {
			is = "are"
		}
		s = fmt.Sprintf("regression: %d of %s %s worse: %s", len(names), of, is, firstOf(names))
	case unsure == len(r.Rows):
		s = "inconclusive: of " + of + " none could be judged"
	case unsure > 0:
		s = fmt.Sprintf("inconclusive: none of %s is known to be worse, but %d could not be judged", of, unsure)
	default:
		s = fmt.Sprintf("pass: none of %s is worse", of)
		if forgiven > 0 {
			s = fmt.Sprintf("pass: of %s none is worse but what is accepted", of)
		}
	}
	if len(names) > 0 && unsure > 0 {
		s += fmt.Sprintf("; %d could not be judged", unsure)
	}
	if expired > 0 {
		s += fmt.Sprintf("; expired acceptances: %d", expired)
	}
	if forgiven > 0 {
		s += fmt.Sprintf("; accepted regressions: %d", forgiven)
	}
	return s
}

// sides is what was compared: "base 1a2b3c4 · head the work tree".
func (r *Result) sides() string {
	var parts []string
	if r.Base != "" {
		parts = append(parts, "base "+r.Base)
	}
	if r.Head != "" {
		parts = append(parts, "head "+r.Head)
	}
	return strings.Join(parts, " · ")
}

func figuresOf(n int) string {
	if n == 1 {
		return "1 figure"
	}
	return fmt.Sprintf("%d figures", n)
}

// firstOf names the first few of a list.
func firstOf(names []string) string {
	if more := len(names) - verdictNames; more > 0 {
		return strings.Join(names[:verdictNames], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// local is a file's path as the services that show results in the source take it:
// relative to the repository, with slashes; "" for any other.
func local(file string) string {
	file = filepath.ToSlash(file)
	if strings.Contains(file, `\`) || !filepath.IsLocal(filepath.FromSlash(file)) {
		return ""
	}
	return path.Clean(file)
}
