package analyze

import (
	"testing"

	"busywork/profile"
)

// backedUp is a full machine on which a backup has more of the CPUs than the
// service, whose threads wait.
func backedUp(t *testing.T) *profile.Capture {
	c := newCapture(t, 0.99, 0.6)
	beside(c, 200, 1, 1.3, "backup", "/usr/bin/backup", "--all")
	stalled(c, 1.1, 0, 0)
	queued(c, 500, 50)
	return c
}

func TestCompetingProcess(t *testing.T) {
	f := accused(t, backedUp(t), &CompetingProcess, SeverityHigh, Inferred)
	contains(t, f.Message, "backup (pid 200) uses 1.30 of the 2 CPUs", "65 %", "stream JOBS")
	if f.Subject != "backup" || f.Prediction.After >= f.Prediction.Before {
		t.Errorf("%s %+v", f.Subject, f.Prediction)
	}
}

func TestCompetingProcessNearMisses(t *testing.T) {
	peer := func(c *profile.Capture) {
		c.Peers = append(c.Peers, profile.Peer{PID: 200, How: "has a connection with the target"})
	}
	for name, change := range map[string]func(*profile.Capture){
		"a niced one: the target hardly waits": func(c *profile.Capture) { c.Stalls = nil; stalled(c, 0.05, 0, 0) },
		"its broker, or whoever feeds it":      peer,
		"a database by its name":               func(c *profile.Capture) { c.Identities[1].Name = "postgres" },
		"busywork":                             func(c *profile.Capture) { c.Identities[1].Name = "busywork" },
		"a child":                              func(c *profile.Capture) { c.Identities[1].PPID = 100 },
		"another copy of the service":          func(c *profile.Capture) { c.Identities[1].Command = []string{"/srv/svc", "--shard=2"} },
		"the kernel": func(c *profile.Capture) {
			c.Identities[1].PPID, c.Identities[1].Command, c.Identities[1].Name = kthreadd, nil, "kworker/u4:1"
		},
		"its parent": func(c *profile.Capture) { c.Identities[0].PPID = 200 },
	} {
		t.Run(name, func(t *testing.T) {
			c := backedUp(t)
			change(c)
			spared(t, c, &CompetingProcess)
		})
	}
}

// The same neighbour on a machine that has CPUs to spare.
func TestCompetingProcessWithRoom(t *testing.T) {
	c := newCapture(t, 0.8, 0.3)
	beside(c, 200, 1, 1.2, "backup", "/usr/bin/backup")
	stalled(c, 0.3, 0, 0)
	queued(c, 500, 50)
	spared(t, c, &CompetingProcess)
}

// Many small programs are what a machine with many tasks has.
func TestCompetingProcessManySmall(t *testing.T) {
	c := newCapture(t, 0.99, 0.6)
	for i := range 12 {
		name := string(rune('a' + i))
		beside(c, 200+i, 1, 0.1, name, "/usr/bin/"+name)
	}
	stalled(c, 1.1, 0, 0)
	queued(c, 500, 50)
	spared(t, c, &CompetingProcess)
}

// A service that fills the machine with threads of its own waits for itself: the
// small neighbour is to blame for no more than it took.
func TestCompetingProcessOwnThreads(t *testing.T) {
	c := newCapture(t, 0.99, 1.8)
	beside(c, 200, 1, 0.15, "backup", "/usr/bin/backup")
	stalled(c, 6, 0, 0)
	spared(t, c, &CompetingProcess)
}

// One that keeps up is told, and not alarmed.
func TestCompetingProcessKeepsUp(t *testing.T) {
	c := newCapture(t, 0.99, 0.6)
	beside(c, 200, 1, 1.3, "backup", "/usr/bin/backup")
	stalled(c, 0.3, 0, 0)
	accused(t, c, &CompetingProcess, SeverityLow, Inferred)
}

// Where the target's own waiting is not known, a queue that grows while tasks
// wait for CPUs must do; and a niced neighbour shows as such.
func TestCompetingProcessWithoutSchedstat(t *testing.T) {
	crowded := func() *profile.Capture {
		c := backedUp(t)
		c.Stalls = nil
		pressed(c, "cpu", 0.7, 0)
		machine(c, func(_ float64, s *profile.HostSample) { s.Running = 6 })
		return c
	}
	accused(t, crowded(), &CompetingProcess, SeverityHigh, Inferred)

	c := crowded()
	spent(c, 0.65, toNice)
	machine(c, func(at float64, s *profile.HostSample) { s.CPU.User -= 1.3 * at; s.CPU.Idle += 1.3 * at })
	spared(t, c, &CompetingProcess)

	c = crowded()
	c.JetStream = nil
	spared(t, c, &CompetingProcess)
}
