package analyze

import (
	"errors"
	"fmt"
	"math"
	"time"

	"busywork/profile"
	"busywork/profile/stacks"
)

// Facts is what one Capture means before anybody judges it: built once, shared
// by all rules, never changed by them. A part is nil where its evidence is
// missing.
type Facts struct {
	Capture *profile.Capture
	Gaps    []profile.Gap // the Capture's, and what analysis could not use

	CPU       *CPU
	Host      *Host
	Cgroup    *Cgroup
	Processes *Processes
	Target    *Proc // the target's process
	Series    []*Series
	Meanings  []Meaning
	Outcomes  []Outcome
	Queues    []*Queue
	Redis     *RedisUse
	NATS      *NATSUse
	Postgres  *PostgresUse
	IO        *IOUse         // of the target's process
	Done      *Throughput    // work brought to its end
	Requests  []Request      // HTTP requests that the target answers
	Build     *profile.Build // the target's
	Rates     []OperationRate

	Goroutines *Goroutines
	Stalls     *Stalls
	Peers      map[int]string // by pid, processes here that the target works with, and how that is known

	// TargetCores is the CPU of the target: by the kernel's account where it
	// can be had, else by the profile.
	TargetCores float64
	Verdict     Verdict
	Ledger      []LedgerRow

	have        Signal
	profileData []byte // what CPU was read from, as received
}

// NewFacts derives everything from a Capture.
func NewFacts(c *profile.Capture) *Facts {
	f := &Facts{
		Capture:   c,
		Gaps:      append([]profile.Gap(nil), c.Gaps...),
		Host:      newHost(c.Host),
		Cgroup:    newCgroup(c.Cgroups),
		Processes: newProcesses(c),
		Series:    newSeries(c.Counters),
		Queues:    newQueues(c),
		Redis:     newRedisUse(c.Redis),
		Stalls:    newStalls(c.Stalls),
		Peers:     peers(c.Peers),
		NATS:      newNATSUse(c.JetStream),
		Postgres:  newPostgresUse(c.Postgres),
		IO:        newIOUse(c.IO),
	}
	f.Target = f.Processes.pid(c.Target.PID)
	f.Meanings = meanings(f.Series)
	f.Outcomes = outcomes(f.Meanings)
	f.Requests = newRequests(f.Series)
	f.Done = newThroughput(f.Meanings, f.Series, f.Queues, f.Redis)
	f.readBuild()
	f.readCPU()
	f.Goroutines = newGoroutines(c.Goroutines, f.module())
	f.TargetCores = f.targetCores()
	f.Verdict = judgeHost(f.Host, f.Cgroup, f.treeCores(), backlog(f.Queues))
	f.Ledger = newLedger(f)
	f.have = f.signals()
	return f
}

func (f *Facts) readBuild() {
	for i := range f.Capture.Builds {
		if b := &f.Capture.Builds[i]; b.PID == f.Capture.Target.PID || f.Build == nil {
			f.Build = b
		}
	}
}

// readCPU aggregates the profile with the most samples. What cannot be read, or
// has too few samples, becomes a Gap.
func (f *Facts) readCPU() {
	for _, p := range f.Capture.Profiles {
		cpu, err := f.decode(p)
		if err != nil {
			f.gap("cpu-profile", p.Source, err)
			continue
		}
		if f.CPU == nil || cpu.Samples > f.CPU.Samples {
			f.CPU, f.profileData = cpu, p.Data
		}
	}
	if f.CPU == nil {
		return
	}
	if err := f.CPU.enough(); err != nil {
		f.gap("cpu-profile", "", err)
	}
	f.Rates = operationRates(f.CPU, f.Capture.Calibrations)
}

// decode aggregates one profile. Its bytes come from strangers: should one of
// them find a bug of ours, the rest of the evidence still speaks.
func (f *Facts) decode(p profile.CPUProfile) (_ *CPU, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			err = fmt.Errorf("internal error while reading it: %v", bug)
		}
	}()
	decoded, err := stacks.Decode(p.Data, stacks.Budget{})
	if err != nil {
		return nil, err
	}
	return newCPU(decoded, f.module(), f.Capture.Calibrations, profileSpan(p))
}

// module is the path of the target's main module, "" if unknown.
func (f *Facts) module() string {
	if f.Build == nil {
		return ""
	}
	return f.Build.Main
}

// profileSpan is the length that gathering measured, 0 if it did not.
func profileSpan(p profile.CPUProfile) float64 {
	if p.Start.IsZero() || !p.End.After(p.Start) {
		return 0
	}
	return p.End.Sub(p.Start).Seconds()
}

func (f *Facts) gap(signal, source string, err error) {
	reason := err.Error()
	if source != "" {
		reason = source + ": " + reason
	}
	hint := ""
	if _, few := errors.AsType[*InsufficientError](err); few {
		hint = "observe for longer (--seconds), or while the service has work"
	}
	f.Gaps = append(f.Gaps, profile.Gap{Signal: signal, Reason: reason, Hint: hint})
}

// targetCores prefers the kernel's account of the process to the profile's
// samples.
func (f *Facts) targetCores() float64 {
	switch {
	case f.Target != nil:
		return f.Target.CPU
	case f.CPU != nil && f.CPU.enough() == nil:
		return f.CPU.Cores
	}
	return 0
}

// treeCores is the CPU of the target with all that it has started: a worker that
// forks, or a supervisor, is its children.
func (f *Facts) treeCores() float64 {
	if f.Target != nil {
		return f.Processes.tree(f.Target)
	}
	return f.TargetCores
}

// cpus is how many CPUs shares are taken of: the host's, or, where it was not
// observed, as many as the target kept busy, so that a share is then one of the
// target.
func (f *Facts) cpus() float64 {
	switch {
	case f.Host != nil:
		return float64(f.Host.CPUs)
	case f.TargetCores > 0:
		return f.TargetCores
	}
	return 1
}

// cores turns CPU seconds of the profile into cores of the target, scaled to
// the kernel's account of it. The interval is the sampling error.
func (f *Facts) cores(seconds float64) Interval {
	total := f.TargetCores
	if total == 0 {
		total = f.CPU.Cores
	}
	return f.CPU.share(seconds).Times(total)
}

func (f *Facts) signals() Signal {
	var s Signal
	set := func(ok bool, bit Signal) {
		if ok {
			s |= bit
		}
	}
	set(f.CPU != nil && f.CPU.enough() == nil, SignalCPU)
	set(f.Host != nil, SignalHost)
	set(f.Processes != nil, SignalProcesses)
	set(len(f.Series) > 0, SignalCounters)
	set(len(f.Capture.JetStream) > 1, SignalJetStream)
	set(f.Redis != nil, SignalRedis)
	set(f.Postgres != nil, SignalPostgres)
	set(f.IO != nil, SignalIO)
	set(f.Goroutines != nil, SignalGoroutines)
	set(len(f.Queues) > 0, SignalQueues)
	set(f.Done != nil, SignalCompletions)
	set(f.Cgroup != nil, SignalCgroup)
	set(f.Build != nil, SignalBuild)
	return s
}

// An OperationRate is how often an operation must have run for the CPU that it
// took, by the unit cost that was measured on the same machine.
type OperationRate struct {
	Calibration *profile.Calibration
	Op          Operation
	unit        uint32 // the bit of Group.Units
	Seconds     float64
	PerSecond   Interval
}

// What a unit costs inside a service, as a multiple of what calibration measured
// beside it. Caches, and what the other half of the core does meanwhile, make a
// difference both ways: held against the CPU that the fixtures count inside, it
// lay between 0.72 and 1.63 in twelve recordings on two hyperthreads.
const (
	unitLeast = 0.65
	unitMost  = 1.75
)

// operationRates implies rates from the profile and the calibrations. Where
// several calibrations are of one function, as with key sizes, the one whose
// markers have the most samples counts; without a marker the size is unknown
// and nothing is implied.
func operationRates(c *CPU, list []profile.Calibration) []OperationRate {
	if c.Span <= 0 {
		return nil
	}
	marked := make([]float64, len(list))
	for i := range list[:min(len(list), 32)] {
		bit := uint32(1) << i
		marked[i] = c.where(func(g *Group) bool {
			return g.Units&bit != 0 && (len(list[i].Markers) == 0 || g.Markers&bit != 0)
		})
	}
	var rates []OperationRate
	for i := range list[:min(len(list), 32)] {
		if marked[i] == 0 || list[i].Unit <= 0 || beaten(i, list, marked) {
			continue
		}
		r := OperationRate{Calibration: &list[i], unit: 1 << i}
		r.Seconds = c.where(func(g *Group) bool { return g.Units&r.unit != 0 })
		r.Op = unitOperation(c, r.unit)
		r.PerSecond = r.of(c, r.Seconds)
		rates = append(rates, r)
	}
	return rates
}

// of is the rate that the given CPU seconds of the operation imply.
func (r *OperationRate) of(c *CPU, seconds float64) Interval {
	k := r.Calibration
	unit := Interval{k.Unit, math.Min(k.Low, unitLeast*k.Unit), math.Max(k.High, unitMost*k.Unit)}
	return quotient(c.share(seconds).Times(c.Seconds/c.Span), unit)
}

// beaten says whether another calibration of the same functions fits better.
func beaten(i int, list []profile.Calibration, marked []float64) bool {
	for j := range marked {
		if j != i && len(list[j].Functions) > 0 && list[j].Functions[0] == list[i].Functions[0] &&
			(marked[j] > marked[i] || marked[j] == marked[i] && j < i) {
			return true
		}
	}
	return false
}

// unitOperation is the operation that most of a unit's CPU was classified as.
func unitOperation(c *CPU, unit uint32) Operation {
	var by [operations]float64
	best := OpNone
	for i := range c.Groups {
		if g := &c.Groups[i]; g.Units&unit != 0 {
			by[g.Op] += g.Seconds
			if by[g.Op] > by[best] {
				best = g.Op
			}
		}
	}
	return best
}

// since is a time as seconds after the window's start.
func (f *Facts) since(t time.Time) float64 { return seconds(f.Capture.Window.Start, t) }

func plural(n float64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%.0f %s", n, many)
}
