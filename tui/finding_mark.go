package tui

import (
	"fmt"
	"math"
	"strings"

	"busywork/analyze"
)

// sinceMark answers "did the fix help?" for this finding.
func (x *findingText) sinceMark() {
	if x.s.mark == nil {
		return
	}
	x.put(x.theme.faint, x.s.sinceMark()+" ")
	if x.s.change != nil {
		if c := comparedAs(x.s.change.Went, x.f); c != nil {
			x.wrap(x.theme.good, 2, 0, "gone"+because(c.Reason)+x.cameTrue())
			return
		}
		if c := comparedAs(x.s.change.Unseen, x.f); c != nil {
			x.wrap(x.theme.notice, 2, 0, "nobody could look: "+c.Reason)
			return
		}
	}
	if x.was == nil {
		x.put(x.theme.bold, "not found there").end()
		return
	}
	x.changes()
	x.end()
}

// changes are those of the figures that stand above the evidence, which has a
// column for its own.
func (x *findingText) changes() {
	separator := ""
	write := func(name string, d float64, digits int, better sense, unit string) {
		text, look := x.theme.change(d, digits, better)
		if text == "=" {
			unit = ""
		}
		x.put(x.theme.plain, separator)
		if width(name)+1+width(text)+width(unit)+2 > x.left() {
			x.end().tab(2)
		}
		x.put(x.theme.plain, name+" ").put(look, text).put(x.theme.plain, unit)
		separator = ", "
	}
	if now, was := x.f.Waste.Cores, x.was.Waste.Cores; now != 0 || was != 0 {
		write("cores", now-was, 2, lessIsBetter, "")
	}
	if now, was := x.f.Delay, x.was.Delay; now != nil && was != nil {
		write("job-hours an hour", now.JobHours-was.JobHours, 0, lessIsBetter, "")
	}
	if now, was := x.f.Prediction, x.was.Prediction; now != nil && was != nil {
		write("host busy", 100*(now.Before-was.Before), 0, neutral, " points")
		write("after the fix", 100*(now.After-was.After), 0, neutral, " points")
	}
	if now, was := x.f.After, x.was.After; now != nil && was != nil {
		write("jobs possible", now.Value-was.Value, digitsOf(now.Value), moreIsBetter, " a second")
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// cameTrue holds the prediction against the host as it is now.
func (x *findingText) cameTrue() string {
	p := x.s.change.Prediction
	if p == nil {
		return ""
	}
	return fmt.Sprintf("; host busy was to be %s to %s and is %s: the prediction %s",
		analyze.Percent(p.Predicted.Low), analyze.Percent(p.Predicted.High), analyze.Percent(p.Outcome.Value), p.Verdict)
}

// comparedAs is the finding in a list of a comparison; nil if it is not there.
func comparedAs(list []analyze.ComparedFinding, f *analyze.Finding) *analyze.ComparedFinding {
	for i := range list {
		if c := &list[i]; c.Rule == f.Rule && c.Subject == f.Subject {
			return c
		}
	}
	return nil
}

// digitsOf is how many digits behind the point carry meaning, as report.Figure
// has them.
func digitsOf(v float64) int {
	switch a := math.Abs(v); {
	case a >= 100 || v == math.Trunc(v):
		return 0
	case a >= 10:
		return 1
	case a >= 0.1:
		return 2
	}
	return 3
}

// evidenceAt is the same figure of the finding at the mark; nil if it is not
// there.
func (x *findingText) evidenceAt(e *analyze.Evidence) *analyze.Evidence {
	if x.was == nil {
		return nil
	}
	for i := range x.was.Evidence {
		if was := &x.was.Evidence[i]; was.What == e.What && was.Unit == e.Unit {
			return was
		}
	}
	return nil
}

// evidenceChange is how a figure has changed since the mark. Which way is better
// is not known: a figure may speak for the finding or against it.
func (x *findingText) evidenceChange(e *analyze.Evidence) string {
	was := x.evidenceAt(e)
	switch {
	case x.s.mark == nil:
		return ""
	case was == nil:
		return unknown
	case strings.HasPrefix(e.Unit, "fraction"):
		text, _ := x.theme.change(100*(e.Value-was.Value), 0, neutral)
		return text
	}
	text, _ := x.theme.change(e.Value-was.Value, max(digitsOf(e.Value), digitsOf(was.Value)), neutral)
	return text
}
