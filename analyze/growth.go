package analyze

import (
	"fmt"
	"math"
)

// What a fit of cost against depth needs before it may speak.
const (
	// Three points always lie near some line; six leave four degrees of freedom.
	growthPoints = 6
	// With 10 % noise a cost, an exponent of 1 is told from 0 at two standard
	// errors once the depth varies by a fifth and there are about ten points.
	growthSpan = 1.2
	// An exponent known to no better than ± 0.6 does not tell 1 from 0.
	growthError = 0.6
)

// A CostPoint is the cost of one operation while a queue had a depth.
type CostPoint struct {
	Depth float64
	Cost  float64 // of one operation, in whatever it is counted in
	N     float64 // operations that the cost is the mean of
}

// Growth is how the cost of one operation follows the depth of a queue:
// cost ∝ depth^Exponent.
type Growth struct {
	Exponent Interval // 95 %
	From, To float64  // the depths seen
	CostFrom float64  // seconds an operation at From, on the fitted line
	CostTo   float64
	Points   int
	CostOf   string // what the cost is of
	DepthOf  string // what the depth is of
}

// String is the growth as a report says it.
func (g *Growth) String() string {
	return fmt.Sprintf("cost ∝ depth^%.2f ± %.2f (depth %.0f to %.0f)",
		g.Exponent.Value, max(g.width()/2, 0.01), g.From, g.To)
}

// fitGrowth fits a line through the logarithms, each point weighted by the
// operations behind it. It refuses, with a reason, what cannot carry a line.
func fitGrowth(points []CostPoint) (*Growth, error) {
	var kept []CostPoint
	for _, p := range points {
		if p.Depth > 0 && p.Cost > 0 && p.N > 0 {
			kept = append(kept, p)
		}
	}
	if len(kept) < growthPoints {
		return nil, fmt.Errorf("only %d points of cost against depth, %d are needed", len(kept), growthPoints)
	}
	from, to := math.Inf(1), 0.0
	for _, p := range kept {
		from, to = math.Min(from, p.Depth), math.Max(to, p.Depth)
	}
	if to/from < growthSpan {
		return nil, fmt.Errorf("depth varied only from %.0f to %.0f, a factor of %.1f is needed", from, to, growthSpan)
	}
	slope, err95 := weightedLine(kept)
	if err95 > growthError {
		return nil, fmt.Errorf("too noisy: an exponent of %.1f ± %.1f, ± %.1f is needed", slope, err95, growthError)
	}
	g := &Growth{
		Exponent: Interval{slope, slope - err95, slope + err95},
		From:     from, To: to, Points: len(kept),
	}
	return g, nil
}

// weightedLine is the least-squares line of ln cost on ln depth, and the
// half-width of the slope's 95 % interval from the scatter about the line.
func weightedLine(points []CostPoint) (slope, err95 float64) {
	x, y, w := make([]float64, len(points)), make([]float64, len(points)), make([]float64, len(points))
	for i, p := range points {
		x[i], y[i], w[i] = math.Log(p.Depth), math.Log(p.Cost), p.N
	}
	l := FitLine(x, y, w)
	n := float64(len(points))
	return l.Slope, Student95(n-2) * math.Sqrt(l.Residual/(n-2)/l.Spread)
}

// A Line is y = Y + Slope·(x − X) through points with weights.
type Line struct {
	Slope    float64
	X, Y     float64 // the centre of the points, which the line goes through
	Spread   float64 // Σ w (x−X)²: with weights 1/σ² the slope's variance is 1/Spread
	Residual float64 // Σ w (y−line)²
}

// At is the line's y.
func (l Line) At(x float64) float64 { return l.Y + l.Slope*(x-l.X) }

// FitLine is the least-squares line through points of those weights. Its slope is
// not a number if the points do not differ in x.
func FitLine(x, y, weights []float64) Line {
	var l Line
	var sum, sxy float64
	for i, w := range weights {
		sum += w
		l.X += w * x[i]
		l.Y += w * y[i]
	}
	l.X, l.Y = l.X/sum, l.Y/sum
	for i, w := range weights {
		dx, dy := x[i]-l.X, y[i]-l.Y
		l.Spread += w * dx * dx
		sxy += w * dx * dy
	}
	l.Slope = sxy / l.Spread
	for i, w := range weights {
		r := y[i] - l.Y - l.Slope*(x[i]-l.X)
		l.Residual += w * r * r
	}
	return l
}

// Student95 is the two-sided 95 % quantile of Student's t, by the usual
// expansion of the normal quantile; within 1 % from 4 degrees of freedom on.
func Student95(df float64) float64 {
	z := z95
	z3 := z * z * z
	return z + (z3+z)/(4*df) + (5*z3*z*z+16*z3+3*z)/(96*df*df)
}

// width is the width of the exponent's interval.
func (g *Growth) width() float64 { return g.Exponent.High - g.Exponent.Low }

// linear says whether the growth is at least nearly proportional, and surely
// not flat.
func (g *Growth) linear() bool {
	return g.Exponent.Low > 0.3 && g.Exponent.Value > 0.6
}

// flat says whether the cost surely does not follow the depth.
func (g *Growth) flat() bool { return g.Exponent.High < 0.5 }
