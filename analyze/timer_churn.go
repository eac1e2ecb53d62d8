package analyze

import "fmt"

// TimerChurn finds code that makes a timer for each tiny step.
//
// A timer is an object, usually a channel, and a place in a heap that the
// scheduler keeps: 0.1 to 0.3 µs to make and to stop, three times that as a
// context, which also registers with its parent. For a request it is nothing; in
// a loop over items it can cost more than the step it guards. Reading the clock
// is no timer, nor is sleeping, nor a connection's deadline, which is set again
// and not made; and a client library that makes one for each call does so beside
// a call that costs a hundred times more.
var TimerChurn = Rule{
	Name:  "timer-churn",
	Title: "A timer for each tiny step",
	Doc: `What it is: time.After, time.NewTimer or context.WithTimeout inside a loop over
items, or before each of many small steps of a job, to guard what takes
microseconds.

What it costs: 0.2 to 1.5 µs for each, with its garbage; before Go 1.23 a timer
of time.After that is not needed any more also stays in memory until it fires.

How to fix it: one deadline for the whole job: make the context once and pass it
on; in a loop, make one timer and Reset it, or look at the clock every hundred
items.

When this rule is wrong: when each step does wait for somebody else, and needs a
time limit of its own.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.08, "of the target's CPU", "services with a timeout on every request or remote call lay at up to 1.7 %"},
		{"timers", 10, "timers a job", "a job with a deadline of its own, and one for each of several remote calls"},
		{"cores", 0.03, "cores", "below, it is not worth a change"},
	},
	Explains: []string{"gc-thrash"},
	Check:    checkTimerChurn,
}

// dearestTimer is what making and stopping one costs at most, in CPU seconds: a
// context under a parent with others, and its garbage, on a slow core.
const dearestTimer = 3e-6

// makesTimer is CPU of making, setting again or stopping a timer that own code
// asked for.
func makesTimer(g *Group) bool { return g.asked() && g.Marks.has(MarkTimer) }

// runsTimers is CPU of the scheduler's heap of timers, in nobody's name.
func runsTimers(g *Group) bool { return len(g.Chain) == 0 && g.Ops.has(OpTimer) && g.Op != OpGC }

func checkTimerChurn(p *Pass) {
	cost := p.charge(makesTimer)
	owners := p.CPU.owners(makesTimer)
	if cost.share.Value < p.Limit("share") || cost.cores.Value < p.Limit("cores") {
		p.Clean("making and stopping timers takes %s of the target's CPU", Percent(cost.share.Value))
		return
	}
	// The heap is there for these timers and for others, so it does not count for
	// the lower bound.
	waste := cost.cores
	heap := p.cores(p.CPU.where(runsTimers))
	waste.Value, waste.High = waste.Value+heap.Value, waste.High+heap.High
	first := p.CPU.name(owners[0].function)
	f := Finding{
		Subject: short(first),
		Message: fmt.Sprintf("Making and stopping timers takes %s of this service's CPU, with their heap %.2f cores: %s",
			Percent(cost.share.Value), waste.Value, p.CPU.ownersNamed(owners, cost.seconds)),
		Confidence: Suspected,
		Waste:      wasteOf(waste),
		Location:   p.CPU.location(owners[0].function, owners[0].line),
		Evidence: []Evidence{
			{What: "making and stopping timers, of the target's CPU", Value: cost.share.Value, Unit: "fraction", Limit: limit(p.Limit("share")), Source: "CPU profile"},
			{What: "the scheduler's heap of timers", Value: heap.Value, Unit: "cores", Source: "CPU profile"},
		},
		Fix:       fmt.Sprintf("In %s, use one deadline for the whole job: make the context or the timer once outside the loop, and pass it on or Reset it.", short(first)),
		RefutedBy: []string{"each of the steps waits for somebody else", "as many timers are made as jobs are done"},
		cpu:       func(g *Group) bool { return makesTimer(g) || runsTimers(g) },
	}
	per, counted := p.perJob(cost.seconds)
	timers := per.Low / dearestTimer
	if counted {
		f.Evidence = append(f.Evidence, Evidence{What: "timers a job, at least", Value: timers, Unit: "a job", Limit: limit(p.Limit("timers")),
			Source: "CPU profile ÷ the dearest timer, ÷ " + p.Done.Source})
	}
	if counted && timers >= p.Limit("timers") {
		f.Confidence = Inferred
		f.Message += fmt.Sprintf(", at least %.0f a job", timers)
	} else {
		f.Settles = "timers a job: count jobs (--metrics URL, or --nats URL), and see in the code how often the function runs for one"
	}
	f.Message += "."
	p.Report(f)
}
