package analyze

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// SlowWorkInRequest finds HTTP handlers that do what could be done later before
// they answer: write to the database, call somebody else, send an SMS.
//
// How long a request is in such work follows from how many stand in it: by
// Little's law, goroutines there ÷ requests a second. Whether the caller needs
// what comes of it, nothing that can be observed says. So reads are never
// accused, and a handler that only calls others may be a gateway: there has to be
// writing. That alone is a suspicion. It is more where two things agree with
// it: the service's own times of a kind of request that is meant to change
// something, of which just as many are in flight, and a count of writes so high
// that no answer can be made of them.
var SlowWorkInRequest = Rule{
	Name:  "slow-work-in-request",
	Title: "Work that could wait is done before the request is answered",
	Doc: `What it is: a handler answers only after it has updated many rows, called other
services or sent mail, though whoever asked needs no more than to know that it will
be done.

What it costs: response time, for the caller; and for everybody else, because a
request that takes long holds a connection to the database, a goroutine and
locks, behind which others queue. Load comes in bursts, and there is nothing that
smooths it.

How to fix it: put a command on a queue, answer 202 with the id of a task in a few
milliseconds, and let a worker do the work: with retries, a dead-letter queue and a
bound on how much at once. A GET of the task says how far it is.

When this rule is wrong: when the caller needs the result (a payment's), or must
see its own write in the next request.`,
	Needs: Signals{All: SignalGoroutines},
	Limits: []Limit{
		{"seconds", 0.1, "seconds a request", "what is answered within a tenth of a second feels immediate: nobody would be better off"},
		{"share", 0.5, "of the handler's time", "below half, it is not what makes the handler slow"},
		{"writes", 10, "rows or statements written a request", "an answer can tell of a few writes; ten and more are work that the caller learns nothing of"},
		{"samples", 5, "goroutine samples", "with fewer, one request that happened to be there would decide"},
		{"slow", 1, "seconds a request", "after a second people lose their thought, and callers begin to give up: high"},
	},
	Check: checkSlowWorkInRequest,
}

// handlerWork is where the requests of one handler stand.
type handlerWork struct {
	name           string // the handler's function
	heaviest       *Stand
	writing        float64 // goroutines in SQL that writes
	calling        float64 // goroutines in calls to others
	all            float64 // goroutines in the handler, whatever they do
	held           float64 // goroutines of other handlers that wait for a connection
	seen           int     // times that anybody stood in that work
	request        *Request
	each           float64 // seconds of that work a request; 0 if unknown
	writesEach     float64 // statements or rows written a request; 0 if unknown
	writesEachFrom string
}

func (h *handlerWork) later() float64 { return h.writing + h.calling }

// callingOthers are the operations that wait for somebody else than the
// database. A broker is none of them: to put work there is the repair.
var callingOthers = setOf(OpHTTPClient, OpRPC)

func checkSlowWorkInRequest(p *Pass) {
	if p.Goroutines.Samples < int(p.Limit("samples")) {
		p.Blind("insufficient: %d goroutine samples, at least %.0f are needed", p.Goroutines.Samples, p.Limit("samples"))
		return
	}
	h, ok := slowestHandler(p.Facts)
	if !ok {
		p.Clean("no HTTP handler was seen to write to a database before it answers")
		return
	}
	h.relate(p)
	if f, ok := h.finding(p); ok {
		p.Report(f)
	} else if p.clean == "" {
		p.Clean("what could wait takes %s of a request in %s", brief(h.each), short(h.name))
	}
}

// slowestHandler is the handler most of whose requests stand in writes.
func slowestHandler(f *Facts) (handlerWork, bool) {
	var list, writing []*Stand
	for i := range f.Goroutines.Stands {
		s := &f.Goroutines.Stands[i]
		if !s.Ops.has(OpHTTPServer) || s.Ops.has(OpProfiling) || len(s.Chain) == 0 {
			continue
		}
		list = append(list, s)
		if couldWait(s) == OpSQL {
			writing = append(writing, s)
		}
	}
	h := handlerWork{heaviest: heaviestStand(writing)}
	if h.heaviest == nil {
		return h, false
	}
	h.name, h.request = f.handlerOf(list, h.heaviest.Chain)
	for _, s := range list {
		switch inside := slices.Contains(s.Chain, h.name); {
		case !inside && s.Wait == WaitPool:
			h.held += s.Mean
		case inside:
			h.add(s)
		}
	}
	return h, true
}

func (h *handlerWork) add(s *Stand) {
	h.all += s.Mean
	switch couldWait(s) {
	case OpNone:
		return
	case OpSQL:
		h.writing += s.Mean
	default:
		h.calling += s.Mean
	}
	h.seen += s.Seen
}

// couldWait says which work of the kind that could wait a goroutine stands in:
// OpSQL for a write, OpHTTPClient for a call, OpNone for neither.
func couldWait(s *Stand) Operation {
	switch {
	case s.Wait == WaitPool:
		return OpNone // waits for a connection, whatever for
	case s.Ops&callingOthers != 0:
		return OpHTTPClient
	case s.Ops.has(OpSQL) && s.Writes:
		return OpSQL
	}
	return OpNone
}

// handlerOf is the handler in a chain of own functions: below it the same number
// of requests stands as the service's own times of some kind of request say are
// in flight. Of several such functions it is the outermost that has a name;
// closures are mostly middleware. Where no times agree, it is one of the two
// outermost functions, one with a name if there is, whichever does less besides:
// what lies deeper may be a small part of a request.
func (f *Facts) handlerOf(list []*Stand, chain []string) (string, *Request) {
	for _, fn := range outermostNamed(chain) {
		if all, _ := through(list, fn); all > 0 {
			if r, ok := f.requestWith(all, (*Request).writes); ok {
				return fn, r
			}
		}
	}
	outer := chain[max(0, len(chain)-2):]
	if named := slices.DeleteFunc(slices.Clone(outer), isClosure); len(named) > 0 {
		outer = named
	}
	name, most := "", -1.0
	for _, fn := range outer {
		if all, later := through(list, fn); later >= most*all { // the outer one, if they are equal
			name, most = fn, later/all
		}
	}
	return name, nil
}

// outermostNamed is a chain from outside, closures last.
func outermostNamed(chain []string) []string {
	var named, closures []string
	for _, fn := range slices.Backward(chain) {
		if isClosure(fn) {
			closures = append(closures, fn)
		} else {
			named = append(named, fn)
		}
	}
	return append(named, closures...)
}

// isClosure recognises how Go names functions that have none: "main.timed.func1".
func isClosure(fn string) bool {
	last := fn[strings.LastIndexByte(fn, '.')+1:]
	number := strings.TrimPrefix(last, "func")
	return number != "" && strings.Trim(number, "0123456789") == ""
}

// through is the goroutines below a function, and those of them in work that
// could wait.
func through(list []*Stand, fn string) (all, later float64) {
	for _, s := range list {
		if slices.Contains(s.Chain, fn) {
			all += s.Mean
			if couldWait(s) != OpNone {
				later += s.Mean
			}
		}
	}
	return all, later
}

// relate says what each of the handler's requests means in time and writes.
func (h *handlerWork) relate(p *Pass) {
	switch {
	case h.request != nil:
		h.each = h.later() / h.request.PerSecond
		h.countWrites(p)
	case p.Done != nil && p.Done.What == "requests answered":
		h.each = h.later() / p.Done.PerSecond.Value // of all requests: a lower bound
	}
}

// countWrites takes what the database was asked to write for requests of this
// kind: statements, or, of batches, rows.
func (h *handlerWork) countWrites(p *Pass) {
	if p.Postgres == nil {
		return
	}
	rows, statements := p.Postgres.Inserted+p.Postgres.Updated+p.Postgres.Deleted, p.Postgres.calls((*StatementUse).isWrite)
	writes, from := rows, "pg_stat_database"
	if statements > rows {
		writes, from = statements, "pg_stat_statements"
	}
	h.writesEach, h.writesEachFrom = writes/h.request.PerSecond, from
}

// finding decides whether it is worth a word.
func (h *handlerWork) finding(p *Pass) (Finding, bool) {
	switch {
	case h.seen < int(p.Limit("samples")) || h.later() < p.Limit("share")*h.all:
		p.Clean("%s stands elsewhere most of the time", short(h.name))
		return Finding{}, false
	case h.each == 0 && h.later() < 1:
		return Finding{}, false // less than one request at a time, and nobody says how many there are
	case h.each > 0 && h.each < p.Limit("seconds"):
		return Finding{}, false
	}
	f := Finding{
		Subject:    short(h.name),
		Confidence: Suspected,
		Location:   p.handlerLocation(h),
		Message:    h.sentence(),
		Evidence:   h.evidence(p),
		Delay:      &Delay{JobHours: h.later(), Why: fmt.Sprintf("%.1f requests at any time wait for what could be done after the answer", h.later())},
		Fix: "Put a command on a queue, answer 202 with the id of a task, and let a worker do the rest: with retries, a dead-letter queue and a bound on how much at once. " +
			"If the caller must know that it was done, let it ask for the task.",
		RefutedBy: []string{
			"the caller uses what comes of this work: it is in the answer, or its next request needs it",
			"the response time stays when the handler leaves the work out",
		},
		grade: h.severity(p),
	}
	if h.request != nil && h.writesEach >= p.Limit("writes") && h.writing >= h.calling {
		f.Confidence = Inferred
	} else {
		f.Settles = "whether the caller needs the result: what the handler answers, and what callers do with it; --postgres and --metrics would say how much it writes"
	}
	return f, true
}

// severity goes by how long callers wait.
func (h *handlerWork) severity(p *Pass) Severity {
	if h.each >= p.Limit("slow") {
		return SeverityHigh
	}
	return SeverityMedium
}

// handlerLocation is the handler, with the way into the work.
func (f *Facts) handlerLocation(h *handlerWork) Location {
	at := slices.Index(h.heaviest.Chain, h.name)
	l := Location{Function: h.name, File: h.heaviest.File, Path: h.heaviest.Chain[:max(at, 0)+1]}
	if at == 0 {
		l.Line = h.heaviest.Line
	}
	return l
}

func (h *handlerWork) sentence() string {
	what := "writing to the database"
	if h.calling > 0.05*h.later() {
		what += " and calling others"
	}
	text := fmt.Sprintf("%s is %s before it answers", short(h.name), what)
	if h.each > 0 {
		text += fmt.Sprintf(": %s of each request", brief(h.each))
	}
	if r := h.request; r != nil {
		text += fmt.Sprintf(" of %.0f %s a second", r.PerSecond, requestName(r))
	}
	if h.writesEach >= 1 {
		text += fmt.Sprintf(", for %.0f writes", h.writesEach)
	}
	text += "."
	if h.held >= 0.5 {
		text += fmt.Sprintf(" %.1f other requests wait for a connection meanwhile.", h.held)
	}
	return text
}

func requestName(r *Request) string {
	if r.Handler == "" {
		return r.Method
	}
	return r.Method + " " + r.Handler
}

func (h *handlerWork) evidence(p *Pass) []Evidence {
	samples := fmt.Sprintf("%d goroutine samples", p.Goroutines.Samples)
	e := []Evidence{
		{What: "requests in SQL that writes", Value: h.writing, Unit: "goroutines", Source: samples},
		{What: "requests in calls to others", Value: h.calling, Unit: "goroutines", Source: samples},
		{What: "part of the handler's time", Value: h.later() / math.Max(h.all, 1e-9), Unit: "fraction", Limit: limit(p.Limit("share")), Source: samples},
	}
	if h.each > 0 {
		e = append(e, Evidence{What: "that work, for each request", Value: h.each, Unit: "s", Limit: limit(p.Limit("seconds")), Source: "goroutines ÷ requests a second (Little's law)"})
	}
	if r := h.request; r != nil {
		e = append(e, Evidence{What: "time to answer " + requestName(r), Value: r.Seconds, Unit: "s", Source: r.Source})
	}
	if h.writesEach > 0 {
		e = append(e, Evidence{What: "writes for each request", Value: h.writesEach, Unit: "1", Limit: limit(p.Limit("writes")), Source: h.writesEachFrom})
	}
	if h.held > 0 {
		e = append(e, Evidence{What: "other requests that wait for a connection", Value: h.held, Unit: "goroutines", Source: samples})
	}
	return e
}
