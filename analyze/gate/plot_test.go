package gate

import (
	"math"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"busywork/analyze"
)

func TestPlot(t *testing.T) {
	p := plot{reach: 0.1, width: 21}
	for _, c := range []struct {
		of   analyze.Interval
		want string
	}{
		{analyze.Interval{Value: 0.06, Low: 0.04, High: 0.08}, "       ┊  │  ┊├─●─┤  "},
		{analyze.Interval{Value: 0, Low: -0.01, High: 0.01}, "       ┊ ├●┤ ┊       "},
		{analyze.Interval{Value: 0, Low: -0.05, High: 0.05}, "     ├────●────┤     "},
		{analyze.Interval{Value: -0.08, Low: -0.08, High: -0.08}, "  ●    ┊  │  ┊       "},
		{analyze.Interval{Value: 0.09, Low: 0.07, High: 0.3}, "       ┊  │  ┊   ├─●▶"},
		{analyze.Interval{Value: 9, Low: 8, High: 10}, "       ┊  │  ┊      ▶"},
		{analyze.Interval{Value: -0.5, Low: -0.9, High: 0.9}, "◀───────────────────▶"},
	} {
		if got := p.draw(c.of, 0.03); got != c.want {
			t.Errorf("%+v:\ngot  %s|\nwant %s|", c.of, got, c.want)
		}
	}
}

// Whatever the figures, a line is as wide as the plot.
func TestPlotIsAsWideAsItIs(t *testing.T) {
	values := []float64{0, 1e-300, 0.03, 1, 1e9, math.MaxFloat64, -1, -math.MaxFloat64}
	for _, low := range values {
		for _, high := range values {
			i := analyze.Interval{Value: low/2 + high/2, Low: low, High: high}
			for _, width := range []int{leastPlot, 16, 40, 90} {
				p := newPlot([]Row{{Effect: &i, Threshold: 0.03}}, width)
				if n := ansi.StringWidth(p.draw(i, 0.03)); n != p.width || n > width || n%2 == 0 {
					t.Fatalf("%+v in %d columns takes %d of %d", i, width, n, p.width)
				}
				if s := p.scale(&Row{}); ansi.StringWidth(s) != p.width {
					t.Fatalf("the scale %q is not %d columns", s, p.width)
				}
			}
		}
	}
}

func TestScale(t *testing.T) {
	row := func(high, threshold float64) []Row {
		return []Row{{Effect: &analyze.Interval{Value: high, Low: -0.001, High: high}, Threshold: threshold}}
	}
	for _, c := range []struct {
		rows  []Row
		reach float64
	}{
		{row(0.01, 0.03), 0.1}, // two thresholds
		{row(0.18, 0.03), 0.2},
		{row(9, 0.03), 0.3}, // ten thresholds
		{row(9, 0), 1},
		{nil, 0.1},
	} {
		if p := newPlot(c.rows, 41); math.Abs(p.reach-c.reach) > 1e-12 {
			t.Errorf("%+v: the scale reaches %v, want %v", c.rows, p.reach, c.reach)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"BenchmarkX", 10, "BenchmarkX"},
		{"BenchmarkCancel/depth=10k cpu", 20, "Benchmark…th=10k cpu"},
		{"Benchmark日本語日本語日本語/n=5", 20, "Benchmark…本語/n=5"},
	} {
		got := shorten(c.s, c.n)
		if ansi.StringWidth(got) > c.n || c.want != got && !strings.Contains(c.s, "日") {
			t.Errorf("%s in %d columns is %s, want %s", c.s, c.n, got, c.want)
		}
	}
}
