package tui

import (
	"strconv"
	"unicode/utf8"

	"busywork/analyze"
)

// A findingColumns says how wide what is. What there is no room for has no width.
type findingColumns struct {
	name, cost, share, confidence int
	indent                        int // of the rows below
}

// The widths of columns, the space before each included.
const (
	findingSigns    = 2 + 2 + 5 // cursor, state, severity
	findingName     = 24        // memory-bound-concurrency; others are cut
	findingCost     = 13        // 9999 waiting
	findingCostThen = 17        // 0.97→0.46 cores, 12.3k→1.2M wait
	findingShare    = 6         // 100 %
	findingSure     = 10        // suspected
)

// columnsOfFindings divides a width; name is that of the longest name.
func columnsOfFindings(w, name int, marked bool) findingColumns {
	c := findingColumns{cost: findingCost, indent: 4}
	if marked {
		c.cost = findingCostThen
	}
	left := w - findingSigns - c.cost
	c.name = max(0, min(name, left))
	left -= c.name
	if left >= findingShare {
		c.share = findingShare
		left -= findingShare
	}
	if left >= findingSure {
		c.confidence = findingSure
		c.indent = findingSigns
	}
	return c
}

// stateSigns and stateWords say how a finding stands over the windows; the second
// word is for where there is little room.
var (
	stateSigns = [...]string{rowThere: "  ", rowNew: "+ ", rowQuiet: "~ ", rowBlind: "? ", rowGone: "– "}
	stateWords = [...][2]string{rowThere: {"", ""}, rowNew: {"new", "new"}, rowQuiet: {"not in this window", "not now"}, rowBlind: {"not looked for", "not seen"}, rowGone: {"gone", "gone"}}
)

// headline is a finding in one row.
func (o *overview) headline(p *page, c findingColumns, r *row, selected bool) {
	t, f := o.scene.theme, r.finding
	severe, word := t.severity(f.Severity)
	plain, bold, faint, sign := t.plain, t.bold, t.faint, "  "
	switch {
	case selected:
		sign = "▸ "
		plain, bold, faint, severe = t.selected, t.selected, t.selected, t.selected
	case r.state == rowGone:
		plain, bold, severe = t.faint, t.faint, t.faint
	}
	p.put(bold, sign).put(bold, stateSigns[r.state]).put(severe, word).put(plain, " ")
	name := p.x + c.name
	p.put(bold, cut(f.Rule, c.name)).pad(plain, name)
	o.cost(p, plain, name+c.cost, r, selected)
	if c.share > 0 {
		p.ending(plain, p.x+c.share, o.share(r))
	}
	if c.confidence > 0 {
		p.put(plain, " ").put(faint, string(f.Confidence))
	}
	tail(p, plain, bold, r)
	p.pad(plain, p.w).end()
}

// A costUnit is what a finding's cost is told in: cores, or the jobs that wait because
// of it.
type costUnit struct {
	name  string
	of    func(*analyze.Finding) float64
	write amount
}

var (
	inCores   = costUnit{" cores", func(f *analyze.Finding) float64 { return f.Waste.Cores }, appendCores}
	inWaiting = costUnit{" waiting", waiting, appendCompact}
)

// cost writes what a finding costs so that it ends in a column, and what it was at the
// mark before that.
func (o *overview) cost(p *page, look style, end int, r *row, selected bool) {
	u := inCores
	if r.finding.Waste.Cores == 0 && r.finding.Delay != nil {
		u = inWaiting
	}
	var buffer [48]byte
	b := buffer[:0]
	if o.mark == nil {
		b = u.write(b, u.of(r.finding))
	} else {
		b, look = o.costSince(b, u, look, r, selected)
	}
	if room := end - p.x; utf8.RuneCount(b)+len(u.name) >= room && u.name == inWaiting.name {
		u.name = " wait"
	}
	p.ending(look, end, string(append(b, u.name...)))
}

// costSince is what a finding cost at the mark, and what it costs now.
func (o *overview) costSince(b []byte, u costUnit, look style, r *row, selected bool) ([]byte, style) {
	was, now := like(o.atMark, r), u.of(r.finding)
	if was != nil {
		b = u.write(b, u.of(was))
	} else {
		b = append(b, unknown...)
	}
	b = append(b, "→"...)
	switch r.state {
	case rowQuiet, rowBlind:
		return append(b, unknown...), look
	case rowGone:
		now = 0
	}
	if was != nil && !selected {
		_, look = o.scene.theme.change(now-u.of(was), 2, lessIsBetter)
	}
	return u.write(b, now), look
}

// waiting is how many jobs wait because of a finding, on average.
func waiting(f *analyze.Finding) float64 {
	if f.Delay == nil {
		return 0
	}
	return f.Delay.JobHours
}

// ending writes text so that it ends in a column.
func (p *page) ending(look style, column int, text string) *page {
	return p.pad(look, column-width(text)).put(look, text)
}

// share is what part of the host a finding wastes; since the mark, of those that are
// there.
func (o *overview) share(r *row) string {
	w := &r.finding.Waste
	if !(w.Cores > 0) || o.mark != nil && r.state >= rowQuiet {
		return ""
	}
	return analyze.Percent(w.ShareOfHost)
}

// tail ends a headline with how the finding stands and what else has the same
// cause, in as many words as there is room for.
func tail(p *page, plain, bold style, r *row) {
	words := stateWords[r.state]
	var b [24]byte
	kin, short := "", ""
	if n := len(r.finding.Kin); n > 0 {
		number := strconv.AppendInt(b[:0], int64(n), 10)
		kin, short = "with it: "+string(number), "+"+string(number)
	}
	for _, try := range [][2]string{{words[0], kin}, {words[1], kin}, {words[1], short}, {words[1], ""}} {
		n := width(try[0]) + width(try[1])
		for _, text := range try {
			if text != "" {
				n += 2
			}
		}
		if n > p.left() {
			continue
		}
		if try[0] != "" {
			p.put(plain, "  ").put(bold, try[0])
		}
		if try[1] != "" {
			p.put(plain, "  ").put(plain, try[1])
		}
		return
	}
}
