package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"busywork/analyze"
)

// A ComparisonRenderer writes a comparison in one form.
type ComparisonRenderer func(io.Writer, *analyze.Comparison) error

// ComparisonForms are the names that ComparisonByName knows.
var ComparisonForms = []string{"text", "json", "markdown"}

// ComparisonByName returns the renderer of that form.
func ComparisonByName(form string, style Style) (ComparisonRenderer, error) {
	switch form {
	case "text":
		return comparisonText(style), nil
	case "json":
		return comparisonJSON, nil
	case "markdown":
		return comparisonMarkdown, nil
	}
	return nil, fmt.Errorf("no form %q for a comparison; there are %s", form, strings.Join(ComparisonForms, ", "))
}

func comparisonJSON(w io.Writer, c *analyze.Comparison) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(true)
	return e.Encode(c)
}

// comparisonRow is one figure on both sides.
type comparisonRow struct{ what, before, after, change string }

func comparisonRows(c *analyze.Comparison) []comparisonRow {
	share := func(known int, v float64) string {
		if known == 0 {
			return "not seen"
		}
		return analyze.Percent(v)
	}
	interval := func(i *analyze.Interval) string {
		if i == nil {
			return "not counted"
		}
		return fmt.Sprintf("%s (%s–%s)", Figure(i.Value, "1"), Figure(i.Low, "1"), Figure(i.High, "1"))
	}
	ratio := func(i analyze.Interval) string {
		if i.Value == 0 {
			return ""
		}
		return fmt.Sprintf("× %.2f (%.2f–%.2f)", i.Value, i.Low, i.High)
	}
	rows := []comparisonRow{
		{"host busy", share(c.Before.CPUs, c.Before.HostBusy), share(c.After.CPUs, c.After.HostBusy), ""},
		{"cores of the target", fmt.Sprintf("%.2f", c.Before.Cores), fmt.Sprintf("%.2f", c.After.Cores), ""},
		{"jobs a second", interval(c.Before.Jobs), interval(c.After.Jobs), ""},
	}
	if c.Cost != nil {
		rows = append(rows, comparisonRow{"target's CPU ms a job", interval(c.Before.TargetCPU), interval(c.After.TargetCPU), ratio(c.Cost.Target)})
		if c.Cost.Host.Value > 0 {
			rows = append(rows, comparisonRow{"host's CPU ms a job", interval(c.Before.HostCPU), interval(c.After.HostCPU), ratio(c.Cost.Host)})
		}
	}
	return rows
}

func comparisonText(style Style) ComparisonRenderer {
	style = style.Bounded(40)
	return func(w io.Writer, c *analyze.Comparison) error {
		t := &text{Page: NewPage(w, style)}
		t.Wrap("", t.Paint(Bold, Capital(c.Verdict)+"."))
		t.Line("")
		t.Line("%-24s%-24s%s", "", "before", "after")
		for _, r := range comparisonRows(c) {
			t.Line("%s", strings.TrimRight(fmt.Sprintf("%-24s%-24s%-24s%s", r.what, r.before, r.after, r.change), " "))
		}
		t.Line("")
		t.compared("gone", c.Went)
		t.compared("still", c.Stayed)
		t.compared("new", c.Came)
		t.compared("unseen", c.Unseen)
		if p := c.Prediction; p != nil {
			t.WrapFrom(t.Paint(Bold, "Prediction "), 11, strings.Repeat(" ", 11), predictionSentence(p))
			t.Line("")
		}
		for _, s := range c.Caveats {
			t.WrapFrom("caveat  ", 8, strings.Repeat(" ", 8), s)
		}
		return t.Flush()
	}
}

func predictionSentence(p *analyze.ComparedPrediction) string {
	s := fmt.Sprintf("%s: host busy %s (%s to %s) was predicted; it is %s", p.Verdict, analyze.Percent(p.Predicted.Value),
		analyze.Percent(p.Predicted.Low), analyze.Percent(p.Predicted.High), analyze.Percent(p.AsMeasured))
	if o := p.Outcome; analyze.Percent(o.Value) != analyze.Percent(p.AsMeasured) {
		s += fmt.Sprintf(", and would be %s (%s to %s) at the load of before", analyze.Percent(o.Value), analyze.Percent(o.Low), analyze.Percent(o.High))
	}
	return s + "."
}

func (t *text) compared(label string, list []analyze.ComparedFinding) {
	for _, f := range list {
		s := t.Paint(Bold, f.Rule)
		switch {
		case f.Before != nil && f.After != nil:
			s += fmt.Sprintf(" · %s → %s. %s", costs(f.Before, f.Waited), costs(f.After, f.Waits), f.Message)
		case f.Before != nil:
			s += " · was " + costs(f.Before, f.Waited)
			if f.Reason != "" {
				s += ". Now: " + f.Reason
			}
		default:
			s += fmt.Sprintf(" · %s · %s. %s", f.Grade, costs(f.After, f.Waits), f.Message)
		}
		t.WrapFrom(fmt.Sprintf("%-8s", label), 8, strings.Repeat(" ", 8), s)
	}
	if len(list) > 0 {
		t.Line("")
	}
}

// costs is what a finding costs, in two words.
func costs(w *analyze.Waste, d *analyze.Delay) string {
	if w.Cores == 0 && d != nil {
		return Figure(d.JobHours, "1") + " jobs waiting"
	}
	return fmt.Sprintf("%.2f cores", w.Cores)
}

func comparisonMarkdown(w io.Writer, c *analyze.Comparison) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "## busywork: %s before and after\n\n%s.\n\n| | before | after | change |\n|---|---:|---:|---:|\n", Escape(c.After.Target), Escape(Capital(c.Verdict)))
	for _, r := range comparisonRows(c) {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", r.what, r.before, r.after, r.change)
	}
	b.WriteString("\n")
	for _, part := range []struct {
		label string
		list  []analyze.ComparedFinding
	}{{"gone", c.Went}, {"still there", c.Stayed}, {"new", c.Came}, {"not looked for", c.Unseen}} {
		for _, f := range part.list {
			fmt.Fprintf(b, "- **%s**: %s: %s\n", part.label, Escape(f.Rule), Escape(f.Message))
		}
	}
	if p := c.Prediction; p != nil {
		fmt.Fprintf(b, "\nPrediction %s\n", Escape(predictionSentence(p)))
	}
	for _, s := range c.Caveats {
		fmt.Fprintf(b, "\n> %s\n", Escape(s))
	}
	return b.Flush()
}
