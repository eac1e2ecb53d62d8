package analyze

import (
	"fmt"
	"math"

	"busywork/profile"
)

// MemoryBoundConcurrency finds workers of which there cannot be more, because
// each is a process and memory is full, while their jobs do nothing but wait.
//
// Each of its signs is harmless: full memory is memory that is used, an idle CPU
// has reserves, a backlog may pass. Together they say that the number of jobs at
// a time is set by what a process weighs, and not by what a job needs. That all
// workers are busy must be seen, not inferred from the backlog, since a process
// may well have many jobs at a time (an event loop, a pool of threads) and then
// memory is not what limits them. It is seen where a worker forks for a job: the
// child is the job.
//
// Little's law gives the rest: workers ÷ jobs a second = seconds a job, and that
// times the jobs that come in is how many must be in progress at a time.
var MemoryBoundConcurrency = Rule{
	Name:  "memory-bound-concurrency",
	Title: "No memory for another worker, and idle CPUs",
	Doc: `What it is: every job at a time takes a process, the processes have filled the
memory of the machine or of the control group, the jobs wait for something remote
nearly all of their time, and work piles up in front of idle CPUs.

What it costs: waiting jobs, or a machine for each few of them: an interpreter
with its libraries is 30 to 300 MB, so that a 4 GB instance holds 12 to 130 jobs
at a time; a thread is a megabyte or less, and a goroutine some kilobytes.

How to fix it: run jobs that wait in threads, coroutines or goroutines of one
process for each CPU. Until then, load the code before forking the workers, so
that they share its pages, or take a machine with more memory for each CPU.

When this rule is wrong: when a job itself needs most of what its process takes;
when what the jobs wait for cannot take more of them.`,
	Needs:    Signals{All: SignalProcesses | SignalHost | SignalQueues},
	Explains: []string{"idle-with-backlog", "fork-per-job"},
	Limits: []Limit{
		{"busy", idleBelow, "of all CPUs", "as in the host's verdict: below it, more CPU cannot be what the backlog waits for"},
		{"workers", 2, "processes", "one process is not yet a habit of starting processes"},
		{"threads", 4, "threads a process", "with more, a process may have several jobs at a time"},
		{"in-job", 0.8, "of the times looked", "the rest is what a worker needs between two jobs"},
		{"looks", 20, "looks at a worker", "fewer say little about the rest of the time"},
		{"room", 0.5, "of a worker's resident memory", "half of it may be files that are shared with the others; with less than the other half free, no worker can be added"},
	},
	Check: checkMemoryBoundConcurrency,
}

func checkMemoryBoundConcurrency(p *Pass) {
	var queue *Queue
	for _, q := range p.Queues {
		if q.backlogged() && !q.scheduled() && (queue == nil || q.Last > queue.Last) {
			queue = q
		}
	}
	switch {
	case queue == nil:
		p.Clean("no work waits")
		return
	case p.Host.Busy() >= p.Limit("busy"):
		p.Clean("the host is %s busy", Percent(p.Host.Busy()))
		return
	case p.Target == nil:
		p.Clean("which processes are the workers is not known")
		return
	}
	for _, c := range p.crews() {
		if p.works(c) {
			consider(p, c, queue)
		}
	}
	if len(p.found) == 0 && p.clean == "" {
		p.Clean("the workers are one process, or have several jobs at a time")
	}
}

// crowd is a crew that has filled its memory.
type crowd struct {
	*crew
	queue   *Queue
	jobs    *Throughput // nil if nobody counts them
	busy    Interval    // share of the times looked at which a worker was in a job
	rss     float64     // bytes of one worker
	room    room
	threads int // of the member with most
}

func consider(p *Pass, c *crew, queue *Queue) {
	w := &crowd{crew: c, queue: queue, jobs: p.Done}
	for _, m := range c.members {
		w.rss += float64(m.Last.RSS) / float64(len(c.members))
		w.threads = max(w.threads, m.Last.Threads)
	}
	if float64(len(c.members)) < p.Limit("workers") || float64(w.threads) > p.Limit("threads") || w.rss == 0 {
		return
	}
	var looks float64
	w.busy, looks = p.inJob(c)
	var ok bool
	w.room, ok = p.memoryRoom()
	switch {
	case !ok:
		p.Clean("how much memory there is is not known")
	case w.room.free >= p.Limit("room")*w.rss:
		p.Clean("there is room for another worker: %s of %s free, and one takes %s", megabytes(w.room.free), w.room.where, megabytes(w.rss))
	case looks < p.Limit("looks"):
		p.Clean("whether the workers are busy was seen %.0f times only", looks)
	case !c.forksItself() || w.busy.Value < p.Limit("in-job"):
		p.Clean("the workers are seen in a job %s of the time", Percent(w.busy.Value))
	default:
		p.Report(w.finding(p))
	}
}

// inJob is the share of looks at which a worker had a child that is its copy: a
// worker that forks for a job is in one as long as the child lives. A child that
// outlives the window is not a job but a process of a pool, idle or not.
func (f *Facts) inJob(c *crew) (busy Interval, looks float64) {
	members, parentOf := map[profile.ProcessKey]bool{}, map[profile.ProcessKey]*Proc{}
	for _, m := range c.members {
		members[m.ProcessKey] = true
		for _, q := range f.Processes.children(m) {
			if (q.Young || q.Gone) && isCopy(q.ProcessIdentity, m) {
				parentOf[q.ProcessKey] = m
			}
		}
	}
	alive := map[profile.ProcessKey]bool{}
	working := 0.0
	for _, sweep := range f.Capture.Processes {
		for _, s := range sweep.Changed {
			alive[s.ProcessKey] = true
		}
		for _, k := range sweep.Gone {
			delete(alive, k)
		}
		in := map[*Proc]bool{}
		for k := range alive {
			if m := parentOf[k]; m != nil {
				in[m] = true
			}
			if members[k] {
				looks++
			}
		}
		working += float64(len(in))
	}
	return share(working, looks), looks
}

// A room is the memory that workers share.
type room struct {
	where string
	size  float64 // bytes
	free  float64 // bytes, on average
}

// memoryRoom is the tightest room the target lives in: its control group, if
// that has a limit, or the machine. What the kernel can take back counts as free.
func (f *Facts) memoryRoom() (room, bool) {
	tight := room{where: "the machine's memory"}
	for _, s := range f.Capture.Host {
		tight.size = float64(s.MemTotal)
		tight.free += float64(s.MemAvailable) / float64(len(f.Capture.Host))
	}
	group := room{where: "the control group's memory"}
	for _, s := range f.Capture.Cgroups {
		if s.MemoryMax > 0 {
			group.size = float64(s.MemoryMax)
			used := float64(s.MemoryCurrent) - float64(s.MemoryIdle)
			group.free += math.Max(0, group.size-used) / float64(len(f.Capture.Cgroups))
		}
	}
	if group.size > 0 && (tight.size == 0 || group.free < tight.free) {
		tight = group
	}
	return tight, tight.size > 0
}

const (
	// threadBytes is what another thread with a job takes at most: what it touches
	// of its stack, a connection, and the job's data. In an interpreter with jobs
	// that wait for a remote answer it was a tenth of that.
	threadBytes = 1 << 20
	// goroutineBytes is the same of a goroutine with the buffers of an HTTP client.
	goroutineBytes = 64 << 10
)

// plan is what Little's law says of more jobs at a time in the same memory.
type plan struct {
	out, in    float64 // jobs a second: done, and coming in
	seconds    float64 // that a job takes
	needed     float64 // jobs at a time that keep up with what comes in
	threads    float64 // that fit
	goroutines float64
	cpu        Interval // CPU seconds of a job without a process of its own
	possible   Interval // jobs a second, by memory and by CPU
}

func (w *crowd) plan(p *Pass) (plan, bool) {
	if w.jobs == nil {
		return plan{}, false
	}
	n := float64(len(w.members))
	l := plan{out: w.jobs.PerSecond.Value}
	l.in = math.Max(l.out, l.out+w.queue.Growth)
	l.seconds = n * w.busy.Value / l.out
	l.needed = math.Ceil(l.in * l.seconds)
	// One process stays; the rest of the memory is for what is in it.
	spare := math.Max(0, w.room.free+(n-1)*w.rss/2)
	l.threads, l.goroutines = math.Floor(spare/threadBytes), math.Floor(spare/goroutineBytes)
	l.cpu = w.births().subtractedFrom(w.cores()).Times(1 / l.out).within(savingError)
	idle := p.Host.Cores(saturated-p.Host.Busy()) + w.cores()
	byMemory := l.threads / l.seconds
	l.possible = Interval{
		math.Min(byMemory, idle/math.Max(l.cpu.Value, 1e-6)),
		math.Min(byMemory, idle/math.Max(l.cpu.High, 1e-6)),
		math.Min(byMemory, idle/math.Max(l.cpu.Low, 1e-6)),
	}
	return l, true
}

func (w *crowd) finding(p *Pass) Finding {
	f := Finding{
		Subject:    w.label(),
		Confidence: Inferred,
		Delay: &Delay{
			JobHours: w.queue.Mean,
			Why:      fmt.Sprintf("%.0f jobs wait in %s on average for a worker that has no room", w.queue.Mean, w.queue.Name),
		},
		Location: Location{Function: w.label()},
		Evidence: w.evidence(p),
		Fix: "Run the jobs in threads, coroutines or goroutines of one process for each CPU instead of a process each. " +
			"Until then, start the workers by forking a parent that has loaded their code, so that they share its memory.",
		RefutedBy: []string{
			"a job itself takes most of its process's memory",
			"jobs take longer, each, as soon as more of them are in progress: what they wait for is full",
		},
		grade: SeverityMedium,
	}
	if w.queue.Growth > 0 {
		f.grade = SeverityHigh // without end
	}
	f.Message = fmt.Sprintf("No further worker fits: %d processes (%s) are in a job %s of the time, %s of %s is free of %s, and one takes %s. Meanwhile %.0f jobs wait in %s, %+.1f a second, and the CPUs are %s idle.",
		len(w.members), w.label(), Percent(w.busy.Value), megabytes(w.room.free), w.room.where, megabytes(w.room.size), megabytes(w.rss),
		w.queue.Last, w.queue.Name, w.queue.Growth, Percent(1-p.Host.Busy()))
	l, ok := w.plan(p)
	if !ok {
		return f
	}
	f.Message += fmt.Sprintf(" A job takes %.2f s, so %.0f at a time keep up with %.0f a second; in the same memory fit about %.0f threads or %.0f goroutines. With threads, memory and CPU allow some %.0f jobs a second.",
		l.seconds, l.needed, l.in, l.threads, l.goroutines, l.possible.Value)
	f.After = &l.possible
	f.Prediction = l.prediction(p, w)
	return f
}

// prediction is the host when all that comes in is done: busier than before.
func (l plan) prediction(p *Pass, w *crowd) *Prediction {
	rate := math.Min(l.in, l.possible.Value)
	busy := func(cpu float64) float64 {
		return math.Min(1, math.Max(0, p.Host.Busy()+(rate*cpu-w.cores())/float64(p.Host.CPUs)))
	}
	return &Prediction{Before: p.Host.Busy(), After: busy(l.cpu.Value), Low: busy(l.cpu.Low), High: busy(l.cpu.High)}
}

func (w *crowd) evidence(p *Pass) []Evidence {
	e := []Evidence{
		{What: "worker processes", Value: float64(len(w.members)), Unit: "processes", Limit: limit(p.Limit("workers")), Source: "process table"},
		{What: "workers seen in a job", Value: w.busy.Value, Unit: "of the times looked", Limit: limit(p.Limit("in-job")), Source: "process table: a child that is its parent's copy"},
		{What: "resident memory of a worker", Value: w.rss / 1e6, Unit: "MB", Source: "process table"},
		{What: "free of " + w.room.where, Value: w.room.free / 1e6, Unit: "MB", Limit: limit(p.Limit("room") * w.rss / 1e6), Source: "mean of the window, with what the kernel can take back"},
		{What: "all of " + w.room.where, Value: w.room.size / 1e6, Unit: "MB", Source: "its limit"},
		{What: "jobs waiting", Value: w.queue.Last, Unit: "jobs", Source: w.queue.Name},
		{What: "growth of that", Value: w.queue.Growth, Unit: "1/s", Source: w.queue.Name},
		{What: "host busy", Value: p.Host.Busy(), Unit: "of all CPUs", Limit: limit(p.Limit("busy")), Source: "/proc/stat"},
	}
	if w.jobs != nil {
		e = append(e,
			Evidence{What: w.jobs.What, Value: w.jobs.PerSecond.Value, Unit: "1/s", Source: w.jobs.Source},
			Evidence{What: "CPU of a job", Value: w.cores() / w.jobs.PerSecond.Value, Unit: "s", Source: "process table"})
	}
	return e
}

func megabytes(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/1e6) }
