package gate

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// unchanged is the factors of so many benchmarks in which nothing changed.
func unchanged(benchmarks int) []float64 { return slices.Repeat([]float64{1}, benchmarks) }

// alarms is how many of the runs of the gate called any benchmark slower, or faster.
func alarms(runs, benchmarks int, s Settings) (slower, faster int) {
	for i := range runs {
		m := newMachine(noises[i%len(noises)], uint64(1000*benchmarks+i))
		js := m.gate(s, unchanged(benchmarks)...)
		if has(js, Slower) {
			slower++
		}
		if has(js, Faster) {
			faster++
		}
	}
	return slower, faster
}

func has(js []Judgement, v Verdict) bool {
	return slices.ContainsFunc(js, func(j Judgement) bool { return j.Verdict == v })
}

// The promise: of runs in which nothing changed, on machines of every noise, at
// most 1 % raise an alarm, however many benchmarks they have.
func TestFalseAlarmsOfTheGate(t *testing.T) {
	const runs = 2000
	for _, benchmarks := range []int{1, 3, 20} {
		t.Run(fmt.Sprint(benchmarks), func(t *testing.T) {
			t.Parallel()
			s := DefaultSettings()
			if benchmarks > 3 {
				s.MaxPairs = 24 // all of alpha is spent as well, in a third of the time
			}
			slower, faster := alarms(runs, benchmarks, s)
			t.Logf("of %d runs %d called one slower, %d faster", runs, slower, faster)
			// Of 2,000 runs at a true 1 % only 2 in 100 series have 11 or fewer with an
			// alarm: what passes is below 1 %, and not by luck.
			if slower > 11 || faster > 11 {
				t.Errorf("of %d runs %d called one slower, %d faster", runs, slower, faster)
			}
		})
	}
}

// In whatever order the pairs run, neighbouring runs have something in common on
// a machine whose disturbances last. The order of a Sequence keeps the p of such
// pairs honest, that of plain ABBA blocks does not.
func TestOrderKeepsPHonest(t *testing.T) {
	const runs, n = 4000, 24
	u := signedRank(n)
	echo := noises[len(noises)-1]
	below := func(order [4]bool) (share float64) {
		for i := range runs {
			m := newMachine(echo, uint64(i))
			changes := make([]float64, n)
			for k := range changes {
				changes[k], _ = m.pair(1, order[k%4]).change()
			}
			if shiftOf(walsh(changes), u).slower <= 0.05 {
				share += 1.0 / runs
			}
		}
		return share
	}
	// Three standard errors of a share of 5 % are 1 point.
	if p := below([4]bool{false, true, true, false}); p > 0.06 {
		t.Errorf("mirrored blocks: p is below 0.05 in %.1f %% of all cases", 100*p)
	}
	if p := below([4]bool{false, true, false, true}); p < 0.06 {
		t.Errorf("plain blocks: p is below 0.05 in only %.1f %%: the reason for the order is gone", 100*p)
	}
}

// Without a threshold only p and the control stand between noise and an alarm.
// Alpha is 5 % here, at which 2,000 runs tell too many from enough: they must
// keep to it, and make some use of it.
func TestFalseAlarmsWithoutThreshold(t *testing.T) {
	s := Settings{Threshold: 1e-6, Alpha: 0.05, MaxPairs: 24}
	const runs = 2000
	slower, faster := alarms(runs, 1, s)
	t.Logf("%d and %d of %d", slower, faster, runs)
	most := int(runs*s.Alpha + 2*math.Sqrt(runs*s.Alpha))
	if slower > most || faster > most {
		t.Errorf("%d slower and %d faster of %d: at most %d can be chance", slower, faster, runs, most)
	}
	if slower+faster == 0 {
		t.Error("no alarm ever: this simulation proves nothing")
	}
}

// power is the fraction of runs that call the changed one of three benchmarks
// slower, of those that call it the same, and the mean of the pairs that it took.
func power(n noise, factor float64, s Settings, runs int) (slower, missed, pairs float64) {
	for i := range runs {
		js := newMachine(n, uint64(77000+i)).gate(s, factor, 1, 1)
		pairs += float64(js[0].Pairs) / float64(runs)
		switch js[0].Verdict {
		case Slower:
			slower += 1 / float64(runs)
		case Same:
			missed += 1 / float64(runs)
		}
	}
	return slower, missed, pairs
}

// What is seen, with one change among three benchmarks. The table is the design's
// answer to "how many runs": it is printed with -v.
func TestPower(t *testing.T) {
	const runs = 100
	ten := DefaultSettings()
	ten.MaxPairs = 10
	for _, n := range noises {
		before := -1.0
		for _, factor := range []float64{1.02, 1.05, 1.10, 1.20} {
			within10, _, _ := power(n, factor, ten, runs)
			all, missed, pairs := power(n, factor, DefaultSettings(), runs)
			t.Logf("%-10s %+3.0f %%: %3.0f %% within 10 runs a side, %3.0f %% within 40, which take %.0f", n.name, 100*factor-100, 100*within10, 100*all, pairs)
			if all < before {
				t.Errorf("%s: %.3f times the cost is seen less often than less", n.name, factor)
			}
			before = all
			if factor >= 1.05 && missed > 0.01 {
				t.Errorf("%s: %+.0f %% is called the same in %.1f %% of all cases", n.name, 100*factor-100, 100*missed)
			}
			if n.name == "calm" && factor >= 1.05 && within10 < 0.95 {
				t.Errorf("calm: %+.0f %% is seen within 10 runs a side in %.0f of 100 cases, want 95", 100*factor-100, 100*within10)
			}
		}
	}
}

// What has not changed is called the same, and not left open.
func TestUnchangedIsTheSame(t *testing.T) {
	const runs = 100
	same := 0
	for i := range runs {
		js := newMachine(noises[0], uint64(5000+i)).gate(DefaultSettings(), unchanged(3)...)
		for _, j := range js {
			if j.Verdict == Same {
				same++
			}
		}
	}
	if same < 95*3*runs/100 {
		t.Errorf("of %d unchanged benchmarks on a calm machine %d are called the same", 3*runs, same)
	}
}

// Files measured one after the other, the machine a little slower the second
// time: the samples cry wolf, and say that they may; the pairs do not.
func TestSamplesCannotSeeAStep(t *testing.T) {
	const runs = 100
	samples, pairs := 0, 0
	for i := range runs {
		m := newMachine(noises[0], uint64(9000+i))
		var b Samples
		for range 10 {
			b.Base = append(b.Base, m.run())
		}
		m.level += math.Log(1.05) // another tenant has come
		for range 10 {
			b.Head = append(b.Head, m.run())
		}
		js, err := JudgeSamples([]Samples{b}, DefaultSettings())
		if err != nil {
			t.Fatal(err)
		}
		if js[0].Weaker == "" {
			t.Fatal("a comparison of samples does not say that it is weaker")
		}
		if js[0].Verdict == Slower {
			samples++
		}
		m.level = 0
		before := m.pairs(5, 1)
		m.level = math.Log(1.05)
		js, err = Judge([][]Pair{append(before, m.pairs(5, 1)...)}, DefaultSettings())
		if err != nil {
			t.Fatal(err)
		}
		if js[0].Verdict == Slower {
			pairs++
		}
	}
	if samples < runs/2 || pairs > 1 {
		t.Errorf("after a step of 5 %% of the machine: %d of %d comparisons of samples and %d of pairs call the program slower", samples, runs, pairs)
	}
}
