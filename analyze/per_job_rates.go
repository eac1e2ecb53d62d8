package analyze

import (
	"fmt"
	"math"
	"slices"

	"busywork/profile"
)

// How much of each kind there was a second, for PerJob.

// rated is how much of something there was a second, as in [JobCost].
type rated struct {
	perSecond     Interval
	none          bool
	doubt, source string
	missing, hint string
}

// countedOver is the rate of what was counted.
func countedOver(total, span float64, source string) rated {
	return rated{perSecond: count(total).Times(1 / span), none: total == 0, source: source}
}

func (f *Facts) without(signal Signal, otherwise string) rated {
	missing, hint := f.unseen(signal, otherwise)
	return rated{missing: missing, hint: hint}
}

// clockTick is the unit in which the kernel tells the CPU of a process, the same
// on every architecture of Linux that Go runs on.
const clockTick = 0.01

// targetCPURate prefers the kernel's account of the target, with all that it has
// started, to the samples of its profile.
func targetCPURate(f *Facts) rated {
	switch {
	case f.Target != nil && f.Target.Gone:
		return rated{missing: "the target ended inside the window", hint: "observe it while it runs"}
	case f.Target != nil:
		cores, tick := f.treeCores(), clockTick/f.Processes.Seconds
		return rated{perSecond: Interval{cores, max(0, cores-tick), cores + tick}, source: "process table, with all that the target has started"}
	case f.CPU != nil && f.CPU.enough() == nil && f.CPU.Cores > 0:
		return rated{perSecond: count(f.CPU.Samples).Times(f.CPU.Cores / f.CPU.Samples), source: "CPU profile, without what the target has started"}
	}
	return f.without(SignalProcesses, "neither the target's process nor its profile was observed")
}

func hostCPURate(f *Facts) rated {
	if f.Host == nil {
		return f.without(SignalHost, "the host was not observed")
	}
	return rated{perSecond: exactly(f.Host.Cores(f.Host.Busy())), source: "/proc/stat, all that ran on the host"}
}

// allocationRate reads what Go's collectors for Prometheus publish, or expvar. Where several
// services are scraped, those count that count the jobs as well.
func allocationRate(f *Facts) rated {
	// The second name leaves out the smallest objects, which the third counts.
	for _, names := range [][]string{{"go_memstats_mallocs_total"}, {"go_gc_heap_allocs_objects_total", "go_gc_heap_tiny_allocs_objects_total"}, {"memstats.Mallocs"}} {
		if r, ok := f.summed(names); ok {
			return r
		}
	}
	if len(f.Series) == 0 {
		return f.without(SignalCounters, "no counters were observed")
	}
	return rated{missing: fmt.Sprintf("none of %d series counts allocations", len(f.Series)),
		hint: "serve the metrics of Go's runtime (collectors.NewGoCollector of client_golang), which have go_memstats_mallocs_total, or expvar's /debug/vars"}
}

// summed adds up the series with these names of the endpoints that count the jobs,
// or of the first endpoint that has them if none does.
func (f *Facts) summed(names []string) (rated, bool) {
	var sources []string
	for _, s := range f.Series {
		if s.Name == f.Done.Source && s.Growth > 0 && slices.ContainsFunc(f.Series, func(t *Series) bool { return t.Source == s.Source && t.Name == names[0] }) {
			sources = append(sources, s.Source)
		}
	}
	if s := f.series(names[0]); s != nil && sources == nil {
		sources = append(sources, s.Source)
	}
	total, found := 0.0, false
	for _, s := range f.Series {
		if slices.Contains(names, s.Name) && slices.Contains(sources, s.Source) && s.Seconds > 0 {
			total, found = total+s.Rate, true
		}
	}
	// There are so many that the error of the count does not matter.
	return rated{perSecond: exactly(total), none: total == 0, source: names[0]}, found
}

// leastFaults is how many page faults a process takes at least in its life: the
// smallest program that can be executed takes 3, and a fork that ends at once 19.
const leastFaults = 3

// forkRate is bounded from below by the children that were seen, and from above
// by the page faults of those that were reaped and by the forks of the whole
// host. A parent that ignores the end of its children hides them from the second.
func forkRate(f *Facts) rated {
	if f.Target == nil {
		return f.without(SignalProcesses, "the target's process was not observed")
	}
	span := f.Processes.Seconds
	born, _ := litters(f)
	var seen, alive, faults float64
	known := f.Target.Last.Faults > 0 // recordings of old have none
	for _, q := range f.descent() {
		seen += born[q.ProcessKey]
		if q.Young && !q.Gone && q != f.Target {
			alive++
		}
		if !q.Gone {
			faults += forward(float64(q.First.ChildFaults), float64(q.Last.ChildFaults))
		}
	}
	most, source := math.Inf(1), "children seen in the process table"
	if f.Host != nil {
		most, source = f.Host.ForksPerSecond*span, source+", and at most the forks of the host in /proc/stat, threads included"
	}
	if bound := alive + faults/leastFaults; known && bound >= seen && bound < most {
		most, source = bound, fmt.Sprintf("children seen in the process table, and at most what %.0f page faults of dead ones allow", faults)
	}
	most = max(most, seen)
	r := countedOver(seen, span, source)
	r.none = most == 0
	if most > seen {
		r.perSecond.High = max(r.perSecond.High, count(min(most, math.MaxInt32)).High/span)
		r.doubt = "processes that live shorter than the looks lie apart are not all seen"
	}
	return r
}

// descent is the target and all that descends from it, the dead included, in a
// stable order.
func (f *Facts) descent() []*Proc {
	list, done := []*Proc{f.Target}, map[*Proc]bool{f.Target: true}
	for i := 0; i < len(list); i++ {
		for _, child := range f.Processes.children(list[i]) {
			if !done[child] {
				done[child] = true
				list = append(list, child)
			}
		}
	}
	return list
}

func statementRate(f *Facts) rated {
	switch {
	case f.Postgres == nil:
		return f.without(SignalPostgres, "no database was observed")
	case f.Postgres.Statements == nil:
		return f.without(SignalPostgres, "statements are not counted: pg_stat_statements is missing")
	}
	total := 0.0
	for i := range f.Postgres.Statements {
		total += f.Postgres.Statements[i].Calls
	}
	return countedOver(total, f.Postgres.StatementSeconds, "pg_stat_statements, of all clients of the database")
}

// redisRate counts commands, without those by which the server was observed.
func redisRate(f *Facts) rated {
	if f.Redis == nil {
		return f.without(SignalRedis, "no Redis server was observed")
	}
	total, own := 0.0, ownCommands(f.Capture.Redis)
	for _, c := range f.Redis.Commands {
		total += max(0, c.Calls-own[c.Command])
	}
	return countedOver(total, f.Redis.Seconds, "Redis commandstats, of all clients of the server")
}

// ownCommands is how often each command was sent to take the samples: INFO, which
// does not count itself yet, and then the type and the depth of every key.
func ownCommands(samples []profile.RedisSample) map[string]float64 {
	depth := map[string]string{"list": "llen", "zset": "zcard", "stream": "xlen", "set": "scard", "hash": "hlen"}
	own := map[string]float64{"info": float64(len(samples) - 1)}
	for _, s := range samples[:len(samples)-1] {
		own["type"] += float64(len(s.Keys))
		for _, k := range s.Keys {
			own[depth[k.Type]]++
		}
	}
	return own
}

// connectionRate is the kernel's count of connections that were begun where the
// target runs, else what servers have counted that it is known to talk to.
func connectionRate(f *Facts) rated {
	for _, k := range f.Capture.Connections {
		if k.Seconds > 0 {
			return countedOver(float64(k.Made), k.Seconds, "ActiveOpens in /proc/net/snmp, of all processes in the target's network namespace")
		}
	}
	var rates []Interval
	source, none := "", true
	add := func(total, span float64, name string) {
		rates, none = append(rates, count(total).Times(1/span)), none && total == 0
		if source != "" {
			source += ", "
		}
		source += name
	}
	if u := f.NATS; u != nil {
		add(u.Connections*u.Seconds, u.Seconds, "numbers of NATS connections")
	}
	for _, n := range f.newConnections() {
		span := f.Capture.Window.Duration().Seconds()
		if n.total > 0 {
			span = n.total / n.perSecond
		}
		// Before version 14 PostgreSQL does not count sessions.
		if n.total > 0 || f.Postgres == nil || n.server != f.Postgres.Server || number(f.Postgres.Version) >= 14 {
			add(n.total, span, n.source)
		}
	}
	if rates == nil {
		return rated{missing: "nobody counted connections", hint: "run busywork on the target's machine, as its user or root; or --redis URL, --postgres DSN"}
	}
	return rated{perSecond: sum(rates...), none: none, source: source + ", of all clients"}
}

func redeliveryRate(f *Facts) rated {
	total, span := 0.0, 0.0
	for _, q := range f.Queues {
		if q.System == "jetstream" {
			total, span = total+q.Redelivered*q.Seconds, max(span, q.Seconds)
		}
	}
	if span <= 0 {
		return f.without(SignalJetStream, "no JetStream consumer was observed")
	}
	return countedOver(total, span, "sequence numbers of JetStream consumers")
}
