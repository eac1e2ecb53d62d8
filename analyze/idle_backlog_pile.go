package analyze

import (
	"fmt"
	"math"
	"strings"
)

// A pile is work that waits in front of the target: idle-with-backlog's view of
// one queue.
type pile struct {
	name    string
	queue   *Queue // nil where only a gauge of the service's own tells of it
	seconds float64

	first, last, mean float64 // waiting jobs; those that the service has taken in are not among them
	growth            float64 // a second
	in, out           float64 // a second
	done              string  // who counted out
	counted           bool    // out is the broker's own count of this queue
	presumed          bool    // that it is the target's queue is only likely
	growing           bool

	taken   float64 // messages that the service holds unacknowledged, mean
	allowed int     // of them, at most; 0 if there is no limit
}

// late is how long a job that comes in now waits for its turn.
func (q *pile) late() float64 {
	if q.out <= 0 {
		return 0
	}
	return q.last / q.out
}

// worstPile is the target's queue whose jobs wait longest without need; nil,
// and why, if there is none.
func worstPile(p *Pass) (*pile, string) {
	var worst *pile
	why := "no queue of this service is known"
	for _, q := range pilesOf(p.Facts) {
		reason := q.harmless(p)
		if reason == "" && (worst == nil || q.late() > worst.late()) {
			worst = q
		}
		if reason != "" {
			why = q.name + ": " + reason
		}
	}
	return worst, why
}

// harmless says why a pile is nothing to worry about, "" if it is.
func (q *pile) harmless(p *Pass) string {
	net := q.out - q.in
	// Arrivals and departures are counts: what they show by chance is their
	// standard error. Three of them, because windows come by the thousand.
	noise := 3 * math.Sqrt((q.in+q.out)*q.seconds) / q.seconds
	q.growing = q.growth > noise && q.growth >= p.Limit("growth")*q.in
	switch {
	case q.last < p.Limit("jobs"):
		return fmt.Sprintf("%.0f jobs wait", q.last)
	case q.out <= 0:
		return "nobody counts what is done, or nothing is"
	case q.growing && q.late() < p.Limit("late"):
		return fmt.Sprintf("it grows, but a new job waits %s", duration(q.late()))
	case !q.growing && q.late() < p.Limit("standing"):
		return fmt.Sprintf("a new job waits %s", duration(q.late()))
	case !q.growing && net > 0 && q.last/net <= p.Limit("clears"):
		return fmt.Sprintf("it is empty in %s", duration(q.last/net))
	}
	return ""
}

// pilesOf is every queue that the target works off. Where no broker tells, a
// gauge of the service's own does.
func pilesOf(f *Facts) []*pile {
	var list []*pile
	for _, q := range f.Queues {
		if q.scheduled() {
			continue
		}
		k := newPile(f, q)
		if k.seconds <= 0 {
			continue
		}
		if ours, presumed := belongs(f, k); ours {
			k.presumed = presumed
			list = append(list, k)
		}
	}
	if len(f.Queues) == 0 && f.Done != nil {
		for _, s := range f.Series {
			if waitingGauge(s) {
				list = append(list, gaugePile(f, s))
			}
		}
	}
	return list
}

func newPile(f *Facts, q *Queue) *pile {
	k := &pile{name: q.Name, queue: q, first: q.First, last: q.Last, mean: q.Mean, growth: q.Growth, seconds: q.Seconds,
		out: q.Acked, done: q.Name, counted: true, allowed: q.MaxPending}
	if q.System == "jetstream" {
		k.notTaken(f)
	} else {
		k.counted = false
		k.out, k.done = removed(f)
	}
	k.in = math.Max(0, k.out+k.growth)
	return k
}

// notTaken replaces the depth of a consumer by what it has not handed out yet.
// What it has may wait in the service's memory, or until a time that the service
// has set for it: from outside the two look the same. The growth stays that of all:
// a service that fetches hundreds at a time takes them in steps that are longer than
// a window, and what waits goes up and down with them.
func (q *pile) notTaken(f *Facts) {
	var n, pending, taken float64
	q.first = -1
	for _, s := range f.Capture.JetStream {
		for _, c := range s.Consumers {
			if q.name != fmt.Sprintf("stream %s, consumer %s", c.Stream, c.Name) {
				continue
			}
			q.last = float64(c.Pending)
			if q.first < 0 {
				q.first = q.last
			}
			n, pending, taken = n+1, pending+q.last, taken+float64(c.AckPending)
		}
	}
	if n > 0 && q.seconds > 0 {
		q.mean, q.taken = pending/n, taken/n
	}
}

// takers are the commands that take a job from a Redis list.
var takers = map[string]bool{"lpop": true, "rpop": true, "blpop": true, "brpop": true, "lmove": true, "blmove": true,
	"rpoplpush": true, "brpoplpush": true, "lmpop": true, "blmpop": true, "xreadgroup": true}

// removed is how many jobs a second are done of a Redis queue: by the service's
// own count, or else by the commands that take one, of which a few wait in vain.
func removed(f *Facts) (float64, string) {
	if f.Done != nil {
		return f.Done.PerSecond.Value, f.Done.Source
	}
	var n float64
	if f.Redis != nil {
		for _, c := range f.Redis.Commands {
			if takers[c.Command] {
				n += c.Rate
			}
		}
	}
	return n, "commands that take a job, of the whole server"
}

// belongs says whether the target is who works the queue off, and whether that
// is only presumed. One broker serves many; a queue that another service lets
// grow is not this one's idleness.
func belongs(f *Facts, q *pile) (ours, presumed bool) {
	alone := onlyActive(f, q.queue)
	if q.queue.System != "jetstream" { // somebody named the keys, and Redis does not say who takes from which
		return true, !alone || !connected(f, q.queue.System)
	}
	switch {
	case q.out > 0 && countedBy(f, q.out) != "":
		return true, false // it counts as many jobs as leave the queue
	case f.Done != nil && f.Done.What == "jobs completed":
		return false, false // it counts its jobs, and they are not these
	case !alone:
		return false, false // one of several, and nothing says which
	}
	return true, !connected(f, q.queue.System)
}

// onlyActive says that no other queue is being worked off.
func onlyActive(f *Facts, q *Queue) bool {
	for _, other := range f.Queues {
		if other != q && !other.scheduled() && (other.System != "jetstream" || other.Delivered > 0) {
			return false
		}
	}
	return true
}

// countedBy is a counter of the service's own that grows as fast as the rate,
// "" if there is none. Five percent, and the counting error, for scrapes that do
// not fall together.
func countedBy(f *Facts, rate float64) string {
	for _, s := range f.Series {
		list := words(s.Name)
		if len(list) == 0 || notWork[list[0]] || !s.monotone() || s.Growth < fewestJobs {
			continue
		}
		slack := math.Max(tolerance*rate, z95*math.Sqrt(rate*s.Seconds)/math.Max(s.Seconds, 1))
		if math.Abs(s.Rate-rate) <= slack {
			return s.String()
		}
	}
	return ""
}

// connected says whether the target speaks to the kind of broker: by its
// goroutines, or by its connections.
func connected(f *Facts, system string) bool {
	op, kind := OpMessaging, "nats"
	if system == "redis" {
		op, kind = OpRedis, "redis"
	}
	for _, d := range f.Capture.Discoveries {
		if d.What == "broker" && strings.HasPrefix(d.Is, kind) {
			return true
		}
	}
	return f.Goroutines != nil && f.Goroutines.where(func(s *Stand) bool { return s.Ops.has(op) }) > 0
}

// waitingGauge recognises a gauge of jobs that wait: by its words, all of which
// must be of jobs and none of things for later or of other kinds of queue.
func waitingGauge(s *Series) bool {
	if s.Type == "counter" || s.monotone() && s.Type != "" && s.Type != "gauge" {
		return false
	}
	list := words(s.Name)
	if len(list) == 0 || notWork[list[0]] {
		return false
	}
	for _, w := range list {
		switch w {
		case "scheduled", "delayed", "later", "retry", "dead", "seconds", "bytes", "connection", "connections", "pool", "latency", "age", "max", "capacity", "limit":
			return false
		}
	}
	return has(list, []string{"backlog", "waiting", "pending", "queued", "lag"}) ||
		has(list, []string{"queue"}) && has(list, []string{"depth", "length", "size", "jobs", "messages", "tasks"})
}

func gaugePile(f *Facts, s *Series) *pile {
	k := &pile{name: "metric " + s.String(), first: s.First, last: s.Last, seconds: s.Seconds,
		out: f.Done.PerSecond.Value, done: f.Done.Source}
	// A gauge is recorded when it changes; between its ends the mean is near enough.
	k.mean = (s.First + s.Last) / 2
	if s.Seconds > 0 {
		k.growth = (s.Last - s.First) / s.Seconds
	}
	k.in = math.Max(0, k.out+k.growth)
	return k
}
