package analyze

import (
	"fmt"
	"strings"
)

// A bench of levers: what people reach for in an incident, each answered by the
// figure that decides. Where that figure is missing the answer is unknown, and
// says what would tell.
var leverList = []struct {
	name   string
	answer func(*situation) (helps, why string)
}{
	{"bigger-instance", biggerInstance},
	{"more-instances", moreInstances},
	{"more-workers-on-this-host", moreWorkers},
	{"more-listeners", moreListeners},
	{"more-database-connections", moreConnections},
	{"GOMAXPROCS", goMaxProcs},
	{"GOGC/GOMEMLIMIT", goGC},
	{"GOAMD64=v3", amd64Level},
	{"PGO", profileGuided},
	{"caching", caching},
	{"batching", batching},
}

const (
	yes     = "yes"
	no      = "no"
	unknown = "unknown"
)

// A situation is what levers are judged by.
type situation struct {
	*Facts
	findings []Finding // heads and their kin, what is only suspected left out
	first    *Finding  // what wastes most CPU; nil if nothing does
	waiting  string    // the backlog in words, "" if there is none
}

// levers answers, for what people reach for in an incident, whether it would
// help. Without host evidence nothing is said.
func levers(f *Facts, findings []Finding) []Lever {
	if f.Host == nil {
		return nil
	}
	s := &situation{Facts: f, waiting: backlog(f.Queues)}
	for i := range findings {
		for _, g := range append([]Finding{findings[i]}, findings[i].Kin...) {
			if g.Confidence != Suspected {
				s.findings = append(s.findings, g)
			}
		}
	}
	for i := range s.findings {
		if w := s.findings[i].Waste.Cores; w > 0 && (s.first == nil || w > s.first.Waste.Cores) {
			s.first = &s.findings[i]
		}
	}
	var list []Lever
	for _, l := range leverList {
		helps, why := l.answer(s)
		list = append(list, Lever{l.name, helps, why})
	}
	return list
}

// firstOf is the finding of one of the given rules that wastes most.
func (s *situation) firstOf(rules ...string) *Finding {
	var best *Finding
	for i := range s.findings {
		f := &s.findings[i]
		for _, name := range rules {
			if f.Rule == name && (best == nil || f.Waste.Cores > best.Waste.Cores) {
				best = f
			}
		}
	}
	return best
}

// wasteful says that the machine is mostly busy with what it should not do.
func (s *situation) wasteful() bool {
	return s.first != nil && s.first.Waste.ShareOfHost >= mediumShare && s.first.Prediction != nil
}

// mostly is the part of the busy CPU from which on a profile tells what a machine
// does.
const mostly = 0.5

// profiled says whether it was seen what most of the busy CPU is used for. Where it
// was not, to have found no waste means nothing.
func (s *situation) profiled() bool {
	return s.have&SignalCPU != 0 && s.TargetCores >= mostly*s.Host.Cores(s.Host.Busy())
}

// unprofiled is why it is not known whether more CPU would help.
func (s *situation) unprofiled() string {
	return fmt.Sprintf("%s busy, and most of that was not profiled: whether it is waste is not known; name the service that it goes to", Percent(s.Host.Busy()))
}

// waitsForCPU is how many of the service's threads wait for a CPU, on average, from
// where on CPUs are what it lacks; below, full CPUs are full of others' work.
const waitsForCPU = 0.1

// others says that the CPUs are full, and not of what holds the service up.
func (s *situation) others() bool {
	return s.Host.Busy() >= saturated && s.Stalls != nil && s.Stalls.RunDelay < waitsForCPU
}

func biggerInstance(s *situation) (string, string) {
	busy := s.Host.Busy()
	switch {
	case s.wasteful():
		return no, fmt.Sprintf("%s takes %.2f of the %d cores here; without it this host is %s busy",
			s.first.Rule, s.first.Waste.Cores, s.Host.CPUs, Percent(s.first.Prediction.After))
	case s.Cgroup != nil && s.Cgroup.Quota > 0 && s.Cgroup.Throttled >= throttledShare:
		return no, fmt.Sprintf("the service is held at %.2g cores by its own limit; raise that", s.Cgroup.Quota)
	case s.firstOf("competing-process") != nil:
		return no, fmt.Sprintf("what is missing is taken by another process: %s", s.firstOf("competing-process").Subject)
	case s.firstOf("swap", "memory-bound-concurrency") != nil:
		return yes, "for its memory, not for its CPUs: " + s.firstOf("swap", "memory-bound-concurrency").Rule
	case s.firstOf("io-bound") != nil:
		return no, fmt.Sprintf("it waits for the disk; %s of the CPUs are idle or waiting", Percent(1-busy))
	case s.others():
		return no, fmt.Sprintf("%s busy, but not so that the service waits: %.2f of its threads want a CPU and have none", Percent(busy), s.Stalls.RunDelay)
	case s.Host.Steal >= stolen:
		return yes, fmt.Sprintf("%s of the CPU goes to neighbours; an instance with cores of its own has it", Percent(s.Host.Steal))
	case busy < saturated:
		return no, fmt.Sprintf("%s of the CPUs are idle or waiting", Percent(1-busy))
	case !s.profiled():
		return unknown, s.unprofiled()
	}
	return yes, fmt.Sprintf("%s busy and no waste found", Percent(busy))
}

func moreInstances(s *situation) (string, string) {
	busy := s.Host.Busy()
	switch {
	case s.wasteful():
		return no, fmt.Sprintf("each would waste as this one does: %s takes %s of it", s.first.Rule, Percent(s.first.Waste.ShareOfHost))
	case s.others() && s.waiting != "":
		return no, fmt.Sprintf("it is not for want of CPU that this one does not get to its work: %.2f of its threads wait for one; more work at a time here comes first", s.Stalls.RunDelay)
	case busy >= saturated && s.waiting != "" && !s.profiled():
		return unknown, s.unprofiled()
	case busy >= saturated && s.waiting != "":
		return yes, fmt.Sprintf("%s, and this host is %s busy with no waste found", s.waiting, Percent(busy))
	case busy < idleBelow && s.waiting != "":
		return no, fmt.Sprintf("%s of this one's CPUs are idle while work waits; more work at a time here comes first", Percent(s.Host.Idle))
	case s.waiting != "":
		return unknown, fmt.Sprintf("%s, and this one is %s busy; what the work waits for decides", s.waiting, Percent(busy))
	case len(s.Queues) == 0:
		return unknown, "no queue is known; name it (--nats, --redis)"
	}
	return no, fmt.Sprintf("no work waits that this one, %s busy, does not get to", Percent(busy))
}

func moreWorkers(s *situation) (string, string) {
	busy := s.Host.Busy()
	switch memory := s.firstOf("memory-bound-concurrency"); {
	case memory != nil:
		return no, memory.Message
	case busy >= saturated && !s.others():
		return no, fmt.Sprintf("the CPUs are %s busy already", Percent(busy))
	case s.waiting == "" && len(s.Queues) == 0:
		return unknown, "no queue is known; name it (--nats, --redis)"
	case s.waiting == "":
		return no, "no work waits in the queues that are known"
	case busy < idleBelow:
		return yes, fmt.Sprintf("%s while %s of the CPUs are idle, if what the workers call can take more", s.waiting, Percent(s.Host.Idle))
	}
	return unknown, fmt.Sprintf("%s, and %s of the CPUs are idle; what the work waits for decides", s.waiting, Percent(s.Host.Idle))
}

// moreListeners looks at the queue that most work comes in by.
func moreListeners(s *situation) (string, string) {
	var in *Queue
	for _, q := range s.Queues {
		if q.System == "jetstream" && (q.Delivered > 0 || q.Acked > 0) && (in == nil || q.In > in.In) {
			in = q
		}
	}
	switch {
	case in == nil:
		return unknown, "no broker's consumer was seen (--nats)"
	case in.MaxPending > 0 && in.AckPending >= in.MaxPending:
		return no, fmt.Sprintf("%s has %d messages unacknowledged, its MaxAckPending: raise that, or acknowledge sooner", in.Name, in.AckPending)
	case in.Last <= in.Delivered:
		return no, fmt.Sprintf("%s is read as fast as it fills: %.0f wait there, less than a second's deliveries", in.Name, in.Last)
	case s.Host.Busy() >= saturated:
		return no, fmt.Sprintf("the CPUs are %s busy already", Percent(s.Host.Busy()))
	}
	return unknown, fmt.Sprintf("%.0f wait in %s; what its readers wait for decides", in.Last, in.Name)
}

// moreConnections asks the goroutines: one that waits for a connection says that
// the pool is too small, or that connections are held for too long.
func moreConnections(s *situation) (string, string) {
	if s.Goroutines == nil {
		return unknown, "no goroutine samples: nothing tells whether anybody waits for a connection"
	}
	database := setOf(OpSQL, OpRedis)
	uses := s.Goroutines.where(func(d *Stand) bool { return d.Ops&database != 0 && len(d.Chain) > 0 })
	waits := s.Goroutines.where(func(d *Stand) bool { return d.Ops&database != 0 && d.Wait == WaitPool })
	switch {
	case waits >= 0.5 && waits >= uses/4:
		return yes, fmt.Sprintf("%.1f of %.1f goroutines in the database's client wait for a connection, if the database can take more", waits, uses)
	case uses > 0 || s.CPU != nil && s.CPU.Inclusive[OpSQL] > 0:
		return no, fmt.Sprintf("%.1f goroutines on average wait for a connection, %.1f for the database itself", waits, uses-waits)
	}
	return no, "no goroutine is in a database's client"
}

// goMaxProcs holds the number of threads that run Go code against the CPUs that
// they may use.
func goMaxProcs(s *situation) (string, string) {
	allowed := float64(s.Host.CPUs)
	limit := fmt.Sprintf("%d CPUs", s.Host.CPUs)
	if s.Cgroup != nil && s.Cgroup.Quota > 0 && s.Cgroup.Quota < allowed {
		allowed, limit = s.Cgroup.Quota, fmt.Sprintf("a limit of %.2g cores", s.Cgroup.Quota)
	}
	procs := 0.0
	for _, series := range s.Series {
		if series.Name == "go_sched_gomaxprocs_threads" {
			procs = series.Last
		}
	}
	if s.Build != nil && procs == 0 {
		procs = number(s.Build.Environment["GOMAXPROCS"])
	}
	switch {
	case procs == 0:
		return unknown, "its value is not known: neither a metric nor the environment tells"
	case procs < allowed-0.5 && s.TargetCores >= 0.85*procs:
		return yes, fmt.Sprintf("it is %.0f with %s, and the service uses all of it", procs, limit)
	case procs > allowed+1 && s.Cgroup != nil && s.Cgroup.Throttled >= throttledShare:
		return yes, fmt.Sprintf("it is %.0f with %s: lower it, the group is throttled in %s of periods", procs, limit, Percent(s.Cgroup.Throttled))
	}
	return no, fmt.Sprintf("it is %.0f with %s, and the service uses %.2f cores", procs, limit, s.TargetCores)
}

// goGC: what tuning the collector can free is at most what the collector takes.
func goGC(s *situation) (string, string) {
	if s.CPU == nil || s.CPU.enough() != nil {
		return unknown, "no CPU profile"
	}
	part := s.partOfBusy(s.CPU.where(isCollection)).Value
	if f := s.firstOf("gc-thrash"); f != nil {
		return yes, f.Message
	}
	if part < 0.05 {
		return no, fmt.Sprintf("collecting garbage takes %s of the service's CPU: that is all there is to win", Percent(part))
	}
	return unknown, fmt.Sprintf("collecting garbage takes %s; twice the memory (GOGC=200) halves it, if there is memory", Percent(part))
}

// cryptoShare is the share of CPU for which GOAMD64 and PGO were measured to
// change nothing.
func cryptoShare(s *situation) (float64, bool) {
	if s.CPU == nil || s.CPU.enough() != nil {
		return 0, false
	}
	in := &s.CPU.Inclusive
	return (in[OpSign] + in[OpVerify] + in[OpTLSHandshake] + in[OpHash]) / s.CPU.Seconds, true
}

// measuredNoEffect is the share from which cryptography decides.
const measuredNoEffect = 0.2

func amd64Level(s *situation) (string, string) {
	part, ok := cryptoShare(s)
	switch {
	case !ok:
		return unknown, "no CPU profile of a Go program"
	case s.Build != nil && (s.Build.Settings["GOAMD64"] == "v3" || s.Build.Settings["GOAMD64"] == "v4"):
		return no, "it is built so already"
	case part >= measuredNoEffect:
		return no, fmt.Sprintf("%s of the CPU is cryptography, whose assembly picks its instructions at run time: v3 and PGO changed it by nothing measurable (20 interleaved runs)", Percent(part))
	}
	return unknown, fmt.Sprintf("only %s of the CPU is code for which it was measured", Percent(part))
}

func profileGuided(s *situation) (string, string) {
	part, ok := cryptoShare(s)
	switch {
	case !ok:
		return unknown, "no CPU profile of a Go program"
	case s.Build != nil && s.Build.Settings["-pgo"] != "":
		return no, "it is built with a profile already"
	case part >= measuredNoEffect:
		return no, fmt.Sprintf("%s of the CPU is cryptography, on which it changed nothing measurable (20 interleaved runs)", Percent(part))
	}
	own := s.CPU.Exclusive[OpOwn] / s.CPU.busy()
	return unknown, fmt.Sprintf("%s of the CPU is own code, the part that inlining can reach; build with this profile and compare", Percent(own))
}

// caching and batching are answered by the rules that find their absence.
func caching(s *situation) (string, string) {
	return byRules(s, "nothing was found that is made anew for the same input",
		"key-parse-per-job", "compile-per-call", "handshake-per-job", "reconnect-per-job", "recompute")
}

func batching(s *situation) (string, string) {
	return byRules(s, "nothing was found that is done one by one and could be done together",
		"row-by-row-sql", "chatty-db", "channel-per-item", "small-io", "log-churn", "io-bound")
}

// byRules says yes where one of the rules found something, no where most of them
// looked.
func byRules(s *situation, clean string, rules ...string) (string, string) {
	if f := s.firstOf(rules...); f != nil {
		return yes, f.Rule + ": " + f.Subject
	}
	var blind []string
	for _, name := range rules {
		if r := FindRule(name); r != nil && r.Needs.missing(s.have) != "" {
			blind = append(blind, name)
		}
	}
	if 2*len(blind) > len(rules) {
		return unknown, "most rules that would tell could not look: " + strings.Join(blind, ", ")
	}
	return no, clean
}
