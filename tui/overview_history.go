package tui

import "math"

// historyTitleFrom is the height from which a chart has a row to spare for its
// title.
const historyTitleFrom = 6

// history is the host's CPU time over the windows, a column for each, and the
// part of it that findings call waste.
func (v drawing) history(at rect) string {
	p := newPage(at.W, at.H)
	if at.H == 0 {
		return ""
	}
	n := max(0, at.W-chartAxis)
	first, last := v.s.span(n)
	if at.H >= historyTitleFrom {
		p.put(v.t.title, "CPU of the host").put(v.t.faint, "  ▒ called waste").end()
	}
	rows := p.rows() - 1
	columns := make([][]historyCell, n)
	for i, c := range v.s.history.columns(n, first, last) {
		columns[i] = v.historyColumn(c, rows)
	}
	for y := range rows {
		p.axis(v.t, y, rows, "100%", "50%", "0%")
		for x := 0; x < n; {
			cell, run := columns[x][y], 1
			for x+run < n && columns[x+run][y] == cell {
				run++
			}
			v.cell(p, cell, run)
			x += run
		}
		p.end()
	}
	p.tab(chartAxis)
	v.s.timeAxis(p, n, first, last).end()
	return p.String()
}

// A historyCell is what a cell of the history shows.
type historyCell uint8

const (
	cellHole  historyCell = hostModes + iota // below it, a mode of the host's
	cellWaste                                // CPU that findings call waste
)

// historyColumn is a column from top to bottom: idle first, what is busy below
// it, and what of that is wasted at the bottom.
func (v drawing) historyColumn(c column, rows int) []historyCell {
	list := make([]historyCell, rows)
	for y := range list {
		list[y] = cellHole
	}
	if !c.known {
		return list
	}
	y := rows
	for mode, n := range hostCells(c.host, rows) {
		for range n {
			y--
			list[y] = historyCell(mode)
		}
	}
	share := c.wasted / float64(max(1, v.r.Host.Cores))
	for n := int(math.Round(share * float64(rows))); n > 0 && y < rows; n-- {
		rows--
		if list[rows] != modeUser && list[rows] != modeSystem {
			break
		}
		list[rows] = cellWaste
	}
	return list
}

func (v drawing) cell(p *page, c historyCell, n int) {
	switch c {
	case cellHole:
		p.fill(style{}, ' ', n)
	case cellWaste:
		p.fill(v.t.hatch, '▒', n)
	default:
		p.fill(v.t.host[c], hostLetters[c], n)
	}
}
