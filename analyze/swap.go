package analyze

import "fmt"

// Swap finds a service that works with memory that is on disk.
//
// Pages in swap do no harm: the kernel puts away what nobody used for long.
// Harm is traffic in both directions at once: what was put away is needed again,
// and something else that is needed must go for it. Then a memory access takes
// as long as a disk. A service whose own faults wait for the disk has it, and not
// only its neighbour.
var Swap = Rule{
	Name:  "swap",
	Title: "The service works with memory that is in swap",
	Doc: `What it is: the service, and what runs beside it, uses more memory than there
is, or than its control group may have. The kernel moves pages to swap and has to
fetch them again: in and out at the same time.

What it costs: each page that is fetched stops a thread for as long as the disk
takes, a thousand times what memory takes, and the kernel needs CPU to look for
pages to give up. Garbage collection makes it worse: it visits all of the memory.

How to fix it: give the service the memory that it uses (raise the group's limit, a
larger instance, fewer processes beside it), or let it use less: smaller caches,
GOMEMLIMIT below the limit. Without swap it would have been killed instead, which is
seen sooner; alert on swap traffic.

When this rule is wrong: swap in compressed memory (zram, zswap) or on a very fast
disk costs CPU rather than waiting; then few threads wait, and the finding is low.`,
	Needs: Signals{All: SignalHost},
	Limits: []Limit{
		{"pages", swapPages, "pages a second", "each way. A page from a disk takes 0.1 to 10 ms: at a hundred a second a thread waits 1 % of its time at best, and always at worst"},
		{"faults", 50, "faults a second", "of the target itself that wait for a disk: below, it is not the one that suffers"},
		{"waits", 0.10, "threads", "of the target that wait for a disk on average: below, the pages come from where it costs little: low"},
		{"pressure", 0.05, "of the window", "in which some task waited for memory, where the target's own waiting is not known"},
	},
	Explains: []string{"io-bound", "kernel-bound", "idle-with-backlog"},
	Check:    checkSwap,
}

// swapPages is where swap traffic begins to matter, pages a second each way.
const swapPages = 100

func checkSwap(p *Pass) {
	h := p.Host
	pages := p.Limit("pages")
	switch {
	case h.SwapIn < pages || h.SwapOut < pages:
		p.Clean("swapped in %.0f and out %.0f pages a second", h.SwapIn, h.SwapOut)
		return
	case p.Stalls != nil && p.Stalls.MajorFaults < p.Limit("faults"):
		p.Clean("others swap: the target has %.0f faults a second", p.Stalls.MajorFaults)
		return
	}
	f := Finding{
		Subject:    "memory",
		Message:    swapSentence(p),
		Confidence: swapConfidence(p),
		Delay:      swapDelay(p),
		Location:   Location{Function: "memory"},
		Evidence:   swapEvidence(p),
		Fix:        swapFix(p),
		RefutedBy: []string{
			"with more memory as many jobs a second are done",
			"the traffic is over when what was started just before the window has its memory",
		},
		Prediction: swapPrediction(p),
		grade:      swapGrade(p),
	}
	if f.Confidence == Suspected {
		f.Settles = "whether the target itself waits: its major faults (ps -o maj_flt,comm), which busywork reads on its machine, or /proc/pressure/memory"
	}
	p.Report(f)
}

// swapConfidence: the target's own faults were counted; without them, tasks that
// wait for memory agree with the traffic.
func swapConfidence(p *Pass) Confidence {
	switch {
	case p.Stalls != nil:
		return Measured
	case p.Host.Pressure["memory"].Some >= p.Limit("pressure"):
		return Inferred
	}
	return Suspected
}

// swapGrade: pages that come from a fast place stop nobody for long; and waiting
// matters most where work piles up. The kernel's memory pressure counts only
// part of the waits for swap, so the target's own threads go first.
func swapGrade(p *Pass) Severity {
	switch {
	case p.Stalls != nil && p.Stalls.Blocked < p.Limit("waits"):
		return SeverityLow
	case backlog(p.Queues) != "":
		return SeverityHigh
	}
	return SeverityMedium
}

func swapSentence(p *Pass) string {
	h := p.Host
	text := fmt.Sprintf("%.0f pages a second come from swap and %.0f go there.", h.SwapIn, h.SwapOut)
	if s := p.Stalls; s != nil {
		text += fmt.Sprintf(" The service waits for %.0f pages a second to come from disk", s.MajorFaults)
		if s.Swapped > 0 {
			text += fmt.Sprintf("; %.0f MB of it are in swap", float64(s.Swapped)/1e6)
		}
		text += "."
	}
	if p.atMemoryLimit() {
		text += fmt.Sprintf(" Its control group is at its limit of %.0f MB, while the machine has %.0f MB free.",
			float64(p.Cgroup.MemoryMax)/1e6, float64(h.MemAvailable)/1e6)
	}
	if waiting := backlog(p.Queues); waiting != "" {
		text += " Meanwhile " + waiting + "."
	}
	return text
}

// atMemoryLimit says whether the target's group uses all that it may: the kernel
// makes room when it is full, and so keeps a little below.
func (f *Facts) atMemoryLimit() bool {
	g := f.Cgroup
	return g != nil && g.MemoryMax > 0 && float64(g.Memory) >= 0.95*float64(g.MemoryMax)
}

func swapEvidence(p *Pass) []Evidence {
	h := p.Host
	e := []Evidence{
		{What: "pages from swap", Value: h.SwapIn, Unit: "1/s", Limit: limit(p.Limit("pages")), Source: "pswpin, /proc/vmstat"},
		{What: "pages to swap", Value: h.SwapOut, Unit: "1/s", Limit: limit(p.Limit("pages")), Source: "pswpout, /proc/vmstat"},
	}
	if s := p.Stalls; s != nil {
		e = append(e,
			Evidence{What: "the target's faults that wait for a disk", Value: s.MajorFaults, Unit: "1/s", Limit: limit(p.Limit("faults")), Source: "majflt, /proc/PID/stat"},
			Evidence{What: "of the target in swap", Value: float64(s.Swapped), Unit: "bytes", Source: "VmSwap, /proc/PID/status"},
			Evidence{What: "its threads that wait for a disk", Value: s.Blocked, Unit: "threads", Limit: limit(p.Limit("waits")), Source: fmt.Sprintf("state D in %d looks at its threads", s.Looks)})
	}
	if pressure, ok := h.Pressure["memory"]; ok {
		e = append(e, Evidence{What: "some task waited for memory", Value: pressure.Some, Unit: "fraction of the window", Limit: limit(p.Limit("pressure")), Source: "/proc/pressure/memory"})
	}
	if g := p.Cgroup; g != nil && g.MemoryMax > 0 {
		e = append(e, Evidence{What: "memory of the control group", Value: float64(g.Memory), Unit: "bytes", Limit: limit(float64(g.MemoryMax)), Source: "control group"})
	}
	return append(e, Evidence{What: "memory available on the machine", Value: float64(h.MemAvailable), Unit: "bytes", Source: "/proc/meminfo"})
}

func swapFix(p *Pass) string {
	if p.atMemoryLimit() {
		return fmt.Sprintf("Raise the memory limit of the control group above %.0f MB, what the service has in memory and in swap, or let it keep less: smaller caches, GOMEMLIMIT below the limit.",
			float64(p.Cgroup.MemoryMax+p.swapped())/1e6)
	}
	return "Give the machine more memory or run fewer processes on it, or let the service keep less: smaller caches, GOMEMLIMIT."
}

func (f *Facts) swapped() uint64 {
	if f.Stalls == nil {
		return 0
	}
	return f.Stalls.Swapped
}

// swapPrediction: without the swapping the kernel's part falls, and the work that
// was held up comes on top; by how much depends on what arrives.
func swapPrediction(p *Pass) *Prediction {
	h := p.Host
	prediction := h.busier(p.moreForDemand(h.Cores(h.Idle + h.IOWait)))
	prediction.Low = max(0, prediction.Low-h.System)
	prediction.After = max(prediction.Low, prediction.After-h.System/2)
	return prediction
}

// swapDelay counts the target's threads that wait for a disk, else the share of
// time in which anybody waited for memory: at least one job then did.
func swapDelay(p *Pass) *Delay {
	n := p.Host.Pressure["memory"].Some
	if p.Stalls != nil {
		n = p.Stalls.Blocked
	}
	d := &Delay{JobHours: n, Why: fmt.Sprintf("%.1f jobs in hand wait for memory to come from disk, on average", n)}
	if q := deepestBacklog(p.Queues); q != nil {
		d.JobHours += q.Mean
		d.Why += fmt.Sprintf(", and %.0f wait behind them in %s", q.Mean, q.Name)
	}
	return d
}
