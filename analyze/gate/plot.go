package gate

import (
	"math"
	"strings"

	"busywork/analyze"
)

// A plot draws effects with their intervals on one line each, all on one scale:
// no change in the middle, the threshold on both sides of it.
//
//	┊  │  ┊    ├──●──┤
type plot struct {
	reach float64 // the effect at the right end; the left one is as far
	width int     // columns, odd, so that there is a middle
}

const (
	leastPlot = 15 // below, an interval and the threshold share their columns
	mostPlot  = 41 // above, the eye has to travel and sees no more
)

// newPlot is a scale for the effects of the rows: at least two thresholds to each
// side, so that the threshold is seen, and at most ten, so that one regression of
// +900 % leaves the others more than a column. What lies further out ends in an
// arrow; its figures stand beside it.
func newPlot(rows []Row, width int) plot {
	far, threshold := 0.0, 0.0
	for _, r := range rows {
		if r.Effect != nil {
			far = max(far, math.Abs(r.Effect.Low), math.Abs(r.Effect.High))
		}
		threshold = max(threshold, r.Threshold)
	}
	least, most := 2*threshold, 10*threshold
	if threshold == 0 { // budgets: ±100 % are nothing, and twice the limit
		least, most = 0.1, 1
	}
	return plot{
		reach: roundUp(min(max(far, least), most)),
		width: min(width, mostPlot) - (min(width, mostPlot)+1)%2,
	}
}

// roundUp is the next of 1, 2, 3 and 5 times a power of ten.
func roundUp(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 3, 5} {
		if v <= step*power*(1+1e-9) {
			return step * power
		}
	}
	return 10 * power
}

// column is where an effect lies; below 0 or from width on it is off the scale.
func (p plot) column(v float64) int {
	at := math.Round((v + p.reach) / (2 * p.reach) * float64(p.width-1))
	return int(min(max(at, -1), float64(p.width)))
}

// draw is one line of the plot, p.width columns.
func (p plot) draw(i analyze.Interval, threshold float64) string {
	cells := []rune(strings.Repeat(" ", p.width))
	put := func(at int, c rune) {
		if at >= 0 && at < p.width {
			cells[at] = c
		}
	}
	if threshold > 0 {
		put(p.column(-threshold), '┊')
		put(p.column(threshold), '┊')
	}
	put(p.width/2, '│')
	low, high := p.column(i.Low), p.column(i.High)
	for at := max(low, 0); at <= min(high, p.width-1); at++ {
		cells[at] = '─'
	}
	if low < high {
		put(low, '├')
		put(high, '┤')
	}
	put(p.column(i.Value), '●')
	if low < 0 {
		cells[0] = '◀'
	}
	if high >= p.width {
		cells[p.width-1] = '▶'
	}
	return string(cells)
}

// scale is the line above a plot: its ends and its middle.
func (p plot) scale(row *Row) string {
	left, right := row.moved(-p.reach), row.moved(p.reach)
	left, right = strings.ReplaceAll(left, ".0 ", " "), strings.ReplaceAll(right, ".0 ", " ")
	side := p.width / 2
	return left + strings.Repeat(" ", side-len(left)) + "0" + strings.Repeat(" ", side-len(right)) + right
}
