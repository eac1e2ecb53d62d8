package analyze

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// ObservabilityOverhead finds services that spend their CPU on being watched:
// metrics updated for each item, scrapes by several collectors, memory profiled
// at every allocation, heap dumps and stack traces taken in the course of work.
//
// Busywork is such a watcher itself while it looks: its CPU profile, its
// goroutine samples and its scrapes are all in the profile that it judges. They
// are never held against the service. So handlers of /debug/pprof are left out,
// but for the kinds of profile that busywork does not ask for; and of the
// scrapes only those count that the service answered to others.
var ObservabilityOverhead = Rule{
	Name:  "observability-overhead",
	Title: "Metrics, traces and profiles cost as much as work",
	Doc: `What it is: the service is slowed down by what watches it: a metric looked up by
its labels and updated for each item of a job, with a span around it; a heavy
/metrics page that several collectors fetch every few seconds; every allocation
recorded (runtime.MemProfileRate = 1), or every lock (SetMutexProfileFraction(1),
SetBlockProfileRate(1)); runtime.ReadMemStats, runtime.Stack or a heap dump in the
course of a job.

What it costs: a counter's Inc takes 10 ns, a look-up by labels (With,
WithLabelValues) 100 to 1,000, a span some microseconds, a stack trace 2 to 20,
ReadMemStats stops the whole process. A memory profile rate of 1 has been seen to
take 76 % of a service's CPU.

How to fix it: look metrics up once and keep them; count in a local variable and
add once a job; sample spans; scrape every 15 s and drop series that nobody looks
at (labels of many values first). Leave runtime.MemProfileRate at its default, and
the block and mutex profile off or at one in a hundred or fewer.

When this rule is wrong: when the service is a collector of metrics or traces
itself.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.10, "of the target's CPU", "watching is a by-product; a tenth is where the by-product garbage collection is warned about, and ten times what tracers promise (1 %)"},
		{"updates", 50, "updates of metrics a job", "jobs in, out and failed, and the time of four steps, are ten; five times that is by item"},
		{"update-cost", 20, "ns an update, at least", "an Inc of a counter takes about 10 ns, and finding the counter twice that; one that grows faster than there is CPU for grows by amounts"},
		{"recording", 0.20, "of the CPU of allocation", "at the default rate one allocation in 512 KiB is recorded, which is 1 % of allocating; a fifth means every few kilobytes or less"},
		{"scrapes", 0.05, "of the target's CPU", "a page that is fetched every 15 s and takes 10 ms is a fifteenth of a per cent; a twentieth is seventy times that"},
	},
	Check: checkObservabilityOverhead,
}

func checkObservabilityOverhead(p *Pass) {
	for _, look := range []func(*Pass) (Finding, bool){recording, dumping, updating, scraping} {
		if f, ok := look(p); ok {
			p.Report(f)
		}
	}
	if len(p.found) == 0 && p.clean == "" {
		all := p.charge(func(g *Group) bool { return updates(g) || scrapes(g) || records(g) || dumps(g) })
		p.Clean("metrics, traces and profiles take %s of the CPU, busywork's own left out", Percent(all.share.Value))
	}
}

// records says that an event is being put into a heap, block or mutex profile.
func records(g *Group) bool { return g.Marks.has(MarkRecord) }

// dumps says that own code, or somebody who is not busywork, takes a profile,
// reads the memory's statistics, or prints stacks.
func dumps(g *Group) bool {
	return !records(g) && (g.Marks.has(MarkDump) || g.Op == OpProfiling && len(g.Chain) > 0 && !g.Ops.has(OpHTTPServer))
}

// updates says that own code updates a metric or makes a span.
func updates(g *Group) bool {
	return len(g.Chain) > 0 && g.Op == OpObserve && !dumps(g) && !records(g)
}

// scrapes says that metrics are being collected and written out.
func scrapes(g *Group) bool { return g.Ops.has(OpObserve) && !updates(g) && !dumps(g) && !records(g) }

// recording finds a profile of memory, or of blocking, that records too much.
func recording(p *Pass) (Finding, bool) {
	cost := p.charge(records)
	if cost.share.Low < p.Limit("share") {
		return Finding{}, false
	}
	f := watchingFinding(p, cost, records, "recording events for profiles")
	f.Fix = "Leave runtime.MemProfileRate at its default (one allocation in 512 KiB), the block profile off and the mutex profile at one in a hundred or fewer; look for MemProfileRate, SetBlockProfileRate, SetMutexProfileFraction and GODEBUG=memprofilerate."
	ofAllocation := func(g *Group) bool { return g.Ops.has(OpAllocation) }
	recorded := p.CPU.where(func(g *Group) bool { return records(g) && ofAllocation(g) })
	part := recorded / math.Max(p.CPU.where(ofAllocation), p.CPU.weight)
	f.Message = fmt.Sprintf("recording events for heap, block or mutex profiles takes %s of the CPU, %.2f cores", Percent(cost.share.Value), cost.cores.Value)
	rate, set := p.memProfileRate()
	switch {
	case set != "" && rate < defaultMemProfileRate:
		f.Confidence = Measured
		f.Message += ": it was started with " + set + "."
		f.Evidence = append(f.Evidence, Evidence{What: "memory profile rate", Value: rate, Unit: "bytes", Limit: limit(defaultMemProfileRate), Source: "environment of the process"})
	case part >= p.Limit("recording"):
		// What recording costs against allocating depends on the rate alone, not on
		// what the service does: it is a measure of the rate.
		f.Confidence = Inferred
		f.Message += fmt.Sprintf(", %s of what allocation takes: nearly every allocation is recorded.", Percent(part))
		f.Evidence = append(f.Evidence, Evidence{What: "recording, of the CPU of allocation", Value: part, Unit: "fraction", Limit: limit(p.Limit("recording")), Source: "CPU profile"})
	default:
		f.Message += "."
		f.Settles = "the rates that are set: runtime.MemProfileRate, SetBlockProfileRate and SetMutexProfileFraction in the program and its libraries"
	}
	return f, true
}

// defaultMemProfileRate is how many bytes are allocated, in the mean, between
// two records, unless a program says otherwise.
const defaultMemProfileRate = 512 << 10

// memProfileRate is the rate that the process was started with, and the setting
// as it is written; "" if there is none.
func (f *Facts) memProfileRate() (rate float64, setting string) {
	if f.Build == nil {
		return 0, ""
	}
	for _, s := range strings.Split(f.Build.Environment["GODEBUG"], ",") {
		if v, ok := strings.CutPrefix(s, "memprofilerate="); ok {
			rate, setting = number(v), "GODEBUG="+s
		}
	}
	return rate, setting
}

// dumping finds profiles and statistics taken in the course of work.
func dumping(p *Pass) (Finding, bool) {
	cost := p.charge(dumps)
	if cost.share.Low < p.Limit("share") {
		return Finding{}, false
	}
	f := watchingFinding(p, cost, dumps, "profiles and statistics of the runtime")
	f.Fix = "Take stacks, memory statistics and heap dumps on demand and not in the course of work; read single figures from runtime/metrics, which does not stop the process."
	f.Message = fmt.Sprintf("%s takes profiles, stacks or statistics of the runtime for %s of the CPU, %.2f cores.", f.Subject, Percent(cost.share.Value), cost.cores.Value)
	f.Settles = "how often it is called: once a minute is watching, once a job is not"
	return f, true
}

// updating finds metrics and spans made for each item of a job.
func updating(p *Pass) (Finding, bool) {
	cost := p.charge(updates)
	if cost.share.Low < p.Limit("share") {
		return Finding{}, false
	}
	f := watchingFinding(p, cost, updates, "updating metrics and making spans")
	f.Fix = "Look metrics up once and keep them; count in a local variable and add once a job; make a span a job or a remote call, not an item."
	f.Message = fmt.Sprintf("%s updates metrics or makes spans for %s of the CPU, %.2f cores", f.Subject, Percent(cost.share.Value), cost.cores.Value)
	rate, busiest := p.metricUpdates(cost.cores.Value * 1e9 / p.Limit("update-cost"))
	each, known := p.eachJob(rate)
	ns := cost.cores.Value * 1e9 / math.Max(rate, 1)
	switch {
	case !known || rate == 0:
		f.Message += "."
		f.Settles = "updates a job: the growth of a counter or of a histogram's count that is updated there, for each job that is done (--metrics)"
	case each < p.Limit("updates"):
		// They are not many; spans may be, and nobody counts those.
		f.Message += fmt.Sprintf("; its metrics are updated %.1f times a job.", each)
		f.Settles = "spans a job: count them at the collector"
	default:
		f.Confidence = Inferred
		f.Waste = wasteOf(cost.cores.Times(1 - fewUpdates/each))
		f.Message += fmt.Sprintf(": %.0f updates a job, %.0f a second, %.0f ns each; most of %s.", each, rate, ns, busiest)
		f.Evidence = append(f.Evidence, Evidence{What: "updates of metrics", Value: each, Unit: "a job", Limit: limit(p.Limit("updates")), Source: "growth of the service's own counters and histograms"})
	}
	return f, true
}

// fewUpdates is what remains after the fix: a handful of counters, and the time.
const fewUpdates = 5

// metricUpdates is how often a second the service's metrics are updated, as far
// as they show it, and the metric that is updated most. What a histogram or a
// summary has observed is exact. A counter may grow by one each time or by an
// amount; with slowest first, they count as long as there is CPU enough for that
// many updates.
func (p *Pass) metricUpdates(possible float64) (rate float64, busiest string) {
	exact, growth := map[string]float64{}, map[string]float64{}
	for _, s := range p.Series {
		list := words(s.Name)
		switch {
		case len(list) == 0 || notWork[list[0]] || !s.monotone():
		case isDistribution(s):
			exact[s.Name] += s.Rate
		case !has(list, amounts):
			growth[s.Name] += s.Rate
		}
	}
	for _, name := range slices.Sorted(maps.Keys(exact)) {
		rate += exact[name]
		if exact[name] > exact[busiest] {
			busiest = name
		}
	}
	most := exact[busiest]
	for _, name := range slices.SortedFunc(maps.Keys(growth), func(a, b string) int {
		return cmp.Or(cmp.Compare(growth[a], growth[b]), strings.Compare(a, b))
	}) {
		if rate+growth[name] > possible {
			break
		}
		rate += growth[name]
		if growth[name] > most {
			busiest, most = name, growth[name]
		}
	}
	return rate, busiest
}

// amounts are words of counters that grow by amounts and not one by one.
var amounts = []string{"bytes", "byte", "seconds", "milliseconds", "microseconds", "nanoseconds", "ms", "sum", "size", "cost", "cents", "cpu"}

// scraping finds metrics that are fetched too often, or are too many.
func scraping(p *Pass) (Finding, bool) {
	cost := p.charge(scrapes)
	all, ours := p.scrapeCounts()
	if cost.share.Low < p.Limit("scrapes") || all <= ours {
		return Finding{}, false
	}
	others := (all - ours) / all
	if cost.share.Low*others < p.Limit("scrapes") {
		return Finding{}, false
	}
	waste := cost.cores.Times(others)
	f := watchingFinding(p, cost, scrapes, "answering scrapes")
	f.Confidence, f.Subject, f.Waste = Measured, "the metrics endpoint", wasteOf(waste)
	f.Fix = "Fetch the metrics every 15 s or less often, by one collector; drop series that nobody looks at, those with labels of many values first."
	f.Message = fmt.Sprintf("answering %.1f scrapes a second of the metrics takes %.2f cores; busywork's own %.1f a second are left out.",
		(all-ours)/p.span(), waste.Value, ours/p.span())
	f.Evidence = append(f.Evidence, Evidence{What: "scrapes by others", Value: (all - ours) / p.span(), Unit: "1/s", Source: "promhttp_metric_handler_requests_total, less busywork's own"})
	return f, true
}

// scrapeCounts is how often metrics were fetched in the window as the service
// counted it, and how often of these by busywork.
func (p *Pass) scrapeCounts() (all, ours float64) {
	for _, s := range p.Series {
		if s.Name == "promhttp_metric_handler_requests_total" {
			all += s.Growth
		}
	}
	return all, float64(len(p.Capture.Counters))
}

func (p *Pass) span() float64 { return math.Max(p.Capture.Window.Duration().Seconds(), 1) }

// watchingFinding is what the findings of this rule have in common.
func watchingFinding(p *Pass, cost charge, accused func(*Group) bool, what string) Finding {
	f := Finding{
		Subject:    "the service",
		Confidence: Suspected,
		Waste:      wasteOf(cost.cores),
		Location:   p.CPU.accused(accused),
		Evidence: []Evidence{
			{What: what, Value: cost.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
		},
		RefutedBy: []string{"the service is a collector of metrics or traces itself"},
		cpu:       accused,
	}
	if f.Location.Function != "" {
		f.Subject = short(f.Location.Function)
	}
	return f
}
