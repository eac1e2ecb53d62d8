package analyze

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"busywork/profile"
)

// postgres adds a database in which, each second, sessions connections are made
// and commits transactions run, and whose statements are run as given, in calls
// a second and milliseconds a call.
func postgres(c *profile.Capture, sessions, commits float64, statements ...StatementUse) {
	for i := range window/2 + 1 {
		at := 2 * float64(i)
		s := profile.PostgresSample{
			At: after(at), Server: "postgres://db:5432", Database: "app", MaxConnections: 100, Connections: 12, Counted: true, Own: uint64(3 * i),
			Figures:  profile.PostgresFigures{Backends: 10, Sessions: 5000 + uint64(sessions*at), Commits: 1e6 + uint64(commits*at) + uint64(3*i)},
			Activity: []profile.PostgresActivity{{State: "active", Count: 1}, {State: "active", Wait: "Lock", Count: 2}, {State: "idle", Wait: "Client", Count: 6}, {State: "idle in transaction", Wait: "Client", Count: 1}},
		}
		for id, st := range statements {
			if i == 0 {
				break
			}
			add := profile.PostgresStatement{ID: int64(id), Calls: uint64(2 * st.Rate), Rows: uint64(2 * st.Rate * st.RowsPerCall), ExecMillis: 2 * st.Rate * st.MillisPerCall}
			if i == 1 {
				add.Text = st.Text
			}
			s.Statements = append(s.Statements, add)
		}
		c.Postgres = append(c.Postgres, s)
	}
}

func TestPostgresUse(t *testing.T) {
	c := newCapture(t, 0.5, 0.5)
	postgres(c, 4, 200,
		StatementUse{Text: "SELECT id FROM jobs", Rate: 10, RowsPerCall: 50, MillisPerCall: 1},
		StatementUse{Text: "UPDATE jobs SET a = $1 WHERE id = $2", Rate: 300, RowsPerCall: 1, MillisPerCall: 0.5})
	f := NewFacts(c)
	u := f.Postgres
	if u == nil || f.have&SignalPostgres == 0 {
		t.Fatal("no use of PostgreSQL")
	}
	near := cmpopts.EquateApprox(0, 1e-9)
	want := &PostgresUse{
		Server: "postgres://db:5432", Database: "app", Seconds: 10, Sessions: 4, Commits: 200,
		Connections: 10, Active: 3, Waiting: 2, IdleInTransaction: 1, Waits: map[string]float64{"Lock": 2}, ServerConnections: 12, MaxConnections: 100,
		StatementSeconds: 10,
		Statements: []StatementUse{
			{Text: "UPDATE jobs SET a = $1 WHERE id = $2", Kind: "update", Table: "jobs", Calls: 3000, Rate: 300, RowsPerCall: 1, MillisPerCall: 0.5, Cores: 0.15},
			{Text: "SELECT id FROM jobs", Kind: "select", Table: "jobs", Calls: 100, Rate: 10, RowsPerCall: 50, MillisPerCall: 1, Cores: 0.01},
		},
	}
	if diff := cmp.Diff(want, u, near); diff != "" {
		t.Error(diff)
	}
}

// TestPostgresUseAcrossBreaks: neither a reset nor a restart makes work out of
// nothing, nor a missing extension an empty list of one that is there.
func TestPostgresUseAcrossBreaks(t *testing.T) {
	c := newCapture(t, 0.5, 0.5)
	postgres(c, 4, 200)
	for i := 3; i < len(c.Postgres); i++ {
		c.Postgres[i].Figures.StatsReset = "2026-01-02"
		c.Postgres[i].Figures.Commits -= 900000
	}
	u := newPostgresUse(c.Postgres)
	if u.Seconds != 8 || math.Abs(u.Commits-200) > 1e-9 || u.Statements == nil || len(u.Statements) != 0 {
		t.Errorf("%+v", u)
	}
	for i := range c.Postgres {
		c.Postgres[i].Counted = false
	}
	if u := newPostgresUse(c.Postgres); u.Statements != nil {
		t.Errorf("%+v", u)
	}
	for i := range c.Postgres {
		c.Postgres[i].Server = string(rune('a' + i))
	}
	if u := newPostgresUse(c.Postgres); u != nil {
		t.Errorf("%+v", u)
	}
	if u := newPostgresUse(c.Postgres[:1]); u != nil {
		t.Errorf("one sample: %+v", u)
	}
}

func TestIOUse(t *testing.T) {
	key := profile.ProcessKey{PID: 100, Start: 1}
	var list []profile.IOSample
	for i := range uint64(11) {
		list = append(list, profile.IOSample{At: after(float64(i)), ProcessKey: key, ReadCalls: 1000 + 50*i, WriteCalls: 70 * i,
			ReadBytes: 100 * i, WriteBytes: 200 * i, StorageRead: 10 * i, StorageWrite: 20 * i, OpenFiles: 10 + 2*int(i)})
	}
	want := &IOUse{Seconds: 10, ReadCalls: 50, WriteCalls: 70, ReadBytes: 100, WriteBytes: 200, StorageRead: 10, StorageWrite: 20, OpenFiles: 20, FileGrowth: 2}
	if diff := cmp.Diff(want, newIOUse(list), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
	// What another process with this pid did before is not the target's.
	list[0].Start, list[0].ReadCalls = 0.5, 1e9
	if u := newIOUse(list); u.Seconds != 9 || u.ReadCalls != 50 {
		t.Errorf("%+v", u)
	}
	list[10].OpenFiles = -1
	if u := newIOUse(list); u.OpenFiles != 0 || u.FileGrowth != 0 {
		t.Errorf("%+v", u)
	}
	if u := newIOUse(list[10:]); u != nil {
		t.Errorf("one sample: %+v", u)
	}
}
