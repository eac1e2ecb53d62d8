package gate

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"

	"busywork/analyze"
)

// A sizedCost is the cost of one operation at one size, in logarithms, in which a
// power law is a line with its exponent as the slope.
type sizedCost struct {
	x, y float64 // ln size, ln cost: the median of the runs
	err  float64 // standard error of y
}

// An exponent is the k of cost ∝ size^k.
type exponent struct {
	value float64
	err   float64 // standard
	free  float64 // degrees of freedom of err
	how   curve
	fixed float64 // of a curve beside a fixed cost: the part of the cost at the largest size that is fixed
}

// A curve is what an exponent was read off.
type curve int

const (
	onLine      curve = iota // a line through all sizes
	besideFixed              // cost = a + b·size^k
	atTheTop                 // the line through the two largest sizes
)

const (
	// unsteady is by how much the cost at one size lies off any law although it was
	// measured exactly: where its data happen to lie in caches and size classes.
	// Without it runs that agree to 0.1 % would give an exponent to the third digit
	// that the next build does not have.
	unsteady = 0.03
	// heavy is how many errors from the line a size has its full weight: the usual
	// 1.5 loses 4 % of the precision where there are no outliers.
	heavy = 1.5
	// clearly is how many errors a bend must have to be one: of a thousand straight
	// lines one or two are bent that much by chance.
	clearly = 3
	// visibly is the same of a second sign that must agree with the first.
	visibly = 2
	// sizesForFixed leave two degrees of freedom beside a, b and k.
	sizesForFixed = 5
)

// exponentOf finds the exponent, looking behind a fixed cost. That costs at small
// sizes are dominated by what does not grow is the usual way for growth to hide:
// a line through 1001, 1010, 1100, 2000 and 11000 ns has a slope of 0.26.
func exponentOf(points []sizedCost, free float64) exponent {
	line := lineThrough(points)
	line.free = free
	e, ok := exponent{}, false
	if len(points) >= sizesForFixed {
		e, ok = behindFixed(points)
	} else {
		e, ok = slopeAtTop(points)
	}
	if ok && e.value > line.value {
		e.free = free
		return e
	}
	return line
}

// lineThrough is Huber's line: least squares, in which a size far off pulls with a
// force that no longer grows. Its error is that of the sizes, and more if they
// scatter about the line by more than their errors; a size off the line counts in
// full there, since two of three may as well be the ones that are wrong.
func lineThrough(points []sizedCost) exponent {
	n := len(points)
	x, y, w := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, p := range points {
		x[i], y[i], w[i] = p.x, p.y, 1/(p.err*p.err)
	}
	full := analyze.FitLine(x, y, w)
	line := full
	// Fifty rounds are far beyond where the slope still moves by 0.001; the sum to
	// be minimised has one minimum, and each round comes nearer.
	for range 50 {
		for i, p := range points {
			off := math.Abs(p.y-line.At(p.x)) / p.err
			w[i] = math.Min(1, heavy/math.Max(off, heavy)) / (p.err * p.err)
		}
		line = analyze.FitLine(x, y, w)
	}
	scatter := 1.0
	if n > 2 {
		scatter = math.Max(1, math.Sqrt(full.Residual/float64(n-2)))
	}
	return exponent{value: line.Slope, err: scatter / math.Sqrt(full.Spread)}
}

// slopeAtTop is the exponent of three or four sizes that bend upwards, from the
// two largest. It needs the others to have grown visibly too: a single size that
// stands out is more likely an accident.
func slopeAtTop(points []sizedCost) (exponent, bool) {
	n := len(points)
	first, second, last := points[0], points[n-2], points[n-1]
	low, high := second.x-first.x, last.x-second.x
	below, top := (second.y-first.y)/low, (last.y-second.y)/high
	bend := math.Sqrt(sq(last.err/high) + sq(second.err*(1/high+1/low)) + sq(first.err/low))
	if top-below < clearly*bend || below < visibly*math.Hypot(first.err, second.err)/low {
		return exponent{}, false
	}
	return exponent{value: top, err: math.Hypot(last.err, second.err) / high, how: atTheTop}, true
}

// Exponents that are tried beside a fixed cost: below 0.1 a power is hardly told
// from a constant, and above 3 no benchmark has five sizes that still end.
const (
	leastTried = 0.1
	mostTried  = 3
	stepTried  = 0.01
)

// behindFixed fits cost = a + b·size^k, a and b not negative, if that is clearly
// better than a = 0. For each k, a and b are the least squares of relative errors;
// the error of k is how far it can move until the misfit rises by one.
func behindFixed(points []sizedCost) (exponent, bool) {
	best, plain := fixedFit{misfit: math.Inf(1)}, math.Inf(1)
	var tried []fixedFit
	for k := leastTried; k <= mostTried; k += stepTried {
		f := fitFixed(points, k)
		tried = append(tried, f)
		if f.misfit < best.misfit {
			best = f
		}
		plain = math.Min(plain, f.plain)
	}
	// Also a line that falls is a line; none of those tried does.
	plain = math.Min(plain, fitFixed(points, 0).plain)
	scatter := math.Max(1, best.misfit/float64(len(points)-3))
	// Costs that are too far apart to be squared leave no number, and fail this too.
	if !(plain-best.misfit >= clearly*clearly*scatter) {
		return exponent{}, false
	}
	near := func(f fixedFit) bool { return f.misfit-best.misfit <= scatter }
	low := tried[slices.IndexFunc(tried, near)].k
	high := low
	for _, f := range tried {
		if near(f) {
			high = f.k
		}
	}
	if low <= leastTried || high > mostTried-stepTried {
		// It could be anything. That is also what a single size that stands out looks
		// like, which more likely is an accident: every steep power fits it.
		return exponent{}, false
	}
	e := exponent{value: best.k, how: besideFixed, fixed: best.a / (best.a + best.b)}
	e.err = math.Max(stepTried, math.Max(best.k-low, high-best.k))
	return e, true
}

// A fixedFit is a + b·(size/largest)^k.
type fixedFit struct {
	k, a, b float64
	misfit  float64 // Σ (relative deviation ÷ error)²
	plain   float64 // the same with a = 0
}

// fitFixed finds a and b for one k.
func fitFixed(points []sizedCost, k float64) fixedFit {
	f := fixedFit{k: k}
	last := points[len(points)-1]
	var uu, uv, vv, u1, v1, one float64 // of the rows u·a + v·b = 1/err
	for _, p := range points {
		w := 1 / p.err
		u := w * math.Exp(last.y-p.y)
		v := u * math.Exp(k*(p.x-last.x))
		uu, uv, vv, u1, v1, one = uu+u*u, uv+u*v, vv+v*v, u1+u*w, v1+v*w, one+w*w
	}
	f.plain = one - v1*v1/vv
	det := uu*vv - uv*uv
	f.a, f.b = (u1*vv-v1*uv)/det, (v1*uu-u1*uv)/det
	switch {
	case !(det > 1e-9*uu*vv), f.a < 0:
		f.a, f.b, f.misfit = 0, v1/vv, f.plain
	case f.b < 0:
		f.a, f.b, f.misfit = u1/uu, 0, one-u1*u1/uu
	default:
		f.misfit = one - f.a*u1 - f.b*v1
	}
	return f
}

// interval is the exponent with its 95 % bounds.
func (e exponent) interval() analyze.Interval {
	half := e.half()
	return analyze.Interval{Value: e.value, Low: e.value - half, High: e.value + half}
}

func (e exponent) half() float64 { return analyze.Student95(e.free) * e.err }

// above is the probability of an exponent as high as this where it is no higher
// than the limit.
func (e exponent) above(limit float64) float64 {
	return stats.TDist{V: e.free}.CDF((limit - e.value) / e.err)
}

// below is the same of one as low.
func (e exponent) below(limit float64) float64 {
	return stats.TDist{V: e.free}.CDF((e.value - limit) / e.err)
}

func sq(v float64) float64 { return v * v }
