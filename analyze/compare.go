package analyze

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// ComparisonSchema names the form of a Comparison as JSON.
const ComparisonSchema = "busywork.comparison/1"

// A Comparison holds two reports on one service against each other: what a
// change did to it, and whether what was predicted came true.
type Comparison struct {
	Schema string   `json:"schema"`
	Before Compared `json:"before"`
	After  Compared `json:"after"`

	Went   []ComparedFinding `json:"went"`   // found before, looked for again, and not found
	Stayed []ComparedFinding `json:"stayed"` // found both times
	Came   []ComparedFinding `json:"came"`   // found only after
	Unseen []ComparedFinding `json:"unseen"` // found before; after, the rule could not look

	// Cost is the CPU for each job, after ÷ before; null where either side counts
	// no jobs, or not the same.
	Cost *ComparedCost `json:"cost_per_job"`
	// Prediction is null where nothing that was found has gone, or the host was
	// not observed.
	Prediction *ComparedPrediction `json:"prediction"`

	Verdict string   `json:"verdict"` // one sentence
	Caveats []string `json:"caveats"` // why the two may not be comparable
}

// Compared is one side in figures.
type Compared struct {
	Target    string    `json:"target"`
	Start     time.Time `json:"start"`
	Seconds   float64   `json:"seconds"`
	CPUs      int       `json:"cpus"`
	HostBusy  float64   `json:"host_busy"` // fraction of all CPUs
	Cores     float64   `json:"target_cores"`
	Jobs      *Interval `json:"jobs_per_second"` // null where nobody counts them
	What      string    `json:"what"`            // "jobs completed"
	TargetCPU *Interval `json:"target_cpu_ms_per_job"`
	HostCPU   *Interval `json:"host_cpu_ms_per_job"`
}

// ComparedFinding is one finding on both sides. What it costs is null on the side
// that does not have it; delays are there where waiting is what it costs.
type ComparedFinding struct {
	Rule    string   `json:"rule"`
	Subject string   `json:"subject"`
	Before  *Waste   `json:"before"`
	After   *Waste   `json:"after"`
	Waited  *Delay   `json:"delay_before,omitempty"`
	Waits   *Delay   `json:"delay_after,omitempty"`
	Grade   Severity `json:"severity"`
	Reason  string   `json:"reason,omitempty"` // by what figure it is clean now, or why nobody could look
	Message string   `json:"message"`
	found   *Finding
}

// ComparedCost is CPU for each job, after ÷ before: 0.5 is half.
type ComparedCost struct {
	Target Interval `json:"target"`
	Host   Interval `json:"host"`
}

// ComparedPrediction holds what was predicted for the findings that went against
// what the host looks like now: at the rate of jobs that there was before where
// CPU was to be saved, as it is where more work was to be done.
type ComparedPrediction struct {
	Predicted Interval `json:"predicted_host_busy"`
	Outcome   Interval `json:"outcome_host_busy"`
	// AsMeasured is the host's busy fraction after, at the load that it then had.
	AsMeasured float64 `json:"measured_host_busy"`
	// Saved is the part of the predicted saving that came, 1 is all of it.
	Saved   float64 `json:"saved_of_predicted"`
	Verdict string  `json:"verdict"` // "came true", or in words what came instead
}

// Compare says what changed between two reports on one service.
func Compare(before, after *Report) *Comparison {
	c := &Comparison{
		Schema: ComparisonSchema, Before: compared(before), After: compared(after),
		Went: []ComparedFinding{}, Stayed: []ComparedFinding{}, Came: []ComparedFinding{}, Unseen: []ComparedFinding{},
		Caveats: []string{},
	}
	c.findings(before, after)
	c.cost()
	c.predict()
	c.caveats(before, after)
	c.Verdict = c.verdict()
	return c
}

func compared(r *Report) Compared {
	s := Compared{
		Target: r.Target.Name, Start: r.Window.Start, Seconds: r.Window.Seconds,
		CPUs: r.Host.Cores, HostBusy: r.Host.User + r.Host.System, Cores: r.Host.TargetCores,
	}
	if d := r.Done; d != nil && d.PerSecond > 0 {
		s.What = d.What
		s.Jobs = &Interval{d.PerSecond, d.Low, d.High}
		per := func(cpu float64) *Interval {
			return &Interval{cpu, cpu * d.PerSecond / math.Max(d.High, 1e-9), cpu * d.PerSecond / math.Max(d.Low, 1e-9)}
		}
		s.TargetCPU = per(d.TargetCPU)
		if r.Host.Known {
			s.HostCPU = per(d.HostCPU)
		}
	}
	return s
}

// flat is the findings with their kin.
func flat(list []Finding) []*Finding {
	var all []*Finding
	for i := range list {
		all = append(append(all, &list[i]), flat(list[i].Kin)...)
	}
	return all
}

// findings pairs the two sides: by rule and function, which a change of load does
// not change; what is left of one rule on both sides is taken to be the same.
func (c *Comparison) findings(before, after *Report) {
	old, now := flat(before.Findings), flat(after.Findings)
	paired := map[*Finding]*Finding{}
	taken := map[*Finding]bool{}
	for _, same := range []func(a, b *Finding) bool{
		func(a, b *Finding) bool {
			return a.Rule == b.Rule && a.Location.Function == b.Location.Function && a.Subject == b.Subject
		},
		func(a, b *Finding) bool { return a.Rule == b.Rule && a.Location.Function == b.Location.Function },
		func(a, b *Finding) bool { return a.Rule == b.Rule },
	} {
		for _, a := range old {
			for _, b := range now {
				if paired[a] == nil && !taken[b] && same(a, b) {
					paired[a], taken[b] = b, true
				}
			}
		}
	}
	for _, a := range old {
		f := ComparedFinding{Rule: a.Rule, Subject: a.Subject, Before: &a.Waste, Waited: a.Delay, Grade: a.Severity, Message: a.Message, found: a}
		status := statusOf(after, a.Rule)
		switch b := paired[a]; {
		case b != nil:
			f.After, f.Waits, f.Grade, f.Message = &b.Waste, b.Delay, b.Severity, b.Message
			c.Stayed = append(c.Stayed, f)
		case status.Status == "clean" || status.Status == "found":
			f.Reason = status.Reason
			c.Went = append(c.Went, f)
		default:
			f.Reason = strings.TrimSpace(status.Status + " " + status.Reason)
			c.Unseen = append(c.Unseen, f)
		}
	}
	for _, b := range now {
		if !taken[b] {
			c.Came = append(c.Came, ComparedFinding{Rule: b.Rule, Subject: b.Subject, After: &b.Waste, Waits: b.Delay, Grade: b.Severity, Message: b.Message, found: b})
		}
	}
}

func statusOf(r *Report, rule string) RuleStatus {
	for _, s := range r.Rules {
		if s.Rule == rule {
			return s
		}
	}
	return RuleStatus{Rule: rule, Status: "skipped", Reason: "unknown to this report"}
}

// comparable says whether both sides count the same kind of job.
func (c *Comparison) comparable() bool {
	return c.Before.Jobs != nil && c.After.Jobs != nil && c.Before.What == c.After.What
}

func (c *Comparison) cost() {
	if !c.comparable() || c.Before.TargetCPU.Value <= 0 {
		return
	}
	c.Cost = &ComparedCost{Target: quotient(*c.After.TargetCPU, *c.Before.TargetCPU)}
	if c.Before.HostCPU != nil && c.After.HostCPU != nil && c.Before.HostCPU.Value > 0 {
		c.Cost.Host = quotient(*c.After.HostCPU, *c.Before.HostCPU)
	}
}

// predict adds up what was predicted of the findings that went. Kin are of one
// cause and not added twice.
func (c *Comparison) predict() {
	if c.Before.CPUs == 0 || c.After.CPUs == 0 {
		return
	}
	var saving Interval
	moved, n, waited := 0.0, 0, false
	for i := range c.Went {
		f := c.Went[i].found
		if p := f.Prediction; p != nil && f.Confidence != Suspected && !c.kinOfWent(f) {
			saving = sum(saving, Interval{p.Before - p.After, p.Before - p.High, p.Before - p.Low})
			moved += math.Abs(p.Before - p.After)
			n++
			waited = waited || f.Waste.Cores == 0
		}
	}
	if n == 0 || moved == 0 {
		return
	}
	p := &ComparedPrediction{Predicted: saving.subtractedFrom(c.Before.HostBusy), AsMeasured: c.After.HostBusy}
	p.Predicted.Low, p.Predicted.High = math.Max(0, p.Predicted.Low), math.Min(1, p.Predicted.High)
	p.Predicted.Value = math.Min(1, math.Max(0, p.Predicted.Value))
	if p.Outcome = c.atTheSameLoad(); waited {
		p.Outcome = c.asMeasured() // what was predicted is more work done
	}
	p.Saved = (c.Before.HostBusy - p.Outcome.Value) / saving.Value
	p.Verdict = p.verdict(saving.Value)
	c.Prediction = p
}

func (p *ComparedPrediction) verdict(saving float64) string {
	switch less := p.Outcome.Value < p.Predicted.Value; {
	case p.Outcome.overlaps(p.Predicted):
		return "came true"
	case saving < 0 && less:
		return "expected a busier host"
	case saving < 0:
		return "expected a less busy host"
	case less:
		return "understated the saving"
	}
	return "overstated the saving"
}

// kinOfWent says whether a finding is shown beneath another that went as well.
func (c *Comparison) kinOfWent(f *Finding) bool {
	for i := range c.Went {
		for k := range c.Went[i].found.Kin {
			if &c.Went[i].found.Kin[k] == f {
				return true
			}
		}
	}
	return false
}

// hostNoise is what two windows of one unchanged service differ by: in the
// fixtures' pairs the busy fraction of one state moved by up to 2 points.
const hostNoise = 0.02

// sameLoad is how far two rates of jobs may be apart and still be the same load.
const sameLoad = 0.05

// atTheSameLoad is how busy the host would be after, at the rate of jobs that
// there was before. How much of its CPU goes with the rate is not known: all of
// it and none of it are the bounds.
func (c *Comparison) atTheSameLoad() Interval {
	out := c.asMeasured()
	if c.comparable() {
		ratio := c.Before.Jobs.Value / c.After.Jobs.Value
		if math.Abs(ratio-1) > sameLoad {
			scaled := math.Min(1, out.Value*ratio)
			out = Interval{scaled, math.Max(0, math.Min(scaled-hostNoise, out.Low)), math.Min(1, math.Max(scaled+hostNoise, out.High))}
		}
	}
	return out
}

// asMeasured is how busy the host is after, in CPUs of the one before.
func (c *Comparison) asMeasured() Interval {
	busy := c.After.HostBusy * float64(c.After.CPUs) / float64(c.Before.CPUs)
	return Interval{busy, math.Max(0, busy-hostNoise), math.Min(1, busy+hostNoise)}
}

func (c *Comparison) caveats(before, after *Report) {
	say := func(format string, args ...any) { c.Caveats = append(c.Caveats, fmt.Sprintf(format, args...)) }
	if before.Target.Name != after.Target.Name {
		say("the targets have different names: %s and %s", before.Target.Name, after.Target.Name)
	}
	if c.Before.CPUs != c.After.CPUs {
		say("the hosts have %d and %d CPUs", c.Before.CPUs, c.After.CPUs)
	}
	switch {
	case c.Before.Jobs == nil || c.After.Jobs == nil:
		say("completed jobs were not counted on both sides, so that a change of load cannot be told from a change of cost (--metrics, --nats)")
	case c.Before.What != c.After.What:
		say("one side counts %s, the other %s: costs are not for the same thing", c.Before.What, c.After.What)
	case math.Abs(c.Before.Jobs.Value/c.After.Jobs.Value-1) > sameLoad:
		say("the load differs: %s and %s %s a second; figures for each job are comparable, busy fractions are not",
			rate(c.Before.Jobs.Value), rate(c.After.Jobs.Value), c.Before.What)
	}
}

// sureRatio: below it, and above its inverse, a change of cost for each job is
// more than two windows of one service differ by, if the counts allow to say so.
const sureRatio = 0.95

func (c *Comparison) verdict() string {
	var parts []string
	if n := len(c.Went); n > 0 {
		parts = append(parts, fmt.Sprintf("%s gone", ruleNames(c.Went)))
	}
	if len(c.Came) > 0 {
		parts = append(parts, fmt.Sprintf("%s new", ruleNames(c.Came)))
	}
	if len(c.Stayed) > 0 {
		parts = append(parts, fmt.Sprintf("%s still there", ruleNames(c.Stayed)))
	}
	if len(c.Unseen) > 0 {
		parts = append(parts, fmt.Sprintf("%s not looked for", ruleNames(c.Unseen)))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing found before or after")
	}
	if k := c.Cost; k != nil {
		switch r := k.Target; {
		case r.High < 1 && r.Value < sureRatio:
			parts = append(parts, fmt.Sprintf("a job costs %s of the CPU that it did", Percent(r.Value)))
		case r.Low > 1 && r.Value > 1/sureRatio:
			parts = append(parts, fmt.Sprintf("a job costs %.2f times the CPU that it did", r.Value))
		default:
			parts = append(parts, "a job costs the same CPU")
		}
	}
	if p := c.Prediction; p != nil {
		parts = append(parts, "the prediction "+p.Verdict)
	}
	return strings.Join(parts, "; ")
}

func ruleNames(list []ComparedFinding) string {
	var s []string
	seen := map[string]bool{}
	for _, f := range list {
		if !seen[f.Rule] {
			seen[f.Rule] = true
			s = append(s, f.Rule)
		}
	}
	return strings.Join(s, ", ")
}
