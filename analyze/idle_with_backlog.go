package analyze

import (
	"fmt"
	"math"
	"strings"
)

// IdleWithBacklog finds work that waits while the machine has nothing to do.
//
// Nothing burns, so no profile shows it, and every graph of the machine looks
// well. Something other than CPU holds the work up, and the usual suspects look
// alike from outside: too few workers, or workers enough who wait for a
// connection, for the broker's permission, for a rate limiter or for each other.
// Adding workers mends the first and none of the others. So the rule goes
// through them one after another and says of each by what figure it is excluded,
// found, or not known. What is left when all are excluded is too little work at
// a time.
//
// Little's law does the sums. Jobs in progress = jobs a second × seconds per job,
// so the goroutines that are seen at work, divided by the jobs that are done, are
// the seconds per job; and the seconds per job, times the jobs that come in, are
// how many must be worked on at a time.
var IdleWithBacklog = Rule{
	Name:  "idle-with-backlog",
	Title: "Work waits while the machine is idle",
	Doc: `What it is: a queue grows, or stands deep, in front of a service that leaves its
CPUs idle. Each job waits for something (a database, another service), and too few
are worked on at a time: a loop that handles one message after another, a handler
that a client library calls from one goroutine. Or enough are, and they wait for
one thing: a connection pool that is too small, the broker's limit of
unacknowledged messages, a rate limiter, a lock held around a remote call.

What it costs: no CPU, but time, without end: a queue that gets in more than it
gives off grows for as long as nobody looks. A bigger or a second machine adds
idle CPUs.

How to fix it: work on as many jobs at a time as Little's law asks for, and no
more: a bounded pool. The finding says how many keep up, how many work off the
backlog within an hour, and whether memory and the database have room for them.
Where the finding names something else than the number of workers, mend that
first. Alert on the age of the oldest waiting job, not on CPU.

When this rule is wrong: when the queue waits on purpose, for a time of day or
for order within it; when the window fell into a burst that is gone a minute
later; when what the jobs wait for could not take more of them.`,
	Needs: Signals{All: SignalHost, Any: SignalQueues | SignalCounters},
	Limits: []Limit{
		{"busy", idleBelow, "of all CPUs", "as in the host's verdict: below it, more CPU cannot be what the backlog waits for"},
		{"jobs", 20, "waiting jobs", "fewer are what is on its way at any moment"},
		{"late", 5, "seconds until a new job's turn, of a queue that grows", "below it the queue may be the ripple of arrivals that come unevenly"},
		{"standing", 60, "seconds until a new job's turn, of a queue that stands", "a short queue that does not grow is a buffer; people wait for a minute's worth"},
		{"growth", 0.05, "of what comes in", "rates over a window of seconds are not known better than that"},
		{"clears", 3600, "seconds", "a backlog that is gone within the hour needs nobody; the fix is sized to clear it in that time"},
		{"held", 0.50, "of the jobs in progress", "what holds up most of the work is the cause; anything less would not free half of it"},
		{"many", 16, "jobs in progress", "one or a few callers do not fill a database or a service; with so many under way it may itself be what is slow, and more would wait longer"},
	},
	Explains: []string{"goroutine-pile-up", "lock-contention"},
	Check:    checkIdleWithBacklog,
}

func checkIdleWithBacklog(p *Pass) {
	if busy := p.Host.Busy(); busy >= p.Limit("busy") {
		p.Clean("the host is %s busy", Percent(busy))
		return
	}
	pile, why := worstPile(p)
	if pile == nil {
		p.Clean("%s", why)
		return
	}
	d := &diagnosis{Pass: p, pile: pile, work: workOf(p.Facts, pile)}
	d.judge()
	f := Finding{
		Subject:    pile.name,
		Message:    d.sentence(),
		Confidence: d.confidence(),
		Delay:      &Delay{JobHours: pile.mean, Why: d.delay()},
		Location:   d.location(),
		Evidence:   d.evidence(),
		Fix:        d.fix(),
		RefutedBy: []string{
			"the queue is as it should be: its jobs are for later, or must be done in order, one after another",
			"the backlog was a burst, and is gone minutes later with nothing changed",
			"jobs take longer, each, as soon as more of them are worked on at a time",
		},
		grade: d.severity(),
	}
	if keeps := d.possible(); keeps.Value > 0 {
		f.After, f.Prediction = &keeps, d.prediction(keeps)
	}
	if f.Confidence == Suspected {
		f.Settles = d.settles()
	}
	p.Report(f)
}

// confidence: the host's CPU and the queue are counted. What holds the work up
// is known only where the workers were seen, or where a limit was met that is
// counted as well.
func (d *diagnosis) confidence() Confidence {
	switch {
	case d.cause == nil || d.cause.guess || d.pile.presumed:
		return Suspected
	case d.cause == &tooFew && d.work.inJob > d.Limit("many"):
		return Suspected
	case d.pile.counted && d.work.placed() && d.work.agrees:
		return Measured
	}
	return Inferred
}

func (d *diagnosis) severity() Severity {
	if d.pile.growing {
		return SeverityHigh // without end
	}
	return SeverityMedium
}

func (d *diagnosis) settles() string {
	switch {
	case d.pile.presumed:
		return "whose the queue is: name the stream and the consumer of this service (--stream, --consumer), or let it count its jobs (--metrics)"
	case d.cause != nil && d.cause.guess:
		return "what the goroutines in " + shortName(d.work.parkedAt.Chain[0]) + " wait for"
	case d.cause == &tooFew:
		return fmt.Sprintf("whether what the jobs wait for can take more: one call's time when few are under way, against %s now", duration(d.work.perJob(d.pile)))
	}
	return "where the workers stand: goroutine samples (a base URL that serves /debug/pprof/), or a stack dump of a worker's process"
}

func (d *diagnosis) sentence() string {
	q := d.pile
	text := fmt.Sprintf("The host is %s busy while %.0f jobs wait in %s", Percent(d.Host.Busy()), q.last, q.name)
	switch {
	case q.growing:
		text += fmt.Sprintf(", %s more each second: %s come in, %s are done.", rate(q.growth), rate(q.in), rate(q.out))
	default:
		text += fmt.Sprintf(", which %s a second will not clear within the hour.", rate(q.out))
	}
	if d.work.seen() {
		text += fmt.Sprintf(" %s in progress on average, each for %s", plural1(d.work.inJob, "job is", "jobs are"), duration(d.work.perJob(q)))
		if s := d.work.mostly(); s != nil {
			text += fmt.Sprintf(", %s of it %s in %s", Percent(s.Mean/d.work.inJob), doing(s), shortName(s.Chain[0]))
		}
		text += "."
	}
	switch d.cause {
	case nil:
		text += " What holds them up is not known: " + d.unknown() + "."
	default:
		text += " " + d.cause.says(d) + "."
	}
	return text
}

// delay puts the waiting into words.
func (d *diagnosis) delay() string {
	q := d.pile
	idle := d.Host.Cores(d.Host.Idle)
	text := fmt.Sprintf("%.0f jobs wait on average", q.mean)
	if q.out > 0 {
		text += fmt.Sprintf(", a new one for %s", duration(q.late()))
	}
	return text + fmt.Sprintf(", beside %.1f idle cores", idle)
}

// location is where most jobs of the cause stand.
func (d *diagnosis) location() Location {
	s := d.work.mostly()
	if d.cause != nil && d.cause.guess {
		s = d.work.parkedAt
	}
	if s == nil {
		return Location{}
	}
	return Location{Function: s.Chain[0], File: s.File, Line: s.Line, Path: s.Chain}
}

// evidence is the queue, the work, then the whole differential diagnosis in its
// order, then what the fix needs.
func (d *diagnosis) evidence() []Evidence {
	q := d.pile
	e := []Evidence{
		{What: "host busy", Value: d.Host.Busy(), Unit: "fraction", Limit: limit(d.Limit("busy")), Source: "/proc/stat"},
		{What: "jobs waiting", Value: q.last, Unit: "jobs", Limit: limit(d.Limit("jobs")), Source: q.name},
		{What: "growth of the queue", Value: q.growth, Unit: "1/s", Source: q.name},
		{What: "come in", Value: q.in, Unit: "1/s", Source: q.name},
		{What: "are done", Value: q.out, Unit: "1/s", Source: q.done},
	}
	if d.work.seen() {
		e = append(e,
			Evidence{What: "jobs in progress", Value: d.work.inJob, Unit: "jobs, mean", Source: d.work.source},
			Evidence{What: "time in progress", Value: 1000 * d.work.perJob(q), Unit: "ms a job", Source: "Little's law: in progress ÷ done a second"})
	}
	if t := d.work.timed; t > 0 {
		e = append(e, Evidence{What: "time in progress, by the service's own clock", Value: 1000 * t, Unit: "ms a job", Source: d.work.timedBy})
	}
	for _, s := range d.steps {
		e = append(e, Evidence{What: s.title + " " + s.state, Value: s.value, Unit: s.unit, Limit: s.limit, Source: s.source})
	}
	return append(e, d.needs()...)
}

// unknown lists the questions that stayed open.
func (d *diagnosis) unknown() string {
	var open []string
	for _, s := range d.steps {
		if s.state == stateUnknown {
			open = append(open, strings.TrimSuffix(s.title, "?"))
		}
	}
	if len(open) == 0 {
		return "no one thing holds up most of them"
	}
	return "nothing was seen that would tell of " + strings.Join(open, ", ")
}

// duration for people: "43 ms", "2.1 s", "12 min".
func duration(seconds float64) string {
	switch {
	case seconds < 1:
		return fmt.Sprintf("%.3g ms", 1000*seconds)
	case seconds < 120:
		return fmt.Sprintf("%.2g s", seconds)
	case seconds < 2*3600:
		return fmt.Sprintf("%.0f min", seconds/60)
	case seconds < 1000*3600:
		return fmt.Sprintf("%.0f h", seconds/3600)
	}
	return "weeks"
}

// plural1 is a mean with its noun.
func plural1(n float64, one, many string) string {
	text := fmt.Sprintf("%.1f", n)
	if n >= 9.95 {
		text = fmt.Sprintf("%.0f", n)
	}
	if math.Abs(n-1) < 0.05 {
		return "1 " + one
	}
	return text + " " + many
}

// shortName is a function without the path of its package.
func shortName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// doing is what a goroutine in a job does.
func doing(s *Stand) string {
	switch s.Wait {
	case WaitNone, WaitSyscall:
		return "at work"
	case WaitPool, WaitLimiter, WaitLock, WaitSleep:
		return "waiting for " + s.Wait.String()
	}
	for _, k := range []struct {
		op   Operation
		what string
	}{{OpSQL, "the database"}, {OpHTTPClient, "an answer over HTTP"}, {OpRPC, "an answer over RPC"}, {OpRedis, "Redis"}} {
		if s.Ops.has(k.op) {
			return "waiting for " + k.what
		}
	}
	return "waiting for " + s.Wait.String()
}
