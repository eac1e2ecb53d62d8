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
	var w, mx, my float64
	for _, p := range points {
		w += p.N
		mx += p.N * math.Log(p.Depth)
		my += p.N * math.Log(p.Cost)
	}
	mx, my = mx/w, my/w
	var sxx, sxy float64
	for _, p := range points {
		x, y := math.Log(p.Depth)-mx, math.Log(p.Cost)-my
		sxx += p.N * x * x
		sxy += p.N * x * y
	}
	slope = sxy / sxx
	var residual float64
	for _, p := range points {
		r := math.Log(p.Cost) - my - slope*(math.Log(p.Depth)-mx)
		residual += p.N * r * r
	}
	n := float64(len(points))
	return slope, student95(n-2) * math.Sqrt(residual/(n-2)/sxx)
}

// student95 is the two-sided 95 % quantile of Student's t, by the usual
// expansion of the normal quantile; within 1 % from 4 degrees of freedom on.
func student95(df float64) float64 {
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
