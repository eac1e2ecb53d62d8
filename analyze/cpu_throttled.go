package analyze

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// CPUThrottled finds a service that its own CPU limit stops.
//
// A quota of a control group is CPU time per period, nearly always 100 ms. When
// the group's threads have used it up they all stand still until the next period
// begins, whatever the machine has free. Averages hide that: a service with
// eight threads and a quota of two cores is through after 25 ms of each period,
// stands for 75, and shows two cores used of two, or fewer, where it has less to
// do in other periods. So the kernel's own count decides: how many of the periods
// in which the group wanted to run it was stopped in, and for how much CPU time.
var CPUThrottled = Rule{
	Name:  "cpu-throttled",
	Title: "The service's own CPU limit holds it back",
	Doc: `What it is: the control group of the service (a container's or a pod's
CPU limit, CPUQuota= of systemd) has a quota of CPU time a period. Once it is used
up, all of its threads stand still until the next period, 100 ms at most, however
idle the machine is.

What it costs: delay, in pieces of up to a period. Jobs that need 20 ms take 100;
timeouts and heartbeats are missed; a queue grows beside idle CPUs. It is worst
with more running threads than the quota has cores: they use up a period's quota
in a part of the period and then all wait. Go before 1.25 does not know the quota
and starts a thread for every CPU of the machine.

How to fix it: raise the limit to what the work needs, or take it away and keep
the request (the guaranteed share), which is what keeps neighbours apart. For Go
before 1.25 set GOMAXPROCS to the quota, rounded up. Or need less CPU: see the
other findings.

When this rule is wrong: the limit may be what was bought, and the delay accepted:
batch work that nobody waits for.`,
	Needs: Signals{All: SignalCgroup},
	Limits: []Limit{
		{"periods", 0.10, "of the periods", "stopped in fewer than a tenth, a job is late once in ten times: bursts, as limits are meant to cut"},
		{"held", 0.05, "CPUs", "less than a twentieth of one CPU's time was withheld: whatever the count of periods, nobody waits long"},
		{"observed", 20, "periods", "two seconds of running at 100 ms a period; a rate of fewer is known to ± 20 points"},
		{"high", 0.25, "of the periods", "the share at which Kubernetes' own CPUThrottlingHigh alert fires"},
		{"waits", 0.02, "threads", "where the target's own threads waited less than this on average, somebody else in the group was stopped: low"},
	},
	Explains: []string{"idle-with-backlog", "competing-process"},
	Check:    checkCPUThrottled,
}

func checkCPUThrottled(p *Pass) {
	g := p.Cgroup
	switch {
	case g.Quota == 0:
		p.Clean("no CPU quota")
		return
	case g.Periods < p.Limit("observed"):
		p.Clean("the group wanted to run in %.0f periods only", g.Periods)
		return
	case g.Throttled < p.Limit("periods") || g.Held < p.Limit("held"):
		p.Clean("stopped in %s of %.0f periods, for %.2f CPUs on average", Percent(g.Throttled), g.Periods, g.Held)
		return
	}
	f := Finding{
		Subject:    fmt.Sprintf("CPU limit of %.2g cores", g.Quota),
		Message:    throttledSentence(p),
		Confidence: Measured,
		Delay:      throttledDelay(p),
		Location:   Location{Function: "CPU quota of the control group"},
		Evidence:   throttledEvidence(p),
		Fix:        throttledFix(p),
		RefutedBy: []string{
			"with the limit raised, as many jobs a second are done and as late as before",
			"nr_throttled of the group's cpu.stat stands still",
		},
		grade: throttledGrade(p),
	}
	if p.Host != nil {
		f.Prediction = p.Host.busier(p.moreForDemand(math.Min(g.Held, p.Host.Cores(p.Host.Idle+p.Host.IOWait))))
	}
	p.Report(f)
}

// throttledGrade: what the limit holds back matters most where work piles up.
func throttledGrade(p *Pass) Severity {
	switch g := p.Cgroup; {
	case p.Stalls != nil && p.Stalls.RunDelay < p.Limit("waits"):
		return SeverityLow
	case g.Throttled >= p.Limit("high"), backlog(p.Queues) != "":
		return SeverityHigh
	}
	return SeverityMedium
}

// throttledDelay counts the CPUs' worth of threads that stood still: each of
// them has a job in hand. What waits in a queue behind them counts where the
// quota is used up, because then nothing else keeps it there.
func throttledDelay(p *Pass) *Delay {
	g := p.Cgroup
	d := &Delay{JobHours: g.Held, Why: fmt.Sprintf("%.2f threads that could run stand still, on average", g.Held)}
	if q := deepestBacklog(p.Queues); q != nil && g.usesQuota() {
		d.JobHours += q.Mean
		d.Why += fmt.Sprintf(", and %.0f jobs wait behind them in %s", q.Mean, q.Name)
	}
	return d
}

// usesQuota says whether the group gets all that it may have. A period that was
// cut short at the window's edges, and the rounding of slices, take a tenth.
func (g *Cgroup) usesQuota() bool { return g.Quota > 0 && g.Used >= 0.9*g.Quota }

func throttledSentence(p *Pass) string {
	g := p.Cgroup
	text := fmt.Sprintf("The limit of %.2g cores stops the service in %s of all periods: %.2f cores used, while threads that could have used %.2f more stood still.",
		g.Quota, Percent(g.Throttled), g.Used, g.Held)
	if p.Host != nil {
		text += fmt.Sprintf(" The machine was %s idle.", Percent(p.Host.Idle))
	}
	if waiting := backlog(p.Queues); waiting != "" {
		text += " Meanwhile " + waiting + "."
	}
	if n, _ := p.goProcs(); n > math.Ceil(p.Cgroup.Quota) {
		text += fmt.Sprintf(" Go runs %.0f threads at a time, and they use the quota up together.", n)
	}
	return text
}

func throttledEvidence(p *Pass) []Evidence {
	g := p.Cgroup
	e := []Evidence{
		{What: "periods in which it was stopped", Value: g.Throttled, Unit: "fraction", Limit: limit(p.Limit("periods")), Source: "nr_throttled by nr_periods, cpu.stat of the control group"},
		{What: "CPUs that stood still for the quota", Value: g.Held, Unit: "CPUs", Limit: limit(p.Limit("held")), Source: "throttled time, cpu.stat of the control group"},
		{What: "quota", Value: g.Quota, Unit: "cores", Source: "control group"},
		{What: "periods", Value: g.Periods, Unit: "in the window", Limit: limit(p.Limit("observed")), Source: "cpu.stat of the control group"},
	}
	if g.Used > 0 {
		e = append(e, Evidence{What: "used", Value: g.Used, Unit: "cores", Source: "CPU accounting of the target's group"})
	}
	if p.Stalls != nil {
		e = append(e, Evidence{What: "threads of the target that could run and did not", Value: p.Stalls.RunDelay, Unit: "threads", Limit: limit(p.Limit("waits")), Source: "schedstat of its threads"})
	}
	if n, why := p.goProcs(); n > 0 {
		e = append(e, Evidence{What: "threads that run Go code at a time", Value: n, Unit: "threads", Limit: limit(math.Ceil(g.Quota)), Source: why})
	}
	return e
}

func throttledFix(p *Pass) string {
	g := p.Cgroup
	need := g.Used + g.Held
	if factor, ok := p.demand(); ok && factor > 1 {
		need = math.Min(need, g.Used*factor*1.2) // a fifth on top, so as not to live at the limit
	}
	text := fmt.Sprintf("Raise the limit to %.1f cores, or remove it and keep the request.", math.Max(need, g.Quota*1.1))
	if n, _ := p.goProcs(); n > math.Ceil(g.Quota) {
		text += fmt.Sprintf(" Set GOMAXPROCS=%.0f, or build with Go 1.25 or later, which reads the quota by itself.", math.Max(1, math.Ceil(g.Quota)))
	}
	return text
}

// goProcs is how many threads run Go code at a time, as far as it can be told
// without asking the program, and what tells; 0 if that is unknown. Go 1.25 and
// later follow the quota, unless they are told a number.
func (f *Facts) goProcs() (n float64, why string) {
	if f.Build == nil || f.Build.GoVersion == "" {
		return 0, ""
	}
	if set := number(f.Build.Environment["GOMAXPROCS"]); set > 0 {
		return set, "GOMAXPROCS in the environment"
	}
	for module := range f.Build.Deps {
		if strings.HasSuffix(module, "/automaxprocs") {
			return 0, "" // it sets GOMAXPROCS by the quota
		}
	}
	minor, ok := goMinor(f.Build.GoVersion)
	if !ok || minor >= 25 || f.Host == nil {
		return 0, ""
	}
	return float64(f.Host.CPUs), fmt.Sprintf("%s starts one for each CPU, whatever the quota", f.Build.GoVersion)
}

// goMinor reads 24 from "go1.24.3" and "go1.24rc1".
func goMinor(version string) (int, bool) {
	rest, ok := strings.CutPrefix(version, "go1.")
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		rest = rest[:end]
	}
	n, err := strconv.Atoi(rest)
	return n, ok && err == nil
}
