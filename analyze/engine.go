package analyze

import (
	"cmp"
	"fmt"
	"sort"
	"strings"

	"busywork/profile"
)

// Options change how a Capture is analysed. They come from the user and never
// from the target.
type Options struct {
	// Limits sets thresholds, by "rule.limit".
	Limits map[string]float64
	// CorePrice is USD an hour for a core; 0 means the default, CorePrice.
	CorePrice float64
}

// Analyze is the whole way from a Capture to a Report.
func Analyze(c *profile.Capture, o Options) *Report {
	return Run(NewFacts(c), Catalogue, o)
}

// Run applies every rule to the facts and reports what each of them did.
func Run(f *Facts, rules []*Rule, o Options) *Report {
	r := newReport(f)
	r.CorePrice = cmp.Or(o.CorePrice, CorePrice)
	for _, rule := range rules {
		findings, status := runRule(rule, f, o)
		r.Findings = append(r.Findings, findings...)
		r.Rules = append(r.Rules, status)
	}
	order(r.Findings)
	r.Findings = append([]Finding{}, kinship(r.Findings, f.CPU, rules)...)
	r.Levers = append(r.Levers, levers(f, r.Findings)...)
	r.Backlog = backlogOf(f, firstFix(r.Findings))
	sanitise(r)
	return r
}

// runRule runs one rule. Its panic is its own failure and nobody else's.
func runRule(rule *Rule, f *Facts, o Options) (found []Finding, status RuleStatus) {
	status = RuleStatus{Rule: rule.Name, Status: "clean"}
	if missing := rule.Needs.missing(f.have); missing != "" {
		status.Status, status.Reason = "skipped", "needs "+missing
		return nil, status
	}
	defer func() {
		if p := recover(); p != nil {
			found, status = nil, RuleStatus{rule.Name, "failed", fmt.Sprint(p)}
		}
	}()
	pass := &Pass{Facts: f, Rule: rule, limits: map[string]float64{}}
	for key, v := range o.Limits {
		if name, ok := strings.CutPrefix(key, rule.Name+"."); ok {
			pass.limits[name] = v
		}
	}
	rule.Check(pass)
	for i := range pass.found {
		pass.found[i].finish(rule, f, cmp.Or(o.CorePrice, CorePrice))
	}
	switch status.Reason = pass.clean; {
	case len(pass.found) > 0:
		status.Status, status.Reason = "found", ""
	case pass.blind != "":
		status.Status, status.Reason = "skipped", pass.blind
	}
	return pass.found, status
}

// firstFix is the finding whose fix comes first: the first that is more than
// suspected.
func firstFix(list []Finding) *Finding {
	for i := range list {
		if list[i].Confidence != Suspected {
			return &list[i]
		}
	}
	return nil
}

// CheckLimits says which of the thresholds that a user set does not exist.
func CheckLimits(set map[string]float64) error {
	known := map[string]bool{}
	var names []string
	for _, r := range Catalogue {
		for _, l := range r.Limits {
			known[r.Name+"."+l.Key] = true
			names = append(names, r.Name+"."+l.Key)
		}
	}
	sort.Strings(names)
	for key := range set {
		if !known[key] {
			return fmt.Errorf("no limit %q; there are %s", key, strings.Join(names, ", "))
		}
	}
	return nil
}
