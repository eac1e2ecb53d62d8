package gate

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestLooks(t *testing.T) {
	for _, c := range []struct {
		most  int
		pairs []int
	}{
		{8, []int{8}}, {10, []int{10}}, {12, []int{12}}, {16, []int{10, 16}}, {20, []int{10, 16, 20}}, {40, []int{10, 16, 24, 40}},
		{41, []int{10, 16, 24, 41}}, {100, []int{10, 16, 24, 40, 64, 100}}, {400, []int{10, 16, 24, 40, 64, 104, 166, 268, 400}},
	} {
		var pairs []int
		spent := 0.0
		for i, l := range looksUpTo(c.most, 0.01) {
			pairs = append(pairs, l.pairs)
			spent += l.alpha
			if l.alpha <= 0 || i == 0 && c.most > 12 && !near(l.alpha, 0.006, 1e-12) {
				t.Errorf("up to %d: look %d spends %v", c.most, i, l.alpha)
			}
		}
		if !slices.Equal(pairs, c.pairs) || !near(spent, 0.01, 1e-15) {
			t.Errorf("up to %d: looks after %v spend %v, want %v", c.most, pairs, spent, c.pairs)
		}
	}
	parts := looksUpTo(40, 1)
	for i, want := range []float64{0.6, 0.2, 0.1, 0.1} {
		if !near(parts[i].alpha, want, 1e-12) {
			t.Errorf("look %d spends %v of alpha, want %v", i, parts[i].alpha, want)
		}
	}
}

// sequence is one of so many benchmarks, at the default settings.
func sequence(t *testing.T, benchmarks int) *Sequence {
	t.Helper()
	q, err := NewSequence(benchmarks, DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// round runs one pair of every benchmark that is due, head ÷ base as given.
func round(q *Sequence, ratios ...float64) []int {
	due := q.Due()
	for _, b := range due {
		q.Add(b, Pair{1, ratios[b], q.HeadFirst(b)})
	}
	return due
}

// undecided is the k-th of ratios from which no verdict comes in 40 pairs: as many
// above as below, and far apart.
func undecided(k int) float64 { return math.Exp(0.6 * math.Sin(2.4*float64(k))) }

func TestSequenceRestsWhatIsClear(t *testing.T) {
	q := sequence(t, 3)
	var order []bool
	if left := q.Left(); left != 120 {
		t.Errorf("%d pairs left at first, want 120", left)
	}
	for i := range 10 {
		order = append(order, q.HeadFirst(2))
		if due := round(q, 1.2, 1, undecided(i)); len(due) != 3 {
			t.Fatalf("pair %d: due are %v", i, due)
		}
	}
	if want := []bool{false, true, true, false, false, true, true, false, false, true}; !slices.Equal(order, want) {
		t.Errorf("orders are %v", order)
	}
	if due := q.Due(); !slices.Equal(due, []int{2}) {
		t.Fatalf("after the first look due are %v", due)
	}
	if left := q.Left(); left != 30 {
		t.Errorf("%d pairs left, want 30", left)
	}
	q.Add(0, Pair{1, 0.1, true}) // too late to matter
	n := 10
	for ; len(round(q, 0, 0, undecided(n))) > 0; n++ {
	}
	js := q.Finish()
	if n != 40 || js[0].Verdict != Slower || js[1].Verdict != Same || js[2].Verdict != Inconclusive {
		t.Errorf("after %d pairs: %s, %s and %s", n, js[0].Verdict, js[1].Verdict, js[2].Verdict)
	}
	if js[0].Pairs != 10 || js[1].Pairs != 10 || js[2].Pairs != 40 {
		t.Errorf("pairs: %d, %d and %d", js[0].Pairs, js[1].Pairs, js[2].Pairs)
	}
	if len(q.Due()) != 0 || q.Left() != 0 {
		t.Errorf("after the end due are %v, %d left", q.Due(), q.Left())
	}
}

// P is what the smallest of 2^10 is after the correction for three benchmarks
// (Holm: three and two, no third) and for a look that has 0.6 of alpha.
func TestSequenceCorrectsP(t *testing.T) {
	q := sequence(t, 3)
	for range 10 {
		round(q, 1.2, 1.3, 1)
	}
	js := q.Finish()
	for i, want := range []float64{3, 3, 1} {
		if i < 2 {
			want *= 1.0 / 1024 / 0.6
		}
		if !near(js[i].P, want, 1e-12) {
			t.Errorf("benchmark %d: p = %v, want %v", i, js[i].P, want)
		}
	}
	if js[0].Verdict != Slower || js[1].Verdict != Slower {
		t.Errorf("%s and %s", js[0].Verdict, js[1].Verdict)
	}
}

// Up to six benchmarks can reach a verdict at ten pairs, as the plan promises;
// twenty take one look more, and none more than that.
func TestSequenceFirstVerdicts(t *testing.T) {
	for benchmarks, want := range map[int]int{1: 10, 6: 10, 7: 16, 20: 16, 200: 24} {
		q := sequence(t, benchmarks)
		for range 24 {
			for _, b := range q.Due() {
				ratio := undecided(len(q.tracks[b].pairs))
				if b == 0 {
					ratio = 1.3
				}
				q.Add(b, Pair{1, ratio, q.HeadFirst(b)})
			}
		}
		if j := q.Finish()[0]; j.Verdict != Slower || j.Pairs != want {
			t.Errorf("%d benchmarks: %s after %d pairs, want slower after %d", benchmarks, j.Verdict, j.Pairs, want)
		}
	}
}

// What was found slower is no longer in the family: at the second look the rest
// is corrected for one less.
func TestSequenceFamilyShrinks(t *testing.T) {
	q := sequence(t, 2)
	for i := range 10 {
		round(q, 1.3, 1+0.2*float64(i%2))
	}
	if q.family != (family{slower: 1, faster: 2}) {
		t.Errorf("family after one is slower: %+v", q.family)
	}
}

func TestSequenceOutOfTime(t *testing.T) {
	q := sequence(t, 2)
	for range 5 {
		round(q, 1.2, 1)
	}
	for i, j := range q.Finish() {
		if j.Verdict != Inconclusive || j.More != 3 || !strings.Contains(j.Why, "5 runs a side are too few") {
			t.Errorf("benchmark %d after 5 pairs: %+v", i, j)
		}
	}

	q = sequence(t, 2)
	for range 13 {
		round(q, 1.3, 1.025+0.02*math.Sin(float64(len(q.tracks[1].pairs))))
	}
	first := q.Finish()
	if first[0].Pairs != 10 || first[1].Pairs != 13 || first[0].Verdict != Slower {
		t.Errorf("out of time after 13: %+v", first)
	}
	if again := q.Finish(); again[0].Why != first[0].Why || again[1].Why != first[1].Why {
		t.Errorf("the end comes out differently the second time: %+v", again)
	}
	if due := q.Due(); len(due) != 0 {
		t.Errorf("due after the end: %v", due)
	}
}

// A benchmark that stops running is out, holds nobody up, and is no verdict.
func TestSequenceDrop(t *testing.T) {
	q := sequence(t, 2)
	for range 9 {
		round(q, 1.2, 1)
	}
	q.Add(0, Pair{1, 1.2, q.HeadFirst(0)})
	q.Drop(1, "it panicked on head")
	js := q.Finish()
	if js[0].Verdict != Slower || js[0].Pairs != 10 || js[1].Verdict != Inconclusive || js[1].Why != "it panicked on head" || js[1].Pairs != 9 {
		t.Errorf("%+v", js)
	}
	if q.family.faster != 2 {
		t.Errorf("the family lost the benchmark that was dropped: %+v", q.family)
	}
}

func TestSequenceOfNothing(t *testing.T) {
	q := sequence(t, 0)
	if len(q.Due()) != 0 || len(q.Finish()) != 0 {
		t.Error("no benchmarks, and yet something to do")
	}
}

// The last look at twenty benchmarks with 40 pairs each.
func BenchmarkLook(b *testing.B) {
	m := newMachine(noises[1], 1)
	tracks := make([]track, 20)
	for i := range tracks {
		tracks[i].pairs = m.pairs(40, 1.02)
	}
	s := DefaultSettings()
	for b.Loop() {
		q := Sequence{settings: s, looks: []look{{40, 0.001}}, tracks: slices.Clone(tracks), family: family{20, 20}, known: nulls{}}
		q.look()
	}
}
