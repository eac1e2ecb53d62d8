package gate

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// alternate is n pairs of constant costs in the order of a Sequence.
func alternate(n int, base, head float64) []Pair {
	list := make([]Pair, n)
	for i := range list {
		list[i] = Pair{Base: base, Head: head, HeadFirst: i%4 == 1 || i%4 == 2}
	}
	return list
}

func judgeOne(t *testing.T, pairs []Pair) Judgement {
	t.Helper()
	js, err := Judge([][]Pair{pairs}, DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	return js[0]
}

func TestJudge(t *testing.T) {
	calm, storm := newMachine(noises[0], 1), newMachine(noise{jitter: 0.5, spike: 1, size: 0.5}, 3)
	oneOrder := alternate(12, 1, 1.1)
	for i := range oneOrder {
		oneOrder[i].HeadFirst = i == 5
	}
	holes := alternate(12, 1, 1.1)
	holes[3].Head, holes[7].Base = 0, math.NaN()
	hole := alternate(12, 1, 1.1)
	hole[3].Head = -1e-9
	for _, c := range []struct {
		name    string
		pairs   []Pair
		verdict Verdict
		why     string // part of it
	}{
		{"equal", alternate(10, 2e-6, 2e-6), Same, "the change lies between 0.0 % and 0.0 %, inside of the 3 % asked for"},
		{"5 % more, no noise", alternate(10, 2e-6, 2.1e-6), Slower, "+5.0 % (+5.0 % to +5.0 %) is at least the 3 % asked for, and chance explains it with p = 0.00098 only, 0.01 being the limit"},
		{"5 % less, no noise", alternate(10, 2.1e-6, 2e-6), Faster, "-4.8 %"},
		{"1 % more, no noise: surely there, and nothing to stop for", alternate(10, 1, 1.01), Same, "inside of the 3 %"},
		{"2.99 % more: at the threshold", alternate(10, 1, 1.0299), Same, "between +3.0 % and +3.0 %"},
		{"calm and equal", calm.pairs(10, 1), Same, ""},
		{"calm and 10 % more", calm.pairs(10, 1.1), Slower, ""},
		{"stormy and equal", storm.pairs(10, 1), Inconclusive, "this machine is too noisy now: a program differs from itself by up to "},
		{"stormy and five times as much", storm.pairs(10, 5), Slower, ""},
		{"none", nil, Inconclusive, "0 runs a side are too few, the least is 8"},
		{"one", alternate(1, 1, 2), Inconclusive, "1 run a side is too few, the least is 8"},
		{"seven", alternate(7, 1, 2), Inconclusive, "too few"},
		{"eight", alternate(8, 1, 2), Slower, ""},
		{"in one order", oneOrder, Inconclusive, "only 1 of 12 pairs ran in the other order"},
		{"one without a figure", hole, Slower, ""},
		{"two without a figure", holes, Inconclusive, "2 of 12 pairs of runs have no usable CPU time"},
		{"no figures", alternate(12, 0, 0), Inconclusive, "12 of 12 pairs of runs have no usable CPU time"},
		{"no cost on head", alternate(12, 1, 0), Inconclusive, "no usable CPU time"},
	} {
		j := judgeOne(t, c.pairs)
		if j.Verdict != c.verdict || !strings.Contains(j.Why, c.why) {
			t.Errorf("%s: %s, because %q", c.name, j.Verdict, j.Why)
		}
		if (j.Verdict == Inconclusive) != (c.verdict == Inconclusive) || j.Verdict != Inconclusive && j.More != 0 {
			t.Errorf("%s: %s with %d more runs", c.name, j.Verdict, j.More)
		}
		if j.Weaker != "" {
			t.Errorf("%s: pairs are called weaker: %s", c.name, j.Weaker)
		}
	}
}

// Figures of any kind, in any mixture: a judgement that is complete and can be
// written down, and no alarm from what is no measurement.
func TestJudgeHostileFigures(t *testing.T) {
	odd := []float64{0, math.Copysign(0, -1), -1, math.NaN(), math.Inf(1), math.Inf(-1), 5e-324, 1e-9, 1, math.MaxFloat64}
	for _, a := range odd {
		for _, b := range odd {
			pairs := alternate(10, a, b)
			mixed := append(alternate(13, 1, 1), pairs[:1]...) // from 12 on, one pair alone cannot stretch the interval
			for _, list := range [][]Pair{pairs, mixed} {
				j := judgeOne(t, list)
				text, err := json.Marshal(j)
				if err != nil {
					t.Fatalf("%v and %v: %v", a, b, err)
				}
				if j.Why == "" || !(j.P >= 0 && j.P <= 1) || len(text) > 2000 {
					t.Errorf("%v and %v: %s", a, b, text)
				}
				if (!usable(a) || !usable(b)) && len(list) == 10 && j.Verdict != Inconclusive {
					t.Errorf("%v and %v: %s", a, b, text)
				}
				if len(list) == 14 && j.Verdict != Same {
					t.Errorf("one odd pair (%v, %v) among 14: %s", a, b, text)
				}
			}
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for _, change := range []func(*Settings){
		func(s *Settings) { s.Threshold = 0 }, func(s *Settings) { s.Threshold = -0.03 }, func(s *Settings) { s.Threshold = math.NaN() },
		func(s *Settings) { s.Threshold = math.Inf(1) }, func(s *Settings) { s.Alpha = 0 }, func(s *Settings) { s.Alpha = 1 },
		func(s *Settings) { s.Alpha = math.NaN() }, func(s *Settings) { s.MaxPairs = 7 }, func(s *Settings) { s.MaxPairs = 401 },
	} {
		s := DefaultSettings()
		change(&s)
		_, a := Judge(nil, s)
		_, b := NewSequence(1, s)
		_, c := JudgeSamples(nil, s)
		if a == nil || b == nil || c == nil {
			t.Errorf("%+v is taken: %v, %v, %v", s, a, b, c)
		}
	}
	if js, err := Judge(nil, DefaultSettings()); err != nil || len(js) != 0 {
		t.Errorf("no benchmarks: %v, %v", js, err)
	}
}

// rough cuts costs to a few digits, so that there are ties and zeros.
func rough(pairs []Pair, digit float64) []Pair {
	for i := range pairs {
		pairs[i].Base = math.Round(pairs[i].Base/digit) * digit
		pairs[i].Head = math.Round(pairs[i].Head/digit) * digit
	}
	return pairs
}

// strength puts verdicts in the order in which a growing cost must pass them:
// between faster and slower it may be undecided more than once.
func strength(v Verdict) int {
	switch v {
	case Faster:
		return -1
	case Slower:
		return 1
	}
	return 0
}

// The more head costs, in figures otherwise the same, the smaller the p of slower
// and the stronger the verdict; other benchmarks only gain by it.
func TestMoreIsNeverLess(t *testing.T) {
	for seed := range uint64(120) {
		m := newMachine(noises[seed%uint64(len(noises))], seed)
		n := 8 + int(seed%13)
		other := m.pairs(n, 1.04)
		first := m.pairs(n, 1)
		if seed%2 == 0 {
			first = rough(first, 2e-8)
		}
		was, wasOther, wasP := -1, -1, 1.0
		for step := range 60 {
			factor := math.Exp(0.01 * float64(step-30))
			pairs := make([]Pair, n)
			for i, p := range first {
				pairs[i] = Pair{p.Base, p.Head * factor, p.HeadFirst}
			}
			js, err := Judge([][]Pair{pairs, other}, DefaultSettings())
			if err != nil {
				t.Fatal(err)
			}
			v, p := strength(js[0].Verdict), ofPairs(pairs, nulls{}).shift.slower
			if v < was || p > wasP {
				t.Fatalf("seed %d: at %.3f times the cost %s with p = %v, after %d with %v", seed, factor, js[0].Verdict, p, was, wasP)
			}
			if o := strength(js[1].Verdict); factor > 1.02 && o < wasOther {
				t.Fatalf("seed %d: the other benchmark went from %d to %d", seed, wasOther, o)
			} else {
				wasOther = o
			}
			was, wasP = v, p
		}
	}
}

// Whoever changes the names of the sides changes the sign of everything and
// nothing else; the unit does not matter at all.
func TestSidesAndUnitsAreNames(t *testing.T) {
	mirror := map[Verdict]Verdict{Slower: Faster, Faster: Slower, Same: Same, Inconclusive: Inconclusive}
	for seed := range uint64(60) {
		m := newMachine(noises[seed%uint64(len(noises))], seed)
		pairs := m.pairs(12, []float64{1, 0.9, 1.06}[seed%3])
		swapped, scaled := make([]Pair, len(pairs)), make([]Pair, len(pairs))
		for i, p := range pairs {
			swapped[i] = Pair{p.Head, p.Base, !p.HeadFirst}
			scaled[i] = Pair{1024 * p.Base, 1024 * p.Head, p.HeadFirst}
		}
		a, b, c := judgeOne(t, pairs), judgeOne(t, swapped), judgeOne(t, scaled)
		if b.Verdict != mirror[a.Verdict] || !near(a.P, b.P, 1e-12) || !near((1+a.Effect.Value)*(1+b.Effect.Value), 1, 1e-12) {
			t.Errorf("seed %d: %+v, with the sides swapped %+v", seed, a, b)
		}
		if c.Verdict != a.Verdict || !near(c.P, a.P, 1e-12) || !near(a.Effect.High, c.Effect.High, 1e-9) {
			t.Errorf("seed %d: %+v, in another unit %+v", seed, a, c)
		}
	}
}

// The control knows nothing of the change, and all of what the order does.
func TestControl(t *testing.T) {
	for seed := range uint64(30) {
		pairs := newMachine(noises[seed%uint64(len(noises))], seed).pairs(12, 1)
		changed := make([]Pair, len(pairs))
		for i, p := range pairs {
			changed[i] = Pair{p.Base, 1.7 * p.Head, p.HeadFirst}
		}
		a, b := ofPairs(pairs, nulls{}).control, ofPairs(changed, nulls{}).control
		if !near(a.Low, b.Low, 1e-12) || !near(a.High, b.High, 1e-12) {
			t.Errorf("seed %d: control %+v, with a change %+v", seed, a, b)
		}
	}
	later := alternate(10, 1, 1) // the later run always takes 4 % more
	for i := range later {
		if later[i].HeadFirst {
			later[i].Base *= 1.04
		} else {
			later[i].Head *= 1.04
		}
	}
	j := judgeOne(t, later)
	if j.Verdict != Inconclusive || !strings.Contains(j.Why, "differs from itself by up to 4 %") || !near(j.Control.Value, 0.04, 1e-9) {
		t.Errorf("a later run costs 4 %% more: %+v with %+v", j, j.Control)
	}
}

// What a judgement says it would take is about what it takes.
func TestAdviceIsAbout(t *testing.T) {
	for _, c := range []struct {
		n      noise
		factor float64
	}{{noises[0], 1.02}, {noises[1], 1.06}, {noises[1], 1}} {
		asked, reached := 0, 0
		for seed := range uint64(120) {
			m := newMachine(c.n, seed)
			pairs := m.pairs(8, c.factor)
			j := judgeOne(t, pairs)
			if j.Verdict != Inconclusive || j.More == 0 {
				continue
			}
			if j.More%2 != 0 || j.Pairs+j.More > mostPairs+2 {
				t.Fatalf("advice of %d more runs", j.More)
			}
			asked++
			more := m.pairs(8+j.More, c.factor)[8:]
			if judgeOne(t, append(pairs, more...)).Verdict != Inconclusive {
				reached++
			}
		}
		t.Logf("%s, %.2f: %d of %d", c.n.name, c.factor, reached, asked)
		if asked < 20 || reached < asked*4/10 {
			t.Errorf("%s, %.2f times the cost: of %d that took the advice %d came to a verdict", c.n.name, c.factor, asked, reached)
		}
	}
}
