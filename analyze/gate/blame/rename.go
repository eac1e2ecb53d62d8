package blame

// leastRenamed is how many samples a function must have on its side for its
// absence on the other to be no chance: of 20 expected, none come once in 10^8.
const leastRenamed = 20

// A place is where in the service a function is called: the function of the
// service that mostly calls it, and its package.
type place struct {
	caller int32
	pkg    string
}

// matchRenamed takes a function that base does not have for the one that head
// does not have, if both are called at the same place and no others are in
// question. Else a renamed function would be to blame for all that it does, and
// not for what it does more.
func (l *ledger) matchRenamed() {
	callers := l.oneSided()
	gone, new := map[place][]int32{}, map[place][]int32{}
	for i := range l.symbols {
		by := callers[int32(i)]
		if by == nil {
			continue
		}
		at := place{heaviest(by), packageOf(l.symbols[i].name)}
		if l.symbols[i].seen[0] > 0 {
			gone[at] = append(gone[at], int32(i))
		} else {
			new[at] = append(new[at], int32(i))
		}
	}
	for at, list := range new { // the places have nothing in common: any order will do
		if was := gone[at]; len(list) == 1 && len(was) == 1 {
			l.rename(was[0], list[0])
		}
	}
}

// oneSided are the functions of the service that only one side has, with the
// samples under each function that calls them.
func (l *ledger) oneSided() map[int32]map[int32]float64 {
	callers := map[int32]map[int32]float64{}
	for i := range l.stacks {
		s := &l.stacks[i]
		caller := int32(-1)
		for at := range s.calls {
			n := l.symbolAt(s, at)
			f := &l.symbols[n]
			if !f.own {
				continue
			}
			if f.seen[1-s.side] == 0 && f.seen[s.side] >= leastRenamed && n != caller {
				if callers[n] == nil {
					callers[n] = map[int32]float64{}
				}
				callers[n][caller] += s.samples
			}
			caller = n
		}
	}
	return callers
}

// heaviest is the one with most samples; of equal ones that which came first.
func heaviest(samples map[int32]float64) int32 {
	best := int32(-1)
	for n, v := range samples {
		if was, ok := samples[best]; !ok || v > was || v == was && n < best {
			best = n
		}
	}
	return best
}

// rename makes a function of head the same as one of base.
func (l *ledger) rename(was, is int32) {
	f := &l.symbols[was]
	f.was, f.name, f.seen[1] = f.name, l.symbols[is].name, l.symbols[is].seen[1]
	for i, n := range l.numbers[1] {
		if n == is {
			l.numbers[1][i] = was
		}
	}
	l.symbols[is] = symbol{} // nobody refers to it any more
}
