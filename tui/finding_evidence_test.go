package tui

import (
	"math"
	"testing"

	"busywork/analyze"
)

func TestMargin(t *testing.T) {
	at := func(v, limit float64, unit string) *analyze.Evidence {
		return &analyze.Evidence{Value: v, Limit: &limit, Unit: unit}
	}
	for _, c := range []struct {
		e    *analyze.Evidence
		want string
	}{
		{&analyze.Evidence{Value: 3}, ""},
		{at(0.53, 0.20, "fraction"), "33 points over"},
		{at(0.066, 0.50, "fraction of CPUs"), "43 points under"},
		{at(0.215, 0.20, "fraction"), "1.5 points over"},
		{at(20, 3, "in the window"), "6.7 × the limit"},
		{at(37, 3, "1/s"), "12 × the limit"},
		{at(1, 3, "1/s"), "0.33 × the limit"},
		{at(3, 3, "1/s"), "at the limit"},
		{at(3, 0, "jobs"), "3 jobs over"},
		{at(-2, 1, "1"), "3 under"},
		{at(math.NaN(), 1, "1"), ""},
		{at(math.Inf(1), 1, "1"), ""},
		{at(1, math.Inf(-1), "fraction"), ""},
	} {
		if got := margin(c.e); got != c.want {
			t.Errorf("%+v: %q, want %q", c.e, got, c.want)
		}
	}
}

func TestBarCells(t *testing.T) {
	for _, c := range []struct {
		v    float64
		n    int
		want int
	}{{0, 10, 0}, {0.5, 10, 5}, {1, 10, 10}, {7, 10, 10}, {-1, 10, 0}, {math.NaN(), 10, 0}, {math.Inf(1), 10, 10}, {0.5, 0, 0}} {
		if got := barCells(c.v, c.n); got != c.want {
			t.Errorf("barCells(%v, %d) = %d, want %d", c.v, c.n, got, c.want)
		}
	}
}

// The columns of the table fit into the width, and each row of it into the
// columns, or there is no table.
func TestEvidenceWidths(t *testing.T) {
	s := sceneOf(t, examined(t, "sessions-waste"))
	x := findingOf(s, 120, 37).text(&page{w: 120, h: maxPagerRows})
	var rows [][evidenceCols]string
	for i := range s.open.finding.Evidence {
		rows = append(rows, x.evidenceRow(&s.open.finding.Evidence[i]))
	}
	for w := range 200 {
		widths := evidenceWidths(rows, w)
		if widths[colSource] < leastSource {
			continue
		}
		sum := -colGap
		for _, n := range widths {
			if n > 0 {
				sum += n + colGap
			}
		}
		if sum != w || widths[colChange] != 0 {
			t.Fatalf("%v come to %d of %d cells", widths, sum, w)
		}
	}
}
