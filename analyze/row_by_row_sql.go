package analyze

import (
	"fmt"
	"math"
)

// RowByRowSQL finds statements that write one row each, sent in a loop.
//
// For one row the database does little: what it costs is everything around it.
// A message there and back, parsing and binding, a snapshot, an answer; and the
// same again in the client. A batch pays all that once. That it is a loop cannot
// be seen in a profile, where one call looks like a thousand. It is counted: the
// server knows how often it ran a statement and how many transactions there
// were; the service, or the broker, knows how many requests or jobs. Many calls
// of the same statement inside one transaction are a loop, whatever it is for.
// Many for each request are one, if it is requests that lead to them. Many for
// each job are one only if the goroutines that do the SQL are those that take
// the jobs: else they may be as many events that have nothing to do with jobs.
//
// Other services may use the database. So somebody of the target must be seen
// to do that much.
var RowByRowSQL = Rule{
	Name:  "row-by-row-sql",
	Title: "Rows are written one statement at a time, in a loop",
	Doc: `What it is: a job or a request changes many rows, and sends a statement for
each: UPDATE … WHERE id = $1 in a loop, or an INSERT for each line of an import.

What it costs: a round trip a row, during which a transaction, its locks and its
connection are held; and five times the CPU of the database to execute it, with
as much again to receive and answer each call, on both sides.

How to fix it: one statement for all: UPDATE … WHERE id = ANY($1) where all rows
get the same change; UPDATE … FROM unnest($1::bigint[], $2::text[]) where each
gets its own; INSERT with many rows, or COPY, for new ones. A few thousand rows at
a time. Where the library can only send single statements, let it pipeline them
(a batch): that saves the round trips, though not the database's work.

When this rule is wrong: when each row is an event of its own that comes alone;
when the statements are pipelined already, which the server cannot tell.`,
	Needs: Signals{Any: SignalPostgres | SignalGoroutines},
	Limits: []Limit{
		{"calls", 10, "calls of one statement for each job", "the rows of one aggregate are a handful, and N+1 detectors that look at one request begin at 5; this is a mean over all jobs, so twice that is a loop"},
		{"count", 100, "calls in the window", "with fewer, the next window may look quite different"},
		{"cores", 0.02, "cores", "below a fiftieth of a core nobody would notice it is gone"},
		{"waiting", 1, "goroutines", "one goroutine that always waits for the next row is delay enough to speak of, however little CPU it takes"},
	},
	// The loop makes the request slow, and holds a transaction or a round trip for
	// each row.
	Explains: []string{"slow-work-in-request", "chatty-db"},
	Check:    checkRowByRowSQL,
}

// What a batch costs of what its rows cost one by one, for 100 rows by primary
// key in PostgreSQL 15: 5.9 against 30 µs of execution a row, and next to nothing
// of what lies around it on either side, which a batch pays once.
const batchExecutes = 0.2

func checkRowByRowSQL(p *Pass) {
	jobs := p.jobsOfSQL(true)
	switch {
	case pipelined(p.Facts):
		p.Clean("statements are sent in batches")
		return
	case p.Postgres == nil || p.Postgres.Statements == nil:
		if f, ok := uncountedRows(p, jobs); ok {
			p.Report(f)
		} else {
			p.Clean("no sign of it in the profile; statements are not counted (--postgres, pg_stat_statements)")
		}
		return
	}
	most := 0.0
	for i := range p.Postgres.Statements {
		s := &p.Postgres.Statements[i]
		if !s.isWrite() || !byKey(s) || s.RowsPerCall > oneRow || s.Calls < p.Limit("count") {
			continue
		}
		r := repeatedCalls(p, s, jobs)
		most = math.Max(most, r.each)
		if f, ok := r.rowByRow(p); ok {
			p.Report(f)
		}
	}
	if len(p.found) == 0 {
		p.Clean("no single-row statement runs %.0f times or more for each job, request or transaction of the target's (most: %.1f)", p.Limit("calls"), most)
	}
}

// What one call of a statement costs the client: 30 µs in the fixture, and twice
// as much or half on other machines and with other drivers.
const (
	clientCall      = 30e-6 // CPU-seconds
	clientCallLeast = clientCall / 2
	clientCallMost  = clientCall * 2
)

// uncountedRows is what can be said where nobody counts statements: jobs wait in
// writes, and the client's CPU for each of them is that of many calls. One call
// with many values may look the same, so it is a suspicion.
func uncountedRows(p *Pass, jobs sqlJobs) (Finding, bool) {
	s := heaviestStand(jobs.stands)
	if s == nil || p.CPU == nil || p.CPU.enough() != nil || jobs.perSecond.Value <= 0 || jobs.goroutine < p.Limit("waiting") {
		return Finding{}, false
	}
	here := func(g *Group) bool {
		return g.Ops.has(OpSQL) && len(g.Chain) > 0 && p.CPU.name(g.Chain[0]) == s.Chain[0]
	}
	client := p.cores(p.CPU.where(here))
	calls := quotient(client.Times(1/jobs.perSecond.Value), Interval{clientCall, clientCallLeast, clientCallMost})
	if calls.Low < p.Limit("calls") {
		return Finding{}, false
	}
	each, of := jobs.each(jobs.goroutine)
	name := short(s.Chain[0])
	return Finding{
		Subject:    name,
		Confidence: Suspected,
		Waste:      wasteOf(client.Times(1 - 1/calls.Value)),
		Location:   s.location(),
		Message: fmt.Sprintf("%s waits %s in SQL writes for each %s, and uses as much CPU on them as some %.0f single statements would: %.2f cores.",
			name, brief(each), of, calls.Value, client.Value),
		Evidence: []Evidence{
			{What: "calls for each " + jobs.what + " that the client's CPU implies", Value: calls.Value, Unit: "1", Limit: limit(p.Limit("calls")), Source: "CPU profile and " + jobs.source},
			{What: "goroutines in such statements", Value: jobs.goroutine, Unit: "goroutines", Limit: limit(p.Limit("waiting")), Source: fmt.Sprintf("%d goroutine samples", p.Goroutines.Samples)},
		},
		Fix:       batchForm(&StatementUse{Kind: "update"}),
		RefutedBy: []string{"it is one statement with many values", "the client sends the statements in a pipeline"},
		Settles:   "how often the database runs which statement: --postgres, with pg_stat_statements installed",
		Delay:     &Delay{JobHours: jobs.goroutine, Why: fmt.Sprintf("%.1f goroutines wait in SQL writes at any time", jobs.goroutine)},
		cpu:       here,
	}, true
}

// oneRow is what a statement by primary key changes at most; a tenth more is for
// the rest that have a few.
const oneRow = 1.1

// pipelined says that most of the SQL is sent in batches by the client, which
// the server counts as single statements.
func pipelined(f *Facts) bool {
	if f.CPU == nil || f.CPU.enough() != nil {
		return false
	}
	batched := 0.0
	for i := range f.CPU.Functions {
		pkg, rest := splitGoName(f.CPU.Functions[i].Name)
		if operationOf(f.CPU.Functions[i].Name, "", true) == OpSQL && isBatch(pkg, rest) {
			batched = math.Max(batched, f.CPU.Cum[i])
		}
	}
	return batched >= 0.3*f.CPU.Inclusive[OpSQL] && batched > 0
}

// repeated is one statement, held against what it is done for.
type repeated struct {
	*StatementUse
	jobs sqlJobs
	each float64 // calls for each of what
	what string  // "transaction", "request" or "job"
	how  string  // source of that number
	sure Confidence
	here bool // the target itself is seen to do it
	// server and client are the CPU that it takes.
	server serverCost
	client Interval
}

// repeatedCalls relates a statement to transactions, and to requests or jobs,
// and keeps what says most.
func repeatedCalls(p *Pass, s *StatementUse, jobs sqlJobs) repeated {
	r := repeated{StatementUse: s, jobs: jobs, sure: Suspected, what: "job"}
	r.here = p.sqlDoneHere(jobs, s.Rate, s.MillisPerCall)
	if jobs.perSecond.Value > 0 {
		r.each, r.what, r.how = s.Rate/jobs.perSecond.Value, jobs.what, jobs.source
		switch {
		case !r.here:
		case jobs.counted:
			r.sure = Measured
		case jobs.linked:
			r.sure = Inferred
		}
	}
	if t := p.Postgres.transactions(); t > 0 && s.Rate/t >= p.Limit("calls") {
		// Requests say more than transactions, which are everybody's.
		if r.sure != Measured || s.Rate/t > 1.5*r.each {
			r.each, r.what, r.how = s.Rate/t, "transaction", "pg_stat_database"
		}
		if r.here {
			r.sure = Measured
		}
	}
	r.server, r.client = p.serverCost(s), p.clientSQL(s)
	return r
}

// waste is what remains of the cost when all calls for one job become one that
// executes as cheaply as told.
func (r *repeated) waste(executes float64) Interval {
	one := 1 - 1/math.Max(r.each, 1)
	return sum(r.server.executing.Times(1-executes), r.server.around.Times(one), r.client.Times(one))
}

// rowByRow decides whether it is a loop.
func (r *repeated) rowByRow(p *Pass) (Finding, bool) {
	if r.each < p.Limit("calls") || p.Goroutines != nil && !r.here {
		return Finding{}, false
	}
	waste := r.waste(batchExecutes)
	if waste.Value < p.Limit("cores") && r.jobs.goroutine < p.Limit("waiting") {
		return Finding{}, false
	}
	f := Finding{
		Subject:    r.Kind + " " + r.Table,
		Confidence: r.sure,
		Waste:      wasteOf(waste),
		Location:   p.sqlLocation(r.jobs),
		Message:    r.sentence("rows", waste),
		Evidence:   r.evidence(p),
		Fix:        batchForm(r.StatementUse),
		RefutedBy: []string{
			"each of these rows is an event of its own, and they do not come together",
			"the client sends them in a pipeline, without waiting for each answer",
		},
		cpu: func(g *Group) bool { return g.Ops.has(OpSQL) },
	}
	f.grade = r.severity(p, waste)
	r.complete(p, &f)
	return f, true
}

// How long somebody waits, in seconds, before they notice, and before they lose
// their thought.
const (
	noticed = 0.1
	lost    = 1
)

// severity is by the CPU, but no less than what each request's wait makes it.
func (r *repeated) severity(p *Pass, waste Interval) Severity {
	s := severityOf(waste.Value/p.cpus(), r.sure)
	if !r.jobs.counted {
		return s // jobs have time, requests have somebody who waits
	}
	switch waits, _ := r.jobs.each(r.jobs.goroutine); {
	case waits >= lost:
		return SeverityHigh
	case waits >= noticed:
		return max(s, SeverityMedium)
	}
	return s
}

// complete adds what depends on where the cost is, and on what is known of whom
// the statements are for.
func (r *repeated) complete(p *Pass, f *Finding) {
	if !r.server.local && p.Host != nil { // the database's CPU is another machine's
		f.Prediction = predict(p.Host, r.client.Times(1-1/math.Max(r.each, 1)))
	}
	if r.jobs.goroutine > 0 {
		f.Delay = &Delay{JobHours: r.jobs.goroutine * (1 - 1/math.Max(r.each, 1)),
			Why: fmt.Sprintf("%.1f goroutines wait in such statements at any time, holding their connections", r.jobs.goroutine)}
	}
	if f.Confidence != Measured {
		f.Settles = "how many of these statements one job runs: a trace of one, or the log of one connection; and whose they are (application_name in pg_stat_activity)"
	}
}

// sentence says what is repeated: "rows" or "reads".
func (r *repeated) sentence(what string, waste Interval) string {
	n, of := r.each, r.what
	if of != "transaction" {
		n, of = r.jobs.each(r.Rate)
	}
	text := fmt.Sprintf("%.0f %s go one by one for each %s, %.0f statements a second: %s.", n, what, of, r.Rate, abbreviated(r.Text))
	if r.jobs.goroutine > 0 && r.jobs.perSecond.Value > 0 {
		waits, of := r.jobs.each(r.jobs.goroutine)
		text += fmt.Sprintf(" Each %s waits %s for them.", of, brief(waits))
	}
	return text + fmt.Sprintf(" %.2f cores %s.", waste.Value, r.where())
}

// where says whose CPU is in the waste.
func (r *repeated) where() string {
	switch {
	case r.client.Value == 0:
		return "in the database"
	case !r.server.local:
		return "in the client and, by the time that it executes, in the database"
	}
	return "in the database and the client"
}

// brief is a time in words: "82 ms".
func brief(seconds float64) string {
	switch {
	case seconds < 1e-3:
		return fmt.Sprintf("%.0f µs", seconds*1e6)
	case seconds < 1:
		return fmt.Sprintf("%.0f ms", seconds*1e3)
	}
	return fmt.Sprintf("%.1f s", seconds)
}

func (r *repeated) evidence(p *Pass) []Evidence {
	const source = "pg_stat_statements"
	e := []Evidence{
		{What: "calls for each " + r.what, Value: r.each, Unit: "1", Limit: limit(p.Limit("calls")), Source: source + " and " + r.how},
		{What: "calls of the statement", Value: r.Rate, Unit: "1/s", Source: source},
		{What: "rows a call", Value: r.RowsPerCall, Unit: "rows", Source: source},
		{What: "executing it", Value: r.server.executing.Value, Unit: "cores", Source: source},
	}
	if t := p.Postgres.transactions(); t > 0 {
		e = append(e, Evidence{What: "transactions", Value: t, Unit: "1/s", Source: "pg_stat_database"})
	}
	if r.server.local {
		e = append(e, Evidence{What: "receiving and answering it", Value: r.server.around.Value, Unit: "cores", Source: "CPU of the database's processes, by calls"})
	}
	if r.client.Value > 0 {
		e = append(e, Evidence{What: "CPU of the client for it", Value: r.client.Value, Unit: "cores", Source: "CPU profile, by calls"})
	}
	if r.jobs.goroutine > 0 {
		e = append(e, Evidence{What: "goroutines in such statements", Value: r.jobs.goroutine, Unit: "goroutines", Source: fmt.Sprintf("%d goroutine samples", p.Goroutines.Samples)})
	}
	return e
}

// batchForm is the statement that does it for many rows.
func batchForm(s *StatementUse) string {
	table := s.Table
	if table == "" {
		table = "…"
	}
	const rest = " A few thousand rows at a time, so that no lock is held for long."
	switch s.Kind {
	case "update":
		return fmt.Sprintf("One statement for all rows: UPDATE %s SET … WHERE id = ANY($1) if all get the same change, else UPDATE %s SET … FROM unnest($1::bigint[], $2::…[]) AS new(id, …) WHERE %s.id = new.id.", table, table, table) + rest
	case "delete":
		return fmt.Sprintf("One statement for all rows: DELETE FROM %s WHERE id = ANY($1).", table) + rest
	}
	return fmt.Sprintf("One statement for many rows: INSERT INTO %s … VALUES (…), (…), …, or SELECT … FROM unnest($1::…[], …), or COPY.", table) + rest
}
