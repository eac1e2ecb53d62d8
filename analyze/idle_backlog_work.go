package analyze

import (
	"slices"
	"strings"

	"busywork/profile"
)

// A hold is what a job in progress is held by.
type hold uint8

const (
	holdNone    hold = iota
	holdRemote       // somebody's answer: the job's own work
	holdRunning      // the CPU, or the kernel
	holdPool         // a connection out of a pool
	holdLimiter      // a rate limiter
	holdLock         // a lock
	holdPause        // a sleep
	holds
)

// work is the jobs in progress: where the goroutines stand that are in one.
type work struct {
	inJob  float64        // jobs in progress, mean
	by     [holds]float64 // of them
	stands [holds]*Stand  // where most of each stand
	source string

	// Goroutines of the same descent that wait for nothing outside: for a job, or
	// for what the service hands out itself. Mean, and where most stand.
	parked   float64
	parkedAt *Stand

	timed   float64 // seconds a job, by the service's own clock; 0 if it has none
	timedBy string
	agrees  bool // both ways of knowing the seconds a job agree
}

// seen says whether it is known how many jobs are in progress.
func (w *work) seen() bool { return w.inJob > 0 }

// placed says whether it is known where they are.
func (w *work) placed() bool { return w.mostly() != nil }

// perJob is the seconds that a job is in progress, by Little's law.
func (w *work) perJob(q *pile) float64 { return w.inJob / q.out }

// mostly is the stand at which most jobs are.
func (w *work) mostly() *Stand {
	best := holdNone
	for h := holdNone + 1; h < holds; h++ {
		if w.stands[h] != nil && (best == holdNone || w.by[h] > w.by[best]) {
			best = h
		}
	}
	return w.stands[best]
}

// agreement is how far two ways of knowing the seconds a job may be apart: what
// a histogram times need not be the whole job.
const agreement = 0.30

func workOf(f *Facts, q *pile) *work {
	w := &work{}
	w.timed, w.timedBy = timedJobs(f.Capture.Counters, q.out)
	if f.Goroutines != nil {
		w.goroutines(f.Goroutines, q)
	}
	switch {
	case w.inJob > 0 && w.timed > 0:
		w.agrees = near(w.timed, w.perJob(q), agreement)
	case w.timed > 0:
		// How many are in progress follows from how long each is; by what they are
		// held does not.
		w.inJob, w.source = w.timed*q.out, w.timedBy
	}
	return w
}

// beneath are the operations that a job waits for.
const beneath = operationSet(1<<OpSQL | 1<<OpHTTPClient | 1<<OpRPC | 1<<OpRedis | 1<<OpDial | 1<<OpTLSHandshake)

// goroutines counts those that are in a job. A stand is in one if the service's
// own code waits there for an answer from somebody, or for what it needs to ask:
// a connection, a permit, a lock. Goroutines that run or sleep are in one if
// others of the same descent are: by themselves they may be anything.
func (w *work) goroutines(g *Goroutines, q *pile) {
	families := map[string]bool{}
	var later []*Stand
	for i := range g.Stands {
		s := &g.Stands[i]
		if len(s.Chain) == 0 || s.Ops.has(OpHTTPServer) {
			continue
		}
		switch h := holdOf(s); {
		case h == holdRunning || h == holdPause || h == holdNone:
			later = append(later, s)
		case h == holdRemote && fetches(s, g, q):
			later = append(later, s)
		default:
			families[familyOf(s)] = true
			w.add(h, s)
		}
	}
	for _, s := range later {
		switch h := holdOf(s); {
		case !families[familyOf(s)]:
		case h == holdRunning || h == holdPause:
			w.add(h, s)
		case h == holdRemote || isParked(s):
			w.parked += s.Mean
			if w.parkedAt == nil || s.Mean > w.parkedAt.Mean {
				w.parkedAt = s
			}
		}
	}
	w.source = "goroutine samples"
}

func (w *work) add(h hold, s *Stand) {
	w.inJob += s.Mean
	w.by[h] += s.Mean
	if w.stands[h] == nil || s.Mean > w.stands[h].Mean {
		w.stands[h] = s
	}
}

// holdOf is what a goroutine of the service's own is held by, holdNone if that
// is no matter of a job.
func holdOf(s *Stand) hold {
	switch s.Wait {
	case WaitPool:
		if s.Ops&beneath == 0 {
			return holdNone // a permit of the service's own: its limit to the work at a time
		}
		return holdPool
	case WaitLimiter:
		return holdLimiter
	case WaitLock:
		return holdLock
	case WaitSleep:
		return holdPause
	case WaitNone, WaitSyscall:
		return holdRunning
	case WaitNetwork, WaitSelect, WaitReceive, WaitCond:
		if s.Ops&beneath != 0 {
			return holdRemote
		}
	}
	return holdNone
}

// isParked says that a goroutine waits as a worker without a job does.
func isParked(s *Stand) bool {
	switch s.Wait {
	case WaitNetwork, WaitSelect, WaitReceive, WaitCond:
		return true
	}
	return false
}

// familyOf tells workers of one kind: started with the same function, with the
// same function of the service's own outermost.
func familyOf(s *Stand) string { return s.Root + "\x00" + s.Chain[len(s.Chain)-1] }

// fetches says that a goroutine which waits for Redis waits there for its next
// job: the queue is in Redis, and jobs are done by what it calls.
func fetches(s *Stand, g *Goroutines, q *pile) bool {
	if q.queue == nil || q.queue.System != "redis" || s.Ops&beneath != 1<<OpRedis {
		return false
	}
	return slices.ContainsFunc(g.Stands, func(other Stand) bool {
		n := len(other.Chain) - len(s.Chain)
		return n > 0 && other.Root == s.Root && slices.Equal(other.Chain[n:], s.Chain) && other.Ops&beneath != 0
	})
}

// timedJobs finds a distribution of durations with one observation for each job
// that is done, and returns the mean: how long a job is in progress, by the
// service's own clock.
func timedJobs(samples []profile.CounterSample, rate float64) (mean float64, by string) {
	type ends struct{ first, last profile.Series }
	seen := map[string]*ends{}
	var order []string
	for _, sample := range samples {
		for _, v := range sample.Changed {
			if list := words(v.Name); v.Type != "histogram" && v.Type != "summary" || len(list) == 0 || notWork[list[0]] {
				continue
			}
			id := sample.Source + "\x00" + (&Series{Name: v.Name, Labels: v.Labels}).String()
			if seen[id] == nil {
				seen[id] = &ends{first: v}
				order = append(order, id)
			}
			seen[id].last = v
		}
	}
	if len(samples) < 2 {
		return 0, ""
	}
	span := seconds(samples[0].At, samples[len(samples)-1].At)
	slices.Sort(order)
	for _, id := range order {
		e := seen[id]
		n, sum := e.last.Value-e.first.Value, e.last.Sum-e.first.Sum
		unit := unitOf(e.last.Name)
		if unit == 0 || n < fewestJobs || sum <= 0 || span <= 0 || !near(n/span, rate, 2*tolerance) {
			continue
		}
		// Several may be timed once a job: its parts, and the whole, which is longest.
		if m := sum / n * unit; m > mean {
			mean, by = m, e.last.Name
		}
	}
	return mean, by
}

// unitOf is how many seconds the unit of a metric's name is, 0 if it is none of
// time.
func unitOf(name string) float64 {
	list := words(name)
	switch {
	case has(list, []string{"milliseconds", "millis", "ms"}):
		return 1e-3
	case has(list, []string{"seconds"}), strings.HasSuffix(name, "_duration"):
		return 1
	}
	return 0
}
