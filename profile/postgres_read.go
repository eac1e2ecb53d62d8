package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ownMark begins everything that busywork asks, so that it can be told from the
// service's statements, and by whoever looks at the server's log.
const ownMark = "/* busywork */ "

const (
	// maxActivity bounds the combinations of state and kind of wait; there are
	// 7 × 9.
	maxActivity = 100
	// maxTracked bounds the statements whose totals are compared between two
	// samples: the default of pg_stat_statements.max.
	maxTracked = 5000
	// maxStatements of a sample that are kept, those that took the most time.
	// What a service does most is among its first twenty.
	maxStatements = 200
	// maxStatement bytes of a statement's text are kept: enough for its verb, its
	// table and what people know it by. Four times as much is read, since
	// comments and literals go.
	maxStatement = 500
)

// figuresQuery asks for a database's totals. Counts of clients come from
// pg_stat_activity: numbackends has the server's own workers in it.
// A user without rights sees no backend_type of others, hence the coalesce.
const figuresQuery = `
WITH clients AS (
  SELECT datid FROM pg_stat_activity
  WHERE coalesce(backend_type, 'client backend') = 'client backend' AND datid IS NOT NULL AND pid <> pg_backend_pid())
SELECT d.datname, current_setting('server_version'), current_setting('max_connections'),
  (SELECT count(*) FROM clients), (SELECT count(*) FROM clients WHERE datid = d.datid),
  %s, d.xact_commit, d.xact_rollback, d.deadlocks, d.blks_read, d.blks_hit, d.tup_returned, d.tup_fetched,
  d.tup_inserted, d.tup_updated, d.tup_deleted, d.temp_bytes, d.blk_read_time, d.blk_write_time,
  %s, %s, coalesce(d.stats_reset::text, '')
FROM pg_stat_database d WHERE d.datid = (SELECT oid FROM pg_database WHERE datname = current_database())`

const activityQuery = `
SELECT coalesce(state, ''), coalesce(wait_event_type, ''), count(*) FROM pg_stat_activity
WHERE coalesce(backend_type, 'client backend') = 'client backend'
  AND datname = current_database() AND pid <> pg_backend_pid()
GROUP BY 1, 2 ORDER BY 3 DESC`

func (r *postgresReader) sample(ctx context.Context, c *Capture) error {
	if err := r.connect(ctx, c); err != nil {
		return err
	}
	s := PostgresSample{At: time.Now(), Server: r.server}
	if err := r.figures(ctx, c, &s); err != nil {
		return r.explain(ctx, err)
	}
	if err := r.activity(ctx, c, &s); err != nil {
		return r.explain(ctx, err)
	}
	if err := r.readStatements(ctx, c, &s); err != nil {
		return err
	}
	s.Own = r.own
	c.AddPostgres(s)
	return nil
}

func (r *postgresReader) figures(ctx context.Context, c *Capture, s *PostgresSample) error {
	sessions, active, idle := "d.sessions", "d.active_time", "d.idle_in_transaction_time"
	if r.serverMajor() < 14 {
		sessions, active, idle = "0", "0", "0"
	}
	found := false
	err := r.ask(ctx, c, fmt.Sprintf(figuresQuery, sessions, active, idle), 1, func(v *postgresRow) {
		found = true
		f := &s.Figures
		s.Database, s.Version = v.text(maxName), v.text(100)
		s.MaxConnections, s.Connections, f.Backends = int(v.count()), int(v.count()), int(v.count())
		for _, n := range []*uint64{&f.Sessions, &f.Commits, &f.Rollbacks, &f.Deadlocks, &f.BlocksRead, &f.BlocksHit,
			&f.Returned, &f.Fetched, &f.Inserted, &f.Updated, &f.Deleted, &f.TempBytes} {
			*n = v.count()
		}
		for _, n := range []*float64{&f.BlockReadMillis, &f.BlockWriteMillis, &f.ActiveMillis, &f.IdleInTransactionMillis} {
			*n = v.number()
		}
		f.StatsReset = v.text(100)
	})
	if err == nil && !found {
		return requestErrorf("", "%s keeps no statistics of the database", r.server)
	}
	return err
}

// serverMajor is the server's version, 15 for "15.13 (Debian …)", 16 for
// "16beta1".
func (r *postgresReader) serverMajor() int {
	text := r.conn.ParameterStatus("server_version")
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	major, _ := strconv.Atoi(text[:end])
	return major
}

func (r *postgresReader) activity(ctx context.Context, c *Capture, s *PostgresSample) error {
	hidden := false
	err := r.ask(ctx, c, activityQuery, maxActivity, func(v *postgresRow) {
		a := PostgresActivity{State: v.text(100), Wait: v.text(100), Count: int(v.count())}
		hidden = hidden || a.State == ""
		s.Activity = append(s.Activity, a)
	})
	if hidden {
		r.noteHidden(c)
	}
	return err
}

// ask sends one statement and hands out at most limit rows of the answer, all
// values as text. Whoever sends more is not listened to any longer.
func (r *postgresReader) ask(ctx context.Context, c *Capture, query string, limit int, each func(*postgresRow)) error {
	c.CountBrokerRequests(1)
	r.own++
	results := r.conn.Exec(ctx, ownMark+strings.Join(strings.Fields(query), " "))
	rows := 0
	for results.NextResult() {
		for reader := results.ResultReader(); reader.NextRow(); {
			if rows++; rows > limit {
				r.abandon()
				return requestErrorf("", "%s sent more than the %d rows that it was asked for", r.server, limit)
			}
			each(&postgresRow{values: reader.Values()})
		}
	}
	return results.Close()
}

// abandon drops the connection without waiting for what is still to come.
func (r *postgresReader) abandon() {
	r.conn.Conn().Close()
	r.conn = nil
}

// A postgresRow is a row of an answer, read from left to right. What is not
// there, NULL, or not what it should be, reads as zero.
type postgresRow struct{ values [][]byte }

func (v *postgresRow) next() []byte {
	if len(v.values) == 0 {
		return nil
	}
	value := v.values[0]
	v.values = v.values[1:]
	return value
}

func (v *postgresRow) text(limit int) string { return printable(string(v.next()), limit) }

func (v *postgresRow) count() uint64 {
	n, err := strconv.ParseUint(string(v.next()), 10, 63)
	if err != nil {
		return 0
	}
	return n
}

func (v *postgresRow) number() float64 {
	f, err := strconv.ParseFloat(string(v.next()), 64)
	if err != nil || !isFinite(f) || f < 0 {
		return 0
	}
	return f
}

// id reads a queryid; ok is false for NULL, as users see it who may not know.
func (v *postgresRow) id() (id int64, ok bool) {
	id, err := strconv.ParseInt(string(v.next()), 10, 64)
	return id, err == nil
}

// A statementReader turns the totals of pg_stat_statements into what was added
// between two samples.
type statementReader struct {
	view    string // the function to read from, its schema included and quoted; "" before it is looked for
	columns string // for planning and execution time, by the extension's version
	gone    bool   // it cannot be read, which has been noted
	totals  map[int64]PostgresStatement
	whole   bool           // totals are all that there are: what is new has begun at zero
	known   map[int64]bool // whose text has been recorded
	own     map[int64]bool // busywork's
}

// readStatements adds the statements to a sample. That they cannot be read costs
// the sample nothing else; only a broken connection is an error.
func (r *postgresReader) readStatements(ctx context.Context, c *Capture, s *PostgresSample) error {
	t := &r.statements
	if t.gone {
		return nil
	}
	err := r.countStatements(ctx, c, s)
	if err == nil {
		return nil
	}
	if r.conn == nil || r.conn.IsClosed() {
		return r.explain(ctx, err)
	}
	if e, refused := errors.AsType[*pgconn.PgError](err); refused {
		err = r.statementsRefused(e)
	}
	t.gone = true
	c.gap(r.signal+"-statements", r.explain(ctx, err))
	return nil
}

const extensionHint = "shared_preload_libraries = 'pg_stat_statements' in postgresql.conf, restart the server, then CREATE EXTENSION pg_stat_statements in the database"

func (r *postgresReader) statementsRefused(err *pgconn.PgError) error {
	switch err.Code {
	case "55000": // the library is not loaded
		return unavailablef(extensionHint, "pg_stat_statements is created but not loaded at %s", r.server)
	case "42501":
		return unavailablef("GRANT pg_read_all_stats TO the user, and USAGE on the extension's schema", "the user may not read pg_stat_statements at %s", r.server)
	case "57014":
		return unavailablef("a smaller pg_stat_statements.max, or pg_stat_statements_reset(), makes it faster", "pg_stat_statements takes longer than busywork waits at %s", r.server)
	}
	return unavailablef("", "pg_stat_statements cannot be read at %s: %s", r.server, postgresText(err.Message))
}

// countStatements compares all totals with those of the sample before. Their
// texts are not asked for here: the server keeps them in one file, and would
// read all of it.
func (r *postgresReader) countStatements(ctx context.Context, c *Capture, s *PostgresSample) error {
	t := &r.statements
	if err := r.findStatements(ctx, c); err != nil {
		return err
	}
	now, hidden, rows := make(map[int64]PostgresStatement, len(t.totals)), false, 0
	query := fmt.Sprintf(`SELECT queryid, sum(calls)::bigint, sum(rows)::bigint, %s FROM %s(false)
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
		GROUP BY 1 ORDER BY 4 DESC LIMIT %d`, t.columns, t.view, maxTracked)
	err := r.ask(ctx, c, query, maxTracked, func(v *postgresRow) {
		rows++
		id, ok := v.id()
		hidden = hidden || !ok
		if ok && !t.own[id] {
			now[id] = PostgresStatement{ID: id, Calls: v.count(), Rows: v.count(), ExecMillis: v.number(), PlanMillis: v.number()}
		}
	})
	if err != nil {
		return err
	}
	if hidden {
		r.noteHidden(c)
	}
	list := t.added(now)
	t.whole = rows < maxTracked
	if list, err = r.texts(ctx, c, list); err != nil {
		return err
	}
	s.Statements, s.Counted = list, true
	return nil
}

// added is what the totals say beyond those before; the first ones say nothing.
func (t *statementReader) added(now map[int64]PostgresStatement) []PostgresStatement {
	before := t.totals
	t.totals = now
	if before == nil {
		return nil
	}
	var list []PostgresStatement
	for id, b := range now {
		a, known := before[id]
		if !known && !t.whole {
			continue // it may have been there, too far down
		}
		if b.Calls < a.Calls || b.ExecMillis < a.ExecMillis {
			a = PostgresStatement{} // it was evicted, or all were reset
		}
		if b.Calls == a.Calls {
			continue
		}
		b.Calls, b.Rows = b.Calls-a.Calls, b.Rows-min(a.Rows, b.Rows)
		b.ExecMillis, b.PlanMillis = b.ExecMillis-a.ExecMillis, max(0, b.PlanMillis-a.PlanMillis)
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b PostgresStatement) int {
		return cmp.Or(cmp.Compare(b.ExecMillis, a.ExecMillis), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(len(list), maxStatements)]
}

// findStatements looks for the extension, which may be in any schema, once.
func (r *postgresReader) findStatements(ctx context.Context, c *Capture) error {
	t := &r.statements
	if t.view != "" {
		return nil
	}
	var schema, version string
	err := r.ask(ctx, c, `SELECT n.nspname, e.extversion FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
		WHERE e.extname = 'pg_stat_statements'`, 1, func(v *postgresRow) {
		schema, version = string(v.next()), v.text(20)
	})
	if err != nil {
		return err
	}
	if schema == "" {
		return unavailablef(extensionHint, "the database at %s has no extension pg_stat_statements", r.server)
	}
	t.columns = "sum(total_exec_time), sum(total_plan_time)"
	if beforeVersion(version, 1, 8) {
		t.columns = "sum(total_time), 0"
	}
	t.view = `"` + strings.ReplaceAll(schema, `"`, `""`) + `".pg_stat_statements`
	t.known, t.own = map[int64]bool{}, map[int64]bool{}
	return nil
}

// beforeVersion compares a version such as "1.10" with one in numbers.
func beforeVersion(version string, major, minor int) bool {
	a, b, _ := strings.Cut(version, ".")
	m, errMajor := strconv.Atoi(a)
	n, errMinor := strconv.Atoi(b)
	return errMajor == nil && errMinor == nil && (m < major || m == major && n < minor)
}

// texts fills in the texts of those statements that are listed for the first
// time, and drops busywork's own.
func (r *postgresReader) texts(ctx context.Context, c *Capture, list []PostgresStatement) ([]PostgresStatement, error) {
	t := &r.statements
	var ids []string
	for _, s := range list {
		if !t.known[s.ID] {
			ids = append(ids, strconv.FormatInt(s.ID, 10))
		}
	}
	if len(ids) == 0 {
		return list, nil
	}
	texts := map[int64]string{}
	query := fmt.Sprintf(`SELECT queryid, min(left(query, %d)) FROM %s(true) WHERE queryid IN (%s)
		AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY 1`,
		4*maxStatement, t.view, strings.Join(ids, ", "))
	err := r.ask(ctx, c, query, len(ids), func(v *postgresRow) {
		if id, ok := v.id(); ok {
			texts[id] = string(v.next())
		}
	})
	if err != nil {
		return nil, err
	}
	kept := list[:0]
	for _, s := range list {
		text, named := texts[s.ID]
		if strings.HasPrefix(text, ownMark) {
			t.own[s.ID] = true
			continue
		}
		if named && !t.known[s.ID] {
			t.known[s.ID] = true
			s.Text = statementText(text)
		}
		kept = append(kept, s)
	}
	return kept, nil
}
