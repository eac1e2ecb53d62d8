package analyze

import "math"

// A charge is the samples that a rule holds against a service, weighed.
type charge struct {
	seconds float64
	share   Interval // of the target's CPU, without what the collector did on idle CPUs
	cores   Interval // with their part of the collector's work
}

// charge weighs the samples that keep says yes to. Of the garbage collector's
// CPU they bear the part that their allocations are of all; that part is by
// proportion, so the lower bound does without it.
func (f *Facts) charge(keep func(*Group) bool) charge {
	c := f.CPU
	var ch charge
	var collecting, allocating, allocatingHere float64
	for i := range c.Groups {
		g := &c.Groups[i]
		kept := keep(g)
		if kept {
			ch.seconds += g.Seconds
		}
		switch {
		case len(g.Chain) == 0 && g.Op == OpGC:
			collecting += g.Seconds
		case g.Ops.has(OpAllocation):
			allocating += g.Seconds
			if kept {
				allocatingHere += g.Seconds
			}
		}
	}
	ch.share = f.partOfBusy(ch.seconds)
	direct := f.cores(ch.seconds)
	ch.cores = direct
	if allocating > 0 {
		ch.cores = f.cores(ch.seconds + collecting*allocatingHere/allocating)
		ch.cores.Low = math.Min(ch.cores.Low, direct.Low)
	}
	return ch
}

// accused is the location of the samples that keep says yes to: the innermost
// own function that most of them pass through. Without one it is empty.
func (c *CPU) accused(keep func(*Group) bool) Location {
	f, ok := c.innermost(portion{most, keep})
	if !ok {
		return Location{}
	}
	return c.location(f, c.lineIn(f, keep))
}

// lineIn is the line at which most of the samples leave an own function that is
// nearest to their leaves, 0 if they go on to others from there.
func (c *CPU) lineIn(f uint32, keep func(*Group) bool) int64 {
	var line int64
	heaviest := 0.0
	for i := range c.Groups {
		if g := &c.Groups[i]; len(g.Chain) > 0 && g.Chain[0] == f && g.heavy > heaviest && keep(g) {
			line, heaviest = g.Line, g.heavy
		}
	}
	return line
}

// eachJob is how much of what happens at a rate a second falls on each job that
// came to its end; ok is false where nobody counts jobs.
func (f *Facts) eachJob(rate float64) (_ float64, ok bool) {
	if f.Done == nil || f.Done.PerSecond.Value <= 0 {
		return 0, false
	}
	return rate / f.Done.PerSecond.Value, true
}
