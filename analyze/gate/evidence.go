package gate

import (
	"fmt"

	"busywork/analyze"
)

// evidence is what the runs of one benchmark show, before it is asked whether
// that is enough. Changes are logarithms of ratios, in which a factor and its
// inverse are equally far from nothing.
type evidence struct {
	runs    int // a side, with usable figures
	shift   shift
	control *analyze.Interval // by how much a program differs from itself
	weaker  string            // what figures of this origin cannot show

	refusal string // why these runs can carry no verdict, whatever they show
	more    int    // runs a side after which they could; 0 if that is not the matter
}

// mostLost is the part of the pairs that may be without a usable figure. A lost
// pair is not lost by chance: it had the smallest figures.
const mostLost = 0.1

// leastMixed is the part of the pairs that must have run in the rarer order for
// the two orders to be held against each other.
const leastMixed = 1.0 / 3

// ofPairs is the evidence of interleaved pairs, whose log ratio is the unit of
// everything: what slowed both runs of a pair down is not in it.
func ofPairs(pairs []Pair, known nulls) evidence {
	var changes []float64
	var headFirst []bool
	mixed := [2]int{}
	for _, p := range pairs {
		if d, ok := p.change(); ok {
			changes, headFirst = append(changes, d), append(headFirst, p.HeadFirst)
			if p.HeadFirst {
				mixed[1]++
			} else {
				mixed[0]++
			}
		}
	}
	n := len(changes)
	e := evidence{runs: n, shift: shift{slower: 1, faster: 1}}
	if n > 0 {
		e.shift = shiftOf(walsh(changes), known.signedRank(n))
	}
	rarer := min(mixed[0], mixed[1])
	ordered := float64(rarer) >= leastMixed*float64(n)
	if n >= fewestPairs && ordered {
		e.control = control(changes, headFirst, e.shift.interval.Value, known)
	}
	switch lost := len(pairs) - n; {
	case float64(lost) > mostLost*float64(len(pairs)):
		e.refusal = fmt.Sprintf("%d of %d pairs of runs have no usable CPU time: an execution needs more iterations", lost, len(pairs))
	case n < fewestPairs:
		e.refusal = tooFew(n, fewestPairs)
		e.more = fewestPairs - n
	case !ordered:
		e.refusal = fmt.Sprintf("only %d of %d pairs ran in the other order: what the order does cannot be told from a change", rarer, n)
	}
	return e
}

// control is the A/A comparison in the same runs: each pair's later run against
// its earlier one. In a block A1 B1 B2 A2 that is {B1, A2} against {A1, B2}, one
// run of each program on each side, so that no change of the program is in it,
// and all of the noise is. The effect is taken out of each pair beforehand, which
// leaves the contrast of a whole block as it was and gives one value for each
// pair instead of one for two: 10 pairs have an interval of 95 %, 5 blocks have
// none. As the estimate moves with the effect, the control never does.
func control(changes []float64, headFirst []bool, effect float64, known nulls) *analyze.Interval {
	later := make([]float64, len(changes))
	for i, d := range changes {
		later[i] = d - effect
		if headFirst[i] {
			later[i] = -later[i]
		}
	}
	s := shiftOf(walsh(later), known.signedRank(len(later)))
	return &s.interval
}
