package gate

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// around is n figures near a value, spread evenly by ± a fraction, in an order
// without a trend.
func around(n int, value, spread float64) []float64 {
	list := make([]float64, n)
	for i := range list {
		at := float64(i*7%n)/float64(max(1, n-1))*2 - 1
		list[i] = value * (1 + spread*at)
	}
	return list
}

func TestJudgeSamples(t *testing.T) {
	trend := make([]float64, 10) // a machine that becomes slower by 1 % with every run
	for i := range trend {
		trend[i] = 100 * math.Pow(1.01, float64(i))
	}
	for _, c := range []struct {
		name    string
		samples Samples
		verdict Verdict
		control bool
		why     string
	}{
		{"equal", Samples{around(10, 100, 0.01), around(10, 100, 0.01)}, Same, true, "inside of the 3 %"},
		{"more", Samples{around(10, 100, 0.01), around(10, 110, 0.01)}, Slower, true, "+10.0 %"},
		{"less", Samples{around(10, 110, 0.01), around(10, 100, 0.01)}, Faster, true, "-9.1 %"},
		{"unequal numbers", Samples{around(9, 100, 0.01), around(20, 110, 0.01)}, Slower, true, ""},
		{"more, few runs", Samples{around(5, 100, 0.01), around(5, 110, 0.01)}, Slower, false, ""},
		{"four runs", Samples{around(4, 100, 0.01), around(4, 110, 0.01)}, Inconclusive, false, "4 runs a side are too few, the least is 5"},
		{"one run", Samples{[]float64{1}, []float64{2}}, Inconclusive, false, "1 run a side is too few"},
		{"no runs", Samples{}, Inconclusive, false, "0 runs a side are too few"},
		{"constant", Samples{slices.Repeat([]float64{5}, 8), slices.Repeat([]float64{5}, 8)}, Same, true, "0.0 % and 0.0 %"},
		{"a trend within the file", Samples{around(10, 100, 0.001), trend}, Inconclusive, true, "this machine is too noisy now: a program differs from itself by up to"},
		{"wide", Samples{around(10, 100, 0.3), around(10, 104, 0.3)}, Inconclusive, true, ""},
		{"no cost", Samples{around(10, 100, 0.01), append(around(9, 100, 0.01), 0)}, Inconclusive, true, "1 of 20 figures cannot be a cost"},
		{"NaN", Samples{append(around(9, 100, 0.01), math.NaN()), around(10, 100, 0.01)}, Inconclusive, true, "1 of 20 figures cannot be a cost: zero, negative or not finite"},
		{"too many", Samples{around(401, 100, 0.01), around(10, 100, 0.01)}, Inconclusive, false, "401 runs on one side, at most 400 can be judged"},
		{"as many as may be", Samples{around(400, 100, 0.05), around(400, 105, 0.05)}, Slower, true, ""},
	} {
		js, err := JudgeSamples([]Samples{c.samples}, DefaultSettings())
		if err != nil {
			t.Fatal(err)
		}
		j := js[0]
		if j.Verdict != c.verdict || !strings.Contains(j.Why, c.why) || (j.Control != nil) != c.control {
			t.Errorf("%s: %s, because %q; control %v", c.name, j.Verdict, j.Why, j.Control)
		}
		if !strings.Contains(j.Weaker, "head did not run next to base") {
			t.Errorf("%s: does not say how it is weaker", c.name)
		}
		if few := len(c.samples.Base) < 8; few != strings.Contains(j.Weaker, "no control") && len(c.samples.Base) < 400 {
			t.Errorf("%s: says of the control %q", c.name, j.Weaker)
		}
		if _, err := json.Marshal(j); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// One smallest p of 5 against 5 is enough for one benchmark, not for ten.
func TestJudgeSamplesCorrectsForBenchmarks(t *testing.T) {
	list := []Samples{{around(5, 100, 0.01), around(5, 120, 0.01)}}
	for range 9 {
		list = append(list, Samples{around(5, 100, 0.01), around(5, 100, 0.01)})
	}
	js, err := JudgeSamples(list, DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	if j := js[0]; j.Verdict != Inconclusive || !near(j.P, 10.0/252, 1e-12) {
		t.Errorf("%+v", j)
	}
	js, err = JudgeSamples(list[:1], DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	if j := js[0]; j.Verdict != Slower || !near(j.P, 1.0/252, 1e-12) {
		t.Errorf("alone: %+v", j)
	}
}
