package analyze

import (
	"strings"
	"testing"

	"busywork/profile"
)

// leverOf is what a report answers to one lever.
func leverOf(t *testing.T, c *profile.Capture, name string) Lever {
	t.Helper()
	for _, l := range Analyze(c, Options{}).Levers {
		if l.Lever == name {
			return l
		}
	}
	t.Fatalf("no lever %q", name)
	return Lever{}
}

func TestLevers(t *testing.T) {
	work := stack{"main.price < main.handle < main.run", 9}
	sign := stack{"crypto/internal/fips140/bigmod.addMulVVW1024 < crypto/rsa.SignPKCS1v15 < main.handle < main.run", 9}
	sql := "database/sql.(*DB).conn < database/sql.(*DB).ExecContext < main.save < main.run"
	for _, test := range []struct {
		lever string
		name  string
		make  func() *profile.Capture
		helps string
		why   string // a part of it
	}{
		{"bigger-instance", "idle", func() *profile.Capture { return newCapture(t, 0.2, 0.2, work) }, no, "80 % of the CPUs are idle"},
		{"bigger-instance", "honestly full", func() *profile.Capture { return newCapture(t, 0.97, 1.9, work) }, yes, "97 % busy"},
		{"more-instances", "work waits on a machine that is neither idle nor full", func() *profile.Capture {
			c := newCapture(t, 0.7, 1, work)
			queued(c, 500, 50)
			return c
		}, unknown, "what the work waits for decides"},
		{"bigger-instance", "full, without a profile", func() *profile.Capture { return newCapture(t, 0.97, 1.9) }, unknown, "most of that was not profiled"},
		{"bigger-instance", "full of what nobody has named", func() *profile.Capture {
			return newCapture(t, 0.97, 0.3, stack{"main.price < main.handle < main.run", 3})
		}, unknown, "name the service"},
		{"bigger-instance", "full of others' work", func() *profile.Capture {
			c := newCapture(t, 0.97, 0.1, stack{"main.price < main.handle < main.run", 1.2})
			stalled(c, 0.02, 0, 0)
			return c
		}, no, "0.02 of its threads want a CPU"},
		{"more-database-connections", "nobody waits for one", func() *profile.Capture {
			c := newCapture(t, 0.2, 0.2, work)
			alwaysStanding(t, c, standing{"runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < database/sql.(*DB).ExecContext < main.save < main.run", 5})
			return c
		}, no, "0.0 goroutines on average wait for a connection"},
		{"more-database-connections", "most wait for one", func() *profile.Capture {
			c := newCapture(t, 0.2, 0.2, work)
			alwaysStanding(t, c, standing{"runtime.gopark < runtime.selectgo < " + sql, 18}, standing{"runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < database/sql.(*DB).ExecContext < main.save < main.run", 2})
			return c
		}, yes, "18.0 of 20.0"},
		{"GOAMD64=v3", "cryptography", func() *profile.Capture { return newCapture(t, 0.6, 1, sign) }, no, "100 % of the CPU is cryptography"},
		{"PGO", "own code", func() *profile.Capture { return newCapture(t, 0.6, 1, work) }, unknown, "100 % of the CPU is own code"},
		{"GOGC/GOMEMLIMIT", "little garbage", func() *profile.Capture { return newCapture(t, 0.6, 1, work) }, no, "takes 0 %"},
		{"GOMAXPROCS", "one thread of two CPUs", func() *profile.Capture {
			c := newCapture(t, 0.5, 0.98, work)
			gauge(c, "go_sched_gomaxprocs_threads", 1, 1)
			return c
		}, yes, "it is 1 with 2 CPUs"},
		{"GOMAXPROCS", "as many as CPUs", func() *profile.Capture {
			c := newCapture(t, 0.5, 0.98, work)
			gauge(c, "go_sched_gomaxprocs_threads", 2, 2)
			return c
		}, no, "it is 2 with 2 CPUs"},
	} {
		t.Run(test.lever+", "+test.name, func(t *testing.T) {
			l := leverOf(t, test.make(), test.lever)
			if l.Helps != test.helps || !strings.Contains(l.Why, test.why) {
				t.Errorf("%s: %s; want %s, because %q", l.Helps, l.Why, test.helps, test.why)
			}
		})
	}
}
