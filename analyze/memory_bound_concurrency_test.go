package analyze

import (
	"strings"
	"testing"

	"busywork/profile"
)

// crowded is five workers that fork for jobs which wait, in a control group.
type crowded struct {
	busy      float64 // of the host
	in, out   float64 // jobs a second
	free      uint64  // bytes of the control group
	idleFiles uint64  // bytes that the kernel could take back, part of what is used
	threads   int     // of a worker
	inJob     float64 // share of looks at which a worker has a child
	pool      bool    // the children live for ever
}

// full is the incident as it was measured: a job waits 0.4 s.
var full = crowded{busy: 0.2, in: 55, out: 12, free: 10e6, threads: 2, inJob: 1}

const crowdedWorkers = 5

func (w crowded) capture(t *testing.T) *profile.Capture {
	t.Helper()
	c := newCapture(t, w.busy, 0)
	c.Target.PID = 50
	redisJobs(c, w.in, w.out, 0)
	command := strings.Fields(exampleWorker)
	for i := range c.Processes {
		at := float64(i)
		c.Cgroups = append(c.Cgroups, profile.CgroupSample{At: after(at), Version: 1, MemoryMax: 140e6, MemoryCurrent: 140e6 - w.free, MemoryIdle: w.idleFiles})
		c.Host[i].MemTotal, c.Host[i].MemAvailable = 4e9, 3e9
		sweep := &c.Processes[i]
		for k := range crowdedWorkers {
			member := profile.ProcessKey{PID: 50 + k, Start: 1}
			sweep.Changed = append(sweep.Changed, profile.Process{
				ProcessKey: member, RSS: 30e6, Threads: w.threads, State: "S",
				User: 0.003 * at, System: 0.003 * at, ChildUser: 0.024 * at, ChildSystem: 0.018 * at, ChildFaults: uint64(4400 * at),
			})
			if i == 0 {
				c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: member, PPID: 1, Name: "worker", Command: command})
			}
			w.child(c, sweep, i, k, command)
		}
	}
	return c
}

// child gives a worker a new child at a sweep, and takes the one before away.
func (w crowded) child(c *profile.Capture, sweep *profile.ProcessSample, i, k int, command []string) {
	key := func(i int) profile.ProcessKey {
		if w.pool {
			i = 0
		}
		return profile.ProcessKey{PID: 1000 + 100*k + i, Start: float64(100 + i)}
	}
	if w.pool && i > 0 {
		return
	}
	has := func(i int) bool { return float64((i*7+k*3)%10) < 10*w.inJob }
	if !w.pool && i > 0 && has(i-1) {
		sweep.Gone = append(sweep.Gone, key(i-1))
	}
	if has(i) {
		sweep.Changed = append(sweep.Changed, profile.Process{ProcessKey: key(i), RSS: 20e6, Threads: 1, State: "S"})
		c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key(i), PPID: 50 + k, Name: "worker", Command: command})
	}
}

func TestMemoryBoundConcurrencyNearMisses(t *testing.T) {
	for name, change := range map[string]func(w *crowded){
		"room for another":                    func(w *crowded) { w.free = 40e6 },
		"room that files take until needed":   func(w *crowded) { w.idleFiles = 30e6 },
		"no backlog":                          func(w *crowded) { w.in = 12 },
		"a backlog that gets less":            func(w *crowded) { w.in = 2 },
		"the CPUs are busy":                   func(w *crowded) { w.busy = 0.8 },
		"workers that are often not in a job": func(w *crowded) { w.inJob = 0.4 },
		"workers that do not fork":            func(w *crowded) { w.inJob = 0 },
		"a pool of processes, maybe idle":     func(w *crowded) { w.pool = true },
		"processes with many threads":         func(w *crowded) { w.threads = 30 },
	} {
		t.Run(name, func(t *testing.T) {
			w := full
			change(&w)
			if f, status := found(t, w.capture(t), &MemoryBoundConcurrency); f != nil {
				t.Errorf("accused: %s", f.Message)
			} else if status.Status != "clean" || status.Reason == "" {
				t.Errorf("%+v", status)
			}
		})
	}
}

func TestMemoryBoundConcurrency(t *testing.T) {
	f, status := found(t, full.capture(t), &MemoryBoundConcurrency)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Inferred || f.Severity != SeverityHigh || f.Waste.Cores != 0 || f.Delay == nil || f.Delay.JobHours < 200 {
		t.Errorf("%s %s %+v %+v", f.Confidence, f.Severity, f.Waste, f.Delay)
	}
	for _, want := range []string{"5 processes", "10 MB", "A job takes 0.42 s", "23 at a time keep up with 55 a second", "threads"} {
		if !strings.Contains(f.Message, want) {
			t.Errorf("no %q in %s", want, f.Message)
		}
	}
	if f.After == nil || f.After.Value < 55 || f.After.Low > f.After.Value || f.After.High < f.After.Value {
		t.Errorf("after the fix: %+v", f.After)
	}
	if p := f.Prediction; p == nil || p.Low > p.After || p.After > p.High {
		t.Errorf("%+v", p)
	}
}

// The machine's own memory limits as a control group does.
func TestMemoryBoundByTheMachine(t *testing.T) {
	c := full.capture(t)
	c.Cgroups = nil
	for i := range c.Host {
		c.Host[i].MemTotal, c.Host[i].MemAvailable = 160e6, 10e6
	}
	if f, status := found(t, c, &MemoryBoundConcurrency); f == nil || !strings.Contains(f.Message, "the machine's memory") {
		t.Fatal(f, status)
	}
}
