package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

// The stacks of a loop that receives from an empty channel with a default.
var spinning = []stack{
	{"runtime.chanrecv < runtime.selectnbrecv < main.(*Desk).watch < main.start", 4},
	{"runtime.selectnbrecv < main.(*Desk).watch < main.start", 3},
	{"main.(*Desk).watch < main.start", 1.5},
	{"main.closed < main.(*Desk).watch < main.start", 0.5},
}

func TestBusyPollNearMisses(t *testing.T) {
	for name, stacks := range map[string][]stack{
		"a pipeline that finds a value each time": {
			{"runtime.lock2 < runtime.lock < runtime.chanrecv < runtime.selectnbrecv < main.(*Desk).drain", 2},
			{"runtime.unlock2 < runtime.unlock < runtime.chanrecv < runtime.selectnbrecv < main.(*Desk).drain", 2},
			{"runtime.chanrecv < runtime.selectnbrecv < main.(*Desk).drain", 4},
			{"main.(*Desk).drain", 1.5},
			{"runtime.chansend < runtime.chansend1 < main.produce", 7},
		},
		"a drain that works on what it finds": {
			{"runtime.chanrecv < runtime.selectnbrecv < main.(*Desk).drain", 1},
			{"encoding/json.Unmarshal < main.ship < main.(*Desk).drain", 8},
		},
		"a pipeline of selects": {
			{"runtime.selectgo < main.forward", 5},
			{"runtime.lock2 < runtime.sellock < runtime.selectgo < main.forward", 1},
			{"main.forward", 0.5},
			{"runtime.selectgo < main.produce", 5},
		},
		"a pipeline of selects fed by a library": {
			{"runtime.selectgo < main.forward", 5},
			{"runtime.chansend < runtime.chansend1 < github.com/nats-io/nats.go.(*Subscription).push", 2},
		},
		"selects that sleep": {
			{"runtime.selectgo < main.wait", 4},
			{"runtime.goready < runtime.send < runtime.selectgo < main.wait", 2},
			{"runtime.findRunnable < runtime.schedule < runtime.park_m < runtime.mcall", 3},
		},
		"measuring code": {
			{"time.Now < main.measure", 6},
			{"main.measure", 3},
		},
		"the runtime's own spinning": {
			{"runtime.procyield < runtime.findRunnable < runtime.schedule < runtime.mcall", 8},
		},
		"computing that polls for its end": {
			{"runtime.chanrecv < runtime.selectnbrecv < main.compute", 1},
			{"main.compute", 8},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 1, stacks...)
			counter(c, "jobs_completed_total", 150)
			if f, _ := found(t, c, &BusyPoll); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

func TestBusyPollSpin(t *testing.T) {
	work := []stack{
		{"encoding/json.Unmarshal < main.ship < main.work", 0.8},
		{"runtime.lock2 < runtime.chanrecv < runtime.chanrecv1 < main.work", 0.1},
	}
	for name, test := range map[string]struct {
		stacks []stack
		loop   string
		cores  float64
	}{
		"one channel": {spinning, "main.(*Desk).watch", 0.9},
		"several channels": {[]stack{
			{"runtime.selectgo < main.(*Desk).watch", 5},
			{"runtime.lock2 < runtime.lock < runtime.sellock < runtime.selectgo < main.(*Desk).watch", 2},
			{"runtime.unlock2 < runtime.unlock < runtime.selunlock < runtime.selectgo < main.(*Desk).watch", 1.7},
			{"main.(*Desk).watch", 0.3},
		}, "main.(*Desk).watch", 0.9},
		"a lock": {[]stack{
			{"sync.(*Mutex).TryLock < main.(*Desk).watch", 7},
			{"main.(*Desk).watch", 2},
		}, "main.(*Desk).watch", 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.99, append(test.stacks, work...)...)
			f, status := found(t, c, &BusyPoll)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
				t.Errorf("by the profile alone: %s, %s, settled by %q", f.Confidence, f.Severity, f.Settles)
			}
			counter(c, "jobs_completed_total", 150)
			f, _ = found(t, c, &BusyPoll)
			if f.Confidence != Inferred || f.Severity != SeverityHigh || math.Abs(f.Waste.Cores-test.cores) > 0.01 {
				t.Errorf("with the jobs counted: %s, %s, %.2f cores, want %.2f", f.Confidence, f.Severity, f.Waste.Cores, test.cores)
			}
			if f.Location.Function != test.loop {
				t.Errorf("at %s, want %s", f.Location.Function, test.loop)
			}
		})
	}
}

// Two loops that spin are two findings: each has its own place to be mended.
func TestBusyPollTwoSpins(t *testing.T) {
	c := newCapture(t, 0.9, 1.8, append(spinning,
		stack{"runtime.selectnbsend < main.publish.func1", 6}, stack{"main.publish.func1", 2})...)
	counter(c, "jobs_completed_total", 150)
	r := Analyze(c, Options{})
	var at []string
	for _, f := range r.Findings {
		if f.Rule == BusyPoll.Name {
			at = append(at, f.Location.Function)
		}
	}
	if got := strings.Join(at, " "); got != "main.(*Desk).watch main.publish.func1" {
		t.Errorf("found at %q", got)
	}
}

// commands adds a Redis server that was called at constant rates.
func commands(c *profile.Capture, perSecond map[string]float64) {
	for i := range window + 1 {
		s := profile.RedisSample{At: after(float64(i)), Server: "redis:6379", Commands: map[string]profile.RedisCommand{},
			Info: map[string]string{"uptime_in_seconds": "1000"}}
		for name, rate := range perSecond {
			calls := uint64(rate*float64(i)) + 1000
			s.Commands[name] = profile.RedisCommand{Calls: calls, Micros: 2 * calls}
		}
		c.Redis = append(c.Redis, s)
	}
}

func TestBusyPollQueue(t *testing.T) {
	client := []stack{
		{"syscall.Syscall < github.com/redis/go-redis/v9.(*Client).Process < main.take", 4},
		{"encoding/json.Unmarshal < main.ship", 1},
	}
	for name, test := range map[string]struct {
		commands map[string]float64
		jobs     float64
		found    bool
	}{
		"asked a hundred times for each job":  {map[string]float64{"rpop": 15000, "lpush": 150}, 150, true},
		"asked for nothing":                   {map[string]float64{"lpop": 200}, 0, true},
		"one call a job":                      {map[string]float64{"rpop": 160, "lpush": 150}, 150, false},
		"several lists are asked for each":    {map[string]float64{"lpop": 600, "lpush": 150}, 150, false},
		"idle workers that block a second":    {map[string]float64{"brpop": 40, "lpush": 2}, 2, false},
		"a leaderboard":                       {map[string]float64{"zrangebyscore": 5000, "zadd": 10}, 50, false},
		"batches: more jobs than calls":       {map[string]float64{"lmpop": 300, "rpush": 3000}, 3000, false},
		"a lot is put in, the metrics differ": {map[string]float64{"rpop": 900, "lpush": 850}, 20, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.5, 0.6, client...)
			commands(c, test.commands)
			if test.jobs > 0 {
				counter(c, "jobs_completed_total", test.jobs)
			}
			f, status := found(t, c, &BusyPoll)
			if (f != nil) != test.found {
				t.Fatalf("found %+v, want %v (%s)", f, test.found, status.Reason)
			}
			if f != nil && (f.Confidence != Measured || f.Waste.Cores < 0.3) {
				t.Errorf("%s, %.2f cores", f.Confidence, f.Waste.Cores)
			}
		})
	}
}

// A table is a queue where rows that others hold are skipped; how many rows came
// of it is counted by the server.
func TestBusyPollTable(t *testing.T) {
	for rows, want := range map[float64]bool{0.01: true, 0.9: false, 20: false} {
		c := newCapture(t, 0.5, 0.6)
		f := NewFacts(c)
		f.have |= SignalPostgres
		f.Postgres = &PostgresUse{Server: "db:5432", Statements: []StatementUse{
			{Text: "SELECT id FROM jobs WHERE done_at IS NULL LIMIT $1 FOR UPDATE SKIP LOCKED", Kind: "select", Table: "jobs", Rate: 2000, RowsPerCall: rows, Cores: 0.2},
			{Text: "SELECT name FROM customers WHERE id = $1", Kind: "select", Table: "customers", Rate: 2000, Cores: 0.1},
		}}
		r := Run(f, []*Rule{&BusyPoll}, Options{})
		if got := len(r.Findings) == 1; got != want {
			t.Errorf("%v rows a call: %+v", rows, r.Findings)
		}
	}
}
