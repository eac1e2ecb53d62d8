package gate

import (
	"math"
	"testing"
)

// decades are costs at sizes ten times each other, all known to 3 %.
func decades(costs ...float64) []sizedCost {
	var list []sizedCost
	for i, c := range costs {
		list = append(list, sizedCost{x: float64(i+2) * math.Ln10, y: math.Log(c), err: unsteady})
	}
	return list
}

func TestLineThrough(t *testing.T) {
	exact := lineThrough(decades(1, 10, 100, 1000))
	// The spread of four decades is 5 ln²10, at weights of 1/0.03².
	if want := unsteady / math.Sqrt(5*sq(math.Ln10)); !near(exact.value, 1, 1e-9) || !near(exact.err, want, 1e-9) {
		t.Errorf("%+v, want an error of %v", exact, want)
	}
	// Least squares would be drawn to 0.043.
	if off := lineThrough(decades(1, 1, 1, 1, math.Exp(0.5))); math.Abs(off.value) > 0.015 || off.err < 4*exact.err {
		t.Errorf("with one size off: %+v", off)
	}
	if wild := lineThrough(decades(1, 1.3, 1, 1.3)); wild.err < 3*exact.err {
		t.Errorf("of sizes that scatter: %+v", wild)
	}
}

func TestExponentOfShapes(t *testing.T) {
	for _, c := range []struct {
		name  string
		costs []float64
		how   curve
		value float64
		error float64
	}{
		{"hidden", []float64{1001, 1010, 1100, 2000, 11000}, besideFixed, 1, 0.05},
		{"hidden, few sizes", []float64{1010, 1100, 2000, 11000}, atTheTop, math.Log10(5.5), 1e-9},
		{"hidden until the last", []float64{100, 100, 100, 130}, onLine, 0, 0.06},
		{"one that stands out", []float64{100, 100, 100, 100, 140}, onLine, 0, 0.06},
		{"one of three", []float64{100, 100, 140}, onLine, 0.07, 0.08},
		{"saturating", []float64{100, 200, 280, 300, 305}, onLine, 0.12, 0.1},
		{"falling", []float64{400, 300, 200, 150, 100}, onLine, -0.15, 0.05},
		{"falling, then rising", []float64{400, 100, 100, 100, 400}, onLine, 0, 0.1},
		{"costs too far apart to square", []float64{1e-300, 1, 1, 1, 1e300}, onLine, 0, 200},
	} {
		e := exponentOf(decades(c.costs...), 20)
		if e.how != c.how || !(math.Abs(e.value-c.value) <= c.error) || !(e.err > 0) {
			t.Errorf("%s: %+v, want %v by %v", c.name, e, c.value, c.how)
		}
	}
}
