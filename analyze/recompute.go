package analyze

import "fmt"

// Recompute finds listings that are fetched whole, job after job, though hardly
// anything is made of them: all members of a queue to know how many there are,
// all rows of a table to find one.
//
// What becomes of an answer cannot be seen from outside. But it can be bounded:
// the server counts what it answers, and all that the service does besides
// fetching, whatever it is for, comes to so much CPU. Where that is less for each
// row than it takes to encode a row or to send it on, most rows were fetched and
// dropped, or looked at for an instant that the server could have saved.
//
// A listing that is built in the process itself, only to be counted, is not
// accused: nobody counts its elements, and the CPU of copying and sorting looks
// the same whether the copy is needed or not. What it copies is copy-churn's.
var Recompute = Rule{
	Name:  "recompute",
	Title: "A whole listing is fetched to count it, or to look one thing up",
	Doc: `What it is: each job fetches a whole collection (LRANGE 0 -1, SMEMBERS, HGETALL,
SELECT without a narrow WHERE) and uses its length, its first element, or the one
that fits; or fetches the same settings again that it had for the job before.

What it costs: the server reads all of it, the network carries it, and the client
allocates and decodes it, for each job: 100 to 500 ns an element at the client
and as much at the server. Two thousand elements are a millisecond a job.

How to fix it: ask for the answer and not for the material: LLEN, ZCARD, SCARD,
HGET, SISMEMBER; SELECT count(*), a WHERE, a LIMIT, an aggregate. Keep what does
not change from job to job for some seconds.

When this rule is wrong: when all of it is handed on without being looked at, by a
proxy. Listings that are built in the process itself are not seen by this rule.`,
	Needs:    Signals{All: SignalCPU | SignalCompletions, Any: SignalRedis | SignalPostgres},
	Explains: []string{"linear-queue-scan"},
	Limits: []Limit{
		{"share", 0.10, "of the target's CPU", "fetching: a tenth is worth a change"},
		{"fetches", 0.5, "a job", "once in two jobs or more often; a listing now and then is housekeeping"},
		{"bytes", 16384, "bytes a Redis answer", "a hundred members or more of the usual size; less is not worth another command"},
		{"rows", 200, "rows a statement", "a page of a listing for people has 20 to 100"},
		{"use-byte", 4, "ns of everything else for each byte fetched", "encoding JSON takes 5 ns a byte at the least, and decoding it 27"},
		{"use-row", 250, "ns of everything else for each row fetched", "encoding or sending a row of 100 bytes takes 500 ns or more; looking at it, 1 to 20"},
	},
	Check: checkRecompute,
}

// listings are the Redis commands that answer with a collection, or a range of
// one.
var listings = map[string]string{
	"lrange": "LLEN, LINDEX or a range", "zrange": "ZCARD, ZCOUNT, ZSCORE or a range", "zrevrange": "ZCARD, ZSCORE or a range",
	"zrangebyscore": "ZCOUNT or LIMIT", "zrevrangebyscore": "ZCOUNT or LIMIT", "smembers": "SCARD or SISMEMBER",
	"hgetall": "HLEN, HGET or HMGET", "hkeys": "HLEN or HEXISTS", "hvals": "HLEN or HMGET", "keys": "a set with the names, or DBSIZE", "xrange": "XLEN or COUNT",
}

// A fetch is what the service keeps asking a server for.
type fetch struct {
	op      Operation // of the client
	name    string    // "LRANGE", or the statement
	rate    float64   // a second
	size    float64   // of an answer, in units
	unit    string    // "bytes", "rows"
	least   string    // the limit that size is held against
	use     string    // the limit of what is made of a unit
	server  float64   // cores there
	instead string
	source  string
}

func checkRecompute(p *Pass) {
	for _, f := range append(p.redisFetches(), p.sqlFetches()...) {
		if each, _ := p.eachJob(f.rate); each < p.Limit("fetches") || f.size < p.Limit(f.least) {
			continue
		}
		if found, ok := f.finding(p); ok {
			p.Report(found)
			return
		}
	}
	if p.clean == "" {
		p.Clean("no job fetches a whole listing")
	}
}

// redisFetches are the listings of Redis, with the bytes of an answer as the
// server has them: all that it sent, by the calls of this command. The others'
// answers are short beside a listing.
func (p *Pass) redisFetches() []fetch {
	if p.Redis == nil {
		return nil
	}
	first, last := p.Capture.Redis[0], p.Capture.Redis[len(p.Capture.Redis)-1]
	sent := forward(number(first.Info["total_net_output_bytes"]), number(last.Info["total_net_output_bytes"]))
	var calls float64
	for _, c := range p.Redis.Commands {
		if _, ok := listings[c.Command]; ok {
			calls += c.Calls
		}
	}
	var list []fetch
	for _, c := range p.Redis.Commands {
		if instead, ok := listings[c.Command]; ok {
			list = append(list, fetch{
				op: OpRedis, name: c.Command, rate: c.Rate, size: sent / calls, unit: "bytes", least: "bytes", use: "use-byte",
				server: c.Cores, instead: instead, source: "Redis commandstats and total_net_output_bytes",
			})
		}
	}
	return list
}

func (p *Pass) sqlFetches() []fetch {
	if p.Postgres == nil {
		return nil
	}
	var list []fetch
	for _, s := range p.Postgres.Statements {
		if s.Kind != "select" {
			continue
		}
		name := "a SELECT"
		if s.Table != "" {
			name = "SELECT from " + s.Table
		}
		list = append(list, fetch{
			op: OpSQL, name: name, rate: s.Rate, size: s.RowsPerCall, unit: "rows", least: "rows", use: "use-row",
			server: s.Cores, instead: "count(*), an aggregate, a WHERE or a LIMIT", source: "pg_stat_statements",
		})
	}
	return list
}

// finding accuses a fetch if hardly anything can have been made of it.
func (f fetch) finding(p *Pass) (Finding, bool) {
	accused := func(g *Group) bool { return len(g.Chain) > 0 && g.Op == f.op }
	cost := p.charge(accused)
	if cost.share.Low < p.Limit("share") {
		p.Clean("fetching takes %s of the CPU, not surely %s", Percent(cost.share.Value), Percent(p.Limit("share")))
		return Finding{}, false
	}
	at := p.CPU.accused(accused)
	if at.Function == "" {
		return Finding{}, false
	}
	// All that is done elsewhere, for whatever purpose: an upper bound of what
	// the answers were used for. The collector's and the scheduler's work is the
	// fetch's as well as anybody's, and is nobody's use.
	rest := p.cores(p.CPU.where(func(g *Group) bool { return len(g.Chain) > 0 && g.Op != f.op }))
	use := rest.High * 1e9 / (f.rate * f.size)
	if use > p.Limit(f.use) {
		p.Clean("%s answers %.0f %s, %.0f times a second; what else the service does, %.1f ns for each, may be their use", f.name, f.size, f.unit, f.rate, use)
		return Finding{}, false
	}
	each, _ := p.eachJob(f.rate)
	total := sum(cost.cores, exactly(f.server))
	name := short(at.Function)
	return Finding{
		Subject:    name,
		Confidence: Inferred,
		Waste:      wasteOf(total),
		Location:   at,
		Message: fmt.Sprintf("%s fetches %.0f %s by %s %.1f times a job, %.0f times a second, and hardly uses them: all else that the service does comes to %.1f ns for each of the %s. %.2f cores, %.2f of them at the server.",
			name, f.size, f.unit, f.name, each, f.rate, use, f.unit, total.Value, f.server),
		Evidence: []Evidence{
			{What: "fetches by " + f.name, Value: each, Unit: "a job", Limit: limit(p.Limit("fetches")), Source: f.source},
			{What: "an answer", Value: f.size, Unit: f.unit, Limit: limit(p.Limit(f.least)), Source: f.source},
			{What: "everything else", Value: use, Unit: "ns for each of the " + f.unit, Limit: limit(p.Limit(f.use)), Source: "CPU profile, by what was fetched"},
			{What: "fetching", Value: cost.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
		},
		Fix: fmt.Sprintf("Ask for the answer and not for the material (%s), or keep what does not change from job to job.", f.instead),
		RefutedBy: []string{
			"the answers are handed on as they are, by a proxy",
			"another client than this service fetches them",
		},
		cpu: accused,
	}, true
}
