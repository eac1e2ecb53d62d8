package analyze

import (
	"fmt"
	"math"
)

// StolenCPU finds a machine that does not get the CPUs it seems to have.
//
// A virtual CPU is a thread of the machine below. While it is ready and the
// hypervisor lets another one run, or none because a credit is used up, the
// guest's kernel counts steal. Nothing inside the guest shows otherwise: profiles
// and CPU times look as ever, only everything takes longer by the same factor.
var StolenCPU = Rule{
	Name:  "stolen-cpu",
	Title: "The hypervisor gives this machine less CPU than it wants",
	Doc: `What it is: time that this machine's CPUs were ready to run and the
hypervisor let them wait (steal). Two causes look the same from inside: a neighbour
on the same hardware, and an instance type that earns CPU credits and has spent
them (AWS T3 and T4g, Azure B series, Google Cloud's shared-core types, small
offers of most providers): it is then held at its base rate.

What it costs: everything takes longer, by (busy + steal) / busy, and no profile
shows where. More threads or processes get nothing more.

How to fix it: look at the instance type first. If it is burstable, look at its
credit balance: take a type with dedicated CPUs, or pay for unlimited credit. If
it is not, stop and start the instance: it comes up on other hardware. On hardware
of your own: fewer virtual CPUs on it, or a higher share for this machine.

When this rule is wrong: a hypervisor that does not report steal shows none, so
silence proves little; and a short burst during a neighbour's start is over before
you have moved.`,
	Needs: Signals{All: SignalHost},
	Limits: []Limit{
		{"steal", 0.10, "of all CPU time", "jobs then take at least a tenth longer; Netdata warns from the same share"},
		{"high", 0.25, "of all CPU time", "a quarter of what is paid for never comes"},
		{"observed", 5, "seconds", "a burst of a second or two on the hardware below is nothing to act on"},
		{"share", 0.10, "of the busy time", "a target that is less of what runs here loses less of what is stolen: low"},
	},
	Explains: []string{"idle-with-backlog"},
	Check:    checkStolenCPU,
}

func checkStolenCPU(p *Pass) {
	h := p.Host
	if h.Steal < p.Limit("steal") || h.Seconds < p.Limit("observed") {
		p.Clean("steal %s in %.0f s", Percent(h.Steal), h.Seconds)
		return
	}
	stolen := h.Cores(h.Steal)
	share := p.shareOfBusy()
	f := Finding{
		Subject:    fmt.Sprintf("%s of %d CPUs", Percent(h.Steal), h.CPUs),
		Message:    stolenSentence(p, stolen),
		Confidence: Measured,
		Delay:      stolenDelay(p, stolen*share),
		Location:   Location{Function: "hypervisor"},
		Evidence: []Evidence{
			{What: "steal", Value: h.Steal, Unit: "fraction of all CPU time", Limit: limit(p.Limit("steal")), Source: "/proc/stat"},
			{What: "steal", Value: stolen, Unit: "cores", Source: "/proc/stat"},
			{What: "time that a CPU-second takes", Value: stretch(h), Unit: "seconds", Source: "(busy + steal) by busy"},
			{What: "the target's part of what is busy", Value: share, Unit: "fraction", Limit: limit(p.Limit("share")), Source: "CPU times of its processes"},
			{What: "idle", Value: h.Idle, Unit: "fraction of all CPU time", Source: "/proc/stat"},
		},
		Fix: "Look at the instance type: if it is burstable (it earns CPU credits) its credits are spent, and it needs a type with dedicated CPUs, or unlimited credit. If it is not, a neighbour takes the CPU: stop and start the instance to get other hardware.",
		RefutedBy: []string{
			"steal is gone in the next windows: a passing burst of a neighbour",
			"the same work is as slow on an instance of a dedicated type",
		},
		grade: stolenGrade(p, share),
	}
	f.Prediction = h.busier(p.moreForDemand(stolen * share))
	p.Report(f)
}

// stretch is how long a second of CPU takes by the clock.
func stretch(h *Host) float64 {
	if h.Busy() <= 0 {
		return 1
	}
	return (h.Busy() + h.Steal) / h.Busy()
}

// shareOfBusy is the target's part of what the machine did, 1 where the target
// is the machine or its processes are not known.
func (f *Facts) shareOfBusy() float64 {
	busy := f.Host.Cores(f.Host.Busy())
	if f.Target == nil || busy <= 0 {
		return 1
	}
	return math.Min(1, f.treeCores()/busy)
}

func stolenGrade(p *Pass, share float64) Severity {
	switch {
	case share < p.Limit("share"):
		return SeverityLow
	case p.Host.Steal >= p.Limit("high"), backlog(p.Queues) != "":
		return SeverityHigh
	}
	return SeverityMedium
}

func stolenSentence(p *Pass, cores float64) string {
	h := p.Host
	text := fmt.Sprintf("The hypervisor kept %.2f of %d CPUs from this machine while it wanted to run: each CPU-second took %.1f s.", cores, h.CPUs, stretch(h))
	if waiting := backlog(p.Queues); waiting != "" {
		text += " Meanwhile " + waiting + "."
	}
	return text
}

// stolenDelay: a CPU that is kept from the machine stops one thread, and with it
// a job in hand. A queue behind them waits for that where nothing was idle.
func stolenDelay(p *Pass, threads float64) *Delay {
	d := &Delay{JobHours: threads, Why: fmt.Sprintf("%.2f threads of the target wait for a CPU that the hypervisor has, on average", threads)}
	if q := deepestBacklog(p.Queues); q != nil && p.Host.Idle < nothing {
		d.JobHours += q.Mean
		d.Why += fmt.Sprintf(", and %.0f jobs wait behind them in %s", q.Mean, q.Name)
	}
	return d
}
