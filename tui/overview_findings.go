package tui

import (
	"strconv"
	"strings"

	"busywork/analyze/report"
)

// twoRowsFrom is the room from which a finding has two rows, though not all of them
// are seen then.
const twoRowsFrom = 6

// titleRows is what the findings' title takes.
func (o *overview) titleRows() int { return pick(o.parts.Findings.H, 0, 5, 1) }

// fit gives each finding as many rows as there are for it, and none needs more. All
// have the same number: so a row of the screen belongs to the finding that it
// belonged to before, and a click hits what was seen.
func (o *overview) fit() {
	room := o.parts.Findings.H - o.titleRows()
	n := len(o.scene.rows)
	o.name = 0
	for _, r := range o.scene.rows {
		o.name = min(findingName, max(o.name, width(r.finding.Rule)))
	}
	o.columns = columnsOfFindings(o.parts.Findings.W, o.name, o.mark != nil)
	o.depth = room / max(1, n)
	o.depth = max(o.depth, pick(room, 1, twoRowsFrom, 2))
	o.depth = min(o.depth, o.deepest(), max(1, room))
	o.list.resize(n, room/o.depth)
	o.moved()
}

// deepest is the most rows that one of the findings has something for.
func (o *overview) deepest() int {
	most := 1
	for _, r := range o.scene.rows {
		if most >= o.depth {
			break // nobody asks for more
		}
		b := o.blurb(r)
		most = max(most, 1+b.rows())
	}
	return most
}

// A blurb is what stands below a finding's headline, in rows.
type blurb struct {
	message []string
	then    string // what the fix will do; "" if that is not known
	fix     []string
}

func (b *blurb) rows() int { return len(b.message) + min(1, len(b.then)) + len(b.fix) }

const thenLabel, jobsLabel, fixLabel = "then: ", "jobs: ", "fix: "

// blurb is that of a finding. What is gone needs no fix.
func (o *overview) blurb(r *row) blurb {
	f, w := r.finding, max(1, o.parts.Findings.W-o.columns.indent)
	b := blurb{message: folded(f.Message, w, w)}
	if r.state == rowGone {
		return b
	}
	switch {
	case f.After != nil: // it is delay that is wasted
		b.then = jobsLabel + report.Possible(f.After)
	case f.Prediction != nil:
		b.then = thenLabel + report.Then(f.Prediction)
		if with := b.then + " " + report.Load(f.Prediction); width(with) <= w {
			b.then = with
		}
	}
	if f.Fix != "" {
		b.fix = folded(fixLabel+f.Fix, w, w)
	}
	return b
}

// briefRows is how many rows the message of a finding takes, and its fix, before
// the other one gets as many: the figures stand in the first sentence.
const briefRows = 3

// within is how many rows of message, prediction and fix there are in n. The
// beginning of each comes before the end of any.
func (b *blurb) within(n int) (message, then, fix int) {
	take := func(want int) int {
		got := max(0, min(want, n))
		n -= got
		return got
	}
	message = take(min(briefRows, len(b.message)))
	then = take(min(1, len(b.then)))
	fix = take(min(briefRows, len(b.fix)))
	message += take(len(b.message) - message)
	fix += take(len(b.fix) - fix)
	return message, then, fix
}

// findings draws those that are to be seen.
func (o *overview) findings() string {
	at := o.parts.Findings
	p := newPage(at.W, at.H)
	from, to := o.list.seen()
	if o.titleRows() > 0 {
		o.title(p, from, to)
	}
	if len(o.scene.rows) == 0 {
		o.nothing(p)
	}
	for i := from; i < to; i++ {
		o.finding(p, o.scene.rows[i], i == o.list.at)
	}
	if to == len(o.scene.rows) && o.scene.filter == "" {
		o.wouldHelp(p)
	}
	return p.String()
}

// leversFrom is the number of rows from which levers are worth a title.
const leversFrom = 4

// wouldHelp answers, in the rows that the findings leave, what else people reach for.
func (o *overview) wouldHelp(p *page) {
	t := o.scene.theme
	if len(o.levers) == 0 || p.rows() < leversFrom {
		return
	}
	p.end().line(t.title, leversTitle)
	const most = 2 // rows of an answer: what decides stands first
	for _, l := range o.levers {
		look, word := t.answer(l)
		p.tab(o.columns.indent).put(look, word)
		indent := p.x
		p.put(t.bold, l.Lever).put(t.plain, "  ").wrap(t.faint, indent, max(1, min(most, p.rows())), l.Why)
	}
}

// title is how many there are, of how many, what they waste together, and which
// of them are seen.
func (o *overview) title(p *page, from, to int) {
	s, t := o.scene, o.scene.theme
	var b [32]byte
	number := func(n int) { p.put(t.plain, string(strconv.AppendInt(b[:0], int64(n), 10))) }
	p.put(t.title, "Findings ")
	number(len(s.rows))
	if s.filter != "" {
		p.put(t.plain, " of ")
		number(s.all)
		p.put(t.plain, " match ").put(t.match, cut(s.filter, p.left()/2))
	} else if o.wasted > 0 {
		p.put(t.plain, ", ").put(t.bold, string(appendCores(b[:0], o.wasted))).put(t.plain, " cores wasted")
		if s.mark != nil {
			s.delta(p, o.wasted, wasted, 2, lessIsBetter)
		}
	}
	if seen := to - from; seen < len(s.rows) {
		text := strconv.AppendInt(b[:0], int64(from+1), 10)
		text = strconv.AppendInt(append(text, '-'), int64(to), 10)
		p.right(t.faint, string(text))
	}
	p.end()
}

// nothing says why there are no findings.
func (o *overview) nothing(p *page) {
	t := o.scene.theme
	if o.scene.filter != "" {
		p.wrap(t.plain, 0, max(1, p.rows()), "No finding matches the filter; esc takes it away.")
		return
	}
	p.wrap(t.plain, 0, max(1, p.rows()), report.Nothing(o.scene.report()))
}

// finding draws one: its headline and, as far as it has the rows, what stands below
// that.
func (o *overview) finding(p *page, r *row, selected bool) {
	t := o.scene.theme
	below := p.y + o.depth
	o.headline(p, o.columns, r, selected)
	look := t.plain
	if r.state == rowGone {
		look = t.faint
	}
	if o.depth == 2 {
		p.tab(o.columns.indent).line(look, r.finding.Message) // to the last letter, which folding does not do
	} else if o.depth > 2 {
		b := o.blurb(r)
		message, then, fix := b.within(o.depth - 1)
		o.paragraph(p, style{}, "", look, b.message, message)
		if then > 0 {
			o.paragraph(p, t.key, b.then[:len(thenLabel)], look, []string{b.then}, 1)
		}
		o.paragraph(p, t.key, fixLabel, look, b.fix, fix)
	}
	for p.y < below && p.rows() > 0 {
		p.end()
	}
}

// paragraph writes the first n rows of a text, with a label at the beginning in a
// look of its own.
func (o *overview) paragraph(p *page, lead style, label string, look style, rows []string, n int) {
	for i, row := range rows[:min(n, len(rows))] {
		p.tab(o.columns.indent)
		if rest, whole := strings.CutPrefix(row, label); i == 0 && whole {
			p.put(lead, label)
			row = rest
		}
		if i+1 == n && n < len(rows) {
			row = elided(row, p.left())
		}
		p.line(look, row)
	}
}
