package gate

import (
	"fmt"
	"math"

	"busywork/analyze"
)

// signed is a relative change as a sentence says it: +5.2 %.
func signed(change float64) string {
	if change >= 100 {
		return fmt.Sprintf("%+.3g %%", 100*change)
	}
	s := fmt.Sprintf("%+.1f %%", 100*change)
	if s == "-0.0 %" || s == "+0.0 %" {
		return "0.0 %"
	}
	return s
}

// span is the bounds of a relative change.
func span(i *analyze.Interval) string { return signed(i.Low) + " to " + signed(i.High) }

// tooFew is why so few runs are no evidence.
func tooFew(runs, least int) string {
	if runs == 1 {
		return fmt.Sprintf("1 run a side is too few, the least is %d", least)
	}
	return fmt.Sprintf("%d runs a side are too few, the least is %d", runs, least)
}

// percent is a relative size without a sign, 3 % or 4.1 %.
func percent(f float64) string { return fmt.Sprintf("%.3g %%", math.Round(1000*f)/10) }

// threshold is the threshold as it was asked for.
func (s Settings) threshold() string { return fmt.Sprintf("%.3g %%", 100*s.Threshold) }

// changed is why the verdict is slower or faster.
func (s Settings) changed(j Judgement) string {
	return fmt.Sprintf("%s (%s) is at least the %s asked for, and chance explains it with p = %.2g only, %.2g being the limit",
		signed(j.Effect.Value), span(j.Effect), s.threshold(), j.P, s.Alpha)
}

// unchanged is why the verdict is the same.
func (s Settings) unchanged(j Judgement) string {
	return fmt.Sprintf("the change lies between %s and %s, inside of the %s asked for", signed(j.Effect.Low), signed(j.Effect.High), s.threshold())
}

// tooNoisy is why the control forbids a verdict: no change can be believed that
// is no larger than what the same program does to itself. The second result is
// the number of runs a side that would narrow the control enough, 0 if none do.
func (s Settings) tooNoisy(e evidence) (string, int) {
	asked := math.Max(math.Log1p(s.Threshold), math.Abs(e.shift.interval.Value))
	far := expm1(reach(*e.control))
	why := fmt.Sprintf("this machine is too noisy now: a program differs from itself by up to %s, and a change of %s is to be judged; it takes a quieter machine",
		percent(far), percent(expm1(asked)))
	more := moreFor(*e.control, asked, e.runs)
	if more > 0 {
		why += fmt.Sprintf(" or about %d more runs a side", more)
	}
	return why, more
}

// undecided is what a verdict would take where the figures are in order and do
// not suffice. A change below the threshold needs a narrower interval, one above
// it a smaller p.
func (s Settings) undecided(j Judgement, e evidence, c corrected) (string, int) {
	t, change := math.Log1p(s.Threshold), e.shift.interval
	head := fmt.Sprintf("the change is %s (%s), and %s is asked for", signed(j.Effect.Value), span(j.Effect), s.threshold())
	more := moreFor(change, t, e.runs)
	if math.Abs(change.Value) >= t {
		head = fmt.Sprintf("the change is %s (%s), but p = %.2g is not below %.2g", signed(j.Effect.Value), span(j.Effect), j.P, s.Alpha)
		more = moreForP(c, e.runs)
	}
	if more == 0 {
		return head + ": no number of runs that is worth its time would tell; a quieter machine or another threshold may", 0
	}
	return fmt.Sprintf("%s: it takes about %d more runs a side", head, more), more
}

// moreFor is about how many more runs put all of an interval inside of ±limit,
// the estimate staying where it is: its width goes with 1/√n. It is 0 if that is
// not to be had below the most pairs there may be.
func moreFor(i analyze.Interval, limit float64, runs int) int {
	room := limit - math.Abs(i.Value)
	if room <= 0 {
		return 0
	}
	half := i.High - i.Value
	if i.Value-i.Low > half {
		half = i.Value - i.Low
	}
	return advice(float64(runs)*math.Pow(half/room, 2), runs)
}

// moreForP is about how many more runs bring p to where it must be, the effect
// and the noise staying as they are: its normal quantile goes with √n.
func moreForP(c corrected, runs int) int {
	now, need := quantile(c.raw), quantile(c.need)
	if now <= 0 {
		return 0
	}
	n := float64(runs) * math.Pow(need/now, 2)
	// One-sided, n pairs cannot show less than 2^-n.
	return advice(math.Max(n, -math.Log2(c.need)), runs)
}

// advice is the runs that are missing to n, in whole blocks of two, at least one
// block.
func advice(n float64, runs int) int {
	if !(n <= mostPairs) {
		return 0
	}
	blocks := math.Ceil((n - float64(runs)) / 2)
	return 2 * max(1, int(blocks))
}

// quantile is the normal quantile that leaves p above it.
func quantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(1-2*p) }
