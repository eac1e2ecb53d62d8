package blame

import (
	"cmp"
	"math"
	"slices"
)

// A blame goes down the stacks of both sides, from all of them to the functions
// of the service that the growth is in.
type blame struct {
	*ledger
	clocked bool    // what runs beside the operations is less than half of base's CPU
	grown   float64 // of everything
	family  int     // functions that could be blamed
	owners  []float64
	// owners is the growth by the function of the service nearest to the leaf, the
	// last for stacks without one.
	steps int
	found []part
}

// A part is stacks of both sides that go through a function, and what they take
// from there on.
type part struct {
	symbol  int32 // −1 for all that runs
	rest    bool  // only the stacks that go on to no other function of the service
	alike   bool  // all functions beneath grew in the same proportion
	members []member
	tally   tally
	grown   float64 // see net
}

// A member is a stack with the place in it at which the function comes first, −1
// above the outermost.
type member struct{ stack, at int32 }

// A tally is weighted samples by side.
type tally struct {
	samples, squares [2]float64
	beside           float64 // of head's, those beside the operations
}

func (t *tally) add(s *stack) {
	t.samples[s.side] += s.samples * s.weight
	t.squares[s.side] += s.samples * s.weight * s.weight
	if s.beside && s.side == 1 {
		t.beside += s.samples * s.weight
	}
}

// cost is the CPU of the samples of a side for one operation.
func (l *ledger) cost(t *tally, side int) float64 {
	return l.perOp[side] * t.samples[side] / l.samples[side]
}

// growth is how much more that is in head.
func (l *ledger) growth(t *tally) float64 { return l.cost(t, 1) - l.cost(t, 0) }

// spreadOf is the standard error of a growth. How many of a side's samples are of
// some function is binomial. That none are does not make it sure that there is
// nothing: it counts as one.
func (l *ledger) spreadOf(t *tally) float64 {
	sum := 0.0
	for side, n := range l.samples {
		p := t.samples[side] / n
		v := math.Max(t.squares[side], 1)/(n*n) - p*p/n
		sum += l.perOp[side] * l.perOp[side] * math.Max(v, 0)
	}
	timing := l.totals.spread * t.samples[1] / l.samples[1]
	return math.Sqrt(sum + timing*timing)
}

const (
	// mostOf a growth makes a function its heir: what then stays with the caller is
	// as little as the error of 400 samples.
	mostOf = 0.8
	// leastOf the whole growth is worth a name: a tenth of +10 % is what a gate
	// would not have stopped by itself.
	leastOf = 0.1
	// level bounds the chance that an innocent function is named at all.
	level = 0.01
	// mostCauses is how many names somebody reads.
	mostCauses = 5
	// mostSteps bounds the way down: no honest one takes more than it has functions
	// of its own on a stack.
	mostSteps = 64
)

// sure says whether a growth is beyond what chance makes of any of the functions.
// All of them are asked, at every step, so that is Bonferroni's correction; Holm's
// would gain nothing where most of them did not grow.
//
// What runs beside the operations, by the clock, takes more for each operation
// when that takes longer: it is only suspect as far as it grew faster than that.
func (b *blame) sure(p *part) bool {
	grown := p.grown
	if b.clocked {
		grown -= b.perOp[1] * p.tally.beside / b.samples[1] * (1 - b.perOp[0]/b.perOp[1])
	}
	chance := math.Erfc(grown/b.spreadOf(&p.tally)/math.Sqrt2) / 2
	return grown > 0 && chance*float64(b.family) <= level
}

// net is the growth of stacks without what only came another way. If head calls
// through a wrapper, or inlines a call, what lies beneath has gone from one way to
// another and has not grown. So what a function takes itself, with libraries, can
// have grown no more on one way than on all ways together.
func (b *blame) net(members []member) float64 {
	by := map[int32]*tally{}
	var order []int32 // sums must not depend on a map
	for _, m := range members {
		s := &b.stacks[m.stack]
		if by[s.owner] == nil {
			by[s.owner] = &tally{}
			order = append(order, s.owner)
		}
		by[s.owner].add(s)
	}
	sum := 0.0
	for _, n := range order {
		all := b.owners[n]
		sum += min(max(b.growth(by[n]), min(0, all)), max(0, all))
	}
	return sum
}

// trace finds the parts that the growth is in, that which grew most first.
func (b *blame) trace() {
	all := part{symbol: -1}
	beside := 0.0
	owners := make([]tally, len(b.symbols)+1)
	for i := range b.stacks {
		s := &b.stacks[i]
		all.members = append(all.members, member{int32(i), -1})
		all.tally.add(s)
		owners[s.owner].add(s)
		if s.beside && s.side == 0 {
			beside += s.samples * s.weight
		}
	}
	b.family = 1
	b.owners = make([]float64, len(owners))
	for i := range owners {
		b.owners[i] = b.growth(&owners[i])
		if i < len(b.symbols) && b.symbols[i].own {
			b.family++
		}
	}
	b.clocked = beside < all.tally.samples[0]/2 && b.perOp[1] > b.perOp[0]
	all.grown = b.growth(&all.tally)
	if b.grown = all.grown; b.grown <= 0 {
		return
	}
	b.descend(all)
	slices.SortStableFunc(b.found, func(x, y part) int {
		return cmp.Or(cmp.Compare(y.grown, x.grown), cmp.Compare(x.symbol, y.symbol))
	})
	b.found = b.found[:min(len(b.found), mostCauses)]
}

// descend follows the growth of a part: to the one function beneath that has
// nearly all of it, else to each that surely has some, else it ends here.
func (b *blame) descend(p part) {
	b.steps++
	if b.steps > mostSteps {
		b.name(p)
		return
	}
	beneath := b.split(p)
	if p.alike = b.grewAlike(&p, beneath); p.alike {
		b.name(p)
		return
	}
	if heir, ok := b.heir(&p); ok {
		b.descend(heir)
		return
	}
	beneath = slices.DeleteFunc(beneath, func(q part) bool { return q.grown < leastOf*b.grown || !b.sure(&q) })
	slices.SortStableFunc(beneath, func(x, y part) int { return cmp.Compare(y.grown, x.grown) })
	for _, q := range beneath[:min(len(beneath), mostCauses)] {
		if q.rest {
			b.name(q)
		} else {
			b.descend(q)
		}
	}
	if len(beneath) == 0 && !b.isBenchmark(p.symbol) {
		b.name(p)
	}
}

// name blames a part. That something grew somewhere in the benchmark needs no
// name; that everything did is one.
func (b *blame) name(p part) {
	if p.symbol < 0 && !p.rest || p.grown < leastOf*b.grown || !b.sure(&p) {
		return
	}
	b.found = append(b.found, p)
}

func (b *blame) isBenchmark(symbol int32) bool {
	if symbol < 0 {
		return true
	}
	_, is := benchmarkIn(b.symbols[symbol].name)
	return is
}
