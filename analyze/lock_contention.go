package analyze

import (
	"fmt"
	"math"
	"sort"
)

// LockContention finds locks that goroutines fight over.
//
// A lock that is free costs some 10 ns however often it is taken: a busy fast
// path is no contention. The slow path, spinning, sleeping and waking, is
// entered only when somebody else holds the lock, so its CPU is waste by itself.
// But a lock held for long, across a remote call, burns nothing and makes the
// workers wait all the same: that shows in where goroutines stand. Each is one
// signal; together they agree or do not.
//
// A loop around compare-and-swap is a lock by another name. When many CPUs swap
// one word, its cache line travels between them, most swaps fail, and the loop
// shows in the profile. On a single core it cannot happen.
//
// The locks inside the runtime are somebody else's: those of the scheduler and
// of the collector follow from their own causes, and that of a channel from what
// goes through it (channel-per-item).
var LockContention = Rule{
	Name:  "lock-contention",
	Title: "Workers fight over a lock",
	Doc: `What it is: goroutines that want one lock (a mutex, a read-write mutex, or a
compare-and-swap loop on one word) at the same time. They spin, sleep and wake
each other, or just wait.

What it costs: a lock that is free takes 10 to 20 ns; one that is fought over
takes 0.1 to 5 µs of CPU each time, and the work behind it goes through one at a
time, however many workers and cores there are.

How to fix it: hold the lock for less (nothing that waits belongs inside it), take
it less often (add up in the worker, hand over once a job), split it (a lock for
each shard, or each CPU), or do without (a value that is replaced as a whole, with
atomic.Pointer). A read-write mutex helps only where the reads under it are long.

When this rule is wrong: compare-and-swap that succeeds at once is cheap and is
not told apart from one that fails by a profile alone.`,
	Needs: Signals{Any: SignalCPU | SignalGoroutines},
	Limits: []Limit{
		{"slow-path", 0.05, "of the target's CPU", "a lock that is free never takes the slow path, so any share is contention; at a twentieth it is worth a change"},
		{"swap", 0.10, "of the target's CPU", "a swap that succeeds costs 5 to 20 ns and shows up to 0.1 % in services that work; where it failed all the time it was 28 %"},
		{"parallel", 1.2, "cores", "a cache line is fought over only by CPUs that run at the same time"},
		{"waiting", 1.5, "goroutines", "one that waits now and then is what a lock is for"},
		{"part-waiting", 0.4, "of the goroutines that do this work", "where two of five stand before the lock, more workers only make a longer line"},
		{"cores", 0.03, "cores", "below, it is not worth a change"},
	},
	Explains: []string{"goroutine-pile-up"},
	Check:    checkLockContention,
}

func checkLockContention(p *Pass) {
	lines := p.linesAtLocks()
	slow, swap := 0.0, 0.0
	if p.CPU != nil && p.CPU.enough() == nil {
		slow = p.slowPath(lines)
		swap = p.swapping()
	}
	if len(p.found) == 0 && len(lines) > 0 && p.Goroutines.Samples >= fewestLooks {
		p.lineOnly(lines[0])
	}
	waiting := 0.0
	for _, l := range lines {
		waiting += l.mean
	}
	p.Clean("%s of the CPU is locks' slow paths, %s compare-and-swap; %.1f goroutines wait for a lock", Percent(slow), Percent(swap), waiting)
}

// fewestLooks at goroutines before where they stand counts.
const fewestLooks = 5

// A line is the goroutines that wait for a lock in one function.
type line struct {
	function, file string
	number         int64 // of the source line
	mean           float64
	part           float64 // of the goroutines that were started with the same functions
}

// linesAtLocks are the lines before locks of own code, the longest first.
func (f *Facts) linesAtLocks() []line {
	if f.Goroutines == nil {
		return nil
	}
	roots := map[string]float64{}
	for i := range f.Goroutines.Stands {
		roots[f.Goroutines.Stands[i].Root] += f.Goroutines.Stands[i].Mean
	}
	at, from := map[string]int{}, map[string]map[string]bool{}
	var list []line
	for i := range f.Goroutines.Stands {
		s := &f.Goroutines.Stands[i]
		if s.Wait != WaitLock || len(s.Chain) == 0 {
			continue
		}
		k, ok := at[s.Chain[0]]
		if !ok {
			k = len(list)
			at[s.Chain[0]], from[s.Chain[0]] = k, map[string]bool{}
			list = append(list, line{function: s.Chain[0], file: s.File, number: s.Line})
		}
		list[k].mean += s.Mean
		from[s.Chain[0]][s.Root] = true
	}
	for i := range list {
		workers := 0.0
		for root := range from[list[i].function] {
			workers += roots[root]
		}
		list[i].part = list[i].mean / workers
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].mean > list[j].mean })
	return list
}

// isSlowPath is CPU of a lock that own code fought for.
func isSlowPath(g *Group) bool { return len(g.Chain) > 0 && g.Marks.has(MarkSlowLock) }

// slowPath reports CPU in slow paths, and returns its share.
func (p *Pass) slowPath(lines []line) float64 {
	cost := p.charge(isSlowPath)
	owners := p.CPU.owners(isSlowPath)
	if cost.share.Value < p.Limit("slow-path") || cost.cores.Value < p.Limit("cores") {
		return cost.share.Value
	}
	first := p.CPU.name(owners[0].function)
	waste := cost.cores
	waste.High = math.Max(waste.High, p.cores(p.CPU.where(atLocksOf(owners))).High)
	f := Finding{
		Subject: short(first),
		Message: fmt.Sprintf("%s of this service's CPU, %.2f cores, goes into fighting over locks: %s.",
			Percent(cost.share.Value), cost.cores.Value, p.CPU.ownersNamed(owners, cost.seconds)),
		Confidence: Suspected,
		Waste:      wasteOf(waste),
		Location:   p.CPU.location(owners[0].function, owners[0].line),
		Evidence: []Evidence{{What: "locks' slow paths, of the target's CPU", Value: cost.share.Value, Unit: "fraction",
			Limit: limit(p.Limit("slow-path")), Source: "CPU profile"}},
		Fix:       lockFix(first),
		RefutedBy: []string{"the slow path's CPU stays when a single worker runs", "a mutex profile shows no delay at this function"},
		cpu:       isSlowPath,
	}
	if waited := p.waited(lines, owners); waited != nil {
		f.Confidence = Inferred
		f.Evidence = append(f.Evidence, *waited)
	} else {
		f.Settles = "whether goroutines wait: their profile (a base URL that serves /debug/pprof/), the runtime's go_sync_mutex_wait_total_seconds_total, or a mutex profile (runtime.SetMutexProfileFraction)"
	}
	p.Report(f)
	return cost.share.Value
}

// atLocksOf is all CPU of the locks that the owners take. Where a lock is fought
// over its fast path is slow as well, since its word travels between CPUs: the
// upper bound of what is to be had.
func atLocksOf(owners []owner) func(*Group) bool {
	theirs := map[uint32]bool{}
	for _, o := range owners {
		theirs[o.function] = true
	}
	return func(g *Group) bool { return len(g.Chain) > 0 && theirs[g.Chain[0]] && g.Ops.has(OpLock) }
}

func lockFix(function string) string {
	return fmt.Sprintf("In %s, hold the lock for less, take it less often (add up in each worker and hand over once a job), or split it; nothing that waits belongs inside it.", short(function))
}

// What confirms contention: a lock that is free is never waited for, so a few
// goroutines caught at it tell, and so does a tenth of a goroutine on average.
const (
	fewestCaught = 3
	leastWaiting = 0.1
)

// waited is a second signal that goroutines do wait for these locks, nil if
// there is none.
func (p *Pass) waited(lines []line, owners []owner) *Evidence {
	if s := p.series("go_sync_mutex_wait_total_seconds_total"); s != nil && s.Rate >= leastWaiting {
		return &Evidence{What: "goroutines waiting for locks", Value: s.Rate, Unit: "mean", Limit: limit(leastWaiting), Source: s.Name}
	}
	if p.Goroutines == nil {
		return nil
	}
	mean := 0.0
	for _, l := range lines {
		for _, o := range owners {
			if l.function == p.CPU.name(o.function) {
				mean += l.mean
			}
		}
	}
	caught := mean * float64(p.Goroutines.Samples)
	if math.Round(caught) < fewestCaught {
		return nil
	}
	return &Evidence{What: "goroutines caught waiting for these locks", Value: math.Round(caught), Unit: "in all samples",
		Limit: limit(fewestCaught), Source: fmt.Sprintf("%d goroutine profiles", p.Goroutines.Samples)}
}

// swapping reports functions that retry compare-and-swap on several CPUs, and
// returns its share. Not all of it fails, and what the loop does besides is
// repeated as well: the bounds are half of the swaps and all of the function.
func (p *Pass) swapping() float64 {
	swaps := func(g *Group) bool {
		return len(g.Chain) > 0 && g.Marks.has(MarkSwap) && !g.Ops.has(OpLock) && !g.Op.isWork()
	}
	seconds := p.CPU.where(swaps)
	share := p.partOfBusy(seconds)
	owners := p.CPU.owners(swaps)
	if share.Value < p.Limit("swap") || p.cores(seconds).Value < p.Limit("cores") {
		return share.Value
	}
	loops := map[uint32]bool{}
	for _, o := range owners {
		if o.seconds >= 0.1*seconds {
			loops[o.function] = true
		}
	}
	inLoop := func(g *Group) bool {
		return len(g.Chain) > 0 && loops[g.Chain[0]] && (g.Marks.has(MarkSwap) || g.Op == OpOwn || g.Op == OpOther)
	}
	if p.CPU.Cores < p.Limit("parallel") {
		return share.Value
	}
	first := p.CPU.name(owners[0].function)
	waste := p.cores(seconds)
	p.Report(Finding{
		Subject: short(first),
		Message: fmt.Sprintf("%s of this service's CPU is compare-and-swap, on %.1f cores at a time: %s. What fails is tried again.",
			Percent(share.Value), p.CPU.Cores, p.CPU.ownersNamed(owners, seconds)),
		Confidence: Suspected,
		Waste:      wasteOf(Interval{waste.Value, p.cores(seconds / 2).Low, math.Max(waste.High, p.cores(p.CPU.where(inLoop)).High)}),
		Location:   p.CPU.location(owners[0].function, owners[0].line),
		Evidence: []Evidence{
			{What: "compare-and-swap, of the target's CPU", Value: share.Value, Unit: "fraction", Limit: limit(p.Limit("swap")), Source: "CPU profile"},
			{What: "CPUs at a time", Value: p.CPU.Cores, Unit: "cores", Limit: limit(p.Limit("parallel")), Source: "CPU profile"},
		},
		Fix:       fmt.Sprintf("In %s, let each worker or CPU have a word of its own, on its own cache line, and add them up when they are read.", short(first)),
		RefutedBy: []string{"the share stays when GOMAXPROCS is 1", "the CPU counts its failed swaps and cache misses, and there are few"},
		Settles:   "how many of the swaps fail: the share of CPU at GOMAXPROCS=1, or perf stat -e cache-misses while it runs",
		cpu:       inLoop,
	})
	return share.Value
}

// lineOnly reports a lock that makes goroutines wait and burns nothing.
func (p *Pass) lineOnly(l line) {
	if l.mean < p.Limit("waiting") || l.part < p.Limit("part-waiting") {
		return
	}
	f := Finding{
		Subject:    short(l.function),
		Message:    fmt.Sprintf("%.1f goroutines at a time wait for a lock in %s, %s of those that do this work", l.mean, short(l.function), Percent(l.part)),
		Confidence: Suspected,
		Location:   Location{Function: l.function, File: l.file, Line: l.number},
		Evidence: []Evidence{
			{What: "goroutines waiting for the lock", Value: l.mean, Unit: "mean", Limit: limit(p.Limit("waiting")), Source: fmt.Sprintf("%d goroutine profiles", p.Goroutines.Samples)},
			{What: "part of the goroutines that do this work", Value: l.part, Unit: "fraction", Limit: limit(p.Limit("part-waiting")), Source: "goroutine profiles"},
		},
		Fix:       lockFix(l.function),
		RefutedBy: []string{"fewer workers do as many jobs and wait no less for each"},
		Settles:   "whether work waits for it: a queue that grows (--nats, --redis), or the runtime's go_sync_mutex_wait_total_seconds_total",
		Delay:     &Delay{JobHours: l.mean, Why: fmt.Sprintf("%.1f goroutines stand before a lock at any time", l.mean)},
	}
	if p.Done != nil {
		f.Message += fmt.Sprintf(": %.0f ms a job", 1e3*l.mean/p.Done.PerSecond.Value)
	}
	f.Message += "."
	if s := p.series("go_sync_mutex_wait_total_seconds_total"); s != nil && s.Rate >= l.mean/2 {
		f.Confidence, f.Settles, f.grade = Inferred, "", SeverityMedium
		f.Evidence = append(f.Evidence, Evidence{What: "goroutines waiting for locks", Value: s.Rate, Unit: "mean", Source: s.Name})
	} else if waiting := backlog(p.Queues); waiting != "" {
		f.Confidence, f.Settles, f.grade = Inferred, "", SeverityMedium
		f.Message += " Meanwhile " + waiting + "."
	}
	p.Report(f)
}
