package tui

import (
	"fmt"

	"busywork/analyze"
	"busywork/analyze/report"
)

// deepestQueue is the queue that the overview is about: the one in which work
// waits, else the deepest, or the one that was shown before if that is as good as
// equal; nil if none is known.
func deepestQueue(r *analyze.Report, before string) *analyze.ReportQueue {
	if r == nil {
		return nil
	}
	var deepest, shown *analyze.ReportQueue
	for i := range r.Queues {
		q := &r.Queues[i]
		if r.Backlog != nil && q.Name == r.Backlog.Queue {
			return q
		}
		if deepest == nil || q.Depth > deepest.Depth {
			deepest = q
		}
		if q.Name == before {
			shown = q
		}
	}
	if shown != nil && deepest.Depth <= overtakeRatio*shown.Depth {
		return shown
	}
	return deepest
}

// queue is whether work waits, and until when, in one line.
func (v drawing) queue(at rect, q *analyze.ReportQueue) string {
	p := newPage(at.W, at.H)
	switch b := v.r.Backlog; {
	case b != nil:
		v.backlog(p, b)
	case q == nil:
		if askedRedis(v.r) {
			p.put(v.t.faint, cut("No queue was seen: Redis was, but not which key is one → --queue KEY", p.left()))
			break
		}
		v.unseen(p, "No queue was seen", analyze.SignalQueues, analyze.SignalJetStream|analyze.SignalRedis)
	case q.Depth == 0:
		p.put(v.t.plain, "Nothing waits").put(v.t.faint, cut(" in "+q.Name, p.left()))
	default:
		p.pieces(v.deep(piece{look: v.t.plain, text: "The deepest queue holds " + report.Figure(q.Depth, "1")}, q.Name, q.Depth))
		list := []piece{{look: v.t.plain, text: fmt.Sprintf(", %+.1f a second", q.Growth)}}
		if hasRates(q) {
			list = append(list, piece{look: v.t.plain, text: fmt.Sprintf(" (%s in, %s out)", report.Figure(q.In, "1"), report.Figure(q.Acked, "1"))})
		}
		p.pieces(list...)
		p.put(v.t.faint, cut(" in "+q.Name, p.left()))
	}
	return p.String()
}

// askedRedis says that a Redis server was found, and asked for its own figures.
func askedRedis(r *analyze.Report) bool {
	return r.Missing(analyze.Signals{All: analyze.SignalRedis}) == analyze.Signals{}
}

// backlog is the queue in which work waits.
func (v drawing) backlog(p *page, b *analyze.ReportBacklog) {
	look := v.t.medium
	if b.Now.Never {
		look = v.t.high
	}
	list := []piece{
		v.deep(piece{look: v.t.bold, text: fmt.Sprintf("%.0f waiting", b.Depth)}, b.Queue, b.Depth),
		{look: v.t.plain, text: ", empty "},
		{look: look, text: b.Now.String()},
	}
	if b.AfterFix.Known {
		list = append(list, piece{look: v.t.plain, text: ", after the first fix " + b.AfterFix.String()})
	}
	list = append(list, piece{look: v.t.plain, text: fmt.Sprintf(", %+.1f a second", b.In-b.Out)})
	if b.In > 0 {
		list = append(list, piece{look: v.t.plain, text: fmt.Sprintf(" (%s in, %s out)", report.Figure(b.In, "1"), report.Figure(b.Out, "1"))})
	}
	p.pieces(list...)
	p.put(v.t.faint, cut(" in "+b.Queue, p.left()))
}

// deep is the piece with what the depth of the queue has changed by.
func (v drawing) deep(text piece, name string, depth float64) piece {
	if v.then == nil {
		return text
	}
	for i := range v.then.Queues {
		if q := &v.then.Queues[i]; q.Name == name {
			return text.since(v.t, depth-q.Depth, 0, lessIsBetter)
		}
	}
	return text
}

// depths is the depth of the queue over the windows.
func (v drawing) depths(at rect, q *analyze.ReportQueue) string {
	p := newPage(at.W, at.H)
	if at.H >= historyTitleFrom {
		p.put(v.t.title, "Depth").put(v.t.faint, cut(" of "+q.Name, p.left())).end()
	}
	n := max(0, at.W-chartAxis)
	first, last := v.s.span(n)
	for _, row := range depthChart(v.t, v.s.history.depths(q.Name, n, first, last), at.W, p.rows()-1) {
		p.raw(row, at.W).end()
	}
	p.tab(chartAxis)
	v.s.timeAxis(p, n, first, last)
	return p.String()
}
