package gate

import (
	"math"
	"strings"
	"testing"
)

func TestJudgeExact(t *testing.T) {
	for _, c := range []struct {
		base, head []float64
		wobble     float64
		verdict    Verdict
		why        string
	}{
		{[]float64{12, 12}, []float64{12, 12, 12}, WobbleAllocs, Same, "12 on both sides"},
		{[]float64{0}, []float64{0}, WobbleAllocs, Same, "0 on both sides"},
		{[]float64{0, 0}, []float64{1, 1}, WobbleAllocs, Slower, "from 0 to 1 for one operation"},
		{[]float64{1}, []float64{0}, WobbleAllocs, Faster, "from 1 to 0 for one operation (-100.0 %)"},
		{[]float64{1000}, []float64{1001}, WobbleAllocs, Slower, "from 1000 to 1001 for one operation (+0.1 %)"},
		{[]float64{10000}, []float64{10002}, WobbleBytes, Same, "10000 and 10002 differ by no more than runs of one program do"},
		{[]float64{10000}, []float64{10010}, WobbleBytes, Slower, "(+0.1 %)"},
		{[]float64{10010}, []float64{10000}, WobbleBytes, Faster, "(-0.1 %)"},
		{[]float64{7}, []float64{8}, WobbleBytes, Same, "7 and 8 differ"}, // a figure cut to a whole one
		{[]float64{0}, []float64{16}, WobbleBytes, Slower, "from 0 to 16"},
		{[]float64{10, 12}, []float64{11, 11}, WobbleAllocs, Inconclusive, "10 to 12 on base, 11 to 11 on head"},
		{[]float64{10, 12}, []float64{13, 13}, WobbleAllocs, Inconclusive, "the counts are no property of the program"},
		{[]float64{10, 12}, []float64{20, 21}, WobbleAllocs, Slower, "from 11 to 20.5"},
		{[]float64{10, 12}, []float64{10, 12}, WobbleAllocs, Inconclusive, "no property"},
		{nil, []float64{1}, WobbleAllocs, Inconclusive, "nothing was counted on one side"},
		{[]float64{1}, []float64{math.NaN()}, WobbleAllocs, Inconclusive, "NaN is not a count"},
		{[]float64{-1}, []float64{1}, WobbleAllocs, Inconclusive, "-1 is not a count"},
		{[]float64{1}, []float64{math.Inf(1)}, WobbleBytes, Inconclusive, "+Inf is not a count"},
	} {
		got := JudgeExact(c.base, c.head, c.wobble)
		if got.Verdict != c.verdict || !strings.Contains(got.Why, c.why) {
			t.Errorf("%v against %v: %s, because %q", c.base, c.head, got.Verdict, got.Why)
		}
	}
	if change, ok := JudgeExact([]float64{0}, []float64{1}, WobbleAllocs).Change(); ok {
		t.Errorf("from nothing is a change of %v", change)
	}
	if change, ok := JudgeExact([]float64{10}, []float64{13}, WobbleAllocs).Change(); !ok || !near(change, 0.3, 1e-12) {
		t.Errorf("from 10 to 13 is a change of %v, %v", change, ok)
	}
}

// Like the figures with noise: more is never less, and the sides are only names.
func TestJudgeExactIsOrdered(t *testing.T) {
	mirror := map[Verdict]Verdict{Slower: Faster, Faster: Slower, Same: Same, Inconclusive: Inconclusive}
	base := []float64{100, 101, 104}
	was := -1
	for more := -60.0; more <= 60; more++ {
		head := []float64{100 + more, 102 + more}
		got, swapped := JudgeExact(base, head, WobbleBytes), JudgeExact(head, base, WobbleBytes)
		if swapped.Verdict != mirror[got.Verdict] {
			t.Errorf("%v against %v: %s, swapped %s", base, head, got.Verdict, swapped.Verdict)
		}
		if v := strength(got.Verdict); v < was {
			t.Errorf("%v against %v: %s, which is less than with less", base, head, got.Verdict)
		} else {
			was = v
		}
	}
	if was != 1 {
		t.Error("60 % more is not more")
	}
}
