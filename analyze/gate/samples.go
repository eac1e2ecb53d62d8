package gate

import (
	"fmt"
	"math"

	"busywork/analyze"
)

// Samples are the figures of one benchmark from runs of base and, later or on
// another day, of head: in the order in which they ran, in any one unit.
type Samples struct{ Base, Head []float64 }

const (
	// Five runs against five can show p = 1/252, four against four no less than
	// 1/70.
	fewestRuns = 5
	// A control halves a side, and 4 against 4 are the fewest with a 95 % interval.
	fewestForControl = 8
	// Couples go with the square: 400 a side are 160,000.
	mostRuns = mostPairs
)

// oneAfterTheOther is what such samples cannot show. Its figures come from
// comparing a program with itself on a busy machine at p < 0.05, 10 to 20 runs a
// side: one after the other 4 to 21 %, against a file kept from earlier 17 to
// 39 %, in interleaved pairs by CPU time 1 to 2 %.
const oneAfterTheOther = "head did not run next to base, so whatever changed on the machine in between counts as a change of the program, " +
	"and no p-value can tell: compared in this way at p < 0.05, a program on a busy machine was called slower than itself in 4 to 39 of 100 comparisons, " +
	"in interleaved pairs in 1 or 2"

// withoutControl is what is missing below fewestForControl runs.
const withoutControl = "; and fewer than 8 runs a side leave no control of how steady the machine was"

// JudgeSamples judges benchmarks whose sides did not run as pairs, with the rank
// sum test of Mann and Whitney instead of the signed ranks. Alpha is kept to only
// if the machine was the same for both sides, which the samples cannot show; each
// judgement says so in Weaker. What they can show is the control: the second half
// of a side's own runs against the first, by which a machine that drifted within
// a file gives itself away.
func JudgeSamples(benchmarks []Samples, s Settings) ([]Judgement, error) {
	if err := s.valid(); err != nil {
		return nil, err
	}
	shown := make([]evidence, len(benchmarks))
	for i, b := range benchmarks {
		shown[i] = ofSamples(b)
	}
	n := len(benchmarks)
	return s.judge(shown, look{alpha: s.Alpha}, family{slower: n, faster: n}), nil
}

func ofSamples(b Samples) evidence {
	base, head := logarithms(b.Base), logarithms(b.Head)
	lost := len(b.Base) + len(b.Head) - len(base) - len(head)
	e := evidence{
		runs: min(len(base), len(head)), weaker: oneAfterTheOther,
		shift: shift{slower: 1, faster: 1},
	}
	if most := max(len(base), len(head)); most > mostRuns {
		e.runs = 0 // nothing of it was looked at
		e.refusal = fmt.Sprintf("%d runs on one side, at most %d can be judged", most, mostRuns)
		return e
	}
	if e.runs > 0 {
		e.shift = shiftOf(couples(base, head), rankSum(len(head), len(base)))
	}
	e.control = drift(base, head)
	if e.control == nil {
		e.weaker += withoutControl
	}
	switch {
	case lost > 0:
		e.refusal = fmt.Sprintf("%d of %d figures cannot be a cost: zero, negative or not finite", lost, len(b.Base)+len(b.Head))
	case e.runs < fewestRuns:
		e.refusal = tooFew(e.runs, fewestRuns)
		e.more = fewestRuns - e.runs
	}
	return e
}

func logarithms(values []float64) []float64 {
	list := make([]float64, 0, len(values))
	for _, v := range values {
		if usable(v) {
			list = append(list, math.Log(v))
		}
	}
	return list
}

// drift is the control of samples: by how much the later half of a side differs
// from the earlier, for the side on which that is more; nil if both have too few.
func drift(sides ...[]float64) *analyze.Interval {
	var worst *analyze.Interval
	for _, side := range sides {
		if len(side) < fewestForControl {
			continue
		}
		half := len(side) / 2
		earlier, later := side[:half], side[len(side)-half:]
		s := shiftOf(couples(earlier, later), rankSum(half, half))
		if worst == nil || reach(s.interval) > reach(*worst) {
			worst = &s.interval
		}
	}
	return worst
}
