package gate

import (
	"fmt"
	"math"
	"strings"

	"busywork/analyze"
)

// spending is the row of what a job costs of one thing.
func (k *checking) spending(a Allowance, c *analyze.JobCost) Row {
	r := Row{Name: a.Key, Metric: a.Key, Unit: c.Unit, Verdict: Inconclusive, Limit: &a.Most}
	if c.Missing != "" {
		r.Why = c.Missing + hinted(c.Hint)
		return r
	}
	v := c.Value
	r.Head, r.HeadInterval = &v.Value, &v
	if a.Most > 0 {
		r.Effect = &analyze.Interval{Value: v.Value/a.Most - 1, Low: v.Low/a.Most - 1, High: v.High/a.Most - 1}
	}
	r.Verdict = holds(a.Most, c)
	switch r.Verdict {
	case Same:
		r.Why = fmt.Sprintf("%s; %s are allowed", k.each(c), amount(a.Most))
	case Slower:
		r.Why = fmt.Sprintf("%s, %s the %s that are allowed", k.each(c), beyond(v.Value/a.Most), amount(a.Most))
		r.Causes = k.causes(k.share(a), func(f *analyze.Finding) bool { return mayExplain(a.Key, f) })
		r.locate()
	default:
		r.Why = fmt.Sprintf("%s, too near to the %s that are allowed: %s", k.each(c), amount(a.Most), k.toTell(a.Most, c))
	}
	return r
}

// beyond is a ratio above 1 in words.
func beyond(ratio float64) string {
	switch {
	case math.IsInf(ratio, 1):
		return "more than"
	case ratio >= 2:
		return amount(ratio) + " times"
	}
	return percent(ratio-1) + " more than"
}

// holds is the verdict on a cost. Of what must not happen at all, what did happen
// in this window is no estimate.
func holds(most float64, c *analyze.JobCost) Verdict {
	switch v := c.Value; {
	case v.Low > most, most == 0 && v.Value > 0:
		return Slower
	case v.High <= most, c.None:
		return Same
	}
	return Inconclusive
}

// each says what a job costs.
func (k *checking) each(c *analyze.JobCost) string {
	if c.None {
		return fmt.Sprintf("no %s for %.0f %s (at most %s for each; %s)", c.What, k.done.Total, k.done.What, amount(c.Value.High), c.Source)
	}
	return fmt.Sprintf("%s %s for each of %.0f %s (%s to %s; %s)",
		amount(c.Value.Value), c.What, k.done.Total, k.done.What, amount(c.Value.Low), amount(c.Value.High), c.Source)
}

// longestWindow is the window in seconds up to which one is advised. Who can observe for
// an hour has other means.
const longestWindow = 3600

// toTell is what a verdict would take.
func (k *checking) toTell(most float64, c *analyze.JobCost) string {
	if c.Doubt != "" {
		return c.Doubt + hinted(c.Hint)
	}
	half, room := c.Value.High-c.Value.Value, most-c.Value.Value
	if room < 0 {
		half, room = c.Value.Value-c.Value.Low, -room
	}
	times := math.Pow(half/room, 2) // an interval's width goes with 1/√n
	if c.Value.Value == 0 {
		times = half / room // but with 1/n where nothing was counted
	}
	// A fifth more, since the next window's estimate is another one.
	seconds := 1.2 * times * k.window
	if !(seconds <= longestWindow) {
		return "no window that is worth its time would tell; spend less, or allow more"
	}
	return fmt.Sprintf("it takes a window of about %s s at this load", amount(math.Ceil(seconds)))
}

// noneOf is the row of a rule that must find nothing.
func (k *checking) noneOf(rule *analyze.Rule) Row {
	r := k.findings(rule.Name, func(f *analyze.Finding) bool { return f.Rule == rule.Name })
	if r.Verdict != Same {
		return r
	}
	for _, s := range k.report.Rules {
		switch {
		case s.Rule != rule.Name:
		case s.Status == "skipped":
			r.Verdict, r.Head, r.Why = Inconclusive, nil, "the rule "+s.Reason+hinted(k.howToSee(rule.Needs))
		case s.Status == "failed":
			r.Verdict, r.Head, r.Why = Inconclusive, nil, "the rule failed: "+s.Reason
		case s.Reason != "":
			r.Why = "nothing was found: " + s.Reason
		}
	}
	return r
}

// noneFrom is the row of the severity that nothing may have.
func (k *checking) noneFrom(from analyze.Severity) Row {
	r := k.findings("none_at_or_above", func(f *analyze.Finding) bool { return f.Severity >= from })
	var blind, failed []string
	for _, s := range k.report.Rules {
		switch s.Status {
		case "skipped":
			blind = append(blind, s.Rule)
		case "failed":
			failed = append(failed, s.Rule)
		}
	}
	looked := len(k.report.Rules) - len(blind) - len(failed)
	if r.Verdict != Same {
		return r
	}
	r.Why = fmt.Sprintf("nothing at or above %s was found by %d rules", from, looked)
	if len(blind) > 0 {
		r.Why += fmt.Sprintf("; %d had no evidence to look at", len(blind))
	}
	if looked == 0 {
		r.Verdict, r.Head, r.Why = Inconclusive, nil, "no rule had evidence to look at"
	}
	if len(failed) > 0 {
		r.Verdict, r.Head, r.Why = Inconclusive, nil, "rules failed: "+strings.Join(failed, ", ")
	}
	return r
}

// findings is a row of how many findings there are where there must be none. A
// suspicion alone breaks nothing: what would settle it is what the verdict takes.
func (k *checking) findings(name string, of func(*analyze.Finding) bool) Row {
	none, r := 0.0, Row{Name: name, Metric: "findings", Unit: "1", Verdict: Same, Why: "nothing was found"}
	var sure, suspected []*analyze.Finding
	for i := range k.report.Findings {
		head := &k.report.Findings[i]
		for j := -1; j < len(head.Kin); j++ {
			f := head
			if j >= 0 {
				f = &head.Kin[j]
			}
			switch {
			case !of(f):
			case f.Confidence == analyze.Suspected:
				suspected = append(suspected, f)
			default:
				sure = append(sure, f)
			}
		}
	}
	n := float64(len(sure))
	r.Head, r.Limit = &n, &none
	switch {
	case len(sure) > 0:
		r.Verdict, r.Why = Slower, "found: "+findingNames(sure)
		r.Causes = k.causes(0, func(f *analyze.Finding) bool { return f.Confidence != analyze.Suspected && of(f) })
		r.locate()
	case len(suspected) > 0:
		f := suspected[0]
		r.Verdict, r.Why = Inconclusive, "only suspected: "+f.Message
		if f.Settles != "" {
			r.Why += " What settles it: " + f.Settles
		}
	}
	return r
}

// findingNames says findings in a line.
func findingNames(list []*analyze.Finding) string {
	var names []string
	for _, f := range list {
		names = append(names, fmt.Sprintf("%s at %s (%s, %s)", f.Rule, f.Subject, f.Severity, f.Confidence))
	}
	return firstOf(names)
}

// howToSee is how to get the first signal that a need lacks.
func (k *checking) howToSee(need analyze.Signals) string {
	for _, g := range k.report.Unseen(k.report.Missing(need)) {
		if g.Hint != "" {
			return g.Hint
		}
	}
	return ""
}

// hinted puts a hint behind a reason.
func hinted(hint string) string {
	if hint == "" {
		return ""
	}
	return " (" + hint + ")"
}

// amount is a number as people write it: three digits, or all before the point.
func amount(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
