package analyze

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

// Where a job of the synthetic service stands, in the goroutine of a worker.
const (
	inWorker   = " < main.(*closer).handle < main.(*closer).worker"
	atRemote   = "runtime.gopark < runtime.selectgo < net/http.(*persistConn).roundTrip < net/http.(*Client).Do < main.(*closer).invoice" + inWorker
	atDatabase = "runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < net.(*conn).Read < database/sql.(*DB).ExecContext < main.(*closer).store" + inWorker
	atPool     = "runtime.gopark < runtime.selectgo < database/sql.(*DB).conn < database/sql.(*DB).BeginTx" + inWorker
	atLimiter  = "runtime.gopark < runtime.selectgo < golang.org/x/time/rate.(*Limiter).wait < golang.org/x/time/rate.(*Limiter).Wait" + inWorker
	atLock     = "runtime.gopark < internal/sync.runtime_SemacquireMutex < internal/sync.(*Mutex).lockSlow < sync.(*Mutex).Lock < main.(*closer).invoice" + inWorker
	atSleep    = "runtime.gopark < time.Sleep" + inWorker
	onCPU      = "crypto/sha256.block" + inWorker
	atToken    = "runtime.gopark < runtime.selectgo < main.(*fleet).acquire" + inWorker
	withoutJob = "runtime.gopark < runtime.chanrecv < main.(*closer).worker"
	atBroker   = "runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < net.(*conn).Read < github.com/nats-io/nats.go.(*Conn).readLoop"
)

// backlogOn is an idle host whose service closes 20 sessions a second, one of
// which takes 50 ms, while 60 come in: 400 wait at first, 800 at the end.
func backlogOn(t *testing.T, stands ...standing) *profile.Capture {
	t.Helper()
	c := newCapture(t, 0.1, 0.05)
	c.Builds = []profile.Build{{PID: 100, Main: "example.com/svc"}}
	jetStream(c, "SESSIONS", "closer", 60, 20, 400, 800)
	for i := range c.JetStream {
		c.JetStream[i].Consumers[0].MaxAckPending = 1000
	}
	counter(c, "sessions_closed_total", 20)
	jobTimes(c, "session_close_duration_seconds", 20, 0.05)
	if len(stands) > 0 {
		alwaysStanding(t, c, append(stands, standing{atBroker, 1})...)
	}
	return c
}

// jobTimes adds a histogram: observations a second, and the mean of each.
func jobTimes(c *profile.Capture, name string, perSecond, mean float64) {
	for i := range c.Counters {
		n := perSecond * float64(i)
		c.Counters[i].Changed = append(c.Counters[i].Changed, profile.Series{Name: name, Type: "histogram", Value: 100 + n, Sum: 7 + n*mean})
	}
}

// unacknowledged sets how many messages a consumer has out, and may have.
func unacknowledged(c *profile.Capture, n, most int) {
	for i := range c.JetStream {
		k := &c.JetStream[i].Consumers[0]
		k.AckPending, k.MaxAckPending = n, most
	}
}

// hostModes sets how the host spends what it does not idle.
func hostModes(c *profile.Capture, user, iowait, steal float64) {
	for i := range c.Host {
		at := 2 * float64(i)
		c.Host[i].CPU = profile.CPUTimes{User: user * at, IOWait: iowait * at, Steal: steal * at, Idle: (1 - user - iowait - steal) * at}
	}
}

// foundIdle is what the rule says by itself: beside others it may be shown as a
// consequence of what they find.
func foundIdle(t testing.TB, c *profile.Capture) (*Finding, RuleStatus) {
	t.Helper()
	r := Run(NewFacts(c), []*Rule{&IdleWithBacklog}, Options{})
	if r.Rules[0].Status == "failed" {
		t.Fatal(r.Rules[0].Reason)
	}
	if len(r.Findings) == 0 {
		return nil, r.Rules[0]
	}
	return &r.Findings[0], r.Rules[0]
}

// verdictOf is the step of the diagnosis that was found to be the cause.
func verdictOf(f *Finding) string {
	for _, e := range f.Evidence {
		if title, ok := strings.CutSuffix(e.What, " "+stateThis); ok {
			return title
		}
	}
	return ""
}

func figureOf(f *Finding, what string) float64 {
	for _, e := range f.Evidence {
		if e.What == what {
			return e.Value
		}
	}
	return math.NaN()
}

func TestIdleWithBacklogNearMisses(t *testing.T) {
	serial := standing{atRemote, 1}
	for name, c := range map[string]func() *profile.Capture{
		"the host is busy": func() *profile.Capture {
			c := backlogOn(t, serial)
			hostModes(c, 0.6, 0, 0)
			return c
		},
		"nothing waits": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			jetStream(c, "SESSIONS", "closer", 8, 8, 1, 2)
			counter(c, "sessions_closed_total", 8)
			alwaysStanding(t, c, serial)
			return c
		},
		"the backlog is cleared in minutes": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			jetStream(c, "SESSIONS", "closer", 20, 80, 5000, 4400)
			counter(c, "sessions_closed_total", 80)
			alwaysStanding(t, c, standing{atRemote, 4})
			return c
		},
		"it grows, but a job's turn comes in three seconds": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			jetStream(c, "SESSIONS", "closer", 120, 100, 100, 300)
			counter(c, "sessions_closed_total", 100)
			alwaysStanding(t, c, standing{atRemote, 4})
			return c
		},
		"a buffer that stands": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			jetStream(c, "SESSIONS", "closer", 20, 20, 600, 612) // what arrivals show by chance is 60
			counter(c, "sessions_closed_total", 20)
			alwaysStanding(t, c, serial)
			return c
		},
		"messages put off until later": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			jetStream(c, "SESSIONS", "closer", 60, 60, 0, 0)
			for i := range c.JetStream {
				c.JetStream[i].Consumers[0].AckPending = 400 + 40*i
			}
			counter(c, "sessions_closed_total", 20)
			alwaysStanding(t, c, serial)
			return c
		},
		"jobs scheduled in a Redis set": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			redisCommand(c, "zadd", 60, 5, 0, 5000, 5400)
			counter(c, "jobs_completed_total", 20)
			alwaysStanding(t, c, serial)
			return c
		},
		"another service's queue": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			jetStream(c, "ORDERS", "mailer", 60, 20, 400, 800)
			jetStream(c, "SESSIONS", "closer", 35, 35, 0, 0)
			counter(c, "sessions_closed_total", 35)
			counter(c, "jobs_completed_total", 35)
			alwaysStanding(t, c, serial, standing{atBroker, 1})
			return c
		},
		"one of several queues, and nothing says whose": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			jetStream(c, "ORDERS", "mailer", 60, 20, 400, 800)
			jetStream(c, "SESSIONS", "closer", 35, 35, 0, 0)
			alwaysStanding(t, c, serial, standing{atBroker, 1})
			return c
		},
		"a consumer that nobody reads": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			jetStream(c, "SESSIONS", "forgotten", 60, 0, 400, 1000)
			alwaysStanding(t, c, serial, standing{atBroker, 1})
			return c
		},
		"a gauge of jobs for later": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.05)
			counter(c, "jobs_completed_total", 20)
			gauge(c, "jobs_scheduled_waiting", 400, 800)
			alwaysStanding(t, c, serial)
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := foundIdle(t, c()); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

// Each cause is told from the others, which look the same from outside.
func TestIdleWithBacklogCauses(t *testing.T) {
	for _, test := range []struct {
		name   string
		stands []standing
		change func(*profile.Capture)
		cause  string
		sure   Confidence
		says   string // part of the fix
	}{
		{"one worker", []standing{{atRemote, 1}}, nil, "too few worked on at a time?", Measured, "3 at a time keep up"},
		{"two workers", []standing{{atRemote, 1}, {atDatabase, 1}}, func(c *profile.Capture) { unacknowledged(c, 500, 1000) }, "too few worked on at a time?", Inferred, "bounded pool"},
		{"a client that reads ahead up to its limit", []standing{{atRemote, 1}}, func(c *profile.Capture) { unacknowledged(c, 1000, 1000) }, "too few worked on at a time?", Measured, "bounded pool"},
		{"a small pool", []standing{{atPool, 38}, {atRemote, 2}}, nil, "a connection pool?", Inferred, "Give a connection back"},
		{"a broker that gives no more", []standing{{atRemote, 2}, {withoutJob, 38}}, func(c *profile.Capture) { unacknowledged(c, 2, 2) }, "the broker's limit of unacknowledged messages?", Inferred, "Raise MaxAckPending"},
		{"a limiter", []standing{{atLimiter, 38}, {atRemote, 2}}, nil, "a rate limiter, or a pause?", Inferred, "Ask whether the rate is still meant"},
		{"a sleep in each job", []standing{{atSleep, 3}, {atRemote, 1}}, nil, "a rate limiter, or a pause?", Inferred, "Ask whether the rate is still meant"},
		{"a lock around the call", []standing{{atLock, 39}, {atRemote, 1}}, nil, "a lock?", Inferred, "Do not hold the lock"},
		{"a disk", []standing{{atRemote, 1}}, func(c *profile.Capture) { hostModes(c, 0.1, 0.4, 0) }, "waiting for disk?", Measured, "what reads or writes"},
		{"a neighbour", []standing{{onCPU, 3}, {atRemote, 1}}, func(c *profile.Capture) { hostModes(c, 0.2, 0, 0.3) }, "CPU taken by a neighbour?", Inferred, "cores are its own"},
		{"a neighbour who takes what nobody wants", []standing{{atRemote, 1}}, func(c *profile.Capture) { hostModes(c, 0.1, 0, 0.15) }, "too few worked on at a time?", Measured, "bounded pool"},
		{"a limit of CPU", []standing{{atRemote, 1}}, func(c *profile.Capture) { underLimit(c, 0.2, 0.6) }, "throttled by a CPU limit?", Measured, "Raise the CPU limit"},
		{"a limit that is met in bursts", []standing{{atRemote, 1}}, func(c *profile.Capture) {
			underLimit(c, 2, 0.2)
			for i := range c.Cgroups {
				c.Cgroups[i].Usage = 0.05 * float64(i)
			}
		}, "too few worked on at a time?", Measured, "bounded pool"},
		{"one thread", []standing{{atRemote, 1}}, func(c *profile.Capture) {
			gauge(c, "go_sched_gomaxprocs_threads", 1, 1)
			hostModes(c, 0.48, 0, 0)
			for i := range c.Processes {
				c.Processes[i].Changed[0].User = 0.93 * float64(i)
			}
		}, "GOMAXPROCS too low?", Measured, "GOMAXPROCS"},
		{"a wait that the pool counts itself", nil, func(c *profile.Capture) { counter(c, "go_sql_wait_duration_seconds_total", 30) }, "a connection pool?", Inferred, "enlarge the pool"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := backlogOn(t, test.stands...)
			if test.change != nil {
				test.change(c)
			}
			f, status := foundIdle(t, c)
			if f == nil {
				t.Fatal(status)
			}
			if got := verdictOf(f); got != test.cause {
				t.Errorf("the cause is %q, want %q: %s", got, test.cause, f.Message)
			}
			if f.Confidence != test.sure || f.Severity != SeverityHigh {
				t.Errorf("%s %s, want %s high: %s", f.Confidence, f.Severity, test.sure, f.Message)
			}
			if !strings.Contains(f.Fix, test.says) {
				t.Errorf("fix %q, want one that says %q", f.Fix, test.says)
			}
		})
	}
}

// underLimit puts the target under a limit of CPU.
func underLimit(c *profile.Capture, quota, share float64) {
	for i := range window + 1 {
		c.Cgroups = append(c.Cgroups, profile.CgroupSample{At: after(float64(i)), QuotaCores: quota,
			Usage: quota * float64(i), Periods: uint64(10 * i), Throttled: uint64(share * float64(10*i))})
	}
}

// What would not settle it is only suspected, and says what would.
func TestIdleWithBacklogSuspects(t *testing.T) {
	for name, test := range map[string]struct {
		c       *profile.Capture
		settles string
	}{
		"nothing was seen of the workers": {backlogOn(t), "goroutine samples"},
		"so many that the database may be full": {func() *profile.Capture {
			c := backlogOn(t, standing{atDatabase, 60})
			return c
		}(), "can take more"},
		"workers that wait for somebody elsewhere": {backlogOn(t, standing{atRemote, 2}, standing{atToken, 60}), "main.(*fleet).acquire"},
		"no one thing": {backlogOn(t, standing{atPool, 2}, standing{atLock, 2}, standing{atLimiter, 2}), "where the workers stand"},
		"a list among others": {func() *profile.Capture {
			c := backlogOn(t, standing{atRemote, 1})
			c.JetStream = nil
			redisList(c, "mail", 400, 800)
			redisList(c, "images", 10, 10)
			counter(c, "jobs_completed_total", 20)
			return c
		}(), "whose the queue is"},
	} {
		t.Run(name, func(t *testing.T) {
			f, status := foundIdle(t, test.c)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != Suspected || f.Severity != SeverityLow || !strings.Contains(f.Settles, test.settles) {
				t.Errorf("%s %s, settled by %q; want a low suspicion that %q settles", f.Confidence, f.Severity, f.Settles, test.settles)
			}
		})
	}
}

// redisList adds a Redis list that goes evenly from one depth to another.
func redisList(c *profile.Capture, key string, from, to float64) {
	for i := range window + 1 {
		if i == len(c.Redis) {
			c.Redis = append(c.Redis, profile.RedisSample{At: after(float64(i)), Server: "127.0.0.1:6379",
				Info: map[string]string{"uptime_in_seconds": fmt.Sprint(100 + i)}, Commands: map[string]profile.RedisCommand{}})
		}
		c.Redis[i].Keys = append(c.Redis[i].Keys, profile.RedisKey{Key: key, Type: "list", Depth: int64(from + (to-from)*float64(i)/window)})
	}
}

// A worker that pops its jobs from a Redis list stands in the Redis client twice
// over: for its next job, and in the job.
func TestIdleWithBacklogOnRedis(t *testing.T) {
	const (
		reading = "runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < net.(*conn).Read < github.com/redis/go-redis/v9/internal/proto.(*Reader).ReadReply < "
		pops    = reading + "main.worker"
		stores  = reading + "main.store < main.worker"
		sends   = "runtime.gopark < runtime.selectgo < net/http.(*persistConn).roundTrip < net/http.(*Client).Do < main.send < main.worker"
	)
	c := newCapture(t, 0.1, 0.05)
	c.Builds = []profile.Build{{PID: 100, Main: "example.com/svc"}}
	redisList(c, "mail", 400, 800)
	counter(c, "jobs_completed_total", 20)
	alwaysStanding(t, c, standing{sends, 2}, standing{stores, 1})
	f, status := foundIdle(t, c)
	if f == nil || f.Confidence != Inferred || verdictOf(f) != tooFew.title || figureOf(f, "jobs in progress") != 3 {
		t.Fatalf("%+v %v", f, status)
	}
	// The same with ten that have nothing to do: then there are workers enough.
	c.Goroutines = nil
	alwaysStanding(t, c, standing{sends, 2}, standing{stores, 1}, standing{pops, 10})
	if f, status := foundIdle(t, c); f == nil || f.Confidence != Suspected || figureOf(f, "jobs in progress") != 3 {
		t.Errorf("%+v %v", f, status)
	}
}

// A service whose queue nobody else knows tells of it by a gauge.
func TestIdleWithBacklogByGauge(t *testing.T) {
	c := newCapture(t, 0.1, 0.05)
	counter(c, "jobs_completed_total", 20)
	gauge(c, "jobs_waiting", 400, 800)
	alwaysStanding(t, c, standing{atRemote, 1})
	f, status := foundIdle(t, c)
	if f == nil || f.Confidence != Inferred || verdictOf(f) != tooFew.title || f.Subject != "metric jobs_waiting" {
		t.Fatalf("%+v %v", f, status)
	}
}

// Little's law: 50 ms a job, 60 a second to keep up with, 800 to clear besides.
func TestIdleWithBacklogSums(t *testing.T) {
	c := backlogOn(t, standing{atRemote, 1})
	c.Host[window].MemAvailable = 2e9
	c.Postgres = postgresClients(90, 100)
	f, status := foundIdle(t, c)
	if f == nil {
		t.Fatal(status)
	}
	for what, want := range map[string]float64{
		"jobs waiting": 800, "come in": 60, "are done": 20, "jobs in progress": 1, "time in progress": 50,
		"must be in progress to keep up": 3, "must be in progress to clear the backlog as well": 4,
	} {
		if got := figureOf(f, what); math.Abs(got-want) > 0.01*want {
			t.Errorf("%s: %.3g, want %g", what, got, want)
		}
	}
	if math.Abs(f.Delay.JobHours-600) > 1 {
		t.Errorf("%.0f job-hours an hour, want the mean of 400 and 800", f.Delay.JobHours)
	}
	if f.Waste.Cores != 0 {
		t.Errorf("%.2f cores wasted, want none: it is time", f.Waste.Cores)
	}
	if p := f.Prediction; p.Before != 0.1 || p.After <= p.Before || p.Low > p.After || p.High < p.After {
		t.Errorf("prediction %+v, want a host that gets busier", *p)
	}
	if math.Abs(f.After.Value-80) > 1 { // four at a time
		t.Errorf("%+v jobs a second will be possible, want 80", *f.After)
	}
	for _, part := range []string{"memory allows", "PostgreSQL as well (90 of 100"} {
		if !strings.Contains(f.Fix, part) {
			t.Errorf("fix %q, want %q", f.Fix, part)
		}
	}
	if f.Location.Function != "main.(*closer).invoice" || f.Location.Line != 42 {
		t.Errorf("location %+v", f.Location)
	}

	c.Postgres = postgresClients(98, 100)
	if f, _ := foundIdle(t, c); f == nil || !strings.Contains(f.Fix, "only 2 connections left of 100") {
		t.Errorf("%+v, want a fix that says the database has no room", f)
	}
}

// postgresClients is a PostgreSQL with so many clients.
func postgresClients(used, most int) []profile.PostgresSample {
	var list []profile.PostgresSample
	for i := range window + 1 {
		list = append(list, profile.PostgresSample{At: after(float64(i)), Server: "127.0.0.1:5432", Database: "app",
			MaxConnections: most, Connections: used, Figures: profile.PostgresFigures{Backends: used, Sessions: uint64(used)}})
	}
	return list
}
