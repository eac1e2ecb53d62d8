//go:build unix

package profile

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// A testPostgres is a real server of a test's own.
type testPostgres struct {
	addr string
	cmd  *exec.Cmd
	gone chan struct{}
}

// dsn connects as a user to a database.
func (s *testPostgres) dsn(user, database string) string {
	return "postgres://" + user + "@" + s.addr + "/" + database + "?sslmode=disable"
}

// stop is the fast shutdown, which breaks off what clients do.
func (s *testPostgres) stop() {
	s.cmd.Process.Signal(syscall.SIGINT)
	<-s.gone
}

// postgresServer starts a PostgreSQL server where everybody who connects from
// this machine is trusted, unless auth is another method of pg_hba.conf. The
// password of its superuser is hunter2.
func postgresServer(t testing.TB, auth string, settings ...string) *testPostgres {
	t.Helper()
	program, initdb := postgresProgram(t, "postgres"), postgresProgram(t, "initdb")
	as := postgresUser(t)
	// Not t.TempDir: its parents are closed to the user that the server runs as.
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("hunter2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if as != nil {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(data, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	init := exec.Command(initdb, "-D", data, "-U", "postgres", "--auth="+auth, "--pwfile="+password, "--no-sync", "--encoding=UTF8", "--locale=C")
	init.Dir, init.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	for try := 0; ; try++ {
		s := &testPostgres{addr: freeAddress(t), gone: make(chan struct{})}
		_, port, _ := net.SplitHostPort(s.addr)
		args := []string{"-D", data, "-h", "127.0.0.1", "-p", port, "-k", dir + "/data", "-c", "fsync=off", "-c", "max_connections=20"}
		for _, setting := range settings {
			args = append(args, "-c", setting)
		}
		s.cmd = exec.Command(program, args...)
		s.cmd.Dir, s.cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
		if err := s.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { s.cmd.Wait(); close(s.gone) }()
		if waitForPostgres(s) {
			t.Cleanup(s.stop)
			return s
		}
		s.cmd.Process.Kill()
		<-s.gone
		if try == 3 { // someone else may have taken the port
			t.Fatal("postgres does not start")
		}
	}
}

// waitForPostgres waits until the server answers, be it with a refusal.
func waitForPostgres(s *testPostgres) bool {
	if !waitForPort(s.addr, s.gone) {
		return false
	}
	for range 500 {
		conn, err := pgconn.Connect(context.Background(), s.dsn("postgres", "postgres")+"&password=hunter2")
		if err == nil {
			conn.Close(context.Background())
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// postgresProgram finds a program of PostgreSQL, which Debian keeps off PATH.
func postgresProgram(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if list, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(list) > 0 {
		return slices.Max(list)
	}
	if os.Getenv("BUSYWORK_REQUIRE_SERVERS") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// postgresUser is who the server runs as, which refuses to run as root; nil for
// ourselves.
func postgresUser(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if errUID != nil || errGID != nil {
		t.Fatal(u)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// connectPostgres gives a connection of the test's own.
func connectPostgres(t testing.TB, dsn string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// execPostgres runs statements and returns the rows of the last.
func execPostgres(t testing.TB, conn *pgconn.PgConn, statements ...string) (rows [][][]byte) {
	t.Helper()
	for _, s := range statements {
		results, err := conn.Exec(t.Context(), s).ReadAll()
		if err != nil {
			t.Fatalf("%.200s: %v", s, err)
		}
		rows = results[len(results)-1].Rows
	}
	return rows
}

const withStatements = "shared_preload_libraries=pg_stat_statements"

// observePostgres observes for d, and runs load once the first sample is there.
func observePostgres(t *testing.T, d time.Duration, dsn string, load func()) *Capture {
	t.Helper()
	now := time.Now()
	c := &Capture{Window: Window{Start: now, End: now.Add(d)}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		gatherAll(t.Context(), []Source{postgresSource(PostgresOptions{DSN: dsn})}, c)
	}()
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.Postgres)+len(c.Gaps) > 0
	})
	load()
	<-done
	return c
}

// statementsOf adds up what the samples say, by the statements' texts.
func statementsOf(c *Capture) map[string]PostgresStatement {
	byID, texts := map[int64]PostgresStatement{}, map[int64]string{}
	for _, s := range c.Postgres {
		for _, st := range s.Statements {
			if st.Text != "" {
				texts[st.ID] = st.Text
			}
			sum := byID[st.ID]
			sum.Calls += st.Calls
			sum.Rows += st.Rows
			sum.ExecMillis += st.ExecMillis
			byID[st.ID] = sum
		}
	}
	sums := map[string]PostgresStatement{}
	for id, sum := range byID {
		sums[texts[id]] = sum
	}
	return sums
}

// TestPostgres reads a real server while a client works.
func TestPostgres(t *testing.T) {
	t.Parallel()
	s := postgresServer(t, "trust", withStatements, "track_io_timing=on")
	conn := connectPostgres(t, s.dsn("postgres", "postgres"))
	execPostgres(t, conn, "CREATE SCHEMA \"odd \"\" schema\"", "CREATE EXTENSION pg_stat_statements SCHEMA \"odd \"\" schema\"",
		"CREATE TABLE jobs (id int PRIMARY KEY, state text)", "INSERT INTO jobs SELECT n, 'new' FROM generate_series(1, 100) n",
		// Nothing of a stranger's schema may answer in place of the catalogue.
		"CREATE VIEW pg_stat_database AS SELECT 1 AS broken", "CREATE TABLE pg_stat_activity (broken int)",
		"CREATE FUNCTION pg_backend_pid() RETURNS text LANGUAGE sql AS $$SELECT 'broken'$$")
	for n := range 50 { // before the window
		execPostgres(t, conn, fmt.Sprintf("UPDATE jobs SET state = 'old' WHERE id = %d", n+1))
	}
	conn.Close(t.Context()) // hands its figures in, a moment later
	conn = connectPostgres(t, s.dsn("postgres", "postgres"))
	for range 25 {
		time.Sleep(200 * time.Millisecond)
		rows := execPostgres(t, conn, "SELECT tup_updated >= 50 FROM pg_catalog.pg_stat_database WHERE datname = 'postgres'")
		if string(rows[0][0]) == "t" {
			break
		}
	}
	idle := connectPostgres(t, s.dsn("postgres", "postgres"))
	execPostgres(t, idle, "BEGIN")
	c := observePostgres(t, 4*time.Second, s.dsn("postgres", "postgres"), func() {
		for n := range 100 {
			execPostgres(t, conn, fmt.Sprintf("UPDATE jobs SET state = 'done%d' WHERE id = %d", n, n+1))
		}
		for range 3 {
			c := connectPostgres(t, s.dsn("postgres", "postgres"))
			execPostgres(t, c, "SELECT count(*) FROM jobs WHERE state = 'new'")
			c.Close(t.Context())
		}
		// A connection hands its figures in at the first transaction a second
		// after the last time, or when it closes.
		time.Sleep(1100 * time.Millisecond)
		execPostgres(t, conn, "SELECT 1")
	})
	if len(c.Gaps) != 0 || len(c.Postgres) < 3 {
		t.Fatalf("%d samples, gaps %+v", len(c.Postgres), c.Gaps)
	}
	first, last := c.Postgres[0], c.Postgres[len(c.Postgres)-1]
	if first.Server != "postgres://"+s.addr || first.Database != "postgres" || first.MaxConnections != 20 || first.Version == "" {
		t.Errorf("%+v", first)
	}
	if first.Figures.Backends != 2 || first.Connections != 2 {
		t.Errorf("%d clients of the database, %d of the server; there are 2 beside busywork", first.Figures.Backends, first.Connections)
	}
	if !slices.ContainsFunc(last.Activity, func(a PostgresActivity) bool { return a.State == "idle in transaction" && a.Count == 1 }) {
		t.Errorf("activity %+v", last.Activity)
	}
	// The server's own accounts may lag by a second, and count our connection.
	if n := last.Figures.Sessions - first.Figures.Sessions; n < 3 || n > 4 {
		t.Errorf("%d sessions in the window, want 3", n)
	}
	if n := int(last.Figures.Commits - first.Figures.Commits - last.Own + first.Own); n < 104 || n > 130 { // with what was handed in late
		t.Errorf("%d transactions in the window, want 104", n)
	}
	if n := last.Figures.Updated - first.Figures.Updated; n != 100 {
		t.Errorf("%d rows updated in the window, want 100", n)
	}
	sums := statementsOf(c)
	update := sums["UPDATE jobs SET state = $1 WHERE id = $2"]
	if update.Calls != 100 || update.Rows != 100 || update.ExecMillis <= 0 {
		t.Errorf("%+v in %+v", update, sums)
	}
	for text := range sums {
		if strings.Contains(text, "busywork") || strings.Contains(text, "pg_stat") {
			t.Errorf("busywork's own statement is kept: %s", text)
		}
	}
	if c.Self.BrokerRequests != int(last.Own)+1 { // and the connection
		t.Errorf("%d requests are owned to, %d were made", c.Self.BrokerRequests, last.Own+1)
	}
}

// TestPostgresIsReadOnly: the connection may not write, whoever it belongs to.
func TestPostgresIsReadOnly(t *testing.T) {
	t.Parallel()
	s := postgresServer(t, "trust")
	r := &postgresReader{signal: "postgres"}
	if err := r.configure(PostgresOptions{DSN: s.dsn("postgres", "postgres") + "&default_transaction_read_only=off&statement_timeout=0"}); err != nil {
		t.Fatal(err)
	}
	c := new(Capture)
	if err := r.connect(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	defer r.close()
	err := r.ask(t.Context(), c, "CREATE TABLE t (n int)", 1, func(*postgresRow) {})
	if err == nil || !strings.Contains(err.Error(), "25006") {
		t.Errorf("CREATE TABLE: %v", err)
	}
	begun := time.Now()
	err = r.ask(t.Context(), c, "SELECT pg_sleep(60)", 1, func(*postgresRow) {})
	if err == nil || !strings.Contains(err.Error(), "57014") || time.Since(begun) > 30*time.Second {
		t.Errorf("pg_sleep: %v", err)
	}
	// More rows than were asked for end the connection.
	err = r.ask(t.Context(), c, "SELECT generate_series(1, 100000000)", 10, func(*postgresRow) {})
	if err == nil || !strings.Contains(err.Error(), "more than the 10 rows") || r.conn != nil {
		t.Errorf("rows: %v", err)
	}
}

// TestPostgresRights: each refusal is told apart, and no password is kept.
func TestPostgresRights(t *testing.T) {
	t.Parallel()
	s := postgresServer(t, "scram-sha-256", withStatements)
	admin := connectPostgres(t, s.dsn("postgres:hunter2", "postgres"))
	execPostgres(t, admin, "CREATE EXTENSION pg_stat_statements", "CREATE USER plain PASSWORD 'hunter2p'", "CREATE USER barred PASSWORD 'hunter2b'",
		"REVOKE ALL ON FUNCTION pg_stat_statements(boolean) FROM PUBLIC", "GRANT EXECUTE ON FUNCTION pg_stat_statements(boolean) TO plain",
		"CREATE DATABASE bare")
	for _, test := range []struct{ name, user, database, signal, reason, hint string }{
		{"no password", "plain", "postgres", "postgres", "wants a user, or a password", "PGPASSFILE"},
		{"nobody", "nobody", "postgres", "postgres", "wants a user, or a password", "--postgres"},
		{"wrong password", "plain:hunter2x", "postgres", "postgres", "does not accept the credentials", "pg_hba.conf"},
		{"no database", "plain:hunter2p", "nowhere", "postgres", "no database named nowhere", "--postgres"},
		{"no extension", "postgres:hunter2", "bare", "postgres-statements", "has no extension pg_stat_statements", "CREATE EXTENSION"},
		{"not allowed", "barred:hunter2b", "postgres", "postgres-statements", "may not read pg_stat_statements", "GRANT"},
		{"cannot see others", "plain:hunter2p", "postgres", "postgres", "may not see what other users do", "pg_read_all_stats"},
	} {
		c := observePostgres(t, time.Second, s.dsn(test.user, test.database), func() { execPostgres(t, admin, "SELECT 1") })
		gaps := slices.DeleteFunc(c.Gaps, func(g Gap) bool { return test.name == "not allowed" && strings.Contains(g.Reason, "may not see") })
		if len(gaps) != 1 || gaps[0].Signal != test.signal || !strings.Contains(gaps[0].Reason, test.reason) || !strings.Contains(gaps[0].Hint, test.hint) {
			t.Errorf("%s: gaps %+v", test.name, c.Gaps)
		}
		if seen := len(c.Postgres) > 0; seen != (test.signal != "postgres" || test.name == "cannot see others") {
			t.Errorf("%s: %d samples", test.name, len(c.Postgres))
		}
		checkKept(t, c)
	}
}

// TestPostgresStops: the figures up to there are kept, and that is said.
func TestPostgresStops(t *testing.T) {
	t.Parallel()
	s := postgresServer(t, "trust")
	c := observePostgres(t, 3*time.Second, s.dsn("postgres", "postgres"), s.stop)
	i := slices.IndexFunc(c.Gaps, func(g Gap) bool { return g.Signal == "postgres" })
	if len(c.Postgres) == 0 || i < 0 || !strings.Contains(c.Gaps[i].Reason, "samples failed") {
		t.Errorf("%d samples, gaps %+v", len(c.Postgres), c.Gaps)
	}
}

// TestPostgresInterrupted keeps a last sample.
func TestPostgresInterrupted(t *testing.T) {
	t.Parallel()
	s := postgresServer(t, "trust", withStatements)
	execPostgres(t, connectPostgres(t, s.dsn("postgres", "postgres")), "CREATE EXTENSION pg_stat_statements")
	source := postgresSource(PostgresOptions{DSN: s.dsn("postgres", "postgres")})
	c := observeInterrupted(t, source, func(c *Capture) int { return len(c.Postgres) })
	if len(c.Postgres) != 2 || len(c.Gaps) != 0 {
		t.Errorf("%d samples, %+v", len(c.Postgres), c.Gaps)
	}
}

// TestPostgresHostileNames: what strangers named and wrote is bounded, clean,
// and without what was in quotes.
func TestPostgresHostileNames(t *testing.T) {
	t.Parallel()
	s := postgresServer(t, "trust", withStatements, "track_activity_query_size=1MB")
	admin := connectPostgres(t, s.dsn("postgres", "postgres"))
	const database = "\x1b]0;evil\a\n\u202e"
	execPostgres(t, admin, `CREATE DATABASE "`+database+`"`)
	conn := connectPostgres(t, "host=127.0.0.1 port="+s.addr[strings.LastIndexByte(s.addr, ':')+1:]+" user=postgres sslmode=disable dbname='"+database+"'")
	execPostgres(t, conn, "CREATE EXTENSION pg_stat_statements", "CREATE TABLE \"\x1b[2J\u202e\" (n int)")
	c := observePostgres(t, 2*time.Second, "host=127.0.0.1 port="+s.addr[strings.LastIndexByte(s.addr, ':')+1:]+" user=postgres sslmode=disable dbname='"+database+"'", func() {
		execPostgres(t, conn,
			"SELECT n FROM \"\x1b[2J\u202e\"",
			"SELECT n FROM \"\x1b[2J\u202e\" WHERE n IN ("+strings.Repeat("1, ", 100000)+"2)",
			"DO $x$ BEGIN PERFORM 'hunter2'; END $x$",
			"NOTIFY wake, 'hunter2'",
			"CREATE USER ann PASSWORD 'hunter2''hunter2'",
			"/* hunter2 ' */ COMMENT ON TABLE \"\x1b[2J\u202e\" IS E'hunter2\\'hunter2' -- hunter2",
		)
	})
	if len(c.Gaps) != 0 || len(c.Postgres) < 2 {
		t.Fatalf("%d samples, gaps %+v", len(c.Postgres), c.Gaps)
	}
	if got := c.Postgres[0].Database; got != "]0;evil " {
		t.Errorf("database %q", got)
	}
	sums := statementsOf(c)
	for _, want := range []string{`SELECT n FROM "[2J"`, "DO $x$…$x$", "NOTIFY wake, '…'"} {
		if sums[want].Calls != 1 {
			t.Errorf("no %q", want)
		}
	}
	for text := range sums {
		if !isClean(text) || len(text) > maxStatement || strings.Contains(text, "hunter2") {
			t.Errorf("kept %q", text)
		}
	}
	checkKept(t, c)
}

func TestPostgresFailures(t *testing.T) {
	for name, test := range map[string]struct{ dsn, reason string }{
		"malformed":    {"postgres://ann:hunter2@[::1", "is malformed"},
		"nonsense":     {"host=x password=hunter2 port=hunter2", "is malformed"},
		"no such file": {"postgres://127.0.0.1/?sslmode=verify-full&sslrootcert=/nowhere/hunter", "no such file"},
		"nobody there": {"postgres://ann:hunter2@" + freeAddress(t) + "/d?sslmode=disable", "nothing listens at postgres://127.0.0.1"},
		"web server":   {"postgres://ann:hunter2@" + babbler(t, "HTTP/1.1 400 Bad Request\r\n\r\n") + "/d?sslmode=disable", "it may not be a PostgreSQL server"},
		"huge message": {"postgres://ann:hunter2@" + babbler(t, "R\x7f\xff\xff\xff") + "/d?sslmode=disable", "it may not be a PostgreSQL server"},
		"hangs":        {"postgres://ann:hunter2@" + babbler(t, "") + "/d?sslmode=disable", "did not answer within"},
		"hangs, TLS":   {"postgres://ann:hunter2@" + babbler(t, "") + "/d", "did not answer within"},
		"cut":          {"postgres://ann:hunter2@" + babbler(t, "R\x00\x00") + "/d?sslmode=disable", "postgres://127.0.0.1"},
		"hostile error": {"postgres://ann:hunter2@" + babbler(t, pgError("XX000", "\x1b]0;x password=hunter2")) + "/d?sslmode=disable",
			"refuses: ]0;x password=[cut]"},
		"a pooler": {"postgres://ann:hunter2@" + babbler(t, pgError("08P01", "unsupported startup parameter: search_path")) + "/d?sslmode=disable",
			"does not take the settings of a read-only connection"},
		"starting": {"postgres://ann:hunter2@" + babbler(t, pgError("57P03", "the database system is starting up")) + "/d?sslmode=disable", "cannot answer now"},
		"full":     {"postgres://ann:hunter2@" + babbler(t, pgError("53300", "sorry, too many clients already")) + "/d?sslmode=disable", "no connection left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := observe(t, 50*time.Millisecond, postgresSource(PostgresOptions{DSN: test.dsn}))
			if gap := onlyGap(t, c); gap.Signal != "postgres" || !strings.Contains(gap.Reason, test.reason) {
				t.Errorf("%+v, want %q", gap, test.reason)
			}
			checkKept(t, c)
		})
	}
}

// pgError is an error as a server sends it.
func pgError(code, message string) string {
	b, err := (&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: message}).Encode(nil)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestFoundPostgres: to an address that was only seen, no password is shown.
func TestFoundPostgres(t *testing.T) {
	t.Setenv("PGPASSWORD", "hunter2")
	t.Setenv("PGUSER", "ann")
	heard := make(chan string, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		b := pgproto3.NewBackend(conn, conn)
		if _, err := b.ReceiveStartupMessage(); err != nil {
			return
		}
		b.Send(&pgproto3.AuthenticationCleartextPassword{})
		b.Flush()
		b.SetAuthType(pgproto3.AuthTypeCleartextPassword)
		if m, err := b.Receive(); err == nil {
			heard <- fmt.Sprintf("%+v", m)
		}
	}()
	o, err := foundPostgres(l.Addr().(*net.TCPAddr).AddrPort(), os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	o.DSN += "?sslmode=disable"
	c := observe(t, 50*time.Millisecond, postgresSource(o))
	onlyGap(t, c)
	checkKept(t, c)
	select {
	case m := <-heard:
		if strings.Contains(m, "hunter2") {
			t.Errorf("the password was sent: %s", m)
		}
	default:
	}
	if _, err := foundPostgres(netip.MustParseAddrPort("10.0.0.1:5432"), os.Getpid()); err == nil {
		t.Error("another machine's server was offered the environment's password")
	}
}

// TestPostgresIsFound among the target's connections, on any port, and read with
// what the environment says.
func TestPostgresIsFound(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("connections are found on Linux only")
	}
	s := postgresServer(t, "scram-sha-256")
	connectPostgres(t, s.dsn("postgres:hunter2", "postgres"))
	t.Setenv("PGUSER", "postgres")
	t.Setenv("PGPASSWORD", "hunter2")
	c, err := Observe(t.Context(), Options{Target: "pid:" + strconv.Itoa(os.Getpid()), Window: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Postgres) < 2 || c.Postgres[0].Server != "postgres://"+s.addr {
		t.Errorf("%d samples, gaps %+v", len(c.Postgres), c.Gaps)
	}
	if len(c.IO) < 2 {
		t.Errorf("%d samples of input and output, gaps %+v", len(c.IO), c.Gaps)
	}
	checkKept(t, c)
	// Nobody says who is asking: the gap names the flag.
	t.Setenv("PGPASSWORD", "")
	t.Setenv("PGPASSFILE", "/nowhere")
	c, err = Observe(t.Context(), Options{Target: "pid:" + strconv.Itoa(os.Getpid()), Window: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(c.Gaps, func(g Gap) bool { return g.Signal == "postgres" })
	if len(c.Postgres) != 0 || i < 0 || !strings.Contains(c.Gaps[i].Hint, "--postgres") {
		t.Errorf("%d samples, gaps %+v", len(c.Postgres), c.Gaps)
	}
}

func TestStatementText(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT  1":              "SELECT 1",
		"select $1::text, a$b$c": "select $1::text, a$b$c",
		"/* a /* nested */ 'b */SELECT x -- 'y'\n+": "SELECT x +",
		"SELECT 'it''s', E'it\\'s', \"a'b\"":        "SELECT '…', E'…', \"a'b\"",
		"DO $$ 'a' $$; DO $q$ $$ $q$":               "DO $$…$$; DO $q$…$q$",
		"SELECT 'cut off":                           "SELECT '…'",
		"SELECT $q$cut off":                         "SELECT $q$…$q$",
		"SELECT a\x00\x1b[2J":                       "SELECT a[2J",
	} {
		if got := statementText(in); got != want {
			t.Errorf("statementText(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzStatementText(f *testing.F) {
	f.Add("SELECT 'a''b', E'\\'', $$x$$ /* /* */ */ -- y\n FROM \"t\"")
	f.Fuzz(func(t *testing.T, s string) {
		if got := statementText(s); !isClean(got) || len(got) > maxStatement {
			t.Errorf("kept %q", got)
		}
	})
}

// BenchmarkPostgresSample is what one sample costs both sides.
func BenchmarkPostgresSample(b *testing.B) {
	s := postgresServer(b, "trust", withStatements)
	conn := connectPostgres(b, s.dsn("postgres", "postgres"))
	execPostgres(b, conn, "CREATE EXTENSION pg_stat_statements")
	for n := range 2000 {
		execPostgres(b, conn, fmt.Sprintf("SELECT %d AS c%d", n, n))
	}
	r := &postgresReader{signal: "postgres"}
	if err := r.configure(PostgresOptions{DSN: s.dsn("postgres", "postgres")}); err != nil {
		b.Fatal(err)
	}
	defer r.close()
	for b.Loop() {
		if err := r.sample(b.Context(), new(Capture)); err != nil {
			b.Fatal(err)
		}
	}
}
