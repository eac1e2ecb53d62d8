package gate

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"busywork/analyze/report"
)

// A column of the table: a cell for each row.
type column struct {
	head  string
	cells []string
	width int
	right bool // aligned
}

func newColumn(head string, right bool, rows []Row, cell func(*Row) string) column {
	c := column{head: head, right: right}
	some := false
	for i := range rows {
		s := cell(&rows[i])
		c.cells = append(c.cells, s)
		c.width = max(c.width, ansi.StringWidth(s))
		some = some || s != ""
	}
	if some {
		c.width = max(c.width, ansi.StringWidth(head))
	}
	return c
}

// pad fills a cell to the column's width.
func (c column) pad(s string) string {
	blanks := strings.Repeat(" ", max(0, c.width-ansi.StringWidth(s)))
	if c.right {
		return blanks + s
	}
	return s + blanks
}

const gap = 2 // columns between two cells

// together is how wide columns are beside each other. Empty ones are left out.
func together(columns []column) int {
	n := 0
	for _, c := range columns {
		if c.width > 0 {
			n += c.width + gap
		}
	}
	return max(0, n-gap)
}

// A table has one line a row where that fits: with base and head where there is
// room for them, else without; else it has two or three.
func (t *text) table() {
	rows := t.r.Rows
	if len(rows) == 0 {
		return
	}
	verdict := newColumn("", false, rows, (*Row).word)
	title := column{cells: t.titles}
	for _, s := range t.titles {
		title.width = max(title.width, ansi.StringWidth(s))
	}
	figures := []column{
		newColumn("base", true, rows, func(r *Row) string { return r.quantity(r.Base) }),
		newColumn("head", true, rows, (*Row).measured),
		newColumn("limit", true, rows, func(r *Row) string { return r.quantity(r.Limit) }),
	}
	change := newColumn(t.r.against(), true, rows, (*Row).change)
	least := 0
	if change.width > 0 {
		least = gap + leastPlot
	}
	whole := append(append([]column{verdict, title}, figures...), change)
	short := []column{verdict, title, change}
	switch {
	case together(whole)+least <= t.Width:
		t.lines(whole)
	case change.width > 0 && together(short)+least <= t.Width:
		t.lines(short)
	default:
		t.stacked(verdict, append(figures, change))
	}
	t.Line("")
}

// lines writes one line a row, and the plot behind it.
func (t *text) lines(columns []column) {
	p := newPlot(t.r.Rows, t.Width-together(columns)-gap)
	t.Line("%s", t.Paint(report.Faint, strings.TrimRight(abreast(columns, column.header)+t.scale(p), " ")))
	for i := range t.r.Rows {
		row := &t.r.Rows[i]
		s := abreast(columns, func(c column) string { return c.pad(c.cells[i]) })
		n := columns[0].width // the verdict, in ASCII
		s = t.Paint(colour(row), s[:n]) + s[n:]
		t.Line("%s", strings.TrimRight(s+t.plotted(p, row), " "))
	}
}

func (c column) header() string { return c.pad(c.head) }

// abreast puts cells beside each other. Empty columns are left out.
func abreast(columns []column, cell func(column) string) string {
	var cells []string
	for _, c := range columns {
		if c.width > 0 {
			cells = append(cells, cell(c))
		}
	}
	return strings.Join(cells, strings.Repeat(" ", gap))
}

// scale is the plot's scale behind a table's header, "" where nothing is plotted.
func (t *text) scale(p plot) string {
	for i := range t.r.Rows {
		if t.r.Rows[i].Effect != nil {
			return strings.Repeat(" ", gap) + p.scale(&t.r.Rows[i])
		}
	}
	return ""
}

func (t *text) plotted(p plot, row *Row) string {
	if row.Effect == nil {
		return ""
	}
	drawn := strings.TrimRight(p.draw(*row.Effect, row.Threshold), " ")
	return strings.Repeat(" ", gap) + t.Paint(colour(row), drawn)
}

// stacked writes each row in two lines, title and figures, or three where the
// plot has no room beside the figures.
func (t *text) stacked(verdict column, figures []column) {
	const indent = "  "
	used := len(indent) + together(figures) + gap
	beside := t.Width-used >= leastPlot
	p := newPlot(t.r.Rows, t.Width-used)
	if !beside {
		p = newPlot(t.r.Rows, t.Width-gap)
	}
	header := indent + abreast(figures, column.header)
	if beside {
		header += t.scale(p)
	}
	t.Line("%s", t.Paint(report.Faint, strings.TrimRight(header, " ")))
	if !beside {
		t.Line("%s", t.Paint(report.Faint, t.scale(p)))
	}
	for i := range t.r.Rows {
		row := &t.r.Rows[i]
		t.Line("%s%s%s", t.Paint(colour(row), verdict.pad(verdict.cells[i])), strings.Repeat(" ", gap),
			shorten(t.titles[i], t.Width-verdict.width-gap))
		line := indent + abreast(figures, func(c column) string { return c.pad(c.cells[i]) })
		drawn := t.plotted(p, row)
		if !beside && drawn != "" {
			line = strings.TrimRight(line, " ") + "\n"
		}
		if line = strings.TrimRight(line+drawn, " "); line != "" {
			t.Line("%s", line)
		}
	}
}

// shorten cuts the middle out of what is wider than n columns: the end of a
// benchmark's name says which of them it is.
func shorten(s string, n int) string {
	w := ansi.StringWidth(s)
	if w <= n {
		return s
	}
	tail := n / 2
	return ansi.Truncate(s, n-tail-1, "") + "…" + ansi.TruncateLeft(s, w-tail, "")
}
