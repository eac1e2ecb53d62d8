package blame

import (
	"cmp"
	"math"
	"slices"
)

// next is the place of the first other function of the service further down a
// stack.
func (b *blame) next(p *part, m member) (at int, ok bool) {
	s := &b.stacks[m.stack]
	for at := int(m.at) + 1; at < len(s.calls); at++ {
		if n := b.symbolAt(s, at); n != p.symbol && b.symbols[n].own {
			return at, true
		}
	}
	return 0, false
}

// split parts the stacks of a part by the function of the service that comes
// next; those where none comes are the rest.
func (b *blame) split(p part) []part {
	index := map[int32]int{}
	var list []part
	for _, m := range p.members {
		q := part{symbol: p.symbol, rest: true}
		key := int32(-1)
		if at, ok := b.next(&p, m); ok {
			key = b.symbolAt(&b.stacks[m.stack], at)
			q, m.at = part{symbol: key}, int32(at)
		}
		i, known := index[key]
		if !known {
			i = len(list)
			index[key] = i
			list = append(list, q)
		}
		list[i].members = append(list[i].members, m)
		list[i].tally.add(&b.stacks[m.stack])
	}
	for i := range list {
		list[i].grown = b.net(list[i].members)
	}
	return list
}

// mostHeirs bounds how many functions are looked at closely: there is only one
// growth to inherit.
const mostHeirs = 16

// heir is the part of the function of the service, however deep beneath a part and
// on however many ways, that nearly all of its growth is in; of several, of that
// which grew most.
func (b *blame) heir(p *part) (heir part, ok bool) {
	list := b.beneath(p)
	for _, n := range list[:min(len(list), mostHeirs)] {
		q := b.through(p, n)
		if q.grown >= mostOf*p.grown && (!ok || q.grown > heir.grown) && b.sure(&q) {
			heir, ok = q, true
		}
	}
	return heir, ok
}

// beneath is all functions of the service beneath a part, those that grew most
// first; of equal ones, as where one is all that another calls, the deeper.
func (b *blame) beneath(p *part) []int32 {
	tallies := map[int32]*tally{}
	var order []int32 // in which they are met: no order may come from a map
	for _, m := range p.members {
		s := &b.stacks[m.stack]
		b.walks++
		for at := int(m.at) + 1; at < len(s.calls); at++ {
			n := b.symbolAt(s, at)
			if n == p.symbol || !b.symbols[n].own || !b.first(n) {
				continue
			}
			if tallies[n] == nil {
				tallies[n] = &tally{}
				order = append(order, n)
			}
			tallies[n].add(s)
		}
	}
	slices.Reverse(order)
	slices.SortStableFunc(order, func(x, y int32) int { return cmp.Compare(b.growth(tallies[y]), b.growth(tallies[x])) })
	return order
}

// through is the stacks of a part that go through a function further down.
func (b *blame) through(p *part, symbol int32) part {
	q := part{symbol: symbol}
	for _, m := range p.members {
		s := &b.stacks[m.stack]
		for at := int(m.at) + 1; at < len(s.calls); at++ {
			if b.symbolAt(s, at) == symbol {
				q.members = append(q.members, member{m.stack, int32(at)})
				q.tally.add(s)
				break
			}
		}
	}
	q.grown = b.net(q.members)
	return q
}

// grewAlike says whether at least two functions beneath a part surely grew, and
// all in proportion to what they took before: then it is not they that changed,
// but how often they are called, or what all code runs on.
func (b *blame) grewAlike(p *part, beneath []part) bool {
	was := b.cost(&p.tally, 0)
	if was <= 0 {
		return false
	}
	rate := p.grown / was
	grown := 0
	for i := range beneath {
		q := &beneath[i]
		off := q.grown - rate*b.cost(&q.tally, 0)
		if math.Abs(off) > 3*b.spreadOf(&q.tally) { // 2 would be passed by chance once in 20
			return false
		}
		if b.sure(q) {
			grown++
		}
	}
	return grown >= 2
}
