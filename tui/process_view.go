package tui

import (
	"strconv"

	"busywork/analyze"
)

// procHead is the rows above the list: the title and the columns' heads.
const procHead = 2

// rowMargin is the cells of the cursor's sign before a row.
const rowMargin = 2

// foot is how many rows below the list tell more of the process that the cursor
// is on, and whether one says what is not seen of the processes.
func (c *processes) foot() (detail int, gap *analyze.ReportGap) {
	detail = pick(c.h, 0, 8, 1, 18, 2, 30, 3)
	if r := c.scene.report(); r != nil && c.h >= 18 {
		gap = gapOf(r, "processes")
	}
	return detail, gap
}

// gapOf is what could not be had of a signal, nil if all could.
func gapOf(r *analyze.Report, signal string) *analyze.ReportGap {
	for i := range r.Gaps {
		if r.Gaps[i].Signal == signal {
			return &r.Gaps[i]
		}
	}
	return nil
}

// fit gives the columns and the list their room.
func (c *processes) fit() {
	c.fields = fit(procFields(), c.w, rowMargin, c.then != nil)
	room, gap := c.foot()
	room = c.h - procHead - room
	if gap != nil {
		room--
	}
	c.list.resize(len(c.branches), room)
}

// View is the title, the list and more of the process that the cursor is on.
func (c *processes) View() string {
	p := newPage(c.w, c.h)
	t := c.scene.theme
	if t == nil {
		return p.String()
	}
	if c.forest == nil {
		c.scene.waiting(p)
		return p.String()
	}
	if len(c.forest.rows) == 0 {
		c.nobody(p)
		return p.String()
	}
	c.title(p)
	heads(p, t, c.fields, rowMargin, procOrderHeads[c.view.order])
	p.end()
	from, to := c.list.seen()
	for i := from; i < to; i++ {
		c.line(p, i)
	}
	if len(c.branches) == 0 {
		p.line(t.plain, "  no process matches the filter; esc takes it away")
	}
	detail, gap := c.foot()
	last := c.h // the row that the detail ends before
	if gap != nil {
		last--
	}
	p.down(last - detail)
	c.detail(p, detail)
	if gap != nil {
		p.down(last)
		p.put(t.faint, "! ").line(t.faint, gap.Reason+hinted(gap.Hint))
	}
	return p.String()
}

// down ends rows until the page stands at row y; it never goes back.
func (p *page) down(y int) {
	for p.y < y && p.rows() > 0 {
		p.end()
	}
}

// hinted is a hint behind what it is for.
func hinted(hint string) string {
	if hint == "" {
		return ""
	}
	return " → " + hint
}

// nobody says why there are no processes.
func (c *processes) nobody(p *page) {
	t, r := c.scene.theme, c.scene.report()
	gap := gapOf(r, "processes")
	if gap == nil {
		p.wrap(t.plain, 0, 0, "No process was seen in this window: it takes two looks at the process table, some seconds apart.")
		return
	}
	p.wrap(t.bold, 0, 0, "The processes were not observed: "+gap.Reason)
	if gap.Hint != "" {
		p.put(t.key, "→ ").wrap(t.plain, 2, 0, gap.Hint)
	}
}

// title is the sum of all processes, most important first, and how they are
// listed.
func (c *processes) title(p *page) {
	t, now, was := c.scene.theme, &c.now, &c.was
	if c.view.filter != "" {
		var b [48]byte
		text := strconv.AppendInt(b[:0], int64(c.found), 10)
		text = appendCount(append(text, " of "...), now.n)
		p.put(t.match, string(text)).put(t.faint, " · ")
	}
	p.total(t, "", now.living, was.living, " cores", lessIsBetter, appendCores)
	p.total(t, " + ", now.dead, was.dead, " dead", lessIsBetter, appendCores)
	p.total(t, " · born "+atLeast(now.births), now.births, was.births, "/s", lessIsBetter, appendRate)
	p.total(t, " · died "+atLeast(now.deaths), now.deaths, was.deaths, "/s", lessIsBetter, appendRate)
	word := " processes"
	if now.n == 1 {
		word = " process"
	}
	p.total(t, " · ", now.n, was.n, word, neutral, appendCount)
	switch {
	case c.view.order != byTree:
		p.right(t.faint, procOrderNames[c.view.order])
	case c.w >= 110: // beside all the figures
		p.right(t.faint, barLegend)
	}
	p.end()
}

// atLeast marks figures that polling misses some of.
func atLeast(v float64) string {
	if v > 0 {
		return "≥"
	}
	return ""
}

// line writes one line of the tree.
func (c *processes) line(p *page, i int) {
	t, b := c.scene.theme, &c.branches[i]
	x := procCell{c: c, t: t, b: b, selected: i == c.list.at}
	look, sign := style{}, "  "
	if x.selected {
		look, sign = t.selected, "▸ "
	}
	p.put(look, sign)
	if b.fold != nil {
		if c.view.order == byTree {
			b.indent(p, x.look(t.faint, look), p.w/2)
		}
		p.put(x.look(t.faint, look), b.fold.text()).pad(look, p.w).end()
		return
	}
	x.row = &c.forest.rows[b.row]
	if c.then != nil && c.then[b.row] >= 0 {
		x.was = &c.mark.Processes[c.then[b.row]]
	}
	fieldsOf(p, look, c.fields, x)
	p.end()
}

// detail tells in full of the process that the cursor is on, in at most that many
// rows.
func (c *processes) detail(p *page, rows int) {
	b := c.current()
	if rows == 0 || b == nil {
		return
	}
	t := c.scene.theme
	if b.fold != nil {
		p.put(t.bold, b.fold.text()).put(t.faint, ": ").wrap(t.faint, 2, rows, b.fold.explain())
		return
	}
	r := &c.forest.rows[b.row]
	p.put(t.bold, "pid ").put(t.bold, strconv.Itoa(r.PID)).put(t.faint, " ")
	if rows > 1 {
		var m [24]byte
		p.put(t.faint, "of "+strconv.Itoa(r.Parent)+", "+stateWord(r)+", ").
			put(t.faint, counted(r.Threads, "thread")+", ").put(t.faint, string(appendBytes(m[:0], r.RSS)))
		if r.Target {
			p.put(t.bold, ", the target")
		}
		p.end()
		rows--
	}
	command := r.Command
	if command == "" {
		command = r.Name
	}
	p.wrap(t.plain, 0, rows, command)
}

// explain says what a fold is.
func (d *fold) explain() string {
	var text string
	switch {
	case d.unseen:
		text = "by what births and logs tell; most lived too shortly to be seen one by one. Their parent's account has their CPU. "
	case d.ended > 0:
		text = "inside this window. "
	case d.cores >= quietCores:
		text = "they lived too shortly to be seen one by one. Their parent's account has their CPU. "
	}
	return text + "enter shows what was seen of them; a shows all."
}
