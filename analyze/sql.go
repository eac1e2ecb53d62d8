package analyze

import (
	"math"
	"slices"
	"strings"
)

// A sqlCall is what a function of an SQL library means for a goroutine that
// stands in it.
type sqlCall uint8

const (
	sqlNone    sqlCall = iota
	sqlExec            // a statement of which no rows are wanted: nearly always a write
	sqlControl         // begins or ends a transaction, whatever runs below it
)

// sqlCalls are the methods of the libraries through which services speak to
// their databases. The first that fits counts.
var sqlCalls = map[string][]struct {
	method string
	call   sqlCall
}{
	"database/sql":                      {{"Begin", sqlControl}, {"Commit", sqlControl}, {"Rollback", sqlControl}, {"Ping", sqlControl}, {"Exec", sqlExec}},
	"github.com/jackc/pgx":              {{"Begin", sqlControl}, {"Commit", sqlControl}, {"Rollback", sqlControl}, {"Ping", sqlControl}, {"Exec", sqlExec}, {"CopyFrom", sqlExec}},
	"github.com/jackc/pgx/v5/pgxpool":   {{"Begin", sqlControl}, {"Commit", sqlControl}, {"Rollback", sqlControl}, {"Ping", sqlControl}, {"Exec", sqlExec}, {"CopyFrom", sqlExec}},
	"github.com/jackc/pgx/v4/pgxpool":   {{"Begin", sqlControl}, {"Commit", sqlControl}, {"Rollback", sqlControl}, {"Ping", sqlControl}, {"Exec", sqlExec}, {"CopyFrom", sqlExec}},
	"go.mongodb.org/mongo-driver/mongo": {{"Insert", sqlExec}, {"Update", sqlExec}, {"Delete", sqlExec}, {"Replace", sqlExec}, {"BulkWrite", sqlExec}},
}

// sqlCallOf reads a Go function: "(*DB).ExecContext" of database/sql is sqlExec.
func sqlCallOf(pkg, rest string) sqlCall {
	list, ok := sqlCalls[pkg]
	if !ok {
		list = sqlCalls[withoutMajor(pkg)]
	}
	if list == nil {
		return sqlNone
	}
	_, method, _ := strings.Cut(rest, ").")
	for _, c := range list {
		if method != "" && strings.HasPrefix(method, c.method) {
			return c.call
		}
	}
	return sqlNone
}

// byKey says of a statement's text that it asks for, or changes, what belongs to
// one key, so that it takes as many calls as there are keys. What names several
// (ANY, IN, a join of two lists, VALUES with several rows) does not; neither
// does taking a job from a queue.
func byKey(s *StatementUse) bool {
	text := " " + strings.Join(strings.Fields(strings.ToLower(s.Text)), " ") + " "
	for _, several := range []string{" any(", "any (", " in (", " in(", "unnest(", " skip locked", "generate_series("} {
		if strings.Contains(text, several) {
			return false
		}
	}
	switch s.Kind {
	case "insert":
		_, values, ok := strings.Cut(text, " values")
		return ok && !strings.Contains(values, "),") && !strings.Contains(values, ") ,")
	case "update", "delete", "select":
		_, where, ok := strings.Cut(text, " where ")
		return ok && comparesParameter(where)
	}
	return false
}

// comparesParameter says that some column must be equal to one value.
func comparesParameter(where string) bool {
	compact := strings.ReplaceAll(where, " ", "")
	for i := strings.IndexByte(compact, '='); i >= 0 && i+1 < len(compact); {
		before := i > 0 && strings.IndexByte("<>!", compact[i-1]) >= 0
		if after := compact[i+1]; !before && (after == '$' || after == '?' || after == ':') {
			return true
		}
		next := strings.IndexByte(compact[i+1:], '=')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return false
}

// isWrite says whether a statement changes rows.
func (s *StatementUse) isWrite() bool {
	return s.Kind == "insert" || s.Kind == "update" || s.Kind == "delete"
}

// transactions is how many ended a second, whether well or not.
func (u *PostgresUse) transactions() float64 { return u.Commits + u.Rollbacks }

// calls is the rate of all statements that keep says yes to.
func (u *PostgresUse) calls(keep func(*StatementUse) bool) float64 {
	n := 0.0
	for i := range u.Statements {
		if keep(&u.Statements[i]) {
			n += u.Statements[i].Rate
		}
	}
	return n
}

func anyStatement(*StatementUse) bool { return true }

// sqlJobs is what SQL of one kind is done for: how often a second, and how that
// is known.
type sqlJobs struct {
	perSecond Interval
	what      string // "request", "job"
	source    string
	kind      *Request // the requests that it is done for, if one kind fits; they are part of perSecond
	counted   bool     // every way that leads to the SQL is counted
	linked    bool     // the goroutines that do the SQL were seen to take such jobs
	stands    []*Stand
	goroutine float64 // mean number of goroutines in the SQL
}

// jobsOfSQL finds out whom the service does SQL for, from where the goroutines
// stand that do it: in requests, which are then all requests there are, so that
// the number for each is a lower bound; or in workers, whose jobs are counted
// otherwise.
func (f *Facts) jobsOfSQL(writes bool) sqlJobs {
	var j sqlJobs
	inRequests := 0.0
	if f.Goroutines != nil {
		for i := range f.Goroutines.Stands {
			s := &f.Goroutines.Stands[i]
			if !s.Ops.has(OpSQL) || len(s.Chain) == 0 || s.Writes != writes || s.Wait == WaitPool {
				continue
			}
			j.stands = append(j.stands, s)
			j.goroutine += s.Mean
			if s.Ops.has(OpHTTPServer) {
				inRequests += s.Mean
			}
		}
	}
	requests := requestsPerSecond(f.Requests)
	switch {
	case requests > 0 && j.goroutine > 0 && inRequests >= mostOf*j.goroutine:
		j.perSecond, j.what, j.source = exactly(requests), "request", f.Requests[0].Source
		j.counted, j.linked = true, true
		j.kind = f.requestsIn(heaviestStand(j.stands))
	case f.Done != nil:
		j.perSecond, j.what, j.source = f.Done.PerSecond, "job", f.Done.Source+" ("+f.Done.What+")"
		if requests > j.perSecond.Value { // whichever it is that they do it for
			j.perSecond, j.what, j.source = exactly(requests), "request", f.Requests[0].Source
		}
		j.linked = f.takesJobs(j.stands)
	}
	return j
}

// requestsIn is the kind of requests that stand below some function of a stand's
// chain, nil if no kind's times agree.
func (f *Facts) requestsIn(s *Stand) *Request {
	for _, fn := range outermostNamed(s.Chain) {
		all := f.Goroutines.where(func(t *Stand) bool { return t.Ops.has(OpHTTPServer) && slices.Contains(t.Chain, fn) })
		if r, ok := f.requestWith(all, func(*Request) bool { return true }); ok {
			return r
		}
	}
	return nil
}

// each is how much of what happens at a rate falls on each job, and what that job
// is. Where the kind of request is known, it is for people; what decides is
// perSecond.
func (j *sqlJobs) each(rate float64) (float64, string) {
	if j.kind != nil {
		return rate / j.kind.PerSecond, requestName(j.kind)
	}
	return rate / j.perSecond.Value, j.what
}

// takingJobs are the operations by which work comes to a worker.
var takingJobs = setOf(OpMessaging, OpRedis)

// takesJobs says that goroutines like those that do the SQL also stand where
// jobs come from: the SQL is part of jobs, and not of what else the service does.
func (f *Facts) takesJobs(stands []*Stand) bool {
	var all, linked float64
	for _, s := range stands {
		all += s.Mean
		outermost := s.Chain[len(s.Chain)-1]
		if s.Ops&takingJobs != 0 || slices.ContainsFunc(f.Goroutines.Stands, func(t Stand) bool {
			return t.Ops&takingJobs != 0 && len(t.Chain) > 0 && t.Chain[len(t.Chain)-1] == outermost
		}) {
			linked += s.Mean
		}
	}
	return all > 0 && linked >= most*all
}

// sqlDoneHere says that the target itself runs statements at that rate and of
// that length: somebody of it is seen to wait at least about as long as the
// server works, or its CPU is at least what so many calls take.
func (f *Facts) sqlDoneHere(j sqlJobs, rate, millis float64) bool {
	// A call through any driver costs the client 5 µs or more: those of the
	// fixture took 30.
	const leastCall = 5e-6
	if f.CPU != nil && f.CPU.enough() == nil && f.cores(f.CPU.Inclusive[OpSQL]).High >= rate*leastCall {
		return true
	}
	return len(j.stands) > 0 && j.goroutine >= 0.5*rate*millis/1000
}

// serverCost is the CPU that PostgreSQL spends on a statement: executing it, and
// receiving, planning and answering it.
type serverCost struct {
	executing Interval // cores
	around    Interval // cores
	local     bool     // it is CPU of this host
}

// Bounds for what lies around the execution of a statement where the server's
// CPU is not to be seen: nothing, or 40 µs, as measured for one row by its key.
const aroundMost = 40e-6

// serverCost splits the CPU of the database's backends, where they run on this
// host, over the statements: what they do not spend executing goes by calls.
// Execution times hold waits too, so they are never more than the CPU.
func (f *Facts) serverCost(s *StatementUse) serverCost {
	u := f.Postgres
	cost := serverCost{
		executing: Interval{s.Cores, s.Cores / 2, s.Cores},
		around:    Interval{0, 0, aroundMost * s.Rate},
	}
	backends, ok := f.backends()
	if !ok || backends <= 0 {
		return cost
	}
	cost.local = true
	executing := 0.0
	for i := range u.Statements {
		executing += u.Statements[i].Cores
	}
	part := 1.0
	if executing > backends {
		part = backends / executing
	}
	cost.executing = exactly(s.Cores * part).within(0.1)
	if calls := u.calls(anyStatement); calls > 0 {
		cost.around = exactly(math.Max(0, backends-executing) * s.Rate / calls).within(0.2)
	}
	return cost
}

// backends is the CPU, in cores, of the processes that serve the database's
// clients, if they run on this host and belong to one server. PostgreSQL names
// them "postgres: user database host(port) …".
func (f *Facts) backends() (cores float64, ok bool) {
	if f.Processes == nil || f.Postgres == nil || f.Postgres.Database == "" {
		return 0, false
	}
	servers := map[int]float64{}
	for _, p := range f.Processes.List {
		if len(p.Command) == 0 {
			continue
		}
		title := strings.Fields(strings.Join(p.Command, " "))
		if len(title) >= 4 && title[0] == "postgres:" && title[2] == f.Postgres.Database {
			servers[p.PPID] += p.CPU
		}
	}
	server := f.postgresServer(servers)
	return servers[server], server != 0
}

// postgresServer is the pid of the server that was asked, 0 if that is not
// clear: among several it is the one that was started with the port.
func (f *Facts) postgresServer(servers map[int]float64) int {
	_, port, _ := strings.Cut(strings.TrimPrefix(f.Postgres.Server, "postgres://"), ":")
	only := 0
	for pid := range servers {
		p := f.Processes.pid(pid)
		if p == nil {
			continue
		}
		if i := slices.Index(p.Command, "-p"); i >= 0 && i+1 < len(p.Command) {
			if p.Command[i+1] == port {
				return pid
			}
			continue // a server of another port
		}
		if only != 0 {
			return 0
		}
		only = pid
	}
	return only
}

// clientSQL is the target's own CPU in its SQL client, the part of it that calls
// of one statement are among all calls; none where there is no profile.
func (f *Facts) clientSQL(s *StatementUse) Interval {
	calls := f.Postgres.calls(anyStatement)
	if f.CPU == nil || f.CPU.enough() != nil || calls == 0 {
		return Interval{}
	}
	return f.cores(f.CPU.where(func(g *Group) bool { return g.Ops.has(OpSQL) })).Times(s.Rate / calls)
}

// heaviestStand is the stand with most goroutines, nil if there is none.
func heaviestStand(list []*Stand) *Stand {
	var best *Stand
	for _, s := range list {
		if best == nil || s.Mean > best.Mean {
			best = s
		}
	}
	return best
}

// sqlLocation is where the service does its SQL: where its goroutines wait in
// it, else where its CPU goes.
func (f *Facts) sqlLocation(j sqlJobs) Location {
	if s := heaviestStand(j.stands); s != nil {
		return s.location()
	}
	if f.CPU != nil && f.CPU.enough() == nil {
		return f.CPU.accused(func(g *Group) bool { return g.Op == OpSQL })
	}
	return Location{}
}

// abbreviated is a statement's text, cut to a length that fits a sentence.
func abbreviated(text string) string {
	const most = 120
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// isBatch recognises the functions by which a client sends many statements
// without waiting for each answer.
func isBatch(pkg, rest string) bool {
	_, method, _ := strings.Cut(rest, ").")
	return strings.Contains(pkg, "pgx") && (strings.HasPrefix(method, "SendBatch") || strings.HasPrefix(method, "ExecBatch"))
}
