package analyze

import (
	"fmt"
	"strings"
)

// IOBound finds a service that waits for its disk.
//
// Waiting for a disk shows as idle CPU: iowait is idle time in which a task of
// that CPU was waiting for a disk, so on a big machine one waiting thread is a
// small share, and on a busy one it does not show at all. The kernel's stall
// accounting (PSI) counts time in which anybody waited, on any machine. Neither
// says who. So a finding needs the target's own threads to stand in the kernel's
// uninterruptible sleep, and the goroutine samples say in which call: most often
// an fsync for each job, where one for a batch would make all of them as safe.
var IOBound = Rule{
	Name:  "io-bound",
	Title: "The service waits for its disk",
	Doc: `What it is: the service's threads stand still until a disk has answered, while
CPUs are idle: a sync to disk (fsync) for each job, a rename or a new file with its
folder's sync, reads of what does not fit into memory.

What it costs: each job lasts at least as long as the disk takes, however fast the
code is. With few workers the disk's answer time, and not its throughput, is the
limit: a bigger instance changes nothing.

How to fix it: one sync for a batch of jobs, acknowledged together (group commit):
as safe, and ten to a hundred times as many jobs a second. Keep files open; append
to one instead of making many. If each job must be synced by itself, let more of
them wait at the same time. For reads: keep what is read again and again in memory.
A disk with guaranteed throughput (provisioned IOPS) if its credit is spent.

When this rule is wrong: a service whose work is the disk (a database, a backup) is
bound by it as it should be. Without a queue that grows the finding is low.`,
	Needs: Signals{All: SignalHost},
	Limits: []Limit{
		{"iowait", 0.20, "of all CPU time", "one of two CPUs waits nearly half the time; Netdata warns at 40 % of one CPU"},
		{"pressure", 0.40, "of the window", "in which some task waited for a disk: on a machine of many CPUs iowait is small beside it"},
		{"high", 0.40, "of the window", "in which all tasks that were not idle waited for a disk: nothing else got done"},
		{"blocked", 0.30, "threads", "of the target that wait for a disk on average; less may be a log or a checkpoint"},
		{"busy", 0.85, "of the CPUs", "where the target's own waiting is not known: above it the CPUs are what the work waits for, and a faster disk makes them fuller"},
	},
	Explains: []string{"idle-with-backlog"},
	Check:    checkIOBound,
}

func checkIOBound(p *Pass) {
	h := p.Host
	pressure := h.Pressure["io"]
	switch {
	case h.IOWait < p.Limit("iowait") && pressure.Some < p.Limit("pressure"):
		p.Clean("iowait %s, somebody waited for a disk %s of the time", Percent(h.IOWait), Percent(pressure.Some))
		return
	case p.Stalls == nil && h.Busy() >= p.Limit("busy"):
		p.Clean("the CPUs are %s busy: they come first", Percent(h.Busy()))
		return
	case p.Stalls != nil && p.Stalls.RunDelay > p.Stalls.Blocked:
		p.Clean("the target waits more for a CPU (%.2f threads) than for a disk (%.2f)", p.Stalls.RunDelay, p.Stalls.Blocked)
		return
	case h.swaps():
		p.Clean("the disk is read and written for swap")
		return
	case p.Stalls != nil && p.Stalls.Blocked < p.Limit("blocked"):
		p.Clean("others wait for a disk: of the target, %.2f threads", p.Stalls.Blocked)
		return
	case len(p.Queues) > 0 && backlog(p.Queues) == "":
		p.Clean("the target waits for a disk, and keeps up: no work waits in the queues that are known")
		return
	}
	stand := p.fileStand()
	f := Finding{
		Subject:    "disk",
		Message:    ioSentence(p, stand),
		Confidence: Inferred,
		Location:   stand.location(),
		Evidence:   ioEvidence(p, stand),
		Fix:        ioFix(stand),
		RefutedBy: []string{
			"with the files in memory (tmpfs) as many jobs a second are done",
			"the threads that wait are not those that do jobs",
		},
		grade: ioGrade(p),
	}
	if p.Stalls == nil && stand == nil {
		f.Confidence = Suspected
		f.Settles = "who waits for the disk: run busywork on the target's machine as its user or root, or see which process is in state D (ps -eo stat,comm)"
	}
	f.Delay = ioDelay(p, stand)
	if p.Stalls != nil {
		f.Prediction = h.busier(p.moreForDemand(h.Cores(h.Idle + h.IOWait)))
	}
	p.Report(f)
}

// swaps says whether pages go to swap and come back from it, which is disk
// traffic that no service asked for.
func (h *Host) swaps() bool { return h.SwapIn >= swapPages && h.SwapOut >= swapPages }

// fileStand is where most goroutines stand in a system call on a file, nil if
// that was not seen. A sync to disk goes before any other call: nothing else that
// waits looks like it, while one who reads a pipe looks like one who reads a file.
func (f *Facts) fileStand() *Stand {
	if f.Goroutines == nil {
		return nil
	}
	var first *Stand
	for i := range f.Goroutines.Stands {
		s := &f.Goroutines.Stands[i]
		switch {
		case s.Wait != WaitSyscall || !isFileCall(s.Leaf):
		case s.isSync():
			return s
		case first == nil && !s.resident(f.Goroutines.Samples):
			first = s
		}
	}
	return first
}

// resident says that as many goroutines stood there in every sample: they wait
// for somebody, at a pipe or a terminal, and for no disk.
func (s *Stand) resident(samples int) bool { return s.Seen == samples && s.Mean == s.Max }

// isFileCall tells calls on files from the other ones that a goroutine may stand
// in: the end of a child process, a signal, a call on a socket.
func isFileCall(leaf string) bool {
	pkg, name := splitGoName(leaf)
	switch pkg {
	case "os":
		return !strings.HasPrefix(name, "(*Process)")
	case "net", "os/exec", "os/signal":
		return false
	}
	lower := strings.ToLower(name)
	for _, call := range []string{"sync", "read", "write", "open", "rename"} {
		if strings.Contains(lower, call) {
			return true
		}
	}
	return false
}

// isSync says whether a stand is a sync to disk.
func (s *Stand) isSync() bool { return s != nil && strings.Contains(strings.ToLower(s.Leaf), "sync") }

// location is where a stand's goroutines left the service's own code, empty where
// they never were in it, or where there is no such stand.
func (s *Stand) location() Location {
	if s == nil || len(s.Chain) == 0 {
		return Location{}
	}
	return Location{Function: s.Chain[0], File: s.File, Line: s.Line, Path: s.Chain}
}

// ioGrade: waiting for a disk matters where work piles up meanwhile.
func ioGrade(p *Pass) Severity {
	switch {
	case backlog(p.Queues) == "":
		return SeverityLow
	case p.Host.Pressure["io"].Full >= p.Limit("high"):
		return SeverityHigh
	}
	return SeverityMedium
}

func ioSentence(p *Pass, stand *Stand) string {
	text := fmt.Sprintf("The CPUs are %s busy, and %s of their time is waiting for a disk (iowait).", Percent(p.Host.Busy()), Percent(p.Host.IOWait))
	if p.Stalls != nil {
		text = fmt.Sprintf("On average %.1f of the service's threads wait for a disk, while the CPUs are %s busy (iowait %s).",
			p.Stalls.Blocked, Percent(p.Host.Busy()), Percent(p.Host.IOWait))
	}
	if stand != nil {
		text += fmt.Sprintf(" They stand in %s", short(stand.Leaf))
		if len(stand.Chain) > 0 {
			text += ", called by " + short(stand.Chain[0])
		}
		text += "."
	}
	if waiting := backlog(p.Queues); waiting != "" {
		text += " Meanwhile " + waiting + "."
	}
	return text
}

func ioEvidence(p *Pass, stand *Stand) []Evidence {
	h := p.Host
	e := []Evidence{{What: "iowait", Value: h.IOWait, Unit: "fraction of all CPU time", Limit: limit(p.Limit("iowait")), Source: "/proc/stat"}}
	if pressure, ok := h.Pressure["io"]; ok {
		e = append(e,
			Evidence{What: "some task waited for a disk", Value: pressure.Some, Unit: "fraction of the window", Limit: limit(p.Limit("pressure")), Source: "/proc/pressure/io"},
			Evidence{What: "all tasks that were not idle did", Value: pressure.Full, Unit: "fraction of the window", Limit: limit(p.Limit("high")), Source: "/proc/pressure/io"})
	}
	if s := p.Stalls; s != nil {
		e = append(e, Evidence{What: "threads of the target that wait for a disk", Value: s.Blocked, Unit: "threads", Limit: limit(p.Limit("blocked")), Source: fmt.Sprintf("state D in %d looks at its threads", s.Looks)})
	}
	if stand != nil {
		e = append(e, Evidence{What: "goroutines in " + short(stand.Leaf), Value: stand.Mean, Unit: "goroutines", Source: "goroutine samples"})
	}
	if p.Done != nil && p.Stalls != nil {
		e = append(e, Evidence{What: "time that a job waits for a disk", Value: 1000 * p.Stalls.Blocked / p.Done.PerSecond.Value, Unit: "ms", Source: "threads that wait by " + p.Done.What + " a second"})
	}
	return append(e, Evidence{What: "busy", Value: h.Busy(), Unit: "fraction of all CPU time", Limit: limit(p.Limit("busy")), Source: "/proc/stat"})
}

func ioFix(stand *Stand) string {
	if stand.isSync() {
		return "Sync once for a batch of jobs and acknowledge them together (group commit), keep the file open, or let more jobs wait for the disk at the same time."
	}
	return "Ask the disk less often: batch writes into one sync, append to one open file instead of making many, and keep in memory what is read again and again."
}

// ioDelay counts threads that wait for a disk: each has a job in hand. What
// waits in a queue behind them counts as well: nothing else is scarce.
func ioDelay(p *Pass, stand *Stand) *Delay {
	n := p.Host.Pressure["io"].Some
	switch {
	case p.Stalls != nil:
		n = p.Stalls.Blocked
	case stand != nil:
		n = stand.Mean
	}
	d := &Delay{JobHours: n, Why: fmt.Sprintf("%.1f jobs in hand wait for a disk, on average", n)}
	if q := deepestBacklog(p.Queues); q != nil {
		d.JobHours += q.Mean
		d.Why += fmt.Sprintf(", and %.0f wait behind them in %s", q.Mean, q.Name)
	}
	return d
}
