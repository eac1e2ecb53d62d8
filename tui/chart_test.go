package tui

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/muesli/termenv"
)

func TestCompact(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{
		{0, "0"}, {0.04, "0.0"}, {3.24, "3.2"}, {9.94, "9.9"}, {9.96, "10"}, {749.4, "749"}, {9999, "9999"}, {9999.6, "10.0k"},
		{12_345, "12.3k"}, {99_949, "99.9k"}, {99_951, "100k"}, {999_499, "999k"}, {999_501, "1.0M"}, {4.5e9, "4.5G"}, {1e18, "1.0E"},
		{-1, "?"}, {math.NaN(), "?"}, {math.Inf(1), "?"}, {2e18, "?"},
	} {
		if got := compact(c.v); got != c.want || len(got) > compactWidth {
			t.Errorf("compact(%g) = %q, want %q", c.v, got, c.want)
		}
	}
}

func TestNiceCeiling(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.2: 1, 1: 1, 1.1: 2, 2.5: 3, 4: 5, 5.1: 10, 749: 1000, 1000: 1000, 1001: 2000, 31_000: 50_000} {
		if got := niceCeiling(v); got != want {
			t.Errorf("niceCeiling(%g) = %g, want %g", v, got, want)
		}
	}
	for v := 1e-3; v < 1e18; v *= 1.07 {
		if top := niceCeiling(v); top < v || top > max(1, 2*v) {
			t.Errorf("niceCeiling(%g) = %g", v, top)
		}
	}
}

// Whatever the values and the size, a chart is as large as was asked for.
func TestDepthChartIsExactlyAsLargeAsItShouldBe(t *testing.T) {
	look := newTheme(termenv.TrueColor, true)
	values := map[string][]float64{
		"none":    nil,
		"one":     {7},
		"holes":   {-1, -1, 3, -1, 4, 5, -1},
		"hostile": {math.NaN(), math.Inf(1), math.Inf(-1), -5, 1e300, 1e18, 0, 1},
		"many":    make([]float64, 500),
	}
	for name, list := range values {
		for _, w := range []int{0, 1, 4, 5, 6, 7, 8, 20, 61, 114, 200} {
			for h := range 8 {
				rows := depthChart(look, list, w, h)
				if w > 0 && len(rows) != h {
					t.Fatalf("%s: %d×%d: %d rows", name, w, h, len(rows))
				}
				checkFrame(t, strings.Join(rows, "\n"), w, h)
			}
		}
	}
}

func TestDepthChart(t *testing.T) {
	plain := newTheme(termenv.Ascii, true)
	ramp := make([]float64, 20)
	for i := range ramp {
		ramp[i] = float64(i * 50)
	}
	ramp[3], ramp[4] = -1, -1
	got := strings.Join(depthChart(plain, ramp, chartAxis+20, 5), "\n")
	want := strings.Join([]string{
		" 1000│                 ⣀⠤⠒",
		"     │             ⣀⠤⠒⠉   ",
		"  500│        ⣀⠤⠒⠒⠉       ",
		"     │     ⠤⠒⠉            ", // without the fourth and the fifth
		"    0│⣀⠤⠒                 ",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// historyOf is one of n windows, 5 s each, from number 1 on.
func historyOf(n int) *history {
	h := new(history)
	start := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	for i := range n {
		h.list = append(h.list, moment{number: i + 1, at: start.Add(time.Duration(i) * 5 * time.Second), known: true})
	}
	return h
}

func TestTimeAxis(t *testing.T) {
	for _, c := range []struct {
		windows, shown, n int
		want              string
	}{
		{40, 40, 30, "05:00:50              05:03:15"}, // what is newest needs no caret
		{40, 30, 30, "05:00:50           ▲  05:03:15"},
		{40, 12, 30, " ▲                    05:03:15"}, // the caret stands where the time would
		{40, 38, 30, "05:00:50                   ▲  "},
		{20, 20, 30, "          05:00:00    05:01:35"},
		{3, 3, 30, "                      05:00:10"},
		{1, 1, 30, "                      05:00:00"},
		{40, 40, 7, "       "},
		{0, 0, 30, strings.Repeat(" ", 30)},
	} {
		s := &scene{theme: newTheme(termenv.Ascii, true), live: true, history: historyOf(c.windows), number: c.shown, newest: c.shown == c.windows}
		first, last := s.span(c.n)
		p := newPage(2+c.n, 1)
		p.tab(2)
		if got := s.timeAxis(p, c.n, first, last).String(); got != "  "+c.want {
			t.Errorf("%d windows, %d shown: %q, want %q", c.windows, c.shown, got, c.want)
		}
	}
}
