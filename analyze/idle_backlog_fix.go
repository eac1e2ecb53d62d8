package analyze

import (
	"fmt"
	"math"
)

// want is how many jobs a second must be possible to clear the backlog in time
// besides what comes in: a fifth more than that takes, and a tenth more than
// comes in, or nobody could tell the queue's end from the unevenness of arrivals.
func (d *diagnosis) want() float64 {
	q := d.pile
	return math.Max(1.1*q.in, q.in+1.2*q.last/d.Limit("clears"))
}

// need is how many jobs must be in progress to keep up with what comes in, and to
// clear the backlog besides, when each takes that many seconds.
func (d *diagnosis) need(perJob float64) (keep, clear float64) {
	keep = math.Max(1, math.Ceil(d.pile.in*perJob))
	return keep, math.Max(math.Ceil(d.want()*perJob), keep+1)
}

// perJob is what a job will take once its cause is mended, in seconds; 0 if that
// is not known.
func (d *diagnosis) perJob() float64 {
	if !d.work.seen() {
		return 0
	}
	jobs := d.work.inJob
	if d.cause != nil {
		for _, h := range d.cause.frees {
			jobs -= d.work.by[h]
		}
	}
	return math.Max(0, jobs) / d.pile.out
}

// possible is how many jobs a second can be done after the fix, as far as the
// CPUs go. What a job takes was seen at another load, so ± 30 %.
func (d *diagnosis) possible() Interval {
	q := d.pile
	if d.cause == nil || d.cause.guess || q.out <= 0 {
		return Interval{}
	}
	jobs := d.want()
	if per := d.perJob(); per > 0 && d.cause.sized {
		_, clear := d.need(per)
		jobs = clear / per
	}
	most := q.out * (1 + math.Max(0, saturated-d.Host.Busy())/math.Max(d.cost(), 1e-6))
	i := exactly(math.Min(jobs, most)).within(savingError)
	return Interval{i.Value, math.Max(q.out, i.Low), i.High}
}

// own is what the service takes of the host, as a fraction of all CPUs.
func (d *diagnosis) own() float64 {
	return math.Min(d.Host.Busy(), d.treeCores()/float64(d.Host.CPUs))
}

// cost is what the present jobs take of the host, as a fraction of all CPUs: at
// least the service's own part, at most all that runs here. The middle is as good
// a guess.
func (d *diagnosis) cost() float64 { return (d.own() + d.Host.Busy()) / 2 }

// prediction: the CPUs will be busier, by what the further jobs take.
func (d *diagnosis) prediction(jobs Interval) *Prediction {
	busy, q := d.Host.Busy(), d.pile
	at := func(part, jobs float64) float64 {
		return math.Min(1, busy+part*math.Max(0, jobs/q.out-1))
	}
	return &Prediction{Before: busy,
		After: at(d.cost(), math.Min(q.in, jobs.Value)),
		Low:   at(d.own(), math.Min(q.in, jobs.Low)),
		High:  at(busy, jobs.High)}
}

// perWorker is generous: a goroutine's stack of 8 kB, buffers of an HTTP and of a
// database connection of 4 to 32 kB each with TLS, and what a job has in hand.
const perWorker = 100e3 // bytes

// needs are the figures that decide whether the fix fits.
func (d *diagnosis) needs() []Evidence {
	var e []Evidence
	if per := d.perJob(); per > 0 {
		keep, clear := d.need(per)
		e = append(e,
			Evidence{What: "must be in progress to keep up", Value: keep, Unit: "jobs", Source: "Little's law: come in a second × seconds a job"},
			Evidence{What: "must be in progress to clear the backlog as well", Value: clear, Unit: "jobs", Source: fmt.Sprintf("within %s, with a fifth to spare", duration(d.Limit("clears")))})
	}
	if free := d.memory(); free > 0 {
		e = append(e, Evidence{What: "memory available", Value: free / 1e6, Unit: "MB", Source: "the host, or the control group where that has less"})
	}
	if u := d.Postgres; u != nil && u.MaxConnections > 0 {
		e = append(e, Evidence{What: "connections of the database in use", Value: u.ServerConnections, Unit: "connections", Limit: limit(float64(u.MaxConnections)), Source: "pg_stat_activity of " + u.Server})
	}
	return e
}

// memory is what is left for more workers, in bytes; 0 if it is not known.
func (d *diagnosis) memory() float64 {
	free := 0.0
	if n := len(d.Capture.Host); n > 0 {
		free = float64(d.Capture.Host[n-1].MemAvailable)
	}
	if g := d.Cgroup; g != nil && g.MemoryMax > g.Memory {
		if left := float64(g.MemoryMax - g.Memory); free == 0 || left < free {
			free = left
		}
	}
	return free
}

// fix is the cause's, with what it takes.
func (d *diagnosis) fix() string {
	if d.cause == nil {
		return "Find out where the workers stand before adding any: most of what may hold them up is not mended by more."
	}
	return d.cause.fix(d)
}

// workers says how many at a time, and whether there is room for them.
func (d *diagnosis) workers() string {
	per := d.perJob()
	if per <= 0 {
		return ""
	}
	keep, clear := d.need(per)
	text := fmt.Sprintf("%.0f at a time keep up, %.0f clear the backlog within %s", keep, clear, duration(d.Limit("clears")))
	if free := d.memory(); free > 0 {
		if more := clear * perWorker; more <= free/2 {
			text += fmt.Sprintf("; memory allows them (goroutines with their connections: %.0f MB of %.3g GB)", math.Max(1, more/1e6), free/1e9)
		} else {
			text += fmt.Sprintf("; memory does not (%.0f MB are left)", free/1e6)
		}
	}
	return text + d.connections(clear)
}

// connections says whether the database has room for that many workers.
func (d *diagnosis) connections(workers float64) string {
	u := d.Postgres
	if u == nil || u.MaxConnections <= 0 {
		return ""
	}
	left := float64(u.MaxConnections) - u.ServerConnections
	if workers <= left {
		return fmt.Sprintf("; PostgreSQL as well (%.0f of %d connections are in use)", u.ServerConnections, u.MaxConnections)
	}
	return fmt.Sprintf("; PostgreSQL has only %.0f connections left of %d, so let no job hold one while it waits for something else", left, u.MaxConnections)
}

func fixTooFew(d *diagnosis) string {
	text := "Work on more jobs at a time, with a bounded pool of workers: " + d.workers() + "."
	if q := d.pile; q.allowed > 0 {
		text += fmt.Sprintf(" MaxAckPending (%d) must be no smaller than the pool.", q.allowed)
	}
	return text + " Where order matters, keep it within a key and not among all."
}

func fixPool(d *diagnosis) string {
	text := "Give a connection back before waiting for something else: a transaction that is open during a remote call holds one for all of it. Or enlarge the pool"
	if w := d.workers(); w != "" {
		text += ": " + w
	}
	return text + "."
}

func fixUnacknowledged(d *diagnosis) string {
	text := "Raise MaxAckPending"
	if w := d.workers(); w != "" {
		text += ": " + w
	}
	return text + ". Workers beyond the limit get nothing to do. A limit of one keeps messages in order; where that is meant, use a consumer for each key."
}

func fixLimiter(d *diagnosis) string {
	q := d.pile
	return fmt.Sprintf("Ask whether the rate is still meant: %s a second come in. If what is behind it can take more, raise it to %.0f, which clears the backlog within %s; if not, the backlog is its price, and more workers do not help.",
		rate(q.in), math.Ceil(d.want()), duration(d.Limit("clears")))
}

func fixLock(d *diagnosis) string {
	text := "Do not hold the lock while waiting for somebody's answer: take what it protects, let go, then ask"
	if w := d.workers(); w != "" {
		text += ". Then " + w
	}
	return text + "."
}
