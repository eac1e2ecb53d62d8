package analyze

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

// litterOf adds a parent with children that it reaps at a constant rate. Each
// child's CPU is only in the parent's account; births are what watching saw.
func litterOf(c *profile.Capture, parent []string, perSecond, cpuEach float64, code int, commands ...string) {
	key := profile.ProcessKey{PID: 50, Start: 1}
	c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key, PPID: 1, Name: "parent", Command: parent})
	for i := range c.Processes {
		c.Processes[i].Changed = append(c.Processes[i].Changed, profile.Process{ProcessKey: key, ChildUser: perSecond * cpuEach * float64(i)})
	}
	for i := range int(perSecond * window) {
		at := after(float64(i) / perSecond)
		c.Births = append(c.Births, profile.Birth{
			At: at, LastSeen: at, Exited: true, ExitCode: &code, CPU: cpuEach / 2,
			ProcessIdentity: profile.ProcessIdentity{
				ProcessKey: profile.ProcessKey{PID: 1000 + i, Start: float64(100 + i)}, PPID: 50,
				Name: "child", Command: strings.Fields(commands[i%len(commands)]),
			},
		})
	}
}

func TestRespawnLoop(t *testing.T) {
	for name, parent := range map[string][]string{
		"supervisord":  {"/usr/bin/python3", "/usr/bin/supervisord", "-n"},
		"runit":        {"runsv", "beat"},
		"a shell loop": {"/bin/sh", "/srv/run-beat.sh"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.01)
			litterOf(c, parent, 2, 0.5, 73, "python3 -m celery beat")
			f, status := found(t, c, &RespawnLoop)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != Measured || f.Severity != SeverityHigh || math.Abs(f.Waste.Cores-1) > 0.05 {
				t.Errorf("%s %s %.2f cores", f.Confidence, f.Severity, f.Waste.Cores)
			}
			if !strings.Contains(f.Message, "status 73") || !strings.Contains(f.Message, "2.0 times a second") {
				t.Error(f.Message)
			}
		})
	}
}

func TestRespawnLoopNearMisses(t *testing.T) {
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprintf("cc -c file%d.c", i))
	}
	for name, c := range map[string]func(c *profile.Capture){
		"make -j":                       func(c *profile.Capture) { litterOf(c, []string{"make", "-j4"}, 20, 0.04, 0, many...) },
		"make -j with errors":           func(c *profile.Capture) { litterOf(c, []string{"make", "-k"}, 20, 0.04, 1, many...) },
		"a script that calls one tool":  func(c *profile.Capture) { litterOf(c, []string{"sh", "poll.sh"}, 5, 0.1, 0, "curl http://x") },
		"a worker that forks for a job": func(c *profile.Capture) { litterOf(c, []string{"rq", "worker"}, 5, 0.1, 1, "rq worker") },
		"copies that were dead when seen": func(c *profile.Capture) {
			litterOf(c, []string{"rq", "worker"}, 5, 0.1, 1, "")
			for i := range c.Births {
				c.Births[i].Name = "parent" // as the kernel has it; the command line is lost
			}
		},
		"two restarts":                   func(c *profile.Capture) { litterOf(c, []string{"runsv", "x"}, 0.2, 0.5, 1, "x") },
		"a crash that costs next to nil": func(c *profile.Capture) { litterOf(c, []string{"runsv", "x"}, 1, 0.001, 1, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			capture := newCapture(t, 0.6, 0.01)
			c(capture)
			if f, _ := found(t, capture, &RespawnLoop); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

// A loop that pauses between two starts is a loop all the same.
func TestRespawnLoopWithPause(t *testing.T) {
	c := newCapture(t, 0.6, 0.01)
	litterOf(c, []string{"sh", "loop.sh"}, 2, 0.5, 1, "worker --queue mail", "sleep 0.1")
	for i := range c.Births {
		if c.Births[i].Command[0] == "sleep" {
			c.Births[i].Name, c.Births[i].CPU = "sleep", 0
		}
	}
	if f, status := found(t, c, &RespawnLoop); f == nil || f.Confidence != Measured {
		t.Fatal(f, status)
	}
}

// The supervisor's own log counts what polling cannot, and names the program.
func TestRespawnLoopReadsSupervisor(t *testing.T) {
	c := newCapture(t, 0.6, 0.01)
	litterOf(c, []string{"python3", "/usr/bin/supervisord"}, 1, 0.5, 0, "python3 -m celery beat")
	for i := range c.Births {
		c.Births[i].ExitCode = nil
	}
	s := profile.Supervisor{ProcessKey: profile.ProcessKey{PID: 50, Start: 1}, Kind: "supervisord", Config: "/etc/supervisord.conf",
		Programs: []profile.SupervisedProgram{{Name: "beat-reports", LastStderr: "Pidfile already exists"}}}
	code := 73
	for i := range 20 {
		at := after(float64(i) / 2)
		s.Events = append(s.Events,
			profile.SupervisorEvent{At: at, Program: "beat-reports", What: "spawned", PID: 1000 + i},
			profile.SupervisorEvent{At: at, Program: "beat-reports", What: "exited", ExitCode: &code})
	}
	c.Supervisors = append(c.Supervisors, s)
	f, status := found(t, c, &RespawnLoop)
	if f == nil {
		t.Fatal(status)
	}
	for _, want := range []string{"[program:beat-reports]", "2.0 times a second", "status 73", "Pidfile already exists"} {
		if !strings.Contains(f.Message, want) {
			t.Errorf("no %q in %s", want, f.Message)
		}
	}
	if f.Confidence != Measured {
		t.Error(f.Confidence)
	}
}
