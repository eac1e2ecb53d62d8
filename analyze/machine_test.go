package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

// What the rules about the machine need of a synthetic capture, each in a line.

// machine changes what grew at the host at the given time: shares are of both
// CPUs, pressure of the time.
func machine(c *profile.Capture, change func(at float64, s *profile.HostSample)) {
	for i := range c.Host {
		change(float64(i), &c.Host[i])
	}
}

// spent moves a share of both CPUs' time from idle to another mode.
func spent(c *profile.Capture, share float64, to func(*profile.CPUTimes) *float64) {
	machine(c, func(at float64, s *profile.HostSample) {
		*to(&s.CPU) += 2 * share * at
		s.CPU.Idle -= 2 * share * at
	})
}

func toIOWait(t *profile.CPUTimes) *float64 { return &t.IOWait }
func toSteal(t *profile.CPUTimes) *float64  { return &t.Steal }
func toNice(t *profile.CPUTimes) *float64   { return &t.Nice }

// pressed adds stall information: some tasks waited that share of the time.
func pressed(c *profile.Capture, resource string, some, full float64) {
	machine(c, func(at float64, s *profile.HostSample) {
		if s.Pressure == nil {
			s.Pressure = map[string]profile.Pressure{}
		}
		s.Pressure[resource] = profile.Pressure{Some: some * at, Full: full * at}
	})
}

// stalled says how the target's threads waited: runnable without a CPU, faults
// a second, and blocked.
func stalled(c *profile.Capture, delay, faults float64, blocked int) {
	key := profile.ProcessKey{PID: 100, Start: 1}
	for i := range window + 1 {
		at := float64(i)
		c.Stalls = append(c.Stalls, profile.StallSample{At: after(at), ProcessKey: key,
			RunDelay: delay * at, MajorFaults: uint64(faults * at), Blocked: blocked, Threads: 8})
	}
}

// queued adds a consumer with a queue that grows at a rate from a depth, at 100
// messages done a second.
func queued(c *profile.Capture, depth, growth float64) {
	for i := range window + 1 {
		at := float64(i)
		done, waiting := 100*at, depth+growth*at
		c.JetStream = append(c.JetStream, profile.JetStreamSample{
			At:      after(at),
			Streams: []profile.JetStreamStream{{Name: "JOBS", LastSeq: uint64(done + waiting)}},
			Consumers: []profile.JetStreamConsumer{{Stream: "JOBS", Name: "worker",
				Delivered: uint64(done), DeliveredStream: uint64(done), AckFloorStream: uint64(done), Pending: uint64(waiting)}},
		})
	}
}

// limited puts the target under a CPU quota: it uses so many cores, is stopped
// in so large a share of the periods, and held back for so many CPUs.
func limited(c *profile.Capture, quota, used, throttled, held float64) {
	for i := range window + 1 {
		at := float64(i)
		c.Cgroups = append(c.Cgroups, profile.CgroupSample{At: after(at), Path: "/svc", Version: 2, QuotaCores: quota,
			Usage: used * at, Periods: uint64(10 * at), Throttled: uint64(math.Round(10 * at * throttled)), ThrottledFor: held * at})
	}
}

// beside adds another process that uses so many cores.
func beside(c *profile.Capture, pid, parent int, cores float64, name string, command ...string) {
	key := profile.ProcessKey{PID: pid, Start: 2}
	c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key, PPID: parent, Name: name, Command: command, Exe: "/usr/bin/" + name})
	for i := range c.Processes {
		c.Processes[i].Changed = append(c.Processes[i].Changed, profile.Process{ProcessKey: key, User: cores * float64(i)})
	}
}

// accused fails unless the rule found something of that grade and confidence.
func accused(t *testing.T, c *profile.Capture, rule *Rule, grade Severity, sure Confidence) *Finding {
	t.Helper()
	f, status := found(t, c, rule)
	if f == nil {
		t.Fatalf("%s: %s %s", rule.Name, status.Status, status.Reason)
	}
	if f.Severity != grade || f.Confidence != sure {
		t.Errorf("%s, %s: %s", f.Severity, f.Confidence, f.Message)
	}
	if f.Waste.Cores != 0 || f.Delay == nil || f.Delay.JobHours <= 0 {
		t.Errorf("waste %v, delay %+v: what waits is no CPU", f.Waste, f.Delay)
	}
	if p := f.Prediction; p != nil && (p.Low > p.After || p.After > p.High || p.High > 1) {
		t.Errorf("prediction %+v", p)
	}
	return f
}

// spared fails if the rule found anything.
func spared(t *testing.T, c *profile.Capture, rule *Rule) {
	t.Helper()
	if f, _ := found(t, c, rule); f != nil {
		t.Errorf("accused: %s", f.Message)
	}
}

func TestHostFigures(t *testing.T) {
	c := newCapture(t, 0.5, 0.5)
	machine(c, func(at float64, s *profile.HostSample) {
		s.PerCPU = []profile.CPUTimes{{User: 0.9 * at, Idle: 0.1 * at}, {User: 0.1 * at, Idle: 0.9 * at}}
		s.Running, s.Blocked = 4, 1
		s.MemTotal, s.MemAvailable = 1000, 500-uint64(at)
		s.SwapTotal, s.SwapFree = 300, 200
		s.SwapIn, s.SwapOut = uint64(50*at), uint64(70*at)
	})
	pressed(c, "io", 0.25, 0.125)
	spent(c, 0.1, toNice)
	h := NewFacts(c).Host
	for what, pair := range map[string][2]float64{
		"busiest CPU": {h.MaxCPU, 0.9}, "running": {h.Running, 3}, "blocked": {h.Blocked, 1}, "nice": {h.Nice, 0.1}, "user": {h.User, 0.6},
		"available": {float64(h.MemAvailable), 490}, "swapped": {float64(h.SwapUsed), 100}, "in": {h.SwapIn, 50}, "out": {h.SwapOut, 70},
		"pressure": {h.Pressure["io"].Some, 0.25}, "full pressure": {h.Pressure["io"].Full, 0.125},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
	if _, ok := h.Pressure["cpu"]; ok {
		t.Error("pressure that nobody told of")
	}
}

// A target that was restarted inside the window has waited an unknown time.
func TestStallsOfTwoProcesses(t *testing.T) {
	c := newCapture(t, 0.5, 0.5)
	stalled(c, 0.5, 0, 0)
	c.Stalls[len(c.Stalls)-1].Start = 7
	if s := NewFacts(c).Stalls; s != nil {
		t.Errorf("%+v", s)
	}
}

func TestDemand(t *testing.T) {
	c := newCapture(t, 0.5, 0.5)
	queued(c, 500, 50)
	f := NewFacts(c)
	if factor, ok := f.demand(); !ok || math.Abs(factor-1.5) > 0.01 {
		t.Errorf("150 arrive for 100 that are done: %v %v", factor, ok)
	}
	if more := f.moreForDemand(1); math.Abs(more.Value-0.25) > 0.01 || more.Low > more.Value || more.High < more.Value {
		t.Errorf("half as much again of 0.5 cores: %+v", more)
	}
	if factor, ok := NewFacts(newCapture(t, 0.5, 0.5)).demand(); ok || factor != 1 {
		t.Errorf("nobody counts: %v %v", factor, ok)
	}
}

func TestGoMinor(t *testing.T) {
	for version, want := range map[string]int{"go1.24.3": 24, "go1.25": 25, "go1.24rc1": 24, "devel +abc": -1, "go2.0": -1, "": -1} {
		if got, ok := goMinor(version); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d %v", version, got, ok)
		}
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in %s", p, text)
		}
	}
}
