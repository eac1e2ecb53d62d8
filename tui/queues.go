package tui

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
)

// queues is the screen of where work waits: each queue with its rates, and of the
// one that the cursor is on its depth over the windows and what is noteworthy.
type queues struct {
	w, h  int
	scene *scene
	list  list
	order queueOrder
	keys  queueKeys

	rows   []*analyze.ReportQueue          // that the filter leaves, in order
	then   map[string]*analyze.ReportQueue // by name, at the mark; nil without
	fields []field[queueCell]
	table  rect
	detail rect
	drawn  []string // the rows of the detail, each as wide as it is
}

// queueKeys are the keys of this screen.
type queueKeys struct{ Order key.Binding }

// A queueOrder is what the queues are listed by.
type queueOrder uint8

const (
	byDepth queueOrder = iota
	byIn
	byAgain
	byName
	queueOrders
)

// queueOrderHeads are the heads of the columns that the orders go by.
var queueOrderHeads = [queueOrders]string{"depth", "in/s", "again/s", "queue"}

// compare puts the greater figure first, and equal ones in order of name.
func (o queueOrder) compare(a, b *analyze.ReportQueue) int {
	n := 0
	switch o {
	case byDepth:
		n = cmp.Compare(b.Depth, a.Depth)
	case byIn:
		n = cmp.Compare(b.In, a.In)
	case byAgain:
		n = cmp.Compare(b.Redelivered, a.Redelivered)
	}
	return cmp.Or(n, cmp.Compare(a.Name, b.Name))
}

func newQueues() screen {
	return &queues{
		scene: new(scene),
		keys:  queueKeys{Order: bind("s", "order: depth, in, again, name", "s")},
	}
}

func (c *queues) Keys() []key.Binding { return []key.Binding{c.keys.Order} }

func (c *queues) SetSize(w, h int) {
	c.w, c.h = w, h
	c.arrange()
}

// Show takes in what has changed. Queues are few, at most some hundreds, and
// their history grows with every window: all is made anew.
func (c *queues) Show(s *scene) {
	c.scene = s
	c.then = nil
	if s.mark != nil && len(s.mark.Report.Queues) > 0 { // or none was seen then
		c.then = make(map[string]*analyze.ReportQueue, len(s.mark.Report.Queues))
		for i := range s.mark.Report.Queues {
			q := &s.mark.Report.Queues[i]
			c.then[q.Name] = q
		}
	}
	c.sort()
}

// sort lists the queues that the filter leaves, with the cursor on the one that
// it was on.
func (c *queues) sort() {
	name := ""
	if q := c.current(); q != nil {
		name = q.Name
	}
	c.rows = nil
	if r := c.scene.report(); r != nil {
		for i := range r.Queues {
			if q := &r.Queues[i]; contains(c.scene.filter, q.Name, q.System, q.Type) {
				c.rows = append(c.rows, q)
			}
		}
	}
	slices.SortStableFunc(c.rows, c.order.compare)
	if at := slices.IndexFunc(c.rows, func(q *analyze.ReportQueue) bool { return q.Name == name }); at >= 0 {
		c.list.n = len(c.rows)
		c.list.to(at)
	}
	c.arrange()
}

// current is the queue that the cursor is on, nil if there is none.
func (c *queues) current() *analyze.ReportQueue {
	if c.list.at < len(c.rows) {
		return c.rows[c.list.at]
	}
	return nil
}

const (
	// besideFrom is the width from which a chart of 60 columns, or of 40 since a mark,
	// fits beside the table with all of its columns.
	besideFrom = 170
	// tableWidth is that of the table then, markedWidth with the changes since a mark.
	tableWidth, markedWidth = 106, 127
	// queueHead is the rows above the queues: the title and the heads.
	queueHead = 2
)

// arrange says where the table and the detail go: beside each other where the
// screen is wide, else the detail gets what the table leaves, half at the least.
func (c *queues) arrange() {
	_, rest := rect{0, 0, c.w, c.h}.below(1)
	if c.w >= besideFrom {
		w := tableWidth
		if c.then != nil {
			w = markedWidth
		}
		c.table = rect{rest.X, rest.Y, w, rest.H}
		c.detail = rect{w + 2, rest.Y, c.w - w - 2, rest.H}
	} else {
		c.table, c.detail = rest.below(1 + min(len(c.rows), max(2, (rest.H-1)/2)))
	}
	c.fields = fit(queueFields(), c.table.W, rowMargin, c.then != nil)
	c.list.resize(len(c.rows), c.table.H-1)
	c.draw()
}

func (c *queues) Key(k tea.KeyMsg) (tea.Cmd, bool) {
	before := c.list.at
	switch {
	case c.list.key(k, c.scene.keys):
		c.moved(before)
	case key.Matches(k, c.keys.Order):
		c.order = (c.order + 1) % queueOrders
		c.sort()
	default:
		return nil, false
	}
	return nil, true
}

func (c *queues) Wheel(rows int) {
	before := c.list.at
	c.list.wheel(rows)
	c.moved(before)
}

// Click selects a queue.
func (c *queues) Click(x, y int) tea.Cmd {
	before := c.list.at
	if c.table.contains(x, y) && c.list.click(y-queueHead) {
		c.moved(before)
	}
	return nil
}

// moved draws the detail of another queue, if the cursor is on one.
func (c *queues) moved(before int) {
	if c.list.at != before {
		c.draw()
	}
}

// View is the table, and the detail below or beside it.
func (c *queues) View() string {
	p := newPage(c.w, c.h)
	t, r := c.scene.theme, c.scene.report()
	switch {
	case t == nil:
		return p.String()
	case r == nil:
		c.scene.waiting(p)
		return p.String()
	case len(r.Queues) == 0:
		c.nowhere(p, r)
		return p.String()
	}
	c.title(p, r)
	if len(c.rows) == 0 {
		p.wrap(t.plain, 0, 0, "No queue matches the filter; esc takes it away.")
		return p.String()
	}
	from, to := c.list.seen()
	for y := range c.h - 1 {
		switch i := from + y - 1; {
		case y >= c.table.H:
		case y == 0:
			heads(p, t, c.fields, rowMargin, queueOrderHeads[c.order])
		case i < to:
			c.line(p, i)
		}
		if at := 1 + y - c.detail.Y; at >= 0 && at < len(c.drawn) {
			p.tab(c.detail.X).raw(c.drawn[at], c.detail.W)
		}
		p.end()
	}
	return p.String()
}

// line writes one queue, without ending its row.
func (c *queues) line(p *page, i int) {
	t, q := c.scene.theme, c.rows[i]
	look, sign := style{}, "  "
	selected := i == c.list.at
	if selected {
		look, sign = t.selected, "▸ "
	}
	p.put(look, sign)
	fieldsOf(p, look, c.fields, queueCell{t: t, q: q, was: c.then[q.Name], future: c.future(q), selected: selected})
}

// future is when a queue is empty. The report knows of one of them by more than
// its own figures.
func (c *queues) future(q *analyze.ReportQueue) analyze.BacklogFuture {
	if b := c.scene.report().Backlog; b != nil && b.Queue == q.Name {
		return b.Now
	}
	return q.Empty()
}

// title is how many queues there are, and how much waits in all of them.
func (c *queues) title(p *page, r *analyze.Report) {
	t := c.scene.theme
	var b [64]byte
	text := b[:0]
	if c.scene.filter != "" {
		text = append(strconv.AppendInt(text, int64(len(c.rows)), 10), " of "...)
		p.put(t.match, string(strconv.AppendInt(text, int64(len(r.Queues)), 10))).put(t.faint, " queues")
	} else {
		p.put(t.faint, counted(len(r.Queues), "queue"))
	}
	now, was := inAll(r), queueTotals{}
	if c.then != nil {
		was = inAll(c.scene.mark.Report)
	}
	c.total(p, now.waiting, was.waiting, " waiting", lessIsBetter, appendCount)
	if now.again > 0 || was.again > 0 {
		c.total(p, now.again, was.again, " redelivered/s", lessIsBetter, appendRate)
	}
	if now.later > 0 || was.later > 0 {
		c.total(p, now.later, was.later, " for later", neutral, appendCount)
	}
	if c.order != byDepth { // its column may not be there
		p.right(t.faint, "by "+queueOrderHeads[c.order])
	}
	p.end()
}

// total writes a figure of the title with its change since the mark, if there is
// room for it.
func (c *queues) total(p *page, now, was float64, unit string, better sense, write amount) {
	t := c.scene.theme
	if c.then == nil {
		was = math.NaN()
	}
	p.total(t, " · ", now, was, unit, better, write)
}

// queueTotals is what all queues together hold: what waits, and jobs for later;
// and how much a second was delivered again.
type queueTotals struct{ waiting, later, again float64 }

func inAll(r *analyze.Report) queueTotals {
	var sum queueTotals
	for i := range r.Queues {
		q := &r.Queues[i]
		if q.ForLater() {
			sum.later += q.Depth
		} else {
			sum.waiting += q.Depth
		}
		sum.again += q.Redelivered
	}
	return sum
}

// nowhere says why there are no queues, and how to get them.
func (c *queues) nowhere(p *page, r *analyze.Report) {
	t := c.scene.theme
	p.line(t.bold, "No queue was observed in this window.")
	for _, system := range []struct{ signal, name, how string }{
		{"jetstream", "NATS JetStream", "--nats URL --stream NAME --consumer NAME"},
		{"redis", "Redis", "--redis URL --queue KEY"},
	} {
		p.end().put(t.key, system.name+" ")
		gap := gapOf(r, system.signal)
		if system.signal == "redis" && askedRedis(r) {
			p.wrap(t.plain, 2, 0, "was found, and asked for its own figures. Which of its keys are queues is not known: --queue KEY")
			continue
		}
		if gap == nil {
			p.wrap(t.plain, 2, 0, "was not looked at: start busywork with "+system.how)
			continue
		}
		p.wrap(t.plain, 2, 0, gap.Reason)
		p.put(t.faint, "→ ").wrap(t.plain, 2, 0, cmp.Or(gap.Hint, system.how))
	}
}
