package tui

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/NimbleMarkets/ntcharts/canvas"
	"github.com/NimbleMarkets/ntcharts/canvas/graph"
)

// chartAxis is how many cells at the left of a chart its axis takes: a figure as
// compact writes it, and the line. What is left has one column for each value.
const chartAxis = compactWidth + 1

// depthChart draws values from left to right as a line of braille dots over an
// axis that begins at 0. It returns h rows of exactly w cells, for page.raw. There
// should be w − chartAxis values; as many others are spread over the columns. One
// that is negative or not finite leaves a hole.
func depthChart(t *theme, values []float64, w, h int) []string {
	if w <= 0 || h <= 0 {
		return nil
	}
	columns := max(0, w-chartAxis)
	top := niceCeiling(highest(values))
	rows := make([]string, h)
	for y, dots := range brailleLine(values, columns, h, top) {
		p := newPage(w, 1)
		p.axis(t, y, h, compact(top), compact(top/2), "0")
		p.raw(t.line.on+dots+t.line.off, columns)
		rows[y] = p.String()
	}
	return rows
}

// axis writes what of a y axis belongs to row y of h: its labels stand at the
// top, in the middle and at the bottom.
func (p *page) axis(t *theme, y, h int, top, middle, bottom string) *page {
	label := ""
	switch {
	case y == 0:
		label = top
	case y == h-1:
		label = bottom
	case h >= 5 && h%2 == 1 && y == h/2: // of an even number no row is the middle
		label = middle
	}
	return p.fill(style{}, ' ', compactWidth-len(label)).put(t.faint, label).put(t.faint, "│")
}

// brailleLine is the line through the values, as h rows of braille letters. It has
// two dots a column and four a row.
func brailleLine(values []float64, columns, h int, top float64) []string {
	rows := make([]string, h)
	if columns == 0 {
		return rows
	}
	grid := graph.NewBrailleGrid(columns, h, 0, float64(2*columns-1), 0, top)
	at := func(i, dot int, v float64) canvas.Point {
		x := float64(2*(i*columns/len(values)) + dot)
		return grid.GridPoint(canvas.Float64Point{X: x, Y: v})
	}
	for i, v := range values {
		if !drawable(v) {
			continue
		}
		// A value is as wide as its column, so that a single one is seen.
		line := graph.GetLinePoints(at(i, 0, v), at(i, 1, v))
		if i+1 < len(values) && drawable(values[i+1]) {
			line = append(line, graph.GetLinePoints(at(i, 1, v), at(i+1, 0, values[i+1]))...)
		}
		for _, p := range line {
			grid.Set(p)
		}
	}
	for y, row := range grid.BraillePatterns() {
		rows[y] = strings.ReplaceAll(string(row), "\u2800", " ") // some fonts draw the empty pattern
	}
	return rows
}

// drawable says that a value has a place on a chart. What is beyond 10¹⁸ is no
// depth of a queue, and a line to there would be as long.
func drawable(v float64) bool { return v >= 0 && v <= 1e18 }

func highest(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		if drawable(v) {
			most = max(most, v)
		}
	}
	return most
}

// niceCeiling is the first of 1, 2, 3 and 5 times a power of ten that v does not
// exceed: an axis that ends there has a short figure, and keeps it for many
// windows.
func niceCeiling(v float64) float64 {
	if v <= 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 3, 5} {
		if v <= step*unit {
			return step * unit
		}
	}
	return 10 * unit
}

// compactWidth is the most cells that compact takes.
const compactWidth = 5

// compact writes a figure that is not negative in at most five letters: "749",
// "12.3k", "450M"; "?" where it is none.
func compact(v float64) string {
	switch {
	case !drawable(v):
		return "?"
	case v < 9.95 && v != math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v < 9999.5:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	digits, unit := 1, 0
	for v /= 1000; v >= 999.5; v /= 1000 {
		unit++
	}
	if v >= 99.95 {
		digits = 0
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + "kMGTPE"[unit:unit+1]
}

// timeAxis writes what is beneath a chart of n columns that begins where the page
// stands, of the windows from number first to last: when they ended, at both
// ends, and a caret under the window that is shown, unless that is the newest. A
// time that would be in the caret's way is left out.
func (s *scene) timeAxis(p *page, n, first, last int) *page {
	from, to := s.history.when(first), s.history.when(last)
	if n <= 0 || from.IsZero() || to.IsZero() {
		return p
	}
	format := "15:04:05"
	if to.Sub(from) > 12*time.Hour {
		format = "2 Jan 15:04"
	}
	left, right := from.Local().Format(format), to.Local().Format(format)
	base, leftAt, rightAt := p.x, columnOf(first, n, first, last), n-len(right)
	caret := -1
	if !s.newest && s.number >= first && s.number <= last {
		caret = columnOf(s.number, n, first, last)
	}
	if leftAt+len(left) < rightAt && (caret < leftAt || caret > leftAt+len(left)) {
		p.tab(base+leftAt).put(s.theme.faint, left)
	}
	if caret >= 0 {
		p.tab(base+caret).put(s.theme.bold, "▲")
	}
	if caret < rightAt {
		p.tab(base+rightAt).put(s.theme.faint, right)
	}
	return p
}
