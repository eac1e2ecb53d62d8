package tui

import (
	"fmt"
	"strings"

	"busywork/analyze"
	"busywork/analyze/report"
)

// A note is a sentence on a queue, behind a sign of how it is meant.
type note struct {
	sign string
	look style
	text string
}

const (
	// leastChart is the rows that a line can be told from noise in, with the time
	// below them; mostChart is from where on more rows show no more.
	leastChart, mostChart = 4, 16
	// repeats is the share of deliveries from which redelivery is worth a word:
	// now and then a worker dies or is too slow, and that is what it is for.
	repeats = 0.01
)

// draw makes the detail of the queue that the cursor is on: its name, what is
// noteworthy, and its depth over the windows as far as there is room.
func (c *queues) draw() {
	c.drawn = nil
	q := c.current()
	if c.detail.W <= 0 || c.detail.H <= 0 || q == nil {
		return
	}
	t := c.scene.theme
	p := newPage(c.detail.W, c.detail.H)
	p.put(t.title, cut(q.Name, p.left()))
	if kind := strings.TrimSpace(q.System + " " + q.Type); width(kind)+3 < p.left() {
		p.put(t.faint, " · "+kind)
	}
	p.end()
	chart := min(mostChart, p.rows()/2)
	if p.rows() > leastChart { // with one row for the most important note
		chart = max(chart, leastChart)
	}
	if chart < leastChart {
		chart = 0
	}
	for _, n := range c.notes(q) {
		if room := p.rows() - chart; room > 0 {
			p.put(n.look, n.sign+" ").wrap(style{}, 2, room, n.text)
		}
	}
	if chart > 0 {
		c.chart(p, q, min(mostChart, p.rows()))
	}
	c.drawn = strings.Split(p.String(), "\n")
}

// chart draws the depth of a queue over the windows in h rows, the time below it
// included.
func (c *queues) chart(p *page, q *analyze.ReportQueue, h int) {
	n := p.w - chartAxis
	if n <= 0 || h < leastChart {
		return
	}
	if !c.scene.history.keeps(q.Name) {
		p.wrap(c.scene.theme.faint, 0, h, fmt.Sprintf("Its depth over the windows is not kept: that is for the first %d queues seen.", maxQueues))
		return
	}
	first, last := c.scene.span(n)
	for _, row := range depthChart(c.scene.theme, c.scene.history.depths(q.Name, n, first, last), p.w, h-1) {
		p.raw(row, p.w).end()
	}
	p.tab(chartAxis)
	c.scene.timeAxis(p, n, first, last).end()
}

// notes are what there is to say of a queue, most important first.
func (c *queues) notes(q *analyze.ReportQueue) []note {
	t := c.scene.theme
	list := []note{c.outlook(q)}
	add := func(bad bool, format string, args ...any) {
		n := note{"·", t.faint, fmt.Sprintf(format, args...)}
		if bad {
			n.sign, n.look = "!", t.bad
		}
		list = append(list, n)
	}
	if !hasRates(q) {
		add(false, "Redis counts neither what comes into a key nor what leaves it: only depth and growth are known")
		if q.Consumers > 0 {
			add(false, "%s of this Redis server wait in a blocking command, for whatever key", counted(q.Consumers, "client"))
		}
		return list
	}
	if share := repeated(q); share >= repeats {
		add(true, "%s of deliveries are repeats: %s of %s a second", analyze.Percent(share), report.Figure(q.Redelivered, "1"), report.Figure(q.Delivered, "1"))
	}
	undelivered := q.Depth - float64(q.AckPending)
	switch {
	case full(q) && undelivered >= 1:
		add(true, "the consumer may take no more: %d deliveries are not acknowledged, and MaxAckPending is %d", q.AckPending, q.MaxAckPending)
	case q.Delivered == 0 && undelivered >= 1 && q.Acked == 0:
		add(true, "nothing was delivered in this window, though messages wait")
	case q.Delivered == 0 && undelivered >= 1:
		add(false, "nothing was delivered in this window: who takes from it has fetched before, and is at work on that")
	case q.WaitingPulls == 0 && undelivered >= 1:
		add(false, "no pull request waits: all who take from it are busy, or it is a push consumer")
	case q.WaitingPulls > 0:
		add(false, "waiting for a message: %s", counted(q.WaitingPulls, "pull request"))
	}
	if q.Acked == 0 && q.Delivered > 0 {
		add(true, "%s deliveries a second, and nothing is acknowledged", report.Figure(q.Delivered, "1"))
	}
	limit := ""
	if q.MaxAckPending > 0 {
		limit = fmt.Sprintf(" of at most %d", q.MaxAckPending)
	}
	add(false, "delivered and not acknowledged: %d%s; the stream has %s", q.AckPending, limit, counted(q.Consumers, "consumer"))
	return list
}

// outlook says where a queue is going, and what the first fix would change.
func (c *queues) outlook(q *analyze.ReportQueue) note {
	t, f := c.scene.theme, c.future(q)
	n := note{"=", t.bold, "it stands still: " + f.Why}
	switch {
	case q.ForLater():
		return note{"·", t.faint, "it holds jobs for later (" + q.Type + "), and is as deep as many there are"}
	case !f.Known:
		return note{"·", t.faint, f.Why}
	case !f.Never && f.Seconds == 0:
		return note{"·", t.good, "it " + keepsUp + ": " + f.Why}
	case f.Never && q.Growth > 0:
		n = note{"▲", t.bad, "it grows by " + report.Figure(q.Growth, "1") + " a second and is never empty: " + f.Why}
	case !f.Never:
		n = note{"▼", t.good, "it is empty " + f.String() + ": " + f.Why}
	}
	if b := c.scene.report().Backlog; b != nil && b.Queue == q.Name && b.AfterFix.Known {
		n.text += "; after the first fix it is empty " + b.AfterFix.String()
	}
	return n
}
