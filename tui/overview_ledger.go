package tui

import (
	"fmt"
	"math"
	"slices"

	"busywork/analyze"
)

// ledger is where all the CPU went: as many rows as there is room for, most
// first, the rest summed up, and what was idle at the end.
func (v drawing) ledger(at rect) string {
	if at.H == 0 {
		return ""
	}
	p := newPage(at.W, at.H)
	gap := min(1, at.X) // to what stands at the left
	total := 0.0
	for i := range v.r.Ledger {
		total += v.r.Ledger[i].Cores
	}
	if !(total > 0) {
		v.unseen(p, "Where the CPU went was not seen", analyze.SignalHost|analyze.SignalCPU, 0)
		return p.String()
	}
	if at.H >= 4 {
		p.tab(gap).line(v.t.title, fmt.Sprintf("Where %.2f cores went", total))
	}
	for _, row := range v.ledgerRows(p.rows()) {
		p.tab(gap)
		v.ledgerRow(p, row, total)
	}
	return p.String()
}

// changeWidth is what a change of cores and the space behind it take: "▲12.34".
const changeWidth = 7

// elsewhere is the kind of a row that sums up those there is no room for.
const elsewhere = "elsewhere"

// ledgerRows is the ledger in n rows.
func (v drawing) ledgerRows(n int) []analyze.LedgerRow {
	var busy, idle []analyze.LedgerRow
	for _, row := range v.r.Ledger {
		if row.Kind == analyze.LedgerIdle {
			idle = append(idle, row)
		} else {
			busy = append(busy, row)
		}
	}
	slices.SortStableFunc(busy, func(a, b analyze.LedgerRow) int {
		switch {
		case a.Cores > b.Cores:
			return -1
		case a.Cores < b.Cores:
			return 1
		}
		return 0
	})
	if room := max(0, n-len(idle)); len(busy) > room {
		kept := max(0, room-1)
		rest := analyze.LedgerRow{Name: fmt.Sprintf("all else (%d)", len(busy)-kept), Kind: elsewhere}
		for _, row := range busy[kept:] {
			rest.Cores += row.Cores
		}
		busy = append(busy[:kept], rest)
	}
	return append(busy, idle...)
}

func (v drawing) ledgerRow(p *page, row analyze.LedgerRow, total float64) {
	look, bar := v.t.plain, v.t.bar
	if row.Kind == analyze.LedgerIdle || row.Kind == elsewhere {
		look, bar = v.t.faint, v.t.faint
	}
	p.put(look, fmt.Sprintf("%5.2f %5s ", row.Cores, analyze.Percent(row.Cores/total)))
	if v.then != nil {
		from := p.x
		if was, known := v.ledgerThen(row); known {
			text, how := v.t.change(row.Cores-was, 2, neutral)
			p.put(how, text)
		}
		p.tab(from + changeWidth)
	}
	cells := max(6, p.w/5)
	full, part := eighths(row.Cores/total, cells)
	from := p.x
	p.fill(bar, '█', full)
	if part != ' ' {
		p.fill(bar, part, 1)
	}
	p.tab(from+cells).put(look, cut(" "+row.Name, p.left())).end()
}

// ledgerThen is the same row at the mark: 0 cores if there was none, for a
// ledger has them all; what is summed up cannot be compared.
func (v drawing) ledgerThen(row analyze.LedgerRow) (cores float64, known bool) {
	if row.Kind == elsewhere || len(v.then.Ledger) == 0 {
		return 0, false
	}
	for _, old := range v.then.Ledger {
		if old.Kind == row.Kind && old.Name == row.Name {
			return old.Cores, true
		}
	}
	return 0, true
}

// eighths is a bar of up to n cells: whole ones, and the character of the one
// that is filled in part, a space if there is none.
func eighths(share float64, n int) (full int, part rune) {
	if !(share > 0) || n <= 0 {
		return 0, ' '
	}
	all := int(math.Round(min(share, 1) * float64(8*n)))
	if part = ' '; all%8 > 0 {
		part = '█' + rune(8-all%8) // ▉ ▊ ▋ ▌ ▍ ▎ ▏ follow █
	}
	return all / 8, part
}
