package analyze

import (
	"testing"

	"busywork/profile"
)

// Stacks of an HTTP service on PostgreSQL, without the handler's own part.
const (
	pgxExec         = "runtime.gopark < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read < github.com/jackc/pgx/v5/pgconn.(*PgConn).receiveMessage < github.com/jackc/pgx/v5.(*Conn).Exec < github.com/jackc/pgx/v5/pgxpool.(*Tx).Exec"
	pgxQuery        = "runtime.gopark < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read < github.com/jackc/pgx/v5/pgconn.(*PgConn).receiveMessage < github.com/jackc/pgx/v5.(*Conn).Query < github.com/jackc/pgx/v5/pgxpool.(*Pool).Query"
	pgxBegin        = "runtime.gopark < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read < github.com/jackc/pgx/v5.(*Conn).Exec < github.com/jackc/pgx/v5.(*Conn).BeginTx < github.com/jackc/pgx/v5/pgxpool.(*Pool).Begin"
	databaseSQLExec = "runtime.gopark < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read < github.com/lib/pq.(*conn).recv < database/sql.ctxDriverExec < database/sql.(*DB).ExecContext"
	connWait        = "runtime.gopark < runtime.selectgo < golang.org/x/sync/semaphore.(*Weighted).Acquire < github.com/jackc/puddle/v2.(*Pool[go.shape.*uint8]).Acquire < github.com/jackc/pgx/v5/pgxpool.(*Pool).Acquire < github.com/jackc/pgx/v5/pgxpool.(*Pool).Query"
	httpCall        = "runtime.gopark < runtime.selectgo < net/http.(*persistConn).roundTrip < net/http.(*Transport).RoundTrip < net/http.(*Client).Do"
	publish         = "runtime.gopark < runtime.selectgo < github.com/nats-io/nats%2ego.(*Conn).newRequestWithInbox < github.com/nats-io/nats%2ego/jetstream.(*jetStream).Publish"

	inServer = " < main.timed.func1 < net/http.HandlerFunc.ServeHTTP < net/http.(*conn).serve"
)

// answered adds the histogram of an HTTP service: so many requests of one kind a
// second, each of which took so long.
func answered(c *profile.Capture, method, handler, status string, perSecond, seconds float64) {
	for i := range window + 1 {
		if i == len(c.Counters) {
			c.Counters = append(c.Counters, profile.CounterSample{At: after(float64(i)), Source: "http://svc/metrics"})
		}
		n := 1000 + perSecond*float64(i)
		c.Counters[i].Changed = append(c.Counters[i].Changed, profile.Series{
			Name: "http_request_duration_seconds", Type: "histogram", Value: n, Sum: n * seconds,
			Labels: map[string]string{"method": method, "handler": handler, "status": status},
		})
	}
}

// backend adds a process that serves the database's clients on this host.
func backend(c *profile.Capture, pid int, database string, cores float64) {
	key := profile.ProcessKey{PID: pid, Start: 2}
	c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key, PPID: 40, Name: "postgres", Command: []string{"postgres: app " + database + " 127.0.0.1(4711) idle"}})
	for i := range c.Processes {
		c.Processes[i].Changed = append(c.Processes[i].Changed, profile.Process{ProcessKey: key, User: cores * float64(i)})
	}
}

// listening adds the server's own process, as PostgreSQL's postmaster is.
func listening(c *profile.Capture, port string) {
	key := profile.ProcessKey{PID: 40, Start: 1}
	c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key, PPID: 1, Name: "postgres", Command: []string{"/usr/bin/postgres", "-p", port}})
	for i := range c.Processes {
		c.Processes[i].Changed = append(c.Processes[i].Changed, profile.Process{ProcessKey: key})
	}
}

// ofModule says which code is the service's own, as its build information does.
func ofModule(c *profile.Capture) *profile.Capture {
	c.Builds = append(c.Builds, profile.Build{PID: c.Target.PID, Main: "example.com/svc"})
	return c
}

// mustBeSilent fails if the rule says anything of the capture.
func mustBeSilent(t *testing.T, c *profile.Capture, rule *Rule) RuleStatus {
	t.Helper()
	f, status := found(t, c, rule)
	if f != nil {
		t.Errorf("accused, %s: %s", f.Confidence, f.Message)
	}
	if status.Status != "clean" {
		t.Errorf("it did not look: %+v", status)
	}
	return status
}
