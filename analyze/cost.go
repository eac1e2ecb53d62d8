package analyze

import "math"

// aside is work that is done for own code on goroutines which have no own
// function on their stack, and by what of own code's work it is shared out.
var aside = []struct {
	op Operation
	by operationSet
}{
	{OpHTTPClient, setOf(OpHTTPClient)}, // the transport's reader and writer
	{OpRPC, setOf(OpRPC)},
	{OpGC, setOf(OpAllocation)},
	{OpScheduler, ^operationSet(0)}, // every call that waits parks and wakes
}

// coresUnder is what an own function costs: the CPU under it, and its part of
// what is done aside.
func (f *Facts) coresUnder(own uint32) Interval {
	return f.coresOf(func(g *Group) bool { return lastIndex(g.Chain, own) >= 0 })
}

// coresOf is what the groups cost that here says yes to, and their part of what
// is done aside. That part is by proportion, so the lower bound does without it.
func (f *Facts) coresOf(here func(*Group) bool) Interval {
	c := f.CPU
	direct := c.where(here)
	extra := 0.0
	for _, a := range aside {
		var done, asked, askedHere float64
		for i := range c.Groups {
			g := &c.Groups[i]
			switch {
			case len(g.Chain) == 0 && g.Op == a.op:
				done += g.Seconds
			case len(g.Chain) > 0 && (g.Ops|1<<g.Op)&a.by != 0:
				asked += g.Seconds
				if here(g) {
					askedHere += g.Seconds
				}
			}
		}
		if asked > 0 {
			extra += done * askedHere / asked
		}
	}
	cores := f.cores(direct + extra)
	cores.Low = math.Min(cores.Low, f.cores(direct).Low)
	return cores
}
