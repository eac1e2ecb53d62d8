package gate

import (
	"fmt"
	"math"

	"busywork/analyze"
)

// A Pair is one run of each side, next to each other in time.
type Pair struct {
	Base, Head float64 // CPU seconds for one operation
	HeadFirst  bool    // the order in which they ran
}

// change is ln(head ÷ base), and whether there is one.
func (p Pair) change() (float64, bool) {
	if !usable(p.Base) || !usable(p.Head) {
		return 0, false
	}
	return math.Log(p.Head) - math.Log(p.Base), true
}

// usable says whether a measured cost can be one: a difference of two CPU times
// can come out as nothing or less when the work is too short for the clock.
func usable(cost float64) bool { return cost > 0 && !math.IsInf(cost, 1) }

// A Verdict is what a comparison of head with base comes to.
type Verdict string

const (
	Faster       Verdict = "faster"
	Same         Verdict = "same"
	Slower       Verdict = "slower"
	Inconclusive Verdict = "inconclusive"
)

// Settings say what is worth a verdict.
type Settings struct {
	// Threshold is the least relative change that matters: 0.03 is 3 %. It is the
	// factor 1.03 in both directions, so that base and head can change places.
	Threshold float64
	// Alpha is the most that the chance of an unfounded "slower" may be, for all
	// benchmarks and all looks of one run of the gate together. It is spent on
	// that direction alone, and as much again on an unfounded "faster": the two
	// mistakes are different ones, and only the first stops somebody's work.
	Alpha float64
	// MaxPairs is how many pairs of runs a benchmark gets at most.
	MaxPairs int
}

// DefaultSettings are those of the command.
func DefaultSettings() Settings {
	return Settings{
		Threshold: 0.03, // ten pairs of a CPU-bound loop tell a change to about 1 %: three times that is safe to see
		Alpha:     0.01, // one change in a hundred stopped for nothing: more, and people learn to press retry
		MaxPairs:  40,   // twice as sharp as 10; the next factor of two would take 160
	}
}

const (
	// With 8 pairs the smallest p is 1/256. With fewer, at an alpha of 0.01, more
	// than one benchmark could never reach a verdict.
	fewestPairs = 8
	// A pair is about two seconds of CPU: 400 are 13 minutes for one benchmark.
	// It is also where "so many more runs" stops being advice.
	mostPairs = 400
)

func (s Settings) valid() error {
	switch {
	case !(s.Threshold > 0 && s.Threshold <= 10):
		return fmt.Errorf("threshold %v: want a relative change above 0 and at most 10 (0.03 is 3 %%)", s.Threshold)
	case !(s.Alpha > 0 && s.Alpha <= 0.5):
		return fmt.Errorf("alpha %v: want a probability above 0 and at most 0.5", s.Alpha)
	case s.MaxPairs < fewestPairs || s.MaxPairs > mostPairs:
		return fmt.Errorf("%d runs a side: want %d to %d", s.MaxPairs, fewestPairs, mostPairs)
	}
	return nil
}

// A Judgement is the verdict on one benchmark, and what it rests on.
type Judgement struct {
	Verdict Verdict `json:"verdict"`
	// Effect is the relative change of the cost of one operation, with its 95 %
	// interval: 0.05 is 5 % more on head. It is null where nothing was measured.
	Effect *analyze.Interval `json:"effect"`
	// P is the probability that a run of the gate in which nothing changed shows
	// as much, in the direction of Effect, in any benchmark at any look. It is
	// corrected for both, and compared with [Settings.Alpha] as it stands.
	P float64 `json:"p"`
	// Pairs is the number of pairs with usable figures; in a comparison of files,
	// the runs of the side that has fewer.
	Pairs int `json:"pairs"`
	// Control is by how much a program differs from itself in the same runs, as a
	// relative change with its 95 % interval. It is null where nothing tells.
	Control *analyze.Interval `json:"control"`
	// More is about how many more runs a side would take a verdict. It is 0 with
	// a verdict, and where more runs would not help.
	More int    `json:"more_runs,omitempty"`
	Why  string `json:"why"` // one sentence
	// Weaker says what the judgement cannot know, because of how the figures were
	// obtained. It is empty for pairs.
	Weaker string `json:"weaker,omitempty"`
}

// Judge judges all benchmarks of one run of the gate from the pairs there are, in
// a single look that spends all of alpha. A [Sequence] looks several times.
// The judgements are in the order of the benchmarks.
func Judge(benchmarks [][]Pair, s Settings) ([]Judgement, error) {
	if err := s.valid(); err != nil {
		return nil, err
	}
	known := nulls{}
	shown := make([]evidence, len(benchmarks))
	for i, pairs := range benchmarks {
		shown[i] = ofPairs(pairs, known)
	}
	n := len(benchmarks)
	return s.judge(shown, look{alpha: s.Alpha}, family{slower: n, faster: n}), nil
}

// A family is the number of benchmarks of which it can still turn out that
// they are slower, or faster.
type family struct{ slower, faster int }

// judge decides on what several benchmarks show at one look.
func (s Settings) judge(shown []evidence, at look, of family) []Judgement {
	slower, faster := make([]float64, len(shown)), make([]float64, len(shown))
	for i, e := range shown {
		slower[i], faster[i] = e.shift.slower, e.shift.faster
	}
	slower, faster = holm(slower, of.slower), holm(faster, of.faster)
	list := make([]Judgement, len(shown))
	for i, e := range shown {
		c := corrected{p: slower[i], raw: e.shift.slower, need: at.alpha / float64(max(1, of.slower))}
		if e.shift.interval.Value < 0 {
			c = corrected{p: faster[i], raw: e.shift.faster, need: at.alpha / float64(max(1, of.faster))}
		}
		c.p = min(1, c.p*s.Alpha/at.alpha) // so that it is held against all of alpha
		list[i] = s.decide(e, c)
	}
	return list
}

// corrected is a p-value in the direction of the estimate.
type corrected struct {
	p    float64 // for benchmarks and looks
	raw  float64 // for nothing
	need float64 // what raw must surely fall to for a verdict
}

// decide is the verdict on one benchmark. What head costs more moves it only one
// way, from faster over same and inconclusive to slower: the estimate and p
// follow the shift, and the control does not depend on it.
func (s Settings) decide(e evidence, c corrected) Judgement {
	j := Judgement{Verdict: Inconclusive, P: c.p, Pairs: e.runs, Weaker: e.weaker}
	if e.runs > 0 {
		j.Effect = relative(e.shift.interval)
	}
	if e.control != nil {
		j.Control = relative(*e.control)
	}
	if e.refusal != "" {
		j.P, j.Why, j.More = 1, e.refusal, e.more
		return j
	}
	t, change := math.Log1p(s.Threshold), e.shift.interval
	switch {
	case e.control != nil && reach(*e.control) >= math.Max(t, math.Abs(change.Value)):
		j.Why, j.More = s.tooNoisy(e)
	case math.Abs(change.Value) >= t && c.p <= s.Alpha:
		j.Verdict, j.Why = Slower, s.changed(j)
		if change.Value < 0 {
			j.Verdict = Faster
		}
	case reach(change) < t:
		j.Verdict, j.Why = Same, s.unchanged(j)
	default:
		j.Why, j.More = s.undecided(j, e, c)
	}
	return j
}

// reach is the greatest difference, in either direction, that an interval allows.
func reach(i analyze.Interval) float64 { return math.Max(math.Abs(i.Low), math.Abs(i.High)) }

// relative turns logarithms of ratios into relative changes.
func relative(i analyze.Interval) *analyze.Interval {
	return &analyze.Interval{Value: expm1(i.Value), Low: expm1(i.Low), High: expm1(i.High)}
}

// expm1 is math.Expm1 without infinity, which no JSON can hold: no two costs that
// somebody measured are a factor of 10^300 apart.
// Nor does it need a negative zero.
func expm1(v float64) float64 { return math.Expm1(math.Min(v, 690)) + 0 }
