package gate

import (
	"fmt"
	"math"
	"slices"
)

// By how much counts of one unchanged program differ between runs, measured over
// A/A runs: allocations never did, bytes by up to 0.03 %, where pools and growing
// maps meet the collector.
const (
	WobbleAllocs = 0
	WobbleBytes  = 0.0003
)

// A Counted is the verdict on something that is counted and not timed:
// allocations or bytes for one operation. There is no p: the counts of a program
// are its own, whatever else the machine does.
type Counted struct {
	Verdict Verdict `json:"verdict"` // slower is more of it, faster less
	Base    float64 `json:"base"`    // the median of the runs
	Head    float64 `json:"head"`
	Why     string  `json:"why"` // one sentence
}

// Change is the relative change, 0.05 for 5 % more. There is none from nothing,
// nor without a verdict on figures that are no counts.
func (c Counted) Change() (change float64, ok bool) {
	if !(c.Base > 0) {
		return 0, false
	}
	change = c.Head/c.Base - 1
	return change, !math.IsInf(change, 0)
}

// JudgeExact compares counts for one operation, one figure a run. Within wobble,
// a fraction of the count, they are the same. Beyond it the sides must lie
// further apart than either does from itself; a benchmark whose own counts vary
// that much gets no verdict.
func JudgeExact(base, head []float64, wobble float64) Counted {
	for _, side := range [][]float64{base, head} {
		if why := notCounts(side); why != "" {
			return Counted{Verdict: Inconclusive, Why: why}
		}
	}
	b, h := slices.Sorted(slices.Values(base)), slices.Sorted(slices.Values(head))
	c := Counted{Base: middle(b), Head: middle(h)}
	lowB, highB, lowH, highH := b[0], b[len(b)-1], h[0], h[len(h)-1]
	inside := math.Max(highB-lowB, highH-lowH)
	slack := wobble * math.Max(highB, highH)
	if wobble > 0 {
		slack = math.Max(slack, 1) // figures are cut to whole ones: what wobbles falls on either side
	}
	switch {
	case math.Max(highB, highH)-math.Min(lowB, lowH) <= slack:
		c.Verdict = Same
		c.Why = fmt.Sprintf("%s on both sides", counted(c.Base))
		if c.Base != c.Head {
			c.Why = fmt.Sprintf("%s and %s differ by no more than runs of one program do", counted(c.Base), counted(c.Head))
		}
	case lowH-highB > math.Max(inside, slack):
		c.Verdict, c.Why = Slower, c.moved()
	case lowB-highH > math.Max(inside, slack):
		c.Verdict, c.Why = Faster, c.moved()
	default:
		c.Verdict = Inconclusive
		c.Why = fmt.Sprintf("the counts are no property of the program: %s to %s on base, %s to %s on head",
			counted(lowB), counted(highB), counted(lowH), counted(highH))
	}
	return c
}

func notCounts(side []float64) string {
	if len(side) == 0 {
		return "nothing was counted on one side"
	}
	for _, v := range side {
		if !(v >= 0) || math.IsInf(v, 1) {
			return fmt.Sprintf("%v is not a count", v)
		}
	}
	return ""
}

func (c Counted) moved() string {
	s := fmt.Sprintf("from %s to %s for one operation", counted(c.Base), counted(c.Head))
	if change, ok := c.Change(); ok {
		s += " (" + signed(change) + ")"
	}
	return s
}

// counted is a count in words: no digits are dropped from what is exact.
func counted(v float64) string {
	if v == math.Trunc(v) && v < 1e15 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%g", v)
}
