package profile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	// postgresInterval: a server brings its totals up to date once a second, so
	// that closer looks would see the same figures again.
	postgresInterval = 3 * time.Second
	// postgresLooks bounds the samples of a long window: a hundred points draw
	// any curve that is worth seeing.
	postgresLooks = 100
	// maxPostgresMessage bounds one message of the server, before anything is
	// allocated for it. A row of ours is below 10 KiB.
	maxPostgresMessage = 256 << 10
)

// postgresHint is how to name a server. A password in a command line can be
// read by everybody on the machine, so it is not offered first.
const postgresHint = "--postgres postgres://USER@HOST/DATABASE, with the password in the file that PGPASSFILE names, or in ~/.pgpass"

// PostgresOptions is where a PostgreSQL server is.
type PostgresOptions struct {
	// DSN is a URL or a list of key=value, as libpq takes them. What it leaves
	// open comes from the PG* environment and the password file. "" for none.
	DSN string
	// found says that the address was not given but seen among the target's
	// connections: whoever listens there must not get hold of a password.
	found bool
}

// foundPostgres are the options for a server that the target is connected to.
// The environment of whoever runs busywork is only offered to this machine, and
// only where its loopback is also the target's.
func foundPostgres(addr netip.AddrPort, pid int) (PostgresOptions, error) {
	if !addr.Addr().IsLoopback() || !sharesNetwork(pid) {
		return PostgresOptions{}, unavailablef(postgresHint, "the target is connected to PostgreSQL at %s, which is not on this machine's loopback", addr)
	}
	return PostgresOptions{DSN: "postgres://" + addr.String(), found: true}, nil
}

// postgresSource samples the statistics of one database over one connection,
// which is read-only and bounds each statement to two seconds. It creates
// nothing, no extension either; postgres_read.go has all that it asks.
func postgresSource(o PostgresOptions) Source {
	const signal = "postgres"
	return Source{Signal: signal, Gather: func(ctx context.Context, w Window, c *Capture) error {
		r := &postgresReader{signal: signal}
		if err := r.configure(o); err != nil {
			return err
		}
		defer r.close()
		p := newPace(w, max(postgresInterval, w.Duration()/postgresLooks), brokerShare)
		return poll(ctx, w, c, signal, p.next, func(ctx context.Context) error {
			r.begun = time.Now()
			err := r.sample(ctx, c)
			p.saw(time.Since(r.begun))
			return err
		})
	}}
}

// A postgresReader holds one connection, and makes a new one for the next sample
// when that breaks.
type postgresReader struct {
	signal     string
	config     *pgconn.Config
	server     string // for people: without user and password
	conn       *pgconn.PgConn
	begun      time.Time // of the sample
	own        uint64    // statements sent, each a transaction of its own
	statements statementReader
	hidden     bool // that the user may not see everything has been noted
}

// configure reads the connection string and adds what keeps the connection
// harmless. All of it is in the start-up packet: a SET would, behind a pooler
// that hands out connections by transaction, stay with the service's own.
func (r *postgresReader) configure(o PostgresOptions) error {
	config, err := pgconn.ParseConfig(o.DSN)
	if err != nil {
		return explainDSN(err) // not err itself, which holds the whole string
	}
	config.ConnectTimeout = dialTimeout
	config.BuildFrontend = func(in io.Reader, out io.Writer) *pgproto3.Frontend {
		f := pgproto3.NewFrontend(in, out)
		f.SetMaxBodyLen(maxPostgresMessage)
		return f
	}
	for name, value := range map[string]string{
		"application_name":                    clientName,
		"default_transaction_read_only":       "on",
		"statement_timeout":                   "2000", // milliseconds
		"lock_timeout":                        "500",
		"idle_in_transaction_session_timeout": "5000",
		"search_path":                         "pg_catalog", // nothing of a stranger's schema answers to our names
		"client_encoding":                     "UTF8",
	} {
		config.RuntimeParams[name] = value
	}
	if o.found {
		config.RequireAuth = "none,scram-sha-256" // the others would show the password, or all but
	}
	r.config, r.server = config, serverName(config.Host, config.Port)
	return nil
}

// explainDSN says what is wrong with a connection string without repeating any
// of it: the place of a mistake is where a password may stand.
func explainDSN(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return unavailablef("", "a file that the PostgreSQL connection string names: %s", cause(p))
	}
	return unavailablef(postgresHint, "the PostgreSQL connection string, or the PG* environment, is malformed")
}

func serverName(host string, port uint16) string {
	if strings.HasPrefix(host, "/") {
		return printable("postgres:"+path.Join(host, ".s.PGSQL."+strconv.Itoa(int(port))), 200)
	}
	return printable("postgres://"+net.JoinHostPort(host, strconv.Itoa(int(port))), 200)
}

func (r *postgresReader) close() {
	if r.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastTimeout)
	defer cancel()
	r.conn.Close(ctx)
	r.conn = nil
}

// connect makes the connection ready, if it is not.
func (r *postgresReader) connect(ctx context.Context, c *Capture) error {
	if r.conn != nil && !r.conn.IsClosed() {
		return nil
	}
	c.CountBrokerRequests(1)
	conn, err := pgconn.ConnectConfig(ctx, r.config)
	if err != nil {
		return r.explain(ctx, err)
	}
	r.conn = conn
	if len(r.config.Fallbacks) > 0 { // of several hosts, this one
		if tcp, ok := conn.Conn().RemoteAddr().(*net.TCPAddr); ok {
			r.server = serverName(tcp.IP.String(), uint16(tcp.Port))
		}
	}
	return nil
}

// explain turns a refusal, or a fault of the connection, into one line with a
// hint.
func (r *postgresReader) explain(ctx context.Context, err error) error {
	if _, done := errors.AsType[*Unavailable](err); done {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return r.refusal(e)
	}
	if e, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err); ok {
		return requestErrorf("is this its port?", "%s sent a message of %s; it may not be a PostgreSQL server", r.server, byteSize(int64(e.ActualBodyLen)))
	}
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = e.Unwrap() // without the user's name
	}
	return explain(ctx, r.server, err, time.Since(r.begun), 0)
}

// refusal tells the server's errors apart by their code: the text may be in any
// language.
func (r *postgresReader) refusal(err *pgconn.PgError) error {
	switch code := err.Code; {
	case (code == "28P01" || code == "28000") && r.config.Password == "":
		return requestErrorf(postgresHint, "%s wants a user, or a password, that it was not given", r.server)
	case code == "28P01", code == "28000":
		return requestErrorf("check user and password; the server's pg_hba.conf says who may connect from where", "%s does not accept the credentials", r.server)
	case code == "3D000":
		return requestErrorf(postgresHint, "%s has no database named %s", r.server, printable(r.config.Database, 100))
	case code == "08P01":
		return requestErrorf("give the address of the database itself; a pooler cannot keep the connection read-only",
			"%s does not take the settings of a read-only connection: %s", r.server, postgresText(err.Message))
	case code == "42501":
		return requestErrorf("GRANT pg_read_all_stats TO the user", "the user may not read statistics at %s", r.server)
	case code == "42P01", code == "42703", code == "42883": // no such table, column, function
		return requestErrorf("PostgreSQL 10 and later are read", "%s does not keep the statistics that PostgreSQL does: %s", r.server, postgresText(err.Message))
	case code == "53300": // all connections are taken
		return temporarily("ask again when a connection is free", "%s has no connection left for busywork", r.server)
	case code == "57014", code == "55P03": // statement_timeout, lock_timeout
		return temporarily("", "%s took longer over its own statistics than busywork waits", r.server)
	case strings.HasPrefix(code, "57P"): // starting, shutting down, shut down
		return temporarily("", "%s cannot answer now: %s", r.server, postgresText(err.Message))
	}
	return requestErrorf("", "%s refuses: %s", r.server, postgresText(err.Message))
}

func temporarily(hint, format string, args ...any) error {
	e := requestErrorf(hint, format, args...)
	e.temporary = true
	return e
}

func postgresText(s string) string { return redactText(printable(s, 200)) }

// noteHidden says once that the user may not see what others do.
func (r *postgresReader) noteHidden(c *Capture) {
	if r.hidden {
		return
	}
	r.hidden = true
	c.AddGap(r.signal, fmt.Sprintf("the user may not see what other users do at %s", r.server), "GRANT pg_read_all_stats TO the user")
}
