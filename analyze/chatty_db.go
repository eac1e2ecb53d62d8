package analyze

import (
	"fmt"
	"math"
)

// ChattyDB finds conversations with the database that are many round trips
// where a few would do: reads one by one by key (N+1), and transactions that are
// opened and closed around each statement.
//
// Single-row writes in a loop are another rule's. Reads differ in what is saved:
// a join, or one read of all keys, costs the database a third to execute; the
// round trips are the same. A loop of reads has seldom a transaction around it,
// so what says that it is a loop are the requests, all of which are counted, or
// the jobs, if those who take them are those who read.
var ChattyDB = Rule{
	Name:  "chatty-db",
	Title: "Many round trips to the database for one job",
	Doc: `What it is: a list is read with one query and then one more for each of its
lines (N+1); or each statement gets a transaction of its own, so that two of three
round trips only open and close it.

What it costs: the time of a round trip for each, during which the job does
nothing, and the CPU of both sides to send, receive, plan and answer. Most of
it is not the query.

How to fix it: join, or read all keys at once (WHERE id = ANY($1)) and put them
together in the client; ORMs call it eager loading or preloading. Cache what
hardly changes. Put the statements of one job into one transaction.

When this rule is wrong: when the reads belong to different jobs that are not
counted; when the next key follows only from the row before (walking a tree: a
recursive query then).`,
	Needs: Signals{All: SignalPostgres},
	Limits: []Limit{
		{"calls", 10, "calls of one statement for each job", "N+1 detectors that look at one request begin at 5; this is a mean over all of them, so twice that"},
		{"count", 100, "calls in the window", "with fewer, the next window may look quite different"},
		{"rows", 10, "rows a call", "a read that answers with more rows does some work each time, and is not a lookup"},
		{"cores", 0.02, "cores", "below a fiftieth of a core nobody would notice it is gone"},
		{"waiting", 1, "goroutines", "one goroutine that always waits for the next answer is delay enough to speak of, however little CPU it takes"},
	},
	Check: checkChattyDB,
}

// What one read of many keys executes of what as many reads of one do: 176 µs
// for a join of 60 rows, against 60 times 8.4.
const joinExecutes = 0.35

func checkChattyDB(p *Pass) {
	jobs := p.jobsOfSQL(false)
	switch {
	case pipelined(p.Facts):
		p.Clean("statements are sent in batches")
		return
	case p.Postgres.Statements == nil:
		p.Clean("statements are not counted: pg_stat_statements is missing")
		return
	}
	most := 0.0
	for i := range p.Postgres.Statements {
		s := &p.Postgres.Statements[i]
		if s.Kind != "select" || !byKey(s) || s.RowsPerCall > p.Limit("rows") || s.Calls < p.Limit("count") {
			continue
		}
		r := repeatedCalls(p, s, jobs)
		most = math.Max(most, r.each)
		if f, ok := r.readOneByOne(p); ok {
			p.Report(f)
		}
	}
	if f, ok := transactionEach(p); ok {
		p.Report(f)
	}
	if len(p.found) == 0 {
		p.Clean("no read by key runs %.0f times or more for each job, request or transaction of the target's (most: %.1f)", p.Limit("calls"), most)
	}
}

// readOneByOne decides whether reads by key are a loop.
func (r *repeated) readOneByOne(p *Pass) (Finding, bool) {
	if r.each < p.Limit("calls") || p.Goroutines != nil && !r.here {
		return Finding{}, false
	}
	waste := r.waste(joinExecutes)
	if waste.Value < p.Limit("cores") && r.jobs.goroutine < p.Limit("waiting") {
		return Finding{}, false
	}
	f := Finding{
		Subject:    "select " + r.Table,
		Confidence: r.sure,
		Waste:      wasteOf(waste),
		Location:   p.sqlLocation(r.jobs),
		Message:    r.sentence("reads", waste),
		Evidence:   r.evidence(p),
		Fix: fmt.Sprintf("Read them together: join %s in the query that yields the keys, or collect the keys and read WHERE … = ANY($1) once (eager loading, in an ORM). Keep in memory what hardly changes.",
			tableOr(r.Table, "the table")),
		RefutedBy: []string{
			"these reads belong to different requests or jobs, which nobody counts",
			"each key is known only from the row before",
		},
		cpu: func(g *Group) bool { return g.Ops.has(OpSQL) },
	}
	f.grade = r.severity(p, waste)
	r.complete(p, &f)
	return f, true
}

func tableOr(table, other string) string {
	if table == "" {
		return other
	}
	return table
}

// transactionEach finds transactions that are opened for single statements:
// the server ran BEGIN nearly as often as all that stood between.
func transactionEach(p *Pass) (Finding, bool) {
	jobs := p.jobsOfSQL(true)
	begins := p.Postgres.calls(func(s *StatementUse) bool { return s.Kind == "begin" || s.Kind == "start" })
	work := p.Postgres.calls(func(s *StatementUse) bool { return s.isWrite() || s.Kind == "select" })
	if jobs.perSecond.Value <= 0 || begins <= 0 || work <= 0 {
		return Finding{}, false
	}
	each, inside := begins/jobs.perSecond.Value, work/begins
	// One and a half statements in a transaction are mostly one.
	if each < p.Limit("calls") || inside > 1.5 || !p.sqlDoneHere(jobs, begins, 0.01) {
		return Finding{}, false
	}
	f := Finding{
		Subject:    "a transaction for each statement",
		Confidence: Suspected,
		Location:   p.sqlLocation(jobs),
		Message: fmt.Sprintf("%.0f transactions are opened for each %s, %.0f a second, with %.1f statements in each: most round trips only open and close them.",
			each, jobs.what, begins, inside),
		Evidence: []Evidence{
			{What: "transactions opened for each " + jobs.what, Value: each, Unit: "1", Limit: limit(p.Limit("calls")), Source: "pg_stat_statements and " + jobs.source},
			{What: "statements in each", Value: inside, Unit: "1", Limit: limit(1.5), Source: "pg_stat_statements"},
		},
		Fix:       "Put the statements of one job into one transaction; leave it out around a single statement, which is one by itself.",
		RefutedBy: []string{"the statements must take effect one by one, each whether or not the next one does"},
		Settles:   "whether one job opens them: a trace of one, or the log of one connection",
	}
	if jobs.goroutine > 0 {
		f.Delay = &Delay{JobHours: jobs.goroutine * 2 / 3, Why: "two of three round trips open or close a transaction"}
	}
	return f, true
}
