package analyze

import (
	"fmt"
	"sort"
	"strings"
)

// An owner is an own function with the CPU of the stacks that it is the nearest
// own function of: where the work was asked for, and where it can be changed.
type owner struct {
	function uint32
	seconds  float64 // CPU
	samples  float64
	line     int64 // at which the heaviest of the stacks left the function
}

// owners are those of the groups that keep says yes to, most CPU first.
func (c *CPU) owners(keep func(*Group) bool) []owner {
	at := map[uint32]int{}
	var list []owner
	var heavy []float64
	for i := range c.Groups {
		g := &c.Groups[i]
		if len(g.Chain) == 0 || !keep(g) {
			continue
		}
		k, ok := at[g.Chain[0]]
		if !ok {
			k = len(list)
			at[g.Chain[0]] = k
			list, heavy = append(list, owner{function: g.Chain[0]}), append(heavy, 0)
		}
		list[k].seconds += g.Seconds
		list[k].samples += g.Samples
		if g.heavy > heavy[k] {
			heavy[k], list[k].line = g.heavy, g.Line
		}
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.seconds > b.seconds || a.seconds == b.seconds && c.name(a.function) < c.name(b.function)
	})
	return list
}

// ownersNamed names the first owners with their parts of the whole, for people:
// "svc.render (62 %), svc.parse (21 %)". Parts below a tenth are not worth a word.
func (c *CPU) ownersNamed(list []owner, whole float64) string {
	var names []string
	for _, o := range list[:min(len(list), 3)] {
		if whole > 0 && o.seconds >= 0.1*whole {
			names = append(names, fmt.Sprintf("%s (%s)", short(c.name(o.function)), Percent(o.seconds/whole)))
		}
	}
	return strings.Join(names, ", ")
}

// perJob is how many core-seconds of the target each job costs of the given CPU
// seconds of the profile; ok is false where nobody counts jobs.
func (f *Facts) perJob(seconds float64) (_ Interval, ok bool) {
	if f.Done == nil || f.Done.PerSecond.Low <= 0 {
		return Interval{}, false
	}
	return quotient(f.cores(seconds), f.Done.PerSecond), true
}

// partOfBusy is the interval of the share that the given CPU seconds are of
// what the target did, without what its collector did because CPUs were idle.
func (f *Facts) partOfBusy(seconds float64) Interval {
	return f.CPU.share(seconds).Times(f.CPU.Seconds / max(f.CPU.busy(), f.CPU.weight))
}
