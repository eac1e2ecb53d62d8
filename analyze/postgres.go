package analyze

import (
	"sort"

	"busywork/profile"
)

// PostgresUse is what a PostgreSQL server, and one database of it, did in the
// window. Rates are a second; all is of the database unless said otherwise. The
// database has other clients than the target: a rate here is an upper bound of
// the target's.
type PostgresUse struct {
	Server   string
	Version  string
	Database string
	Seconds  float64 // observed, without what lies across a reset or a restart

	Sessions  float64 // new connections; 0 before version 14, which does not count them
	Commits   float64
	Rollbacks float64
	Inserted  float64 // rows
	Updated   float64
	Deleted   float64

	// Means over the samples, of connected clients.
	Connections       float64
	Active            float64            // running a statement
	Waiting           float64            // of these, waiting for something inside the server: a lock, storage …
	IdleInTransaction float64            // in a transaction, and waiting for the client
	Waits             map[string]float64 // Waiting by kind: "Lock", "LWLock", "IO" …
	Hidden            float64            // whose state the user may not see; they are in none of the above but Connections

	ServerConnections float64 // mean, of the whole server
	MaxConnections    int     // of the whole server

	// Statements are those that took any time, most first; nil where
	// pg_stat_statements cannot be had, empty where nothing was run.
	Statements       []StatementUse
	StatementSeconds float64 // the span that they cover
}

// StatementUse is what one statement did in the window.
type StatementUse struct {
	Text          string // constants are $1, $2 …; bounded
	Kind          string // its verb in lower case: "select", "insert", "update", "delete", "begin" …; "" if unknown
	Table         string // the first table that it reads or writes, as written, with its schema if given; "" if none or unknown
	Calls         float64
	Rate          float64 // calls a second
	RowsPerCall   float64 // returned or affected
	MillisPerCall float64
	// Cores is the time in it, planning included, a second of the window. Waits
	// for locks and storage are part of it, so it bounds the server's CPU.
	Cores float64
}

// newPostgresUse adds up the differences between neighbouring samples; nil if
// there are none.
func newPostgresUse(samples []profile.PostgresSample) *PostgresUse {
	if len(samples) < 2 {
		return nil
	}
	last := samples[len(samples)-1]
	u := &PostgresUse{Server: last.Server, Version: last.Version, Database: last.Database, MaxConnections: last.MaxConnections}
	var own float64
	for i := 1; i < len(samples); i++ {
		a, b := &samples[i-1], &samples[i]
		if dt := seconds(a.At, b.At); dt > 0 && continues(a, b) {
			u.Seconds += dt
			u.Sessions += grown(a.Figures.Sessions, b.Figures.Sessions)
			u.Commits += grown(a.Figures.Commits, b.Figures.Commits)
			u.Rollbacks += grown(a.Figures.Rollbacks, b.Figures.Rollbacks)
			u.Inserted += grown(a.Figures.Inserted, b.Figures.Inserted)
			u.Updated += grown(a.Figures.Updated, b.Figures.Updated)
			u.Deleted += grown(a.Figures.Deleted, b.Figures.Deleted)
			own += grown(a.Own, b.Own)
		}
	}
	if u.Seconds == 0 {
		return nil
	}
	u.Commits = max(0, u.Commits-own)
	for _, rate := range []*float64{&u.Sessions, &u.Commits, &u.Rollbacks, &u.Inserted, &u.Updated, &u.Deleted} {
		*rate /= u.Seconds
	}
	u.activity(samples)
	u.statements(samples)
	return u
}

// continues says that the totals of b go on from those of a: the same database
// of the same server, which has not lost its statistics in between.
func continues(a, b *profile.PostgresSample) bool {
	return a.Server == b.Server && a.Database == b.Database && a.Figures.StatsReset == b.Figures.StatsReset &&
		b.Figures.Commits >= a.Figures.Commits && b.Figures.Sessions >= a.Figures.Sessions && b.Own >= a.Own
}

// grown is b − a, or 0 where a total ran backwards.
func grown(a, b uint64) float64 {
	if b < a {
		return 0
	}
	return float64(b - a)
}

// inside are the kinds of wait that are the server's own matter. "Client" waits
// for the other side, "Activity" and "Timeout" for time to pass.
func inside(wait string) bool {
	switch wait {
	case "", "Client", "Activity", "Timeout":
		return false
	}
	return true
}

func (u *PostgresUse) activity(samples []profile.PostgresSample) {
	u.Waits = map[string]float64{}
	one := 1 / float64(len(samples))
	for _, s := range samples {
		u.ServerConnections += float64(s.Connections) * one
		u.Connections += float64(s.Figures.Backends) * one
		for _, a := range s.Activity {
			n := float64(a.Count) * one
			switch a.State {
			case "active", "fastpath function call":
				u.Active += n
				if inside(a.Wait) {
					u.Waiting += n
					u.Waits[a.Wait] += n
				}
			case "idle in transaction", "idle in transaction (aborted)":
				u.IdleInTransaction += n
			case "":
				u.Hidden += n
			}
		}
	}
}

func (u *PostgresUse) statements(samples []profile.PostgresSample) {
	var first, last *profile.PostgresSample
	totals, texts := map[int64]profile.PostgresStatement{}, map[int64]string{}
	for i := range samples {
		s := &samples[i]
		if s.Counted {
			if first == nil {
				first = s
			}
			last = s
		}
		for _, st := range s.Statements {
			sum := totals[st.ID]
			sum.Calls, sum.Rows = sum.Calls+st.Calls, sum.Rows+st.Rows
			sum.ExecMillis, sum.PlanMillis = sum.ExecMillis+st.ExecMillis, sum.PlanMillis+st.PlanMillis
			totals[st.ID] = sum
			if st.Text != "" && texts[st.ID] == "" {
				texts[st.ID] = st.Text
			}
		}
	}
	if first == nil || seconds(first.At, last.At) <= 0 {
		return
	}
	u.StatementSeconds = seconds(first.At, last.At)
	u.Statements = []StatementUse{}
	for id, sum := range totals {
		if sum.Calls > 0 {
			u.Statements = append(u.Statements, statementUse(sum, texts[id], u.StatementSeconds))
		}
	}
	sort.Slice(u.Statements, func(i, j int) bool {
		a, b := &u.Statements[i], &u.Statements[j]
		if a.Cores != b.Cores {
			return a.Cores > b.Cores
		}
		return a.Text < b.Text || a.Text == b.Text && a.Calls > b.Calls
	})
}

func statementUse(sum profile.PostgresStatement, text string, span float64) StatementUse {
	calls, millis := float64(sum.Calls), finite(sum.ExecMillis)+finite(sum.PlanMillis)
	s := StatementUse{
		Text: text, Calls: calls, Rate: calls / span, RowsPerCall: float64(sum.Rows) / calls,
		MillisPerCall: millis / calls, Cores: millis / 1000 / span,
	}
	s.Kind, s.Table = readStatement(text)
	return s
}
