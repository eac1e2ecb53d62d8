package gate

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"busywork/analyze"
	"busywork/profile"
)

// budgetRoom is what a proposed budget leaves above what a job may have cost: the
// CPU of one and the same handler differed by ±7 % between runs on a shared
// machine, and a fifth is nearly three times that.
const budgetRoom = 1.2

// Propose writes a budget that the capture itself keeps: the upper end of what a
// job cost, and a fifth more. What was not counted stands there as a comment that says how
// to get it. The error is a *profile.Unavailable where nobody counted the jobs.
func Propose(c *profile.Capture) ([]byte, error) {
	facts := analyze.NewFacts(c)
	report := analyze.Run(facts, analyze.Catalogue, analyze.Options{})
	costs := analyze.PerJob(facts)
	done := facts.Done
	if done == nil {
		return nil, &profile.Unavailable{Reason: "no budget for a job can be proposed: " + costs[0].Missing, Hint: costs[0].Hint}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What one completed job may cost at most: what it may have cost in a window of\n# %.0f s of %s (%.0f %s, by %s),\n# and %.0f %% more.\nper_job:\n",
		c.Window.Duration().Seconds(), comment(report.Target.Name), done.Total, comment(done.What), comment(done.Source), 100*(budgetRoom-1))
	for _, cost := range costs {
		if cost.Missing != "" {
			fmt.Fprintf(&b, "  # %s: %s\n", cost.Key, comment(cost.Missing+hinted(cost.Hint)))
			continue
		}
		fmt.Fprintf(&b, "  %s: %s # %s (%s to %s; %s)\n", cost.Key, allowed(budgetRoom*cost.Value.High),
			amount(cost.Value.Value), amount(cost.Value.Low), amount(cost.Value.High), comment(cost.Source))
	}
	proposeFindings(&b, report)
	return b.Bytes(), nil
}

// proposeFindings demands that nothing worse is found than is found now.
func proposeFindings(b *bytes.Buffer, r *analyze.Report) {
	worst, message := analyze.SeverityNone, ""
	for i := range r.Findings {
		for _, f := range append([]analyze.Finding{r.Findings[i]}, r.Findings[i].Kin...) {
			if f.Confidence != analyze.Suspected && f.Severity > worst {
				worst, message = f.Severity, f.Message
			}
		}
	}
	if worst == analyze.SeverityHigh {
		fmt.Fprintf(b, "# findings: none_at_or_above: high would be broken by what is found now:\n# %s\n", comment(message))
		return
	}
	fmt.Fprintf(b, "findings:\n  none_at_or_above: %s\n", max(worst+1, analyze.SeverityMedium))
}

// comment makes text fit for a comment of one line.
func comment(s string) string { return profile.CleanLine(s) }

// allowed is a number with two digits that is not below v, as YAML has it.
func allowed(v float64) string {
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	// Products such as 74 × 0.00001 have an error in the last place, which the two
	// digits cut off; then the next number may be the first that is not below.
	for n := math.Floor(v / unit); n <= v/unit+2; n++ {
		text := strconv.FormatFloat(n*unit, 'g', 2, 64)
		if rounded, err := strconv.ParseFloat(text, 64); err == nil && rounded >= v {
			return strconv.FormatFloat(rounded, 'f', -1, 64)
		}
	}
	return strconv.FormatFloat(v, 'f', -1, 64) // 0, or nearly so
}
