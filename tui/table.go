package tui

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// A field is a column of a table whose rows are R. It knows nothing of where it
// stands: fit gives it its place.
type field[R any] struct {
	head string
	w    int  // cells, with the space before it; of one that grows, the fewest
	grow int  // how large its share is of the room that is left; 0 does not grow
	most int  // cells that it grows to; 0 is no bound
	from int  // the width of the screen from which there is room for it
	mark bool // only there while a mark is set
	left bool // its head stands at the left
	// put writes it: at most w cells, from where the page stands.
	put func(p *page, look style, w int, row R)
}

// fit is the fields that a table of that width has room for, as wide as they
// then are. margin is what stands before the first.
func fit[R any](all []field[R], width, margin int, marked bool) []field[R] {
	var list []field[R]
	room, shares := width-margin, 0
	for _, f := range all {
		if width >= f.from && (marked || !f.mark) {
			list = append(list, f)
			room -= f.w
			shares += f.grow
		}
	}
	for i := range list {
		f := &list[i]
		if f.grow == 0 || room <= 0 {
			continue
		}
		more := room * f.grow / shares
		if f.most > 0 {
			more = min(more, max(0, f.most-f.w))
		}
		f.w += more
		room, shares = room-more, shares-f.grow
	}
	return list
}

// heads writes the heads of the fields. sorted is that of the field which the
// rows are in order of.
func heads[R any](p *page, t *theme, fields []field[R], margin int, sorted string) {
	p.tab(margin)
	for i := range fields {
		f := &fields[i]
		end := p.x + f.w
		look, head := t.faint, f.head
		if head != "" && head == sorted {
			look, head = t.bold, "▾"+head
		}
		if !f.left {
			p.tab(end - width(head))
		}
		p.put(look, cut(head, f.w)).tab(end)
	}
}

// fieldsOf writes what a row has in each field. look is that of the whole row.
func fieldsOf[R any](p *page, look style, fields []field[R], of R) {
	for i := range fields {
		f := &fields[i]
		end := p.x + f.w
		f.put(p, look, f.w, of)
		p.pad(look, end)
	}
}

// pad is tab in a style, for rows that are in reverse.
func (p *page) pad(look style, column int) *page {
	if look.on == "" {
		return p.tab(column)
	}
	return p.fill(look, ' ', column-p.x)
}

// rightmost writes a figure at the right end of w cells, in a style of its own
// behind a space in that of the row. A figure that has no room is not shown in
// part: that would be another one.
func (p *page) rightmost(row, look style, w int, text []byte) *page {
	n := utf8.RuneCount(text)
	if n > w {
		return p.pad(row, p.x+w-1).put(look, "…")
	}
	return p.pad(row, p.x+w-n).put(look, string(text))
}

// unknown is written for a figure that nobody has counted; that is not 0.
const unknown = "–"

// appendCores writes cores: 0.99, 12.3, 128; 0 where they come to nothing.
func appendCores(b []byte, v float64) []byte {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return append(b, '?')
	case a < 0.005: // rounds to 0.00
		return append(b, '0')
	case a < 10:
		return strconv.AppendFloat(b, v, 'f', 2, 64)
	case a < 100:
		return strconv.AppendFloat(b, v, 'f', 1, 64)
	}
	return appendCount(b, v)
}

// appendRate writes events a second: 0.50, 2.0, 31.8, 308, 12.3k.
func appendRate(b []byte, v float64) []byte {
	switch a := math.Abs(v); {
	case a < 0.005:
		return append(b, '0')
	case a < 1:
		return strconv.AppendFloat(b, v, 'f', 2, 64)
	case a < 100:
		return strconv.AppendFloat(b, v, 'f', 1, 64)
	}
	return appendCount(b, v)
}

// appendCount writes a number of things, as compact does: 8181, 120k, 12.3M.
func appendCount(b []byte, v float64) []byte {
	if v >= 0 && v < 9999.5 { // nearly all there are, without a string for each
		return strconv.AppendFloat(b, v, 'f', 0, 64)
	}
	return append(b, compact(v)...)
}

// appendCompact is compact, for where figures are appended.
func appendCompact(b []byte, v float64) []byte { return append(b, compact(v)...) }

// appendBytes writes a size in binary units, as ps and top do: 512K, 31M, 1.2G.
func appendBytes(b []byte, n uint64) []byte {
	v, letter := float64(n)/1024, 0
	for v >= 1023.5 && letter < len("KMGTPE")-1 {
		v /= 1024
		letter++
	}
	digits := 0
	if v < 9.95 && letter > 1 { // from a gigabyte on a tenth is worth a column
		digits = 1
	}
	return append(strconv.AppendFloat(b, v, 'f', digits, 64), "KMGTPE"[letter])
}

// An amount appends a figure as its column shows it, "0" where that is nothing.
type amount func([]byte, float64) []byte

// sinceMark appends how a figure has changed since the mark, and says how that
// looks. What is less than its column would show is "=".
func (t *theme) sinceMark(b []byte, d float64, better sense, write amount) ([]byte, style) {
	sign, way := "▲", moreIsBetter
	if d < 0 {
		sign, way = "▼", lessIsBetter
	}
	n := len(b)
	b = write(append(b, sign...), math.Abs(d))
	switch {
	case string(b[n+len(sign):]) == "0":
		return append(b[:n], '='), t.faint
	case better == neutral:
		return b, t.bold
	case way == better:
		return b, t.good
	}
	return b, t.bad
}

// total writes a figure of a title behind what introduces it, with its change since
// the mark, if there is room for all of that; was is NaN where there is no mark.
func (p *page) total(t *theme, before string, now, was float64, unit string, better sense, write amount) {
	var b, d [24]byte
	figure, change, how := write(b[:0], now), d[:0], style{}
	if !math.IsNaN(was) {
		change, how = t.sinceMark(append(change, ' '), now-was, better, write)
	}
	if width(before)+len(figure)+len(unit)+utf8.RuneCount(change) > p.left() {
		return
	}
	p.put(t.faint, before).put(t.bold, string(figure)).put(t.faint, unit)
	if len(change) > 0 {
		p.put(style{}, " ").put(how, string(change[1:]))
	}
}
