package gate

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"busywork/analyze"
	"busywork/analyze/gate/blame"
	"busywork/profile"
)

// Check holds a capture against a budget: a row for every demand. A budget is
// broken where even the lower end of what a job costs lies above it; what
// cannot be known, or not to that precision, is inconclusive and the row says
// what it would take. Whether anything could be judged at all says
// [Result.Judged]. The same capture and budget always give the same Result. The
// error is of a budget with a key or rule that there is not.
func Check(c *profile.Capture, b *Budget, o analyze.Options) (*Result, error) {
	facts := analyze.NewFacts(c)
	k := &checking{report: analyze.Run(facts, analyze.Catalogue, o), costs: analyze.PerJob(facts), done: facts.Done}
	k.window = c.Window.Duration().Seconds()
	r := &Result{Schema: ResultSchema, Gate: "budget", Head: k.report.Target.Name, Rows: []Row{}, Caveats: []string{}}
	for _, a := range b.PerJob {
		i := slices.IndexFunc(k.costs, func(cost analyze.JobCost) bool { return cost.Key == a.Key })
		if i < 0 {
			return nil, fmt.Errorf("budget: no key %q in per_job; there are %s", a.Key, strings.Join(analyze.JobCostKeys(), ", "))
		}
		r.Rows = append(r.Rows, k.spending(a, &k.costs[i]))
	}
	for _, name := range b.NoneOf {
		rule := analyze.FindRule(name)
		if rule == nil {
			return nil, fmt.Errorf("budget: no rule %q", name)
		}
		r.Rows = append(r.Rows, k.noneOf(rule))
	}
	if b.NoneFrom != analyze.SeverityNone {
		r.Rows = append(r.Rows, k.noneFrom(b.NoneFrom))
	}
	r.Settle()
	return r, nil
}

// Judged says whether any row has a verdict. Where none has, the gate could not
// judge what it was asked to.
func (r *Result) Judged() bool {
	return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Verdict != Inconclusive })
}

// checking is one capture that is held against a budget.
type checking struct {
	report *analyze.Report
	costs  []analyze.JobCost
	done   *analyze.Throughput
	window float64 // seconds
}

// costRules are the rules that find what a job's cost of a kind may come from.
// CPU may come from any.
var costRules = map[string][]string{
	"allocations":    {"gc-thrash", "copy-churn", "serialisation-churn", "log-churn", "refused-work", "linear-queue-scan"},
	"forks":          {"fork-per-job", "respawn-loop"},
	"sql_statements": {"chatty-db", "row-by-row-sql", "recompute"},
	"redis_commands": {"linear-queue-scan", "busy-poll", "recompute"},
	"connections":    {"reconnect-per-job", "handshake-per-job", "fork-per-job"},
	"redeliveries":   {"poison-redelivery"},
}

// mayExplain says whether a finding is a reason why jobs cost more of something.
// A suspicion is none, nor is a finding of waste that is not CPU for CPU.
func mayExplain(key string, f *analyze.Finding) bool {
	if f.Confidence == analyze.Suspected {
		return false
	}
	rules, counted := costRules[key]
	if !counted {
		return f.Waste.Cores > 0
	}
	return slices.Contains(rules, f.Rule)
}

// maxCauses is how many findings a row names, those with most waste: the fourth
// seldom holds a tenth.
const maxCauses = 3

// causes are the findings that keep says yes to, most waste first, and of a
// finding to which it says no the kin. each turns cores into points, see
// [blame.Cause]; it is 0 where they cannot be told.
func (k *checking) causes(each float64, keep func(*analyze.Finding) bool) []blame.Cause {
	var list []blame.Cause
	add := func(f *analyze.Finding) {
		waste := analyze.Interval{Value: f.Waste.Cores, Low: f.Waste.Low, High: f.Waste.High}
		list = append(list, blame.Cause{
			Function: cmp.Or(f.Location.Function, f.Subject), File: k.inModule(f.Location.File), Line: f.Location.Line,
			Points: waste.Times(each), Rule: f.Rule, Why: f.Message,
		})
	}
	for i := range k.report.Findings {
		head := &k.report.Findings[i]
		if keep(head) {
			add(head)
			continue
		}
		for j := range head.Kin {
			if keep(&head.Kin[j]) {
				add(&head.Kin[j])
			}
		}
	}
	return list[:min(len(list), maxCauses)]
}

// share is what a core is of the CPU that is allowed for a job, 0 if the allowance
// is of something else.
func (k *checking) share(a Allowance) float64 {
	if a.Most == 0 || a.Key != "cpu_ms" && a.Key != "host_cpu_ms" {
		return 0
	}
	return 1e3 / k.done.PerSecond.Value / a.Most
}

// inModule is a file as it stands in the service's module, which is nearly always
// its repository: -trimpath puts the module's path in front. A file that is not
// known to lie there is none.
func (k *checking) inModule(file string) string {
	rest, ok := strings.CutPrefix(file, k.report.Target.Module+"/")
	if ok && k.report.Target.Module != "" && path.IsAbs("/"+rest) && rest == strings.TrimPrefix(path.Clean("/"+rest), "/") {
		return rest
	}
	return ""
}

// locate puts a row where its first cause is.
func (r *Row) locate() {
	if len(r.Causes) > 0 && r.Causes[0].File != "" {
		r.File, r.Line = r.Causes[0].File, r.Causes[0].Line
	}
}
