package analyze

import (
	"cmp"
	"fmt"

	"busywork/profile"
)

// A JobCost is what one completed job costs of one thing. Where it is not known,
// Missing says why and Value means nothing.
type JobCost struct {
	Key  string // "cpu_ms": stable, budgets name it
	What string // "ms of the target's CPU", what Value counts, for sentences
	Unit string // "ms" or "1"
	// Value is for one job, with its 95 % interval. What jobs cost varies about as
	// widely as an exponential distribution, whose mean over n jobs has the same
	// relative error as a count of n; what is counted itself adds its own.
	Value Interval
	// None says that nothing of it happened in the window, where all of it would
	// have been counted. Value.High is above zero all the same: the next window
	// may have some.
	None bool
	// Doubt is why the interval is wider than counting makes it, so that a longer
	// window does not narrow it; "" if one does.
	Doubt   string
	Source  string // who counted, and what else is in the count
	Missing string // why it is not known, "" if it is
	Hint    string // how to get it; may be ""
}

// jobCosts are the costs that are known of, in the order of [PerJob].
var jobCosts = []struct {
	key, what, unit string
	scale           float64 // from the rate's unit to Unit
	rate            func(*Facts) rated
}{
	{"cpu_ms", "ms of the target's CPU", "ms", 1e3, targetCPURate},
	{"host_cpu_ms", "ms of the host's CPU", "ms", 1e3, hostCPURate},
	{"allocations", "allocations", "1", 1, allocationRate},
	{"forks", "processes started", "1", 1, forkRate},
	{"sql_statements", "SQL statements", "1", 1, statementRate},
	{"redis_commands", "Redis commands", "1", 1, redisRate},
	{"connections", "connections made", "1", 1, connectionRate},
	{"redeliveries", "redeliveries", "1", 1, redeliveryRate},
}

// JobCostKeys are the keys of [PerJob], in its order.
func JobCostKeys() []string {
	var keys []string
	for _, k := range jobCosts {
		keys = append(keys, k.key)
	}
	return keys
}

// PerJob is what one completed job cost in the window: one row for each key,
// always all of them and in the same order.
func PerJob(f *Facts) []JobCost {
	list := make([]JobCost, len(jobCosts))
	for i, k := range jobCosts {
		c := JobCost{Key: k.key, What: k.what, Unit: k.unit}
		if f.Done == nil {
			c.Missing, c.Hint = f.unseen(SignalCompletions, fmt.Sprintf("nobody counts what is done, or it was done less than %d times in the window", fewestJobs))
			c.Missing, c.Hint = profile.Clean(c.Missing), profile.Clean(c.Hint)+"; or a longer window (--seconds)"
		} else {
			c.read(f, k.rate(f), k.scale)
		}
		list[i] = c
	}
	return list
}

// read turns a rate into a cost for one job.
func (c *JobCost) read(f *Facts, r rated, scale float64) {
	c.Source, c.Doubt, c.None = profile.Clean(r.source), r.doubt, r.none
	c.Missing, c.Hint = profile.Clean(r.missing), profile.Clean(r.hint)
	if c.Missing != "" {
		return
	}
	v := quotient(r.perSecond.Times(scale), f.Done.PerSecond)
	c.Value = Interval{finite(v.Value), finite(v.Low), finite(v.High)}
}

// unseen says why a signal is missing and how to get it, in the words of the gap
// if there is one.
func (f *Facts) unseen(signal Signal, otherwise string) (missing, hint string) {
	missing = otherwise
	for _, n := range signalNames {
		if n.signal != signal {
			continue
		}
		hint = n.how
		for _, g := range f.Gaps {
			if g.Signal == n.name {
				missing, hint = g.Reason, cmp.Or(g.Hint, n.how)
			}
		}
	}
	return missing, hint
}
