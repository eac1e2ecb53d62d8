package tui

import (
	"fmt"
	"math"
	"strings"

	"busywork/analyze"
	"busywork/analyze/report"
)

// Columns of the table of evidence.
const (
	colWhat = iota
	colValue
	colChange // since the mark
	colLimit
	colMargin
	colSource
	evidenceCols
)

var evidenceHeads = [evidenceCols]string{"evidence", "value", "change", "limit", "margin", "source"}

const (
	colGap = 2 // cells between two columns
	// mostFigure is the widest that a column of figures gets: "0.36 CPU-seconds each".
	mostFigure = 22
	// leastSource is the narrowest that most sources fit in, on one row; below that
	// a paragraph takes fewer rows than a table.
	leastSource = 24
)

// evidence is a table of all figures that the finding rests on: what was observed,
// what it was held against, how far beyond that it is, and who says so. Where
// there is no room for a table, each figure is a paragraph.
func (x *findingText) evidence() {
	if len(x.f.Evidence) == 0 {
		return
	}
	rows := make([][evidenceCols]string, len(x.f.Evidence))
	for i := range x.f.Evidence {
		rows[i] = x.evidenceRow(&x.f.Evidence[i])
	}
	widths := evidenceWidths(rows, x.w)
	if widths[colSource] < leastSource {
		x.evidenceList(rows)
		return
	}
	x.cellRows(evidenceHeads, widths, [evidenceCols]style{x.theme.faint, x.theme.faint, x.theme.faint, x.theme.faint, x.theme.faint, x.theme.faint})
	for _, row := range rows {
		x.cellRows(row, widths, [evidenceCols]style{colValue: x.theme.bold, colSource: x.theme.faint})
	}
}

func (x *findingText) evidenceRow(e *analyze.Evidence) (row [evidenceCols]string) {
	row[colWhat], row[colSource] = e.What, e.Source
	row[colValue] = report.Figure(e.Value, e.Unit)
	row[colChange] = x.evidenceChange(e)
	if e.Limit != nil {
		row[colLimit] = report.Figure(*e.Limit, e.Unit)
	}
	row[colMargin] = margin(e)
	return row
}

// margin says how far a figure is from its limit: shares in points, others as a
// multiple; "" where there is no limit.
func margin(e *analyze.Evidence) string {
	if e.Limit == nil {
		return ""
	}
	d := e.Value - *e.Limit
	over := "over"
	if d < 0 {
		over = "under"
	}
	switch ratio := e.Value / *e.Limit; {
	case math.IsNaN(d) || math.IsInf(d, 0):
		return ""
	case d == 0:
		return "at the limit"
	case strings.HasPrefix(e.Unit, "fraction"):
		points := 100 * math.Abs(d)
		return fmt.Sprintf("%.*f points %s", pick(int(min(points, 10)), 1, 10, 0), points, over)
	case *e.Limit > 0 && e.Value >= 0:
		return fmt.Sprintf("%.*f × the limit", pick(int(min(ratio, 10)), 2, 1, 1, 10, 0), ratio)
	}
	return report.Figure(math.Abs(d), e.Unit) + " " + over
}

// evidenceWidths shares the width out: figures get what they need, up to a bound,
// what was observed gets up to half of the rest, and sources what is left.
// Columns that are empty in all rows get nothing.
func evidenceWidths(rows [][evidenceCols]string, w int) (widths [evidenceCols]int) {
	for c := range widths {
		for _, row := range rows {
			widths[c] = max(widths[c], width(row[c]))
		}
		if widths[c] > 0 {
			widths[c] = max(widths[c], width(evidenceHeads[c]))
		}
	}
	rest := w
	for c := colValue; c < colSource; c++ {
		widths[c] = min(widths[c], mostFigure)
		if widths[c] > 0 {
			rest -= widths[c] + colGap
		}
	}
	rest -= colGap
	if what := max(0, rest/2, rest-widths[colSource]); widths[colWhat] > what {
		widths[colWhat] = what
	}
	widths[colSource] = rest - widths[colWhat]
	return widths
}

// cellRows writes one row of the table, as many rows of the page as its longest
// cell takes.
func (x *findingText) cellRows(row [evidenceCols]string, widths [evidenceCols]int, looks [evidenceCols]style) {
	var cells [evidenceCols][]string
	most := 1
	for c := range row {
		if widths[c] > 0 {
			cells[c] = folded(row[c], widths[c], widths[c])
			most = max(most, len(cells[c]))
		}
	}
	for y := range most {
		column := 0
		for c := range row {
			if widths[c] == 0 {
				continue
			}
			if x.tab(column); y < len(cells[c]) {
				x.put(looks[c], cells[c][y])
			}
			column += widths[c] + colGap
		}
		x.end()
	}
}

// evidenceList is the table as paragraphs.
func (x *findingText) evidenceList(rows [][evidenceCols]string) {
	x.line(x.theme.faint, evidenceHeads[colWhat])
	for _, row := range rows {
		text := row[colWhat] + ": " + row[colValue]
		if row[colChange] != "" && row[colChange] != unknown {
			text += " " + row[colChange]
		}
		if row[colLimit] != "" {
			text += ", limit " + row[colLimit]
		}
		if row[colMargin] != "" {
			text += ", " + row[colMargin]
		}
		x.tab(2).wrap(x.theme.plain, 4, 0, text+" · "+row[colSource])
	}
}
