package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"busywork/analyze/gate/bench"
)

// A law is the true cost of one operation at a size.
type law struct {
	name string
	cost func(n float64) float64
}

func powerLaw(k float64) law {
	return law{fmt.Sprintf("n^%.1f", k), func(n float64) float64 { return 100 * math.Pow(n, k) }}
}

func fixedAnd(a, b, k float64) law {
	return law{fmt.Sprintf("%v + %v n^%v", a, b, k), func(n float64) float64 { return a + b*math.Pow(n, k) }}
}

var (
	logarithm = law{"log n", func(n float64) float64 { return 100 * math.Log(n) }}
	nLogN     = law{"n log n", func(n float64) float64 { return 100 * n * math.Log(n) }}
	sizes4    = []float64{1e2, 1e3, 1e4, 1e5}
	sizes5    = []float64{1e2, 1e3, 1e4, 1e5, 1e6}
)

// measure is the runs of a benchmark that follows a law, with noise above it as
// machines have it: sizes lie off the law a little, runs by more, some by a lot.
func measure(l law, sizes []float64, runs int, noise float64, rng *rand.Rand) []Measured {
	var list []Measured
	for _, n := range sizes {
		m := Measured{Package: "queue", Benchmark: fmt.Sprintf("BenchmarkCancel/depth=%.0f", n)}
		off := 1 + noise*rng.NormFloat64()
		for range runs {
			cost := l.cost(n) * off * (1 + noise*rng.ExpFloat64())
			if rng.Float64() < 0.05 {
				cost *= 1 + 10*noise*rng.Float64()
			}
			m.Cost = append(m.Cost, cost)
		}
		list = append(list, m)
	}
	return list
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

func limits(t *testing.T, list ...string) []ExponentLimit {
	t.Helper()
	var limits []ExponentLimit
	for _, s := range list {
		l, err := ParseExponentLimit(s)
		if err != nil {
			t.Fatal(err)
		}
		limits = append(limits, l)
	}
	return limits
}

// grow gives the one row there is.
func grow(t *testing.T, base, head []Measured, limit ...string) Row {
	t.Helper()
	r, err := Growth(base, head, GrowthOptions{Limits: limits(t, limit...)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 1 {
		t.Fatalf("%d rows: %+v", len(r.Rows), r.Rows)
	}
	return r.Rows[0]
}

// The true exponent of a law over a range is where a line through it would lie,
// and behind a fixed cost what the growing part has.
func TestGrowthExponents(t *testing.T) {
	for _, c := range []struct {
		law       law
		sizes     []float64
		low, high float64
	}{
		{powerLaw(0), sizes4, -0.03, 0.03},
		{powerLaw(0.5), sizes4, 0.47, 0.53},
		{powerLaw(1), sizes4, 0.97, 1.03},
		{powerLaw(1), sizes5[:3], 0.95, 1.05},
		{powerLaw(2), sizes5, 1.97, 2.03},
		{powerLaw(-0.3), sizes5, -0.33, -0.27},
		{logarithm, sizes5, 0.08, 0.22}, // 1/ln n: 0.22 at 100, 0.07 at 1e6
		{logarithm, sizes4, 0.08, 0.22},
		{nLogN, sizes5, 1.05, 1.25},
		{fixedAnd(1000, 0.01, 1), sizes5, 0.9, 1.1},    // 1001, 1010, 1100, 2000, 11000
		{fixedAnd(1e5, 1, 1), sizes5, 0.9, 1.1},        // only the last two show it
		{fixedAnd(1e4, 1, 0.5), sizes5, 0, 0.5},        // 10010 … 11000: hardly there
		{fixedAnd(100, 1, 0.5), sizes5, 0.4, 0.6},      //
		{fixedAnd(1000, 0.001, 2), sizes4, 1.8, 2.2},   // 1001 … 10^7: from the top
		{fixedAnd(1e3, 1, 1), sizes5[:3], 0.4, 1},      // 1100, 2000, 11000: from the top, too low
		{fixedAnd(1e5, 1, 1), sizes4, 0.05, 0.4},       // only the last shows it: too low
		{fixedAnd(1e7, 1, 1), sizes4, -0.03, 0.03},     // beyond the sizes: nothing can show it
		{fixedAnd(1e5, 1e-9, 0.01), sizes5, -0.03, .1}, // nothing to find
	} {
		for seed := range uint64(20) {
			row := grow(t, nil, measure(c.law, c.sizes, 8, 0.01, random(seed)), "BenchmarkCancel=10")
			if row.Head == nil || *row.Head < c.low || *row.Head > c.high {
				t.Errorf("%s at %d sizes, seed %d: %s", c.law.name, len(c.sizes), seed, row.Why)
			}
		}
	}
}

func TestGrowthAgainstLimit(t *testing.T) {
	for _, c := range []struct {
		law     law
		sizes   []float64
		verdict Verdict
		why     string
	}{
		{powerLaw(0), sizes4, Same, "not more than the limit of 0.2"},
		{powerLaw(0.1), sizes4, Same, ""},
		{powerLaw(0.5), sizes4, Slower, "more than the limit of 0.2 (p = "},
		{powerLaw(1), sizes5[:3], Slower, "cost ∝ depth^1."},
		{powerLaw(0.2), sizes4, Inconclusive, "cannot be told; it takes more runs"},
		{fixedAnd(1000, 0.01, 1), sizes5, Slower, "beside a fixed cost that is "},
		{fixedAnd(1e3, 1, 1), sizes5[:3], Slower, "from the two largest sizes"},
	} {
		row := grow(t, nil, measure(c.law, c.sizes, 8, 0.005, random(1)), "BenchmarkCancel=0.2")
		if row.Verdict != c.verdict || !strings.Contains(row.Why, c.why) {
			t.Errorf("%s: %s, because %q", c.law.name, row.Verdict, row.Why)
		}
		if row.Limit == nil || *row.Limit != 0.2 || row.Base != nil || row.Effect != nil || row.HeadInterval == nil || row.Runs != 8 {
			t.Errorf("%s: %+v", c.law.name, row)
		}
	}
}

func TestGrowthAgainstBase(t *testing.T) {
	for _, c := range []struct {
		base, head law
		sizes      []float64
		verdict    Verdict
		why        string
	}{
		{powerLaw(0), powerLaw(1), sizes4, Slower, "so it grew by "},
		{powerLaw(0), powerLaw(1), sizes5[:3], Slower, "so it grew by 1.0"},
		{powerLaw(1), powerLaw(0), sizes4, Faster, "so it fell by "},
		{powerLaw(1), powerLaw(1), sizes4, Same, "a change of less than 0.1"},
		{powerLaw(0.5), logarithm, sizes4, Faster, ""},
		{powerLaw(0), fixedAnd(100, 0.001, 1), sizes5, Slower, "beside a fixed cost"},
		{powerLaw(1), fixedAnd(0, 300, 1), sizes5, Same, ""}, // three times the cost, growing alike
		{powerLaw(0), powerLaw(0.03), sizes5, Same, ""},
		{fixedAnd(1000, 0.01, 1), fixedAnd(1000, 0.01, 1), sizes5, Same, ""},
		{fixedAnd(1000, 0.01, 1), fixedAnd(1200, 0.012, 1), sizes5, Same, ""},
	} {
		row := grow(t, measure(c.base, c.sizes, 8, 0.005, random(1)), measure(c.head, c.sizes, 8, 0.005, random(2)))
		if row.Verdict != c.verdict || !strings.Contains(row.Why, c.why) {
			t.Errorf("%s to %s: %s, because %q", c.base.name, c.head.name, row.Verdict, row.Why)
		}
		if row.Effect == nil || row.Base == nil || row.Control == nil {
			t.Errorf("%s to %s: %+v", c.base.name, c.head.name, row)
		}
	}
}

// A limit that is kept does not excuse growth, nor a base that grew as much a
// limit that is not kept.
func TestGrowthAgainstBoth(t *testing.T) {
	flat, linear := measure(powerLaw(0), sizes4, 8, 0.005, random(1)), measure(powerLaw(1), sizes4, 8, 0.005, random(2))
	for _, c := range []struct {
		base, head []Measured
		limit      string
		verdict    Verdict
		why        string
	}{
		{flat, linear, "BenchmarkCancel=1.5", Slower, "so it grew"},
		{linear, linear, "BenchmarkCancel=0.5", Slower, "more than the limit"},
		{linear, flat, "BenchmarkCancel=0.5", Faster, "so it fell"},
		{flat, flat, "BenchmarkCancel=0.5", Same, ""},
	} {
		if row := grow(t, c.base, c.head, c.limit); row.Verdict != c.verdict || !strings.Contains(row.Why, c.why) {
			t.Errorf("%s: %s, because %q", c.limit, row.Verdict, row.Why)
		}
	}
}

// The same program on both sides is never called worse, however it grows and
// however the machine behaves: with alpha at 0.01 and a least change of 0.1, in
// 2,880 comparisons.
func TestGrowthOfTheSameNeverFails(t *testing.T) {
	seed := uint64(0)
	for _, l := range []law{powerLaw(0), powerLaw(0.5), powerLaw(1), logarithm, nLogN, fixedAnd(1000, 0.01, 1)} {
		for _, sizes := range [][]float64{sizes5[:3], sizes4, sizes5, {10, 20, 50, 100}} {
			for _, noise := range []float64{0.003, 0.02, 0.05} {
				for range 40 {
					seed++
					rng := random(seed)
					row := grow(t, measure(l, sizes, 6, noise, rng), measure(l, sizes, 6, noise, rng))
					if row.Verdict == Slower || row.Verdict == Faster {
						t.Errorf("%s, noise %v, %d sizes, seed %d: %s", l.name, noise, len(sizes), seed, row.Why)
					}
				}
			}
		}
	}
}

// Nor is a machine that was disturbed while one size ran, which its files cannot
// show otherwise.
func TestGrowthOfOneDisturbedSize(t *testing.T) {
	for at := range sizes5 {
		for _, by := range []float64{0.7, 1.1, 1.3, 1.6} {
			for seed := range uint64(10) {
				rng := random(seed)
				head := measure(powerLaw(0), sizes5, 8, 0.01, rng)
				for i := range head[at].Cost {
					head[at].Cost[i] *= by
				}
				if row := grow(t, measure(powerLaw(0), sizes5, 8, 0.01, rng), head); row.Verdict == Slower {
					t.Errorf("size %d by %v, seed %d: %s", at, by, seed, row.Why)
				}
			}
		}
	}
}

// A machine that drifts within the runs of a size is told by the halves of them.
func TestGrowthOnANoisyMachine(t *testing.T) {
	head := measure(powerLaw(0), sizes4, 8, 0.01, random(1))
	for i := range head {
		for j := 4; j < 8; j++ {
			head[i].Cost[j] *= math.Pow(2, float64(i))
		}
	}
	flat := measure(powerLaw(0), sizes4, 8, 0.01, random(2))
	for _, row := range []Row{grow(t, nil, head, "BenchmarkCancel=0.1"), grow(t, flat, head), grow(t, head, flat)} {
		if row.Verdict != Inconclusive || !strings.Contains(row.Why, "too noisy") || row.Control == nil {
			t.Errorf("%s, because %q", row.Verdict, row.Why)
		}
	}
}

func TestGrowthNeeds(t *testing.T) {
	rng := random(1)
	for _, c := range []struct {
		name string
		head []Measured
		why  string
	}{
		{"two sizes", measure(powerLaw(1), sizes4[:2], 8, 0.01, rng), "depth from 100 to 1k are 2 sizes: it takes 3 sizes, the largest 8 times the smallest or more, such as 100, 1k and 10k"},
		{"a narrow span", measure(powerLaw(1), []float64{100, 200, 400, 700}, 8, 0.01, rng), "depth from 100 to 700 are 4 sizes"},
		{"two runs", measure(powerLaw(1), sizes4, 2, 0.01, rng), "2 runs at one of the sizes are too few"},
		{"no cost", []Measured{{"q", "BenchmarkCancel/1", []float64{0, math.NaN()}}, {"q", "BenchmarkCancel/9", []float64{math.Inf(1)}}}, "no run has a figure"},
	} {
		if row := grow(t, nil, c.head, "BenchmarkCancel=0.2"); row.Verdict != Inconclusive || !strings.Contains(row.Why, c.why) {
			t.Errorf("%s: %s, because %q", c.name, row.Verdict, row.Why)
		}
	}
	wide := measure(powerLaw(1), sizes4, 8, 0.01, rng)
	for _, c := range []struct {
		name string
		base []Measured
		why  string
	}{
		{"two runs on base", measure(powerLaw(1), sizes4, 2, 0.01, rng), "base: 2 runs at one of the sizes"},
		{"no size of both", measure(powerLaw(1), []float64{5, 50, 500}, 8, 0.01, rng), "on both sides: no size is the same"},
		{"two sizes of both", measure(powerLaw(1), []float64{1, 100, 1000}, 8, 0.01, rng), "on both sides: depth from 100 to 1k are 2 sizes"},
		{"one size of both", measure(powerLaw(1), []float64{1, 10, 100}, 8, 0.01, rng), "on both sides: depth from 100 to 100 is 1 size"},
	} {
		if row := grow(t, c.base, wide); row.Verdict != Inconclusive || !strings.Contains(row.Why, c.why) {
			t.Errorf("%s: %s, because %q", c.name, row.Verdict, row.Why)
		}
	}
	for _, head := range [][]Measured{nil, {{Benchmark: "BenchmarkCancel", Cost: []float64{1}}}, {{Benchmark: "BenchmarkCancel/n=5", Cost: []float64{1}}}} {
		_, err := Growth(nil, head, GrowthOptions{})
		if e, ok := errors.AsType[*bench.Error](err); !ok || e.Problem != bench.NoBenchmarks {
			t.Errorf("%v: %v", head, err)
		}
	}
	_, err := Growth(nil, measure(powerLaw(0), sizes4, 8, 0.01, rng), GrowthOptions{})
	if e, ok := errors.AsType[*bench.Error](err); !ok || !strings.Contains(e.Hint, "--max-exponent BenchmarkCancel=0.2") {
		t.Errorf("neither base nor limit: %v", err)
	}
}

func TestGrowthOneSided(t *testing.T) {
	rng := random(1)
	flat := measure(powerLaw(0), sizes4, 8, 0.01, rng)
	other := measure(powerLaw(0), sizes4, 8, 0.01, rng)
	for i := range other {
		other[i].Benchmark = strings.Replace(other[i].Benchmark, "Cancel", "Push", 1)
	}
	r, err := Growth(append(flat, other...), flat, GrowthOptions{})
	if err != nil || len(r.Rows) != 1 || !caveat(r, "Only in base: BenchmarkPush/depth=*.") {
		t.Errorf("%v, %+v", err, r)
	}
	r, err = Growth(flat, append(other, flat...), GrowthOptions{Limits: limits(t, "BenchmarkPop=0.3")})
	if err != nil || len(r.Rows) != 2 || r.Outcome != Unsure || !caveat(r, "Not in base, without a limit, and not judged: BenchmarkPush/depth=*.") {
		t.Fatalf("%v, %+v", err, r)
	}
	if row := r.Rows[0]; row.Name != "BenchmarkPop" || !strings.Contains(row.Why, "the limit matches no benchmark") {
		t.Errorf("%+v", row)
	}
}

func TestGrowthRecorded(t *testing.T) {
	base := outputFile(t, "map.txt")
	r, err := GrowthFiles(&base, outputFile(t, "scan.txt"), GrowthOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if row := r.Rows[0]; len(r.Rows) != 1 || row.Verdict != Slower || row.Name != "BenchmarkCancel/depth=*" || *row.Head < 0.85 || *row.Head > 1.15 {
		t.Errorf("%+v", r.Rows)
	}
	if !caveat(r, "the sizes ran one after the other") || r.Base != "map.txt" || r.Head != "scan.txt" {
		t.Errorf("%+v", r)
	}
	base = outputFile(t, "map.txt")
	r, err = GrowthFiles(&base, outputFile(t, "map-again.txt"), GrowthOptions{Limits: limits(t, "Benchmark.*=0.5")})
	if err != nil || r.Outcome == Regression {
		t.Errorf("a map against itself: %v, %+v", err, r)
	}
	r, err = GrowthFiles(nil, outputFile(t, "scan.txt"), GrowthOptions{Limits: limits(t, "BenchmarkCancel=0.2")})
	if err != nil || r.Outcome != Regression || r.Base != "" {
		t.Errorf("a scan against a limit: %v, %+v", err, r)
	}
}
