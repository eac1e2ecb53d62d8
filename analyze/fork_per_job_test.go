package analyze

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

// forkedWorker is a worker and the children that it forks, one after another.
type forkedWorker struct {
	command   []string
	child     []string // command of a child; nil for the worker's own
	perSecond float64  // forks
	seen      float64  // share of the births that polling saw
	own       float64  // cores of the worker, a third of it in the kernel
	user, sys float64  // CPU seconds of a child
	faults    float64  // pages for each fork
	hostForks float64  // of the whole host a second; 0 for the same as perSecond
}

const exampleWorker = "python3 /usr/bin/tasks worker mail"

func (w forkedWorker) capture(t *testing.T) *profile.Capture {
	t.Helper()
	c := newCapture(t, 0.4, 0)
	c.Target.PID = 50
	key := profile.ProcessKey{PID: 50, Start: 1}
	exe := "/usr/bin/python3.11"
	if len(w.command) == 0 {
		w.command = strings.Fields(exampleWorker)
	}
	if w.child == nil {
		w.child = w.command
	}
	if w.command[0] == "/bin/bash" {
		exe = "/usr/bin/bash"
	}
	if w.hostForks == 0 {
		w.hostForks = w.perSecond
	}
	c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key, PPID: 1, Name: "worker", Command: w.command, Exe: exe})
	for i := range c.Processes {
		n := w.perSecond * float64(i)
		c.Processes[i].Changed = append(c.Processes[i].Changed, profile.Process{
			ProcessKey: key, RSS: 30e6, Threads: 2,
			User: w.own * 2 / 3 * float64(i), System: w.own / 3 * float64(i),
			ChildUser: w.user * n, ChildSystem: w.sys * n, ChildFaults: uint64(w.faults * n),
		})
	}
	for i := range c.Host {
		c.Host[i].Forks = uint64(1000 + w.hostForks*float64(i))
	}
	for i := range int(w.perSecond * w.seen * window) {
		at := after(float64(i) / (w.perSecond * w.seen))
		c.Births = append(c.Births, profile.Birth{At: at, LastSeen: at, Exited: true,
			ProcessIdentity: profile.ProcessIdentity{
				ProcessKey: profile.ProcessKey{PID: 1000 + i, Start: float64(100 + i)}, PPID: 50, Name: "worker", Command: w.child, Exe: exe,
			}})
	}
	return c
}

// A build is its own copy from each fork to the exec, and some are seen then.
func TestForkPerJobIsNoBuild(t *testing.T) {
	c := small.capture(t)
	for i := range c.Births {
		if i%3 > 0 {
			c.Births[i].Command, c.Births[i].Exe = strings.Fields(fmt.Sprintf("cc -c file%d.c", i)), "/usr/bin/cc"
		}
	}
	redisJobs(c, 45, 45, 0)
	if f, _ := found(t, c, &ForkPerJob); f != nil {
		t.Error(f.Message)
	}
}

// redisJobs adds a queue in Redis: what was pushed and popped a second, and how
// many connections it took.
func redisJobs(c *profile.Capture, pushed, popped, connections float64) {
	for i := range window + 1 {
		at := float64(i)
		c.Redis = append(c.Redis, profile.RedisSample{
			At: after(at), Server: "redis://cache:6379",
			Info: map[string]string{"uptime_in_seconds": fmt.Sprint(1000 + i), "total_connections_received": fmt.Sprint(500 + connections*at)},
			Commands: map[string]profile.RedisCommand{
				"rpush": {Calls: uint64(100 + pushed*at), Micros: uint64(100 + pushed*at)},
				"blpop": {Calls: uint64(100 + popped*at), Micros: uint64(100 + popped*at)},
			},
			Keys: []profile.RedisKey{{Key: "queue:mail", Type: "list", Depth: int64(5 + (pushed-popped)*at)}},
		})
	}
}

// small is the incident as it was measured: 45 jobs a second of 20 ms, of which
// the job itself is 2.
var small = forkedWorker{perSecond: 45, seen: 0.3, own: 0.13, user: 0.0105, sys: 0.0067, faults: 2200}

func TestForkPerJobNearMisses(t *testing.T) {
	with := func(change func(w *forkedWorker)) forkedWorker {
		w := small
		change(&w)
		return w
	}
	for name, w := range map[string]forkedWorker{
		"jobs of a second":                    {perSecond: 1, seen: 1, own: 0.01, user: 1, sys: 0.01, faults: 2400},
		"jobs that keep the kernel busy":      {perSecond: 1, seen: 1, own: 0.01, user: 0.2, sys: 0.6, faults: 2400},
		"a pool replaced after ten tasks":     with(func(w *forkedWorker) { w.perSecond = 4; w.seen = 1; w.user = 0.02 }),
		"children that are another program":   with(func(w *forkedWorker) { w.child = strings.Fields("convert in.png out.png") }),
		"a supervisor of the same language":   with(func(w *forkedWorker) { w.child = strings.Fields("python3 -m celery beat") }),
		"a title that is another program's":   with(func(w *forkedWorker) { w.child = []string{"celery: worker 1 of 4"} }),
		"a shell's substitutions":             with(func(w *forkedWorker) { w.command = strings.Fields("/bin/bash poll.sh") }),
		"next to no CPU":                      with(func(w *forkedWorker) { w.perSecond = 0.7; w.seen = 1 }),
		"two children in the window":          with(func(w *forkedWorker) { w.perSecond = 0.2; w.seen = 1; w.sys = 0.5; w.faults = 1e6 }),
		"a pool whose children were forked":   with(func(w *forkedWorker) { w.perSecond = 0; w.seen = 0 }),
		"a few forks beside a stream of jobs": with(func(w *forkedWorker) { w.perSecond = 3; w.seen = 1; w.sys = 0.03; w.faults = 9000 }),
	} {
		t.Run(name, func(t *testing.T) {
			c := w.capture(t)
			jobs := math.Max(w.perSecond, 3)
			if strings.Contains(name, "pool") || strings.Contains(name, "stream") {
				jobs = 45
			}
			redisJobs(c, jobs, jobs, 0)
			if f, status := found(t, c, &ForkPerJob); f != nil {
				t.Errorf("accused: %s", f.Message)
			} else if status.Status != "clean" || status.Reason == "" {
				t.Errorf("%+v", status)
			}
		})
	}
}

func TestForkPerJob(t *testing.T) {
	titled := small
	titled.command = []string{"resque-2.6.0: Forked 4242 at 1767323045"}
	titled.child = []string{"resque-2.6.0: Processing mail since 1767323045 [SendReceipt]"}
	for name, w := range map[string]forkedWorker{"same command line": small, "titles": titled} {
		t.Run(name, func(t *testing.T) {
			c := w.capture(t)
			redisJobs(c, 45, 45, 90)
			f, status := found(t, c, &ForkPerJob)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != Measured || f.Severity != SeverityHigh {
				t.Errorf("%s %s: %s", f.Confidence, f.Severity, f.Message)
			}
			// What was saved when the same jobs ran in the worker: 0.70 cores.
			if f.Waste.Cores < 0.5 || f.Waste.Cores > 0.8 || f.Waste.Low > 0.4 || f.Waste.High < 0.7 || f.Waste.High > 0.82 {
				t.Errorf("%+v", f.Waste)
			}
			if !strings.Contains(f.Message, "each of 45.0 jobs a second") || !strings.Contains(f.Message, "A core does") {
				t.Error(f.Message)
			}
			if len(f.Kin) != 1 || f.Kin[0].Rule != "reconnect-per-job" || f.Kin[0].Confidence != Measured {
				t.Errorf("kin: %+v", f.Kin)
			}
		})
	}
}

// Forks that nobody counts jobs for are a suspicion, and so never above low.
func TestForkPerJobWithoutJobs(t *testing.T) {
	f, status := found(t, small.capture(t), &ForkPerJob)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
		t.Errorf("%s %s %q", f.Confidence, f.Severity, f.Settles)
	}
}

// On a host that forks for other reasons, too, the rates only agree in bounds.
func TestForkPerJobOnBusyHost(t *testing.T) {
	w := small
	w.hostForks = 500
	c := w.capture(t)
	redisJobs(c, 45, 45, 90)
	if f, status := found(t, c, &ForkPerJob); f == nil || f.Confidence != Inferred {
		t.Fatal(f, status)
	}
}

// Another program's forks are not the target's.
func TestForkPerJobElsewhere(t *testing.T) {
	c := small.capture(t)
	c.Target.PID = 100
	redisJobs(c, 45, 45, 90)
	if f, _ := found(t, c, &ForkPerJob); f != nil {
		t.Error(f.Message)
	}
}

func TestTakenJobs(t *testing.T) {
	for _, test := range []struct {
		name           string
		pushed, popped float64
		grows          bool
		want           float64
	}{
		{"as many in as out", 40, 40, true, 400},
		{"a queue that grows", 55, 12, true, 120},
		{"an empty queue that is polled", 5, 200, false, 0},
		{"nothing taken", 40, 0, true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCapture(t, 0.1, 0)
			redisJobs(c, test.pushed, test.popped, 0)
			if !test.grows {
				for i := range c.Redis {
					c.Redis[i].Keys[0].Depth = 0
				}
			}
			got := NewFacts(c).Done
			switch {
			case got == nil && test.want != 0:
				t.Error("not counted")
			case got != nil && math.Abs(got.Total-test.want) > 1:
				t.Errorf("%.0f, want %.0f", got.Total, test.want)
			}
		})
	}
}
