package analyze

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"busywork/profile"
)

// CompetingProcess finds another program that takes the CPUs from the service.
//
// A full machine is no proof that anybody is held up, and a busy neighbour is no
// proof that it is the one who does it: it may run only where nobody else wants
// to (nice). The kernel counts for each thread how long it could have run and had
// no CPU. So both are asked of it: whether the service's own threads waited, and
// who had the CPUs meanwhile. At each moment a stranger on one CPU keeps at most
// one thread waiting, so what it took is a bound on what it is to blame for.
//
// What the service works with is no stranger: its children, its database, its
// broker and whoever else is connected to that, another copy of itself.
var CompetingProcess = Rule{
	Name:  "competing-process",
	Title: "Another process takes the CPUs that the service wants",
	Doc: `What it is: a program that has nothing to do with the service (a backup that
compresses, a report, an indexer, a virus scanner, somebody's build) runs on the
same CPUs, and the service's threads wait for one.

What it costs: each CPU-second of the service takes longer. Nothing in its own
profile shows it, which counts only what ran.

How to fix it: run it at another time or on another machine; or keep it from
competing: nice -n 19 (or CPUWeight= of its systemd unit, a lower cpu.weight of its
group), so that it gets what the service leaves, or CPUs of its own (taskset,
cpuset).

When this rule is wrong: the other program may be what the machine is for. What a
service reaches over a Unix socket or in another container is not known to belong to
it, unless it is a database or a broker by its name.`,
	Needs: Signals{All: SignalHost | SignalProcesses},
	Limits: []Limit{
		{"competing", 0.40, "of all CPU time", "used by strangers; JDK Mission Control warns of competing CPU from the same share"},
		{"one", 0.20, "of all CPU time", "used by the one that is named: many small ones are a machine with many tasks"},
		{"busy", 0.85, "of the CPUs", "below it there was nearly always a free CPU to go to"},
		{"waited", 0.20, "of the CPU time that the target wanted", "a job then takes a quarter longer; for less nobody stops a backup"},
		{"high", 0.40, "of the CPU time that the target wanted", "jobs take two thirds longer"},
		{"pressure", 0.40, "of the window", "in which some task waited for a CPU, where the target's own waiting is not known"},
	},
	Check: checkCompetingProcess,
}

// A stranger is all processes of one name that have nothing to do with the
// target.
type stranger struct {
	label string
	n     int
	pid   int     // of the one with most CPU
	cores float64 // with the CPU of its children that ended
	most  float64
}

func checkCompetingProcess(p *Pass) {
	h := p.Host
	if p.Target == nil {
		p.Clean("no target process to hold up")
		return
	}
	list := p.strangers()
	total := 0.0
	for _, s := range list {
		total += s.cores
	}
	share := total / float64(h.CPUs)
	if len(list) == 0 || share < p.Limit("competing") || list[0].cores/float64(h.CPUs) < p.Limit("one") {
		p.Clean("processes that do not belong to the target used %s of the CPUs", Percent(share))
		return
	}
	if h.Busy() < p.Limit("busy") {
		p.Clean("%s uses %.2f cores, but the CPUs are only %s busy", list[0].label, list[0].cores, Percent(h.Busy()))
		return
	}
	waits, ok := p.heldUpBy(total)
	if !ok {
		p.Clean("%s uses %.2f cores, but the target hardly waits for a CPU", list[0].label, list[0].cores)
		return
	}
	p.Report(competingFinding(p, list[0], total, waits))
}

// A heldUp is how the target was kept from the CPUs.
type heldUp struct {
	threads  float64 // that could run and had none, as far as strangers can be to blame; a mean
	part     float64 // of the CPU time that the target wanted
	measured bool    // by the kernel for the target itself
}

// heldUpBy says whether the target waits for CPUs that strangers use so many
// cores of. Where nobody counted how long its threads waited, a queue that grows
// while the machine's tasks wait for CPUs must do.
func (p *Pass) heldUpBy(cores float64) (heldUp, bool) {
	own := p.treeCores()
	if s := p.Stalls; s != nil {
		w := heldUp{threads: math.Min(s.RunDelay, cores), measured: true}
		if w.threads > 0 {
			w.part = w.threads / (w.threads + own)
		}
		return w, w.part >= p.Limit("waited") && w.threads >= nothing
	}
	h := p.Host
	waiting := math.Max(0, h.Running-float64(h.CPUs))
	fair := h.Cores(h.Nice) < cores/2 // else it runs where nobody wants to
	return heldUp{threads: math.Min(waiting, cores)}, fair && waiting > 0 && backlog(p.Queues) != "" && h.Pressure["cpu"].Some >= p.Limit("pressure")
}

// strangers are the processes that the target does not work with, by name, most
// CPU first. Threads of the kernel are none: they work for whoever asked.
func (f *Facts) strangers() []*stranger {
	family := f.family()
	byLabel := map[string]*stranger{}
	var list []*stranger
	for _, q := range f.Processes.List {
		if q.Gone || family[q] || f.belongs(q) {
			continue
		}
		cores := q.CPU + q.Dead
		if cores <= 0 {
			continue
		}
		label := q.label()
		s := byLabel[label]
		if s == nil {
			s = &stranger{label: label}
			byLabel[label] = s
			list = append(list, s)
		}
		s.n++
		s.cores += cores
		if cores > s.most {
			s.most, s.pid = cores, q.PID
		}
	}
	slices.SortFunc(list, func(a, b *stranger) int {
		switch {
		case a.cores != b.cores && a.cores > b.cores:
			return -1
		case a.cores != b.cores:
			return 1
		}
		return strings.Compare(a.label, b.label)
	})
	return list
}

// kthreadd is the pid of the parent of all kernel threads.
const kthreadd = 2

// belongs says whether a process outside the target's family is part of what it
// works with, or of what observes it.
func (f *Facts) belongs(q *Proc) bool {
	_, peer := f.Peers[q.PID]
	redis := f.Redis != nil && f.Redis.PID == q.PID
	kernel := q.PID == kthreadd || q.PPID == kthreadd && len(q.Command) == 0
	twin := q.label() == f.Target.label() || q.Exe != "" && q.Exe == f.Target.Exe && q.Name == f.Target.Name
	return peer || redis || kernel || twin || q.Name == "busywork" || profile.BrokerKind(q.Name, q.Command) != ""
}

// family is the target, its ancestors and all that they have in common: its
// descendants, and other copies that its parent has started of it. A sibling
// that runs another program is none.
func (f *Facts) family() map[*Proc]bool {
	family := map[*Proc]bool{}
	for q := f.Target; q != nil && !family[q]; q = f.Processes.pid(q.PPID) {
		family[q] = true
	}
	for list := []*Proc{f.Target}; len(list) > 0; list = list[1:] {
		for _, child := range f.Processes.children(list[0]) {
			if !family[child] {
				family[child] = true
				list = append(list, child)
			}
		}
	}
	return family
}

func (s *stranger) String() string {
	if s.n > 1 {
		return fmt.Sprintf("%s ×%d", s.label, s.n)
	}
	return fmt.Sprintf("%s (pid %d)", s.label, s.pid)
}

func competingFinding(p *Pass, worst *stranger, total float64, w heldUp) Finding {
	more := p.moreForDemand(w.threads)
	gone := Interval{total, total * (1 - savingError), total * (1 + savingError)}
	return Finding{
		Subject:    worst.label,
		Message:    competingSentence(p, worst, w),
		Confidence: Inferred,
		Delay:      competingDelay(p, w),
		Location:   Location{Function: worst.label},
		Evidence:   competingEvidence(p, worst, total, w),
		Fix: fmt.Sprintf("Run %s at another time or on another machine, or let it have only what the service leaves: nice -n 19, a low CPUWeight= of its systemd unit, or CPUs of its own.",
			worst.label),
		RefutedBy: []string{
			fmt.Sprintf("with %s stopped or niced, the service's threads wait as long for a CPU as before", worst.label),
			"it is part of what the service needs for its work",
		},
		Prediction: p.Host.busier(Interval{more.Value - gone.Value, more.Low - gone.High, more.High - gone.Low}),
		grade:      competingGrade(p, w),
	}
}

// competingGrade: being late matters most where work piles up, and little where
// the service keeps up all the same.
func competingGrade(p *Pass, w heldUp) Severity {
	switch {
	case backlog(p.Queues) != "":
		return SeverityHigh
	case w.part >= p.Limit("high"):
		return SeverityMedium
	}
	return SeverityLow
}

func competingSentence(p *Pass, worst *stranger, w heldUp) string {
	text := fmt.Sprintf("%s uses %.2f of the %d CPUs", worst, worst.cores, p.Host.CPUs)
	if w.measured {
		text += fmt.Sprintf(", and the service's threads wait %s of the time that they could run (%.2f threads on average).", Percent(w.part), w.threads)
	} else {
		text += fmt.Sprintf(", and tasks wait for a CPU %s of the time.", Percent(p.Host.Pressure["cpu"].Some))
	}
	if waiting := backlog(p.Queues); waiting != "" {
		text += " Meanwhile " + waiting + "."
	}
	return text
}

func competingEvidence(p *Pass, worst *stranger, total float64, w heldUp) []Evidence {
	h := p.Host
	e := []Evidence{
		{What: "CPU of " + worst.String(), Value: worst.cores, Unit: "cores", Limit: limit(h.Cores(p.Limit("one"))), Source: "CPU times of its processes"},
		{What: "CPU of all that do not belong to the target", Value: total / float64(h.CPUs), Unit: "fraction of all CPU time", Limit: limit(p.Limit("competing")), Source: "CPU times of all processes"},
		{What: "CPU of the target", Value: p.treeCores(), Unit: "cores", Source: "CPU times of its processes"},
		{What: "busy", Value: h.Busy(), Unit: "fraction of all CPU time", Limit: limit(p.Limit("busy")), Source: "/proc/stat"},
	}
	if w.measured {
		e = append(e, Evidence{What: "CPU time that the target wanted and had to wait for", Value: w.part, Unit: "fraction", Limit: limit(p.Limit("waited")), Source: "schedstat of its threads, at most what the others used"})
	}
	if pressure, ok := h.Pressure["cpu"]; ok {
		e = append(e, Evidence{What: "some task waited for a CPU", Value: pressure.Some, Unit: "fraction of the window", Limit: limit(p.Limit("pressure")), Source: "/proc/pressure/cpu"})
	}
	return append(e, Evidence{What: "tasks that run or could", Value: h.Running, Unit: "tasks", Limit: limit(float64(h.CPUs)), Source: "/proc/stat"})
}

// competingDelay counts the target's threads that wait for a CPU: each has a job
// in hand. A queue that grows meanwhile waits for the same.
func competingDelay(p *Pass, w heldUp) *Delay {
	d := &Delay{JobHours: w.threads, Why: fmt.Sprintf("%.2f threads of the service wait for a CPU, on average", w.threads)}
	if q := deepestBacklog(p.Queues); q != nil {
		d.JobHours += q.Mean
		d.Why += fmt.Sprintf(", and %.0f jobs wait behind them in %s", q.Mean, q.Name)
	}
	return d
}
