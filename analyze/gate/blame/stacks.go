package blame

import (
	"cmp"
	"slices"
	"strings"

	"busywork/analyze"
)

// totals is the CPU of the two sides for one operation, base and head, and the
// standard error of head's. Base's operations alone are 1.
type totals struct {
	perOp  [2]float64
	spread float64
}

// A ledger holds the stacks of both sides, with functions that are the same on
// both known as one.
type ledger struct {
	totals
	module  string
	calls   [2]*analyze.Calls
	samples [2]float64 // taken, of a side
	numbers [2][]int32 // by function of a side's calls, its number in symbols
	symbols []symbol
	stacks  []stack
	walks   int
}

// A symbol is a function of either side.
type symbol struct {
	name string     // as [plainName] has it
	own  bool       // of the service's module
	seen [2]float64 // samples with it on the stack
	was  string     // its name in base, where that was another
	met  int        // the last walk on which it was met
}

// A stack is samples of one side that have the same calls on the stack.
type stack struct {
	side    int
	calls   []int32 // nodes of the side's calls, root first
	samples float64
	// weight is what a sample counts for: more than 1 if it bears a part of the
	// garbage collector's work, 0 for that work itself.
	weight float64
	// beside: it runs neither in the benchmark's goroutine nor in one that package
	// testing began for it.
	beside bool
	owner  int32 // the function of the service nearest to the leaf, len(symbols) if there is none
}

const (
	// mostStacks bounds what is walked again and again: 16,384 stacks of the
	// greatest depth are 33 MB. Real profiles of benchmarks have some hundred, and
	// what is left out counts for the whole.
	mostStacks = 1 << 14
	// beganBy is in the stack of every goroutine of a benchmark.
	beganBy = "testing.(*B)."
)

func newLedger(sides [2]examined, t totals, module string) *ledger {
	l := &ledger{totals: t, module: module}
	for i := range sides {
		l.calls[i], l.samples[i] = sides[i].calls, sides[i].calls.Samples
	}
	if module == "" {
		l.module = moduleOf(l.calls)
	}
	l.number()
	for i := range sides {
		l.read(i)
	}
	l.matchRenamed()
	for i := range l.stacks {
		l.stacks[i].owner = l.ownerOf(&l.stacks[i])
	}
	for i := range sides {
		l.chargeCollector(i)
	}
	return l
}

// number gives functions of the same plain name the same number.
func (l *ledger) number() {
	known := map[string]int32{}
	for side, c := range l.calls {
		l.numbers[side] = make([]int32, len(c.Functions))
		for i := range c.Functions {
			name := plainName(c.Functions[i].Name)
			n, ok := known[name]
			if !ok {
				n = int32(len(l.symbols))
				known[name] = n
				l.symbols = append(l.symbols, symbol{name: name, own: owns(l.module, name)})
			}
			l.numbers[side][i] = n
		}
	}
}

// read takes the stacks of a side in: one for each node in which samples end.
func (l *ledger) read(side int) {
	c := l.calls[side]
	var ends []int32
	for i := range c.Nodes {
		if c.Nodes[i].Self > 0 {
			ends = append(ends, int32(i))
		}
	}
	if len(ends) > mostStacks {
		slices.SortFunc(ends, func(a, b int32) int {
			return cmp.Or(cmp.Compare(c.Nodes[b].Self, c.Nodes[a].Self), cmp.Compare(a, b))
		})
		ends = ends[:mostStacks]
	}
	perSecond := c.Samples / c.Seconds
	rest := c.Samples
	for _, end := range ends {
		s := stack{side: side, samples: c.Nodes[end].Self * perSecond, weight: 1, beside: true}
		rest -= s.samples
		for n := end; n != 0; n = c.Nodes[n].Parent {
			s.calls = append(s.calls, n)
			s.beside = s.beside && !strings.HasPrefix(c.Functions[c.Nodes[n].Function].Name, beganBy)
		}
		slices.Reverse(s.calls)
		l.see(&s)
		l.stacks = append(l.stacks, s)
	}
	if len(ends) == mostStacks && rest > 0 {
		l.stacks = append(l.stacks, stack{side: side, samples: rest, weight: 1})
	}
}

// see counts a stack's samples for every function on it, once.
func (l *ledger) see(s *stack) {
	l.walks++
	for i := range s.calls {
		if n := l.symbolAt(s, i); l.first(n) {
			l.symbols[n].seen[s.side] += s.samples
		}
	}
}

// first says whether a function is met for the first time on this walk.
func (l *ledger) first(symbol int32) bool {
	met := l.symbols[symbol].met == l.walks
	l.symbols[symbol].met = l.walks
	return !met
}

// symbolAt is the function at a place of a stack.
func (l *ledger) symbolAt(s *stack, at int) int32 { return l.symbolOf(s.side, s.calls[at]) }

func (l *ledger) symbolOf(side int, call int32) int32 {
	return l.numbers[side][l.calls[side].Nodes[call].Function]
}

// chargeCollector has the allocations bear what the collector does beside them,
// each its part: the function that allocates more is to blame for that too. As
// everywhere in the diagnosis, the part is by the CPU of allocating, the only
// measure of it that a CPU profile has.
func (l *ledger) chargeCollector(side int) {
	collecting, allocating := 0.0, 0.0
	var collectors, allocators []*stack
	for i := range l.stacks {
		s := &l.stacks[i]
		switch {
		case s.side != side:
		case l.does(s, analyze.OpAllocation):
			allocating += s.samples
			allocators = append(allocators, s)
		case s.beside && int(s.owner) == len(l.symbols) && (l.does(s, analyze.OpGC) || l.does(s, analyze.OpGCIdle)):
			collecting += s.samples
			collectors = append(collectors, s)
		}
	}
	if allocating == 0 {
		return
	}
	for _, s := range allocators {
		s.weight = 1 + collecting/allocating
	}
	for _, s := range collectors {
		s.weight = 0
	}
}

// does says whether the runtime does such a thing somewhere on the stack.
func (l *ledger) does(s *stack, op analyze.Operation) bool {
	c := l.calls[s.side]
	return slices.ContainsFunc(s.calls, func(n int32) bool {
		return c.Nodes[n].Op == op && strings.HasPrefix(c.Functions[c.Nodes[n].Function].Name, "runtime.")
	})
}

// ownerOf is the function of the service that is nearest to the leaf.
func (l *ledger) ownerOf(s *stack) int32 {
	for at := len(s.calls) - 1; at >= 0; at-- {
		if n := l.symbolAt(s, at); l.symbols[n].own {
			return n
		}
	}
	return int32(len(l.symbols))
}
