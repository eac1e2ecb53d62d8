package tui

import (
	"math"
	"strings"

	"busywork/analyze"
)

// A queueCell is what a column of the list of queues is written from.
type queueCell struct {
	t        *theme
	q        *analyze.ReportQueue
	was      *analyze.ReportQueue // at the mark; nil if it was not there
	future   analyze.BacklogFuture
	selected bool
}

// look is a style, or that of the whole row where the cursor is on it.
func (x *queueCell) look(s, row style) style {
	if x.selected {
		return row
	}
	return s
}

// hasRates says that rates are known: Redis keeps none of a key.
func hasRates(q *analyze.ReportQueue) bool { return q.System != "redis" }

// queueFields are the columns of the list of queues.
func queueFields() []field[queueCell] {
	depth := func(q *analyze.ReportQueue) float64 { return q.Depth }
	in := func(q *analyze.ReportQueue) float64 { return q.In }
	delivered := func(q *analyze.ReportQueue) float64 { return q.Delivered }
	acked := func(q *analyze.ReportQueue) float64 { return q.Acked }
	again := func(q *analyze.ReportQueue) float64 { return q.Redelivered }
	return []field[queueCell]{
		{head: "queue", w: 12, grow: 1, most: 60, left: true, put: queueName},
		{head: "depth", w: 7, put: queueDepth},
		{head: "since", w: 7, from: 50, mark: true, put: queueChange(depth, appendCount, lessIsBetter)},
		{head: "growth/s", w: 9, put: queueGrowth},
		{head: "in/s", w: 7, from: 72, put: queueRate(in)},
		{head: "since", w: 7, from: 124, mark: true, put: queueChange(in, appendRate, neutral)},
		{head: "out/s", w: 7, from: 90, put: queueRate(delivered)},
		{head: "acked/s", w: 8, from: 72, put: queueRate(acked)},
		{head: "since", w: 7, from: 100, mark: true, put: queueChange(acked, appendRate, moreIsBetter)},
		{head: "again/s", w: 8, from: 56, put: queueAgain},
		{head: "since", w: 7, from: 124, mark: true, put: queueChange(again, appendRate, lessIsBetter)},
		{head: "unacked", w: 12, from: 96, put: queueUnacked},
		{head: "cons", w: 6, from: 104, put: queueConsumers},
		{head: "empty", w: 10, put: queueEmpty},
	}
}

func queueName(p *page, look style, w int, x queueCell) {
	name := x.q.Name
	if width(name) > w {
		name = shortQueue(x.q)
	}
	p.put(look, cut(name, w))
}

// shortQueue is a queue's name without the words in it: "JOBS/dispatcher",
// "reminders".
func shortQueue(q *analyze.ReportQueue) string {
	if key, is := strings.CutPrefix(q.Name, "key "); is && q.System == "redis" {
		return key
	}
	stream, consumer, is := strings.Cut(strings.TrimPrefix(q.Name, "stream "), ", consumer ")
	if !is || q.System != "jetstream" {
		return q.Name
	}
	return stream + "/" + consumer
}

func queueDepth(p *page, look style, w int, x queueCell) {
	var b [24]byte
	p.rightmost(look, x.look(x.t.bold, look), w, appendCount(b[:0], x.q.Depth))
}

// queueGrowth: what grows is bad, unless it is meant to wait.
func queueGrowth(p *page, look style, w int, x queueCell) {
	var b [24]byte
	better := lessIsBetter
	if x.q.ForLater() {
		better = neutral
	}
	text, s := x.t.sinceMark(b[:0], x.q.Growth, better, appendRate)
	p.rightmost(look, x.look(s, look), w, text)
}

// queueRate is a column of rates: "–" where nobody counts.
func queueRate(of func(*analyze.ReportQueue) float64) func(*page, style, int, queueCell) {
	return func(p *page, look style, w int, x queueCell) {
		var b [24]byte
		v, text, s := of(x.q), append(b[:0], unknown...), x.look(x.t.faint, look)
		if hasRates(x.q) {
			if text = appendRate(b[:0], v); string(text) != "0" {
				s = look
			}
		}
		p.rightmost(look, s, w, text)
	}
}

// repeated is the share of deliveries that were not the first, NaN where nothing
// was delivered.
func repeated(q *analyze.ReportQueue) float64 { return q.Redelivered / q.Delivered }

// queueAgain is the rate of redeliveries, with a sign where it is more than
// happens now and then.
func queueAgain(p *page, look style, w int, x queueCell) {
	if !hasRates(x.q) || !(repeated(x.q) >= repeats) {
		queueRate(func(q *analyze.ReportQueue) float64 { return q.Redelivered })(p, look, w, x)
		return
	}
	var b [24]byte
	p.rightmost(look, x.look(x.t.bad, look), w, appendRate(append(b[:0], '!'), x.q.Redelivered))
}

// queueChange is a column of changes since the mark.
func queueChange(of func(*analyze.ReportQueue) float64, write amount, better sense) func(*page, style, int, queueCell) {
	return func(p *page, look style, w int, x queueCell) {
		var b [24]byte
		if x.was == nil {
			p.rightmost(look, x.look(x.t.faint, look), w, append(b[:0], "new"...))
			return
		}
		text, s := x.t.sinceMark(b[:0], of(x.q)-of(x.was), better, write)
		p.rightmost(look, x.look(s, look), w, text)
	}
}

// full says that a consumer may take no more until some of what it has is
// acknowledged.
func full(q *analyze.ReportQueue) bool { return q.MaxAckPending > 0 && q.AckPending >= q.MaxAckPending }

// queueUnacked is what was delivered and not acknowledged, of what may be.
func queueUnacked(p *page, look style, w int, x queueCell) {
	var b [32]byte
	if !hasRates(x.q) {
		p.rightmost(look, x.look(x.t.faint, look), w, append(b[:0], unknown...))
		return
	}
	text, s := b[:0], look
	if full(x.q) {
		text, s = append(text, '!'), x.look(x.t.bad, look)
	}
	text = appendCount(text, float64(x.q.AckPending))
	if x.q.MaxAckPending > 0 {
		text = appendCount(append(text, '/'), float64(x.q.MaxAckPending))
	}
	p.rightmost(look, s, w, text)
}

func queueConsumers(p *page, look style, w int, x queueCell) {
	var b [24]byte
	text := append(b[:0], unknown...)
	if hasRates(x.q) {
		text = appendCount(b[:0], float64(x.q.Consumers))
	}
	p.rightmost(look, look, w, text)
}

func queueEmpty(p *page, look style, w int, x queueCell) {
	word := emptyWord(x.future)
	s := look
	if word == "never" {
		s = x.look(x.t.bad, look)
	}
	if width(word) >= w {
		word = strings.TrimPrefix(word, "in ")
	}
	p.pad(look, p.x+w-width(word)).put(s, word)
}

// keepsUp is said of a queue in which no more waits than is on its way.
const keepsUp = "keeps up"

// emptyWord is when a queue is empty, in at most ten cells.
func emptyWord(f analyze.BacklogFuture) string {
	switch {
	case !f.Known || math.IsNaN(f.Seconds):
		return unknown
	case !f.Never && f.Seconds == 0:
		return keepsUp
	case f.Seconds > 99.5*24*3600:
		return ">99 days"
	}
	return f.String()
}
