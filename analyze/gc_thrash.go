package analyze

import "fmt"

// GCThrash finds services that work for their garbage collector.
//
// Every Go service collects, so a share of CPU alone is no accusation. Two
// things lift it out of the ordinary. One is a setting: what marking costs goes
// by 1/GOGC, so GOGC=10 does ten times the marking that the default does, and a
// memory limit that the live heap nearly fills makes the collector run without
// pause. The other is a program that asks for so much memory that getting and
// returning it is a large part of all it does; then the functions that ask for
// most are named.
//
// What the collector does only because CPUs are idle (gcDrainMarkWorkerIdle) is
// left out of everything: it would be gone the moment there was work. In public
// profiles it was up to two thirds of the collector's share.
var GCThrash = Rule{
	Name:  "gc-thrash",
	Title: "The garbage collector takes a large part of the CPU",
	Doc: `What it is: the service allocates so much, or is told to keep its heap so
small (GOGC below 100, a GOMEMLIMIT that the live heap nearly fills), that
collecting and allocating are a large part of its work.

What it costs: marking goes over the whole live heap in each cycle, and at
GOGC=10 there are ten times as many cycles as at the default. Goroutines that
allocate are made to help, so jobs get slower, too.

How to fix it: take the setting back, if memory allows; a GOMEMLIMIT some 20 %
above the live heap with GOGC left alone is the safe form of "use what there
is". Otherwise allocate less at the functions named: reuse buffers (sync.Pool, a
buffer for each worker), give make the capacity, keep values instead of
pointers. Where the heap is small and memory is not, a higher GOGC (200 to 400)
buys the same.

When this rule is wrong: when the memory that the setting saves is worth the CPU,
as on a machine packed with processes; or when the window is the service's start,
while its heap grows.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"collector", 0.15, "of the target's CPU", "10 % is where others warn (JDK Mission Control, Datadog), of all that the collector does; busy services in good order lay at up to 10 % without idle marking, so half as much again"},
		{"with-allocation", 0.35, "of the target's CPU", "others warn when allocation alone is 15 % (Uber); services in good order lay at up to 26 % with the collector, the wasteful ones above 43 %"},
		{"collector-least", 0.05, "of the target's CPU", "below, the allocator is busy but the memory is not a burden: another kind of work"},
		{"setting", 0.10, "of the target's CPU", "a setting that makes the collector work is a cause, so the usual limit of others is enough"},
		{"gogc", 75, "percent", "between 75 and the default of 100 marking differs by less than a third, which other things outweigh"},
		{"limit-used", 0.90, "of GOMEMLIMIT", "the runtime collects harder from about there on"},
		{"cycles", 5, "collections a second", "a service at rest collects every two minutes, a usual one every second or so; five a second agree with a high share"},
		{"cores", 0.03, "cores", "below, it is not worth a change"},
	},
	Check: checkGCThrash,
}

// thrash is what a profile shows of memory management, in CPU seconds.
type thrash struct {
	runtime GoRuntime
	gc      float64 // marking, assisting and sweeping, without idle marking
	all     float64 // that and allocating
	owners  []owner // of all, as far as own code asked
	owned   float64 // all that owners have together
}

// A thrashCause is what makes the collector work, and what would go with it.
type thrashCause struct {
	why     string
	fix     string
	waste   Interval // CPU seconds, by what is known of the cause; sampling errors come on top
	idle    float64  // CPU seconds of idle marking that go as well: nobody misses them, but the host is less busy
	accuses func(*Group) bool
	setting *Evidence // nil if no setting is the cause
}

func checkGCThrash(p *Pass) {
	t := thrash{runtime: p.goRuntime(), gc: p.CPU.where(isCollection), all: p.CPU.where(isMemory), owners: p.CPU.owners(isMemory)}
	for _, o := range t.owners {
		t.owned += o.seconds
	}
	gc, all := p.partOfBusy(t.gc), p.partOfBusy(t.all)
	cause := t.setting(p, gc)
	if cause == nil && gc.Value >= p.Limit("collector-least") &&
		(gc.Value >= p.Limit("collector") || all.Value >= p.Limit("with-allocation")) {
		cause = t.allocation(p)
	}
	if cause == nil || p.cores(cause.waste.Value).Value < p.Limit("cores") {
		p.Clean("collection takes %s of the target's CPU, with allocation %s, without %.2f cores of marking on idle CPUs",
			Percent(gc.Value), Percent(all.Value), p.cores(p.CPU.Exclusive[OpGCIdle]).Value)
		return
	}
	p.Report(t.finding(p, cause, gc, all))
}

// isCollection is the collector's work that somebody waits for, or that takes
// CPUs from others.
func isCollection(g *Group) bool { return g.Op != OpGCIdle && g.Ops.has(OpGC) }

// isMemory is that and allocation: getting memory from the system and clearing
// it are part of it.
func isMemory(g *Group) bool {
	return g.Op != OpGCIdle && (g.Ops.has(OpGC) || g.Ops.has(OpAllocation))
}

// setting is the setting that makes the collector work, nil if none does.
func (t *thrash) setting(p *Pass, gc Interval) *thrashCause {
	r := &t.runtime
	if gc.Value < p.Limit("setting") {
		return nil
	}
	if used := t.limitUsed(p.Facts); used >= p.Limit("limit-used") {
		return t.memoryLimit(p, used)
	}
	if r.GOGCFrom != "" && r.GOGC > 0 && r.GOGC < p.Limit("gogc") {
		return t.lowGOGC(p)
	}
	return nil
}

// lowGOGC: the number of cycles, and with it marking, goes by 1/GOGC, so of it
// remains GOGC/100 at the default. Sweeping goes by what is allocated instead;
// the lower bound takes half of the collection for that.
func (t *thrash) lowGOGC(p *Pass) *thrashCause {
	r := &t.runtime
	saved := t.gc * (1 - r.GOGC/100)
	k := &thrashCause{
		why:     fmt.Sprintf("GOGC is %.0f, which makes %.1f times the cycles of the default, 100", r.GOGC, 100/r.GOGC),
		waste:   Interval{saved, saved / 2, saved},
		idle:    p.CPU.Exclusive[OpGCIdle] * (1 - r.GOGC/100),
		accuses: isCollection,
		setting: &Evidence{What: "GOGC", Value: r.GOGC, Unit: "percent", Limit: limit(p.Limit("gogc")), Source: r.GOGCFrom},
	}
	if r.GOGCSet {
		k.fix = fmt.Sprintf("Take GOGC=%.0f out of the process's environment.", r.GOGC)
	} else {
		k.fix = fmt.Sprintf("Let GOGC be 100 again: something sets it to %.0f, look for debug.SetGCPercent.", r.GOGC)
	}
	if r.Live > 0 {
		k.fix += fmt.Sprintf(" The heap then grows to about %s between collections, and not to %s.", mebibytes(2*r.Live), mebibytes(r.Goal))
	}
	k.fix += " If memory was the reason, set GOMEMLIMIT instead: it makes the collector work only when memory gets scarce."
	return k
}

// memoryLimit: at the limit the collector runs as often as it takes. What would
// stay of it below the limit is not known: by the ordinary 2 to 10 % of CPU of
// services in good order, a twentieth to a half of what makes this rule look.
func (t *thrash) memoryLimit(p *Pass, used float64) *thrashCause {
	r := &t.runtime
	return &thrashCause{
		why:     fmt.Sprintf("%s of GOMEMLIMIT, %s, are in use, and the collector works to stay below it", Percent(used), mebibytes(r.MemoryLimit)),
		fix:     fmt.Sprintf("Raise GOMEMLIMIT from %s to well above what is live, or keep less in memory: below its limit the collector costs little.", mebibytes(r.MemoryLimit)),
		waste:   Interval{0.8 * t.gc, 0.5 * t.gc, 0.95 * t.gc},
		idle:    0.8 * p.CPU.Exclusive[OpGCIdle],
		accuses: isCollection,
		setting: &Evidence{What: "memory in use, of GOMEMLIMIT", Value: used, Unit: "fraction", Limit: limit(p.Limit("limit-used")), Source: r.LimitFrom},
	}
}

// limitUsed is how much of the memory limit the runtime uses, 0 if either is not
// known. Resident memory stands in where the runtime does not say; it has the
// program's text besides, and lacks what was swapped out.
func (t *thrash) limitUsed(f *Facts) float64 {
	sys, released := f.series("go_memstats_sys_bytes", "memstats.Sys"), f.series("go_memstats_heap_released_bytes", "memstats.HeapReleased")
	switch {
	case t.runtime.MemoryLimit <= 0:
		return 0
	case sys != nil && released != nil:
		return (sys.Last - released.Last) / t.runtime.MemoryLimit
	case t.runtime.Resident != nil:
		return t.runtime.Resident.Last / t.runtime.MemoryLimit
	}
	return 0
}

// named is how many owners a finding blames.
const named = 3

// allocation blames the functions that ask for most. With what they allocate
// goes what the collector does for it, in proportion. Nobody gets rid of all of
// it: reusing the few large or frequent objects usually takes two thirds away.
func (t *thrash) allocation(p *Pass) *thrashCause {
	if t.owned == 0 {
		return nil
	}
	part := 0.0
	for _, o := range t.owners[:min(len(t.owners), named)] {
		part += o.seconds / t.owned
	}
	theirs := part * t.all
	k := &thrashCause{
		why:   "most is allocated by " + p.CPU.ownersNamed(t.owners, t.owned),
		fix:   fmt.Sprintf("Allocate less in %s: reuse buffers (sync.Pool, or one a worker), give make its capacity, keep values and not pointers to them.", p.CPU.ownersNamed(t.owners, t.owned)),
		waste: Interval{theirs * 2 / 3, theirs / 3, theirs},
		idle:  part * p.CPU.Exclusive[OpGCIdle] * 2 / 3,
		// The collector's own work has nobody's name on it. Whoever accuses the
		// allocations, for what they are part of, has explained it as well.
		accuses: func(g *Group) bool { return len(g.Chain) > 0 && isMemory(g) },
	}
	if r := &t.runtime; r.Live > 0 && r.GOGC > 0 && r.GOGC < 400 && 5*r.Live < spareHeap {
		k.fix += fmt.Sprintf(" The live heap is only about %s: GOGC=400 would make a quarter of the collections for some %s more.", mebibytes(r.Live), mebibytes(4*r.Live-r.GOGC/100*r.Live))
	}
	return k
}

// spareHeap is a heap, in bytes, that nobody has to ask for: a worker's share
// of memory on the smallest instances is a GiB.
const spareHeap = 512 << 20

func (t *thrash) finding(p *Pass, k *thrashCause, gc, all Interval) Finding {
	r := &t.runtime
	cycles := ""
	if r.Cycles > 0 {
		cycles = fmt.Sprintf(" in %.*f collections a second", decimals(r.Cycles), r.Cycles)
	}
	waste := Interval{p.cores(k.waste.Value).Value, p.cores(k.waste.Low).Low, p.cores(k.waste.High).High}
	f := Finding{
		Subject: "garbage collection",
		Message: fmt.Sprintf("Collecting garbage takes %s of this service's CPU%s, with allocating %s, not counting marking on idle CPUs: %s.",
			Percent(gc.Value), cycles, Percent(all.Value), k.why),
		Confidence: Suspected,
		Waste:      wasteOf(waste),
		Evidence: []Evidence{
			{What: "collection, of the target's CPU", Value: gc.Value, Unit: "fraction", Limit: limit(p.Limit("collector")), Source: "CPU profile, idle marking left out"},
			{What: "collection and allocation, of the target's CPU", Value: all.Value, Unit: "fraction", Limit: limit(p.Limit("with-allocation")), Source: "CPU profile, idle marking left out"},
			{What: "marking on idle CPUs, not counted", Value: p.cores(p.CPU.Exclusive[OpGCIdle]).Value, Unit: "cores", Source: "CPU profile"},
		},
		Fix:       k.fix,
		RefutedBy: []string{"the share of collection stays when the setting is taken back, or the allocations named are gone", "the window was the service's start, and its heap no longer grows"},
		cpu:       k.accuses,
	}
	if p.Host != nil {
		f.Prediction = predict(p.Host, sum(waste, p.cores(k.idle)))
	}
	if len(t.owners) > 0 {
		f.Location = p.CPU.location(t.owners[0].function, t.owners[0].line)
	}
	if k.setting != nil {
		f.Evidence = append(f.Evidence, *k.setting)
		f.Confidence = Inferred // a profile's share and a setting that explains it
	}
	if r.Cycles > 0 {
		f.Evidence = append(f.Evidence, Evidence{What: "collections", Value: r.Cycles, Unit: "1/s", Limit: limit(p.Limit("cycles")), Source: "the runtime's count"})
		if r.Cycles >= p.Limit("cycles") {
			f.Confidence = Inferred
		}
	}
	if per, ok := p.perJob(t.all); ok && r.Allocated > 0 {
		f.Evidence = append(f.Evidence,
			Evidence{What: "allocated a job", Value: r.Allocated / p.Done.PerSecond.Value, Unit: "bytes", Source: "the runtime's count ÷ " + p.Done.Source},
			Evidence{What: "collection and allocation a job", Value: per.Value, Unit: "CPU seconds", Source: "CPU profile ÷ " + p.Done.Source})
	}
	if f.Confidence == Suspected {
		f.Settles = "how often it collects, and its settings: serve the Go runtime's metrics (--metrics URL; go_gc_duration_seconds, go_gc_gogc_percent), or run with GODEBUG=gctrace=1"
	}
	return f
}
