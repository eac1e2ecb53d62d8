package analyze

import "math"

// z95 is the normal quantile of a two-sided 95 % interval.
const z95 = 1.96

// An Interval is an estimate with the bounds between which the truth lies in 95
// of 100 cases. The unit is that of its context.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// exactly is an interval without width, for what was counted and not sampled.
func exactly(v float64) Interval { return Interval{v, v, v} }

// Times scales an interval by a factor that is not negative.
func (i Interval) Times(f float64) Interval {
	return Interval{i.Value * f, i.Low * f, i.High * f}
}

// subtractedFrom is v − i: the bounds change places.
func (i Interval) subtractedFrom(v float64) Interval {
	return Interval{v - i.Value, v - i.High, v - i.Low}
}

// product multiplies two independent estimates that are not negative. Relative
// errors add in quadrature, on each side by itself.
func product(a, b Interval) Interval {
	v := a.Value * b.Value
	if v == 0 {
		return Interval{0, a.Low * b.Low, a.High * b.High}
	}
	down := math.Hypot(1-a.Low/a.Value, 1-b.Low/b.Value)
	up := math.Hypot(a.High/a.Value-1, b.High/b.Value-1)
	return Interval{v, math.Max(0, v*(1-down)), v * (1 + up)}
}

// quotient divides two independent estimates; b must lie above zero.
func quotient(a, b Interval) Interval {
	return product(a, Interval{1 / b.Value, 1 / b.High, 1 / b.Low})
}

// sum adds independent estimates.
func sum(list ...Interval) Interval {
	var v, down, up float64
	for _, i := range list {
		v += i.Value
		down = math.Hypot(down, i.Value-i.Low)
		up = math.Hypot(up, i.High-i.Value)
	}
	return Interval{v, v - down, v + up}
}

// within widens an interval to at least ± the given fraction of its value.
func (i Interval) within(fraction float64) Interval {
	return Interval{i.Value,
		math.Max(0, math.Min(i.Low, i.Value*(1-fraction))),
		math.Max(i.High, i.Value*(1+fraction))}
}

// overlaps says whether two intervals have a value in common.
func (i Interval) overlaps(j Interval) bool { return i.Low <= j.High && j.Low <= i.High }

// share is the Wilson score interval of k among n. It stays inside [0, 1] and
// is honest for small counts, where the usual ± is not.
func share(k, n float64) Interval {
	if n <= 0 {
		return Interval{0, 0, 1}
	}
	p := k / n
	z2 := z95 * z95
	centre := (p + z2/(2*n)) / (1 + z2/n)
	half := z95 / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	return Interval{p, math.Max(0, math.Min(p, centre-half)), math.Min(1, math.Max(p, centre+half))}
}

// count is the interval of a Poisson count: how many events a process that
// showed n in this window shows on average.
func count(n float64) Interval {
	half := z95 * math.Sqrt(math.Max(n, 1))
	return Interval{n, math.Max(0, n-half), n + half}
}
