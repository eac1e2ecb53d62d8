package analyze

import (
	"fmt"
	"math"
)

// A diagnosis goes through what may hold work up on an idle machine.
type diagnosis struct {
	*Pass
	pile  *pile
	work  *work
	steps []step
	cause *suspect // nil if none could be named
}

// A suspect is one cause. Its question is asked in its place; the first that
// answers yes is the cause.
type suspect struct {
	title string
	ask   func(*diagnosis) step
	says  func(*diagnosis) string // the cause in a sentence, without its full stop
	fix   func(*diagnosis) string
	frees []hold // what no job waits for any more once it is mended
	sized bool   // mended by as many at a time as are needed
	guess bool   // it is never more than a suspicion
}

// A step is the answer.
type step struct {
	title  string
	state  string
	value  float64
	unit   string
	limit  *float64
	source string
}

// The states of a step.
const (
	stateExcluded = "excluded"
	stateThis     = "this one"
	stateUnknown  = "unknown"
)

func answer(yes bool, value float64, unit string, limit *float64, source string) step {
	s := step{state: stateExcluded, value: value, unit: unit, limit: limit, source: source}
	if yes {
		s.state = stateThis
	}
	return s
}

func openQuestion(how string) step { return step{state: stateUnknown, source: how} }

// judge asks all the suspects, and then what remains: too little at a time, if
// nothing else was found and the questions that matter were answered.
func (d *diagnosis) judge() {
	open := false
	for i := range suspects {
		s := suspects[i].ask(d)
		s.title = suspects[i].title
		if d.cause != nil && s.state == stateThis {
			s.state = "also" // one cause is mended first
		}
		if s.state == stateThis {
			d.cause = &suspects[i]
		}
		open = open || s.state == stateUnknown
		d.steps = append(d.steps, s)
	}
	if d.cause != nil {
		return
	}
	last := step{title: tooFew.title, state: stateUnknown, value: d.work.inJob, unit: "jobs in progress", source: d.work.source}
	busy := d.work.by[holdRemote] + d.work.by[holdRunning]
	if !open && d.work.placed() && busy >= d.Limit("held")*d.work.inJob {
		last.state, d.cause = stateThis, &tooFew
	}
	d.steps = append(d.steps, last)
}

// suspects in the order of a good interview: the machine, the limits set from
// outside, the service itself.
var suspects = []suspect{
	{
		title: "waiting for disk?",
		ask: func(d *diagnosis) step {
			return answer(d.Host.IOWait >= waitingDisk, d.Host.IOWait, "fraction", limit(waitingDisk), "/proc/stat")
		},
		says: func(*diagnosis) string { return "The disk holds them up" },
		fix:  func(*diagnosis) string { return "Find what reads or writes so much, and do less of it." },
	}, {
		title: "CPU taken by a neighbour?",
		ask: func(d *diagnosis) step {
			return answer(d.Host.Steal >= stolen && d.wantCPU(), d.Host.Steal, "fraction", limit(stolen), "/proc/stat, and jobs that want the CPU")
		},
		says: func(*diagnosis) string { return "Another machine on the same hardware takes the CPU" },
		fix:  func(*diagnosis) string { return "Move to an instance whose cores are its own." },
	}, {
		title: "throttled by a CPU limit?",
		ask:   askThrottled,
		says: func(d *diagnosis) string {
			return fmt.Sprintf("The service is held at %.2g cores by its own limit", d.Cgroup.Quota)
		},
		fix: func(*diagnosis) string { return "Raise the CPU limit, or take it away." },
	}, {
		title: "GOMAXPROCS too low?",
		ask:   askProcs,
		says: func(*diagnosis) string {
			return "The service runs on fewer CPUs than there are, and uses all of those"
		},
		fix: func(*diagnosis) string {
			return "Do not set GOMAXPROCS, or set it to the CPUs that there are; where it is not set, work on more jobs at a time, on several threads or processes."
		},
	}, {
		title: "a connection pool?",
		ask:   askPool,
		says: func(*diagnosis) string {
			return "They wait for a free connection: the pool is too small, or each is held for too long"
		},
		fix:   fixPool,
		sized: true,
		frees: []hold{holdPool},
	}, {
		title: "the broker's limit of unacknowledged messages?",
		ask:   askUnacknowledged,
		says: func(d *diagnosis) string {
			return fmt.Sprintf("The broker hands out no more than %d unacknowledged messages, and those are being worked on", d.pile.allowed)
		},
		fix:   fixUnacknowledged,
		sized: true,
	}, {
		title: "a rate limiter, or a pause?",
		ask:   askLimiter,
		says: func(d *diagnosis) string {
			return fmt.Sprintf("The service itself lets no more than %s a second pass", rate(d.pile.out))
		},
		fix:   fixLimiter,
		frees: []hold{holdLimiter, holdPause},
	}, {
		title: "a lock?",
		ask:   askHeld(holdLock, WaitLock),
		says:  func(*diagnosis) string { return "They wait for each other, at a lock" },
		fix:   fixLock,
		sized: true,
		frees: []hold{holdLock},
	}, {
		title: "the database itself?",
		ask:   askDatabase,
		says: func(d *diagnosis) string {
			return fmt.Sprintf("In the database %.1f of %.1f statements under way wait there, for a lock or for storage", d.Postgres.Waiting, d.Postgres.Active)
		},
		fix: func(*diagnosis) string {
			return "Find out what the statements wait for (pg_stat_activity, pg_locks): more of them at a time would wait longer."
		},
	}, {
		title: "something that the service hands out itself?",
		guess: true,
		ask:   askParked,
		says: func(d *diagnosis) string {
			at := d.work.parkedAt
			return fmt.Sprintf("%s for %s in %s, though work is waiting: what is handed out there is what there is too little of, if they have a job already",
				plural1(d.work.parked, "goroutine of the same kind waits", "goroutines of the same kind wait"), at.Wait, shortName(at.Chain[0]))
		},
		fix: func(d *diagnosis) string {
			return "Look at what " + shortName(d.work.parkedAt.Chain[0]) + " waits for: workers elsewhere, permits, or jobs that are fetched too slowly. More goroutines would wait there as well."
		},
	},
}

// tooFew is what remains.
var tooFew = suspect{
	title: "too few worked on at a time?",
	says: func(*diagnosis) string {
		return "No pool, limit or lock holds them up: too few are worked on at a time"
	},
	fix:   fixTooFew,
	sized: true,
}

// wantCPU says that most jobs in progress run, or could, or that it is not known
// where they are. Less CPU does not hold up those who wait for something else.
func (d *diagnosis) wantCPU() bool {
	return !d.work.placed() || d.work.by[holdRunning] >= d.Limit("held")*d.work.inJob
}

// askThrottled: bursts of the garbage collector alone are throttled in some
// periods. A group that is held up uses what it may, or is throttled in most.
func askThrottled(d *diagnosis) step {
	g := d.Cgroup
	switch {
	case g == nil && d.wantCPU():
		return openQuestion("no control group was seen")
	case g == nil:
		return answer(false, d.work.by[holdRunning], "jobs want the CPU", limit(d.Limit("held")*d.work.inJob), d.work.source)
	case g.Quota <= 0:
		return answer(false, 0, "fraction", limit(throttledShare), "its control group has no CPU limit")
	}
	held := g.Throttled >= d.Limit("held") || g.Throttled >= throttledShare && g.Used >= fullUse*g.Quota
	return answer(held, g.Throttled, "fraction", limit(throttledShare), fmt.Sprintf("periods of its control group, which uses %.2g of %.2g cores", g.Used, g.Quota))
}

// fullUse is from where on a number of CPUs counts as used up. Goroutines that
// also wait do not fill the last of it.
const fullUse = 0.85

// askProcs needs no value of GOMAXPROCS where the service does not even use one
// CPU. A program that has none and uses just one is taken to have one thread.
func askProcs(d *diagnosis) step {
	procs, source := gomaxprocs(d.Facts)
	if procs == 0 {
		procs, source = 1, "CPU of the process; it has one thread at least"
		if d.Goroutines != nil && d.TargetCores >= fullUse {
			return openQuestion("its value is not known (metric go_sched_gomaxprocs_threads, or the environment)")
		}
	}
	full := d.TargetCores >= fullUse*procs && procs <= float64(d.Host.CPUs)-1
	return answer(full, d.TargetCores, "cores", limit(fullUse*procs), source)
}

// gomaxprocs is 0 where it is not known. Unset, it is the number of CPUs.
func gomaxprocs(f *Facts) (procs float64, source string) {
	for _, s := range f.Series {
		if s.Name == "go_sched_gomaxprocs_threads" {
			return s.Last, s.Name
		}
	}
	if f.Build == nil || f.Build.GoVersion == "" || f.Build.Environment == nil {
		return 0, ""
	}
	if set := number(f.Build.Environment["GOMAXPROCS"]); set > 0 {
		return set, "its environment"
	}
	return float64(f.Host.CPUs), "its environment, which does not set GOMAXPROCS"
}

// askHeld asks the goroutines whether most jobs in progress are held by one
// thing.
func askHeld(h hold, w Wait) func(*diagnosis) step {
	return func(d *diagnosis) step {
		if !d.work.placed() {
			return openQuestion("no goroutine of a job was seen")
		}
		held := d.work.by[h] / d.work.inJob
		s := answer(held >= d.Limit("held"), held, "fraction", limit(d.Limit("held")), "jobs in progress that wait for "+w.String())
		if at := d.work.stands[h]; at != nil {
			s.source += " in " + shortName(at.Chain[0])
		}
		return s
	}
}

// askPool asks the goroutines, or else the pool's own count of the time that was
// waited for it: seconds of waiting a second are jobs that wait.
func askPool(d *diagnosis) step {
	s := askHeld(holdPool, WaitPool)(d)
	if s.state != stateUnknown {
		return s
	}
	for _, series := range d.Series {
		if !poolWaits(series) {
			continue
		}
		waiting := series.Rate * unitOf(series.Name)
		in := math.Max(d.work.inJob, waiting)
		return answer(waiting >= 1 && waiting >= d.Limit("held")*in, waiting, "jobs wait for a connection", limit(1), series.String())
	}
	return s
}

// poolWaits recognises a counter of seconds that were waited for a connection.
func poolWaits(s *Series) bool {
	list := words(s.Name)
	return s.monotone() && unitOf(s.Name) > 0 && has(list, []string{"wait", "waited", "waiting", "acquire"}) &&
		has(list, []string{"sql", "db", "pool", "connection", "connections", "postgres", "pgxpool"})
}

// askUnacknowledged: a limit that was reached is the cause only if the messages
// that are out are being worked on. A client that reads ahead reaches it with
// its buffer, however few work.
func askUnacknowledged(d *diagnosis) step {
	q := d.pile
	switch {
	case q.queue == nil || q.queue.System != "jetstream":
		return step{state: stateExcluded, source: "this queue has no such limit"}
	case q.allowed <= 0 || q.taken < 0.9*float64(q.allowed): // a tenth is on its way at any moment
		return answer(false, q.taken, "unacknowledged", limit(float64(q.allowed)), q.name)
	case !d.work.placed():
		return openQuestion(fmt.Sprintf("%.0f of %d are unacknowledged; whether they are worked on, or wait in the service's memory, is not known", q.taken, q.allowed))
	case d.work.inJob < d.Limit("held")*q.taken:
		return answer(false, d.work.inJob, "worked on", limit(q.taken),
			fmt.Sprintf("%.0f of %d are unacknowledged, and most of them wait inside the service", q.taken, q.allowed))
	}
	return answer(true, q.taken, "unacknowledged", limit(float64(q.allowed)), fmt.Sprintf("%s; %.1f are worked on", q.name, d.work.inJob))
}

// askDatabase matters only where most of the work is the database's.
func askDatabase(d *diagnosis) step {
	u := d.Postgres
	at := d.work.stands[holdRemote]
	switch {
	case u == nil || at == nil || !at.Ops.has(OpSQL) || at.Ops.has(OpHTTPClient) || at.Mean < d.Limit("held")*d.work.inJob:
		return step{state: stateExcluded, source: "most jobs do not stand in the database's client, or the database was not asked"}
	}
	return answer(u.Waiting >= 1 && u.Waiting >= d.Limit("held")*u.Active, u.Waiting, "statements wait", limit(max(1, d.Limit("held")*u.Active)), "pg_stat_activity of "+u.Server)
}

// parkedShare is from where on parked workers count. While jobs wait, one that is
// done with a job has the next at once: hardly any should be without.
const parkedShare = 0.2

// askParked: workers without a job, while jobs wait, are not too few. Where the
// broker gives them none, that has been said.
func askParked(d *diagnosis) step {
	w := d.work
	if !w.placed() {
		return openQuestion("no goroutine of a job was seen")
	}
	parked := w.parked / (w.parked + w.inJob)
	s := answer(parked >= parkedShare, parked, "fraction", limit(parkedShare), "workers that wait for nothing outside")
	if w.parkedAt != nil {
		s.source += ", in " + shortName(w.parkedAt.Chain[0])
	}
	if s.state == stateThis && d.cause != nil {
		s.state, s.source = stateExcluded, s.source+": without a job, because of the above"
	}
	return s
}

// askLimiter takes a sleep in a job for what it most often is, a rate of
// somebody's own making.
func askLimiter(d *diagnosis) step {
	s, pause := askHeld(holdLimiter, WaitLimiter)(d), askHeld(holdPause, WaitSleep)(d)
	if s.state == stateExcluded && pause.state == stateThis {
		return pause
	}
	return s
}
