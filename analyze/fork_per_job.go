package analyze

import (
	"fmt"
	"math"
)

// ForkPerJob finds workers that fork a copy of themselves for each job.
//
// A fork looks cheap: memory is shared until it is written to. But a worker in
// an interpreter writes to most pages that it touches (reference counts), each
// of which is then copied, in the child and in the parent; the child connects
// anew to whatever its parent was connected to, and loads what the parent had
// not; and the parent waits for it to die before it takes the next job. For a
// job of a few milliseconds that is most of the CPU.
//
// No profile of the worker shows it, because the children are gone before any
// is taken. The kernel's books do: the CPU of reaped children and the kernel's
// part of it, the pages that were copied, the forks of the host. The copies that
// polling sees say whose they are, and the broker how many jobs there were.
//
// A fork is not wrong in itself. It keeps a job's leaks and crashes out of the
// worker, and beside a job that computes for a second it costs nothing. So what
// is weighed is what the forks cost against what the jobs compute.
var ForkPerJob = Rule{
	Name:  "fork-per-job",
	Title: "A worker forks a child for each job",
	Doc: `What it is: the worker forks for each job, the child does the job and ends,
and the parent waits for it (Resque, RQ's default worker, pools whose processes
are replaced after one task).

What it costs: 8 to 60 ms of CPU a job, for copying memory, connecting again and
loading modules again, whatever the job itself takes; and the worker takes no
other job meanwhile.

How to fix it: run jobs in the worker itself, in threads or one after the other,
and replace the process after a thousand jobs or so if memory leaks. What must be
forked should load all that jobs need before the fork.

When this rule is wrong: when jobs must be kept apart (untrusted code, libraries
that crash) and nothing cheaper keeps them apart.`,
	Needs:    Signals{All: SignalProcesses},
	Explains: []string{"reconnect-per-job"},
	Limits: []Limit{
		{"copies", 3, "copies seen in the window", "fewer may be a worker that is replaced now and then"},
		{"per-job", 0.5, "forks a job", "one fork for two jobs is still a fork a job for many of them; a pool that replaces its processes after ten tasks stays far below"},
		{"share", 0.15, "of the workers' CPU", "a fork that costs less than a seventh of what the job computes is a fair price for keeping jobs apart"},
		{"cores", 0.02, "cores", "below a fiftieth of a core nobody would notice it is gone"},
	},
	Check: checkForkPerJob,
}

func checkForkPerJob(p *Pass) {
	jobs := p.Done
	for _, c := range p.crews() {
		if !p.works(c) || !c.forksItself() || float64(len(c.copies)) < p.Limit("copies") {
			continue
		}
		if f, ok := newForking(p, c, jobs).finding(p); ok {
			p.Report(f)
		}
	}
	if len(p.found) == 0 && p.clean == "" {
		p.Clean("no worker forks copies of itself")
	}
}

// forking is a crew that forks, by the job.
type forking struct {
	*crew
	jobs *Throughput // nil if nobody counts them
	seen float64     // copies a second that were seen: the fewest forks there can be
	most float64     // forks of the whole host, threads included; +Inf if unknown
	cost Interval    // cores
}

func newForking(p *Pass, c *crew, jobs *Throughput) *forking {
	f := &forking{crew: c, jobs: jobs, seen: float64(len(c.copies)) / p.Processes.Seconds, most: math.Inf(1), cost: c.births()}
	if p.Host != nil && p.Host.ForksPerSecond > 0 {
		f.most = math.Max(p.Host.ForksPerSecond, f.seen)
	}
	return f
}

// perSecond is the forks that there were: one for each job where that lies
// between the bounds, else those that were seen.
func (f *forking) perSecond() float64 {
	if f.jobs != nil && f.seen <= f.jobs.PerSecond.High && f.most >= f.jobs.PerSecond.Low {
		return f.jobs.PerSecond.Value
	}
	return f.seen
}

// confidence: jobs and forks are both counts. Where a copy was seen for nearly
// every job, that is measured; and where the forks of the whole host are about
// as many as the jobs, and a tenth of them was seen to be this crew's. Forks
// alone may not be for jobs.
func (f *forking) confidence() Confidence {
	switch {
	case f.jobs == nil:
		return Suspected
	case f.seen >= 0.75*f.jobs.PerSecond.Value,
		f.most <= 1.5*f.jobs.PerSecond.Value && f.seen >= 0.1*f.jobs.PerSecond.Value:
		return Measured
	case f.seen >= 0.05*f.jobs.PerSecond.Value:
		return Inferred
	}
	return Suspected
}

func (f *forking) finding(p *Pass) (Finding, bool) {
	each := 1e3 / math.Max(f.perSecond(), 1e-9) // from cores to ms a fork
	switch {
	case f.jobs != nil && f.most < p.Limit("per-job")*f.jobs.PerSecond.Low:
		p.Clean("%.1f forks a second on the whole host, for %.0f %s", f.most, f.jobs.PerSecond.Value, f.jobs.What)
		return Finding{}, false
	case f.cost.Value < p.Limit("share")*f.cores():
		p.Clean("a fork costs about %.0f ms beside %.0f ms that %s computes for it", f.cost.Value*each, f.cores()*each, f.label())
		return Finding{}, false
	case f.cost.Value < p.Limit("cores"):
		p.Clean("the forks of %s cost %.3f cores, below %.2f", f.label(), f.cost.Value, p.Limit("cores"))
		return Finding{}, false
	}
	found := Finding{
		Subject:    f.label(),
		Message:    f.sentence(each),
		Confidence: f.confidence(),
		Waste:      wasteOf(f.cost),
		Location:   Location{Function: f.label()},
		Evidence:   f.evidence(p, each),
		Fix: "Run the jobs in the worker itself, one after the other or in threads, and replace the process after many jobs instead of after each. " +
			"Where a fork must be, load before it all that jobs need, and give a child several jobs.",
		RefutedBy: []string{
			"the CPU for each job stays the same when the worker runs its jobs without a fork",
			"the jobs themselves spend that time in the kernel",
		},
	}
	if found.Confidence == Suspected {
		found.Settles = "how many jobs were done meanwhile: name the queue (--redis URL --queue KEY) or the metrics that count them (--metrics URL)"
	}
	return found, true
}

func (f *forking) sentence(each float64) string {
	many := ""
	if n := len(f.members); n > 1 {
		many = fmt.Sprintf(" (%d of them)", n)
	}
	if f.jobs == nil {
		return fmt.Sprintf("%s%s forks copies of itself, at least %.1f a second, which use %.2f cores and end; about %.2f cores of that are for the forks. How many jobs that is nobody counts.",
			f.label(), many, f.seen, f.dead, f.cost.Value)
	}
	text := fmt.Sprintf("%s%s forks a copy of itself for each of %.1f jobs a second: of %.1f ms of CPU a job, %.1f ms go with the child when it ends, and about %.1f ms (%.1f–%.1f) are for the fork alone: %.2f cores.",
		f.label(), many, f.jobs.PerSecond.Value, f.cores()*each, f.dead*each, f.cost.Value*each, f.cost.Low*each, f.cost.High*each, f.cost.Value)
	now := f.jobs.PerSecond.Value / f.cores()
	after := func(saved float64) float64 { return f.jobs.PerSecond.Value / math.Max(f.cores()-saved, 0.02*f.cores()) }
	least, about := after(f.cost.Low), after(f.cost.Value)
	if about > mostTimes*now { // what remains is a small difference of large figures
		return fmt.Sprintf("%s A core does %.0f jobs a second, and without the forks %.0f or more.", text, now, least)
	}
	return fmt.Sprintf("%s A core does %.0f jobs a second, and without the forks about %.0f (%.0f or more).", text, now, about, least)
}

// mostTimes is how many times more jobs a core may be said to do: Resque's users
// found five without the fork.
const mostTimes = 5

func (f *forking) evidence(p *Pass, each float64) []Evidence {
	e := []Evidence{
		{What: "children seen that are their parent once more", Value: float64(len(f.copies)), Unit: "in the window", Limit: limit(p.Limit("copies")), Source: "process table, a lower bound"},
		{What: "CPU of the dead children", Value: f.dead, Unit: "cores", Source: "cutime and cstime of " + plural(float64(len(f.members)), "worker", "workers")},
		{What: "CPU of the workers themselves", Value: f.own, Unit: "cores", Source: "process table"},
		{What: "the kernel's part of both", Value: f.deadSystem + f.ownSystem, Unit: "cores", Source: "stime and cstime"},
		{What: "cost of the forks", Value: f.cost.Value / math.Max(f.cores(), 1e-9), Unit: "of the workers' CPU", Limit: limit(p.Limit("share")), Source: "1.7 times the kernel's part"},
	}
	if f.faults > 0 {
		e = append(e, Evidence{What: "pages copied or given for each fork", Value: f.faults * each / 1e3, Unit: "pages", Source: "minflt and cminflt"})
	}
	if f.jobs == nil {
		return e
	}
	rate := f.jobs.PerSecond.Value
	e = append(e, Evidence{What: f.jobs.What, Value: rate, Unit: "1/s", Source: f.jobs.Source})
	if !math.IsInf(f.most, 1) {
		e = append(e, Evidence{What: "forks of the whole host for each job", Value: f.most / rate, Unit: "1", Limit: limit(p.Limit("per-job")), Source: "/proc/stat, threads included"})
	}
	return append(e, Evidence{What: "copies seen for each job", Value: f.seen / rate, Unit: "1", Source: "process table, a lower bound"})
}
