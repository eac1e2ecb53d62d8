package gate

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"golang.org/x/perf/benchmath"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// Every one of the 2^n ways to give signs to the ranks, counted.
func TestSignedRankIsTheCountOfAllSigns(t *testing.T) {
	for n := 1; n <= 12; n++ {
		counts := make([]int, n*(n+1)/2+1)
		for signs := range 1 << n {
			sum := 0
			for rank := 1; rank <= n; rank++ {
				if signs>>(rank-1)&1 == 1 {
					sum += rank
				}
			}
			counts[sum]++
		}
		holdAgainst(t, signedRank(n), counts, 1<<n)
	}
}

// Every choice of which places in the order belong to the first side, counted.
func TestRankSumIsTheCountOfAllOrders(t *testing.T) {
	for n := 1; n <= 6; n++ {
		for m := 1; m <= 6; m++ {
			counts, all := make([]int, n*m+1), 0
			for choice := range uint(1) << (n + m) {
				if bits.OnesCount(choice) != n {
					continue
				}
				above, others := 0, 0
				for place := range n + m {
					if choice>>place&1 == 1 {
						above += others
					} else {
						others++
					}
				}
				counts[above]++
				all++
			}
			holdAgainst(t, rankSum(n, m), counts, all)
		}
	}
}

func holdAgainst(t *testing.T, got null, counts []int, all int) {
	t.Helper()
	if len(got) != len(counts) {
		t.Fatalf("%d outcomes, want %d", len(got), len(counts))
	}
	atLeast := 0
	for k := len(counts) - 1; k >= 0; k-- {
		atLeast += counts[k]
		if want := float64(atLeast) / float64(all); !near(got[k], want, 1e-14) {
			t.Errorf("of %d outcomes: P(at least %d) = %v, want %v", len(counts), k, got[k], want)
		}
	}
}

// The critical values that the tables of textbooks give, with the largest p below
// their level; and tails too small for anything but relative errors.
func TestSignedRankTables(t *testing.T) {
	for _, c := range []struct {
		n, w int // P(at most w)
		p    float64
	}{
		{8, 3, 0.0195}, {10, 8, 0.0244}, {10, 10, 0.0420}, {15, 25, 0.0240}, {20, 52, 0.0242}, {25, 89, 0.0241},
	} {
		u := signedRank(c.n)
		if got := u[len(u)-1-c.w]; !near(got, c.p, 6e-5) {
			t.Errorf("n = %d: P(at most %d) = %.5f, want %.4f", c.n, c.w, got, c.p)
		}
	}
	for _, n := range []int{40, 400} {
		u := signedRank(n)
		if got, want := u[len(u)-1], math.Ldexp(1, -n); math.Abs(got/want-1) > 1e-12 {
			t.Errorf("n = %d: smallest p = %g, want %g", n, got, want)
		}
	}
}

// Hollander and Wolfe's worked examples: the depression factor of nine patients
// before and after (p = 0.0195, estimate 0.46, interval 0.010 to 0.786), and the
// permeability of ten and five membranes (p = 0.1272, estimate 0.305).
func TestTextbookShifts(t *testing.T) {
	before := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	after := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	fall := make([]float64, len(before))
	for i := range before {
		fall[i] = before[i] - after[i]
	}
	s := shiftOf(walsh(fall), signedRank(len(fall)))
	i := s.interval
	if !near(s.slower, 0.01953, 1e-5) || !near(i.Value, 0.46, 1e-9) || !near(i.Low, 0.010, 1e-9) || !near(i.High, 0.786, 1e-9) {
		t.Errorf("depression: %+v", s)
	}

	term := []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	early := []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	s = shiftOf(couples(early, term), rankSum(len(term), len(early)))
	if !near(s.slower, 0.1272, 5e-5) || !near(s.interval.Value, 0.305, 1e-9) {
		t.Errorf("permeability: %+v", s)
	}
}

// Another implementation of the rank sum, on values without ties.
func TestRankSumAgreesWithBenchmath(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{4, 7, 12, 20} {
		m := n + r.IntN(6)
		base, head := make([]float64, n), make([]float64, m)
		for i := range base {
			base[i] = r.NormFloat64()
		}
		for i := range head {
			head[i] = r.NormFloat64() + 0.7
		}
		s := shiftOf(couples(base, head), rankSum(m, n))
		want := benchmath.AssumeNothing.Compare(
			benchmath.NewSample(base, &benchmath.DefaultThresholds), benchmath.NewSample(head, &benchmath.DefaultThresholds)).P
		if got := min(1, 2*min(s.slower, s.faster)); !near(got, want, 1e-9) {
			t.Errorf("%d and %d runs: two-sided p = %v, benchmath has %v", n, m, got, want)
		}
	}
}

// Where the approximation takes over it agrees with what it takes over from, and
// where it does not, p is the larger.
func TestRankSumNormalNearExact(t *testing.T) {
	exact, normal := rankSum(50, 50), rankSumNormal(50, 50)
	for k, p := range exact {
		if normal[k] < 0.99*p || p > 0.01 && normal[k] > 1.03*p || p > 0.001 && normal[k] > 1.12*p {
			t.Fatalf("P(at least %d): exact %v, normal %v", k, p, normal[k])
		}
	}
}

// Of symmetric values around a shift, the 95 % interval holds the shift at least
// that often: as the order statistics do, by counting all signs.
func TestIntervalCoverage(t *testing.T) {
	for n := 6; n <= 12; n++ {
		u := signedRank(n)
		magnitudes := make([]float64, n)
		for i := range magnitudes {
			magnitudes[i] = math.Pow(1.37, float64(i)) // no two sums alike
		}
		held := 0
		for signs := range 1 << n {
			values := make([]float64, n)
			for i, v := range magnitudes {
				values[i] = v
				if signs>>i&1 == 1 {
					values[i] = -v
				}
			}
			s := shiftOf(walsh(values), u)
			if !s.known {
				t.Fatalf("n = %d has no 95 %% interval", n)
			}
			if s.interval.Low <= 0 && 0 <= s.interval.High {
				held++
			}
		}
		// The next narrower interval would hold it less often than 95 %.
		if share := float64(held) / float64(int(1)<<n); share < 0.95 || share > 0.985 {
			t.Errorf("n = %d: interval holds the truth in %.4f of all cases", n, share)
		}
	}
}

func TestTooFewForAnInterval(t *testing.T) {
	for n := 1; n <= 5; n++ {
		if cut := signedRank(n).cut(); cut != -1 {
			t.Errorf("%d pairs have a 95 %% interval, with %d values left out", n, cut)
		}
	}
	if cut := rankSum(3, 3).cut(); cut != -1 {
		t.Errorf("3 against 3 have a 95 %% interval, with %d values left out", cut)
	}
	if cut := rankSum(4, 4).cut(); cut != 0 {
		t.Errorf("4 against 4: %d values left out, want 0", cut)
	}
}

// Zeros and ties count for nobody, so that p is never below what it would be if
// they were broken in the worst way.
func TestTiesOnlyRaiseP(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 6 + r.IntN(8)
		rough, fine := make([]float64, n), make([]float64, n)
		for i := range rough {
			rough[i] = float64(r.IntN(7) - 2) // many ties, many zeros
			fine[i] = rough[i] + 1e-6*r.Float64()
		}
		u := signedRank(n)
		a, b := shiftOf(walsh(rough), u), shiftOf(walsh(fine), u)
		if a.slower < b.slower {
			t.Fatalf("%v: p = %v, with the ties broken upwards %v", rough, a.slower, b.slower)
		}
	}
}

func TestHolm(t *testing.T) {
	for _, c := range []struct {
		ps     []float64
		family int
		want   []float64
	}{
		{[]float64{0.01, 0.02, 0.03, 0.04, 0.05}, 5, []float64{0.05, 0.08, 0.09, 0.09, 0.09}},
		{[]float64{0.03, 0.001, 0.02}, 3, []float64{0.04, 0.003, 0.04}},
		{[]float64{0.03, 0.001, 0.02}, 10, []float64{0.24, 0.01, 0.18}}, // seven more that show nothing
		{[]float64{0.4, 0.4}, 2, []float64{0.8, 0.8}},
		{[]float64{0.9, 0.004}, 2, []float64{0.9, 0.008}},
		{[]float64{0.004}, 1, []float64{0.004}},
		{nil, 3, nil},
	} {
		got := holm(c.ps, c.family)
		if len(got) != len(c.want) {
			t.Fatalf("%v: %v", c.ps, got)
		}
		for i := range got {
			if !near(got[i], c.want[i], 1e-12) {
				t.Errorf("%v of %d: %v, want %v", c.ps, c.family, got, c.want)
			}
		}
	}
}
