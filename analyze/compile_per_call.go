package analyze

import (
	"fmt"
	"slices"
	"strings"
)

// CompilePerCall finds what is made ready to run again for every job: patterns,
// templates, the engines of a codec, schemas, prepared statements.
//
// Compiling is meant to be done once, and costs ten to a thousand times what a
// use of the result does; so where it shows in the profile of a service that
// has been up for a while, it is done again and again. The profile alone cannot
// tell that from a start, in which everything is compiled; the age of the process
// and the number of jobs can. Functions that run while a package is initialised
// are no job's.
var CompilePerCall = Rule{
	Name:  "compile-per-call",
	Title: "Patterns, templates or codecs are compiled anew for each job",
	Doc: `What it is: regexp.Compile, or regexp.MatchString which compiles as well, inside a
function that is called for each job; a template parsed where it is executed; a
new gob Encoder or Decoder for each value, which learns the types of the stream
from the beginning; a JSON schema, an expression or an Avro codec compiled for
each document; a statement prepared for each query.

What it costs: 5 to 100 µs a pattern, 50 to 500 µs a template, as much for a gob
type, and the garbage of it all; a statement prepared for one query is a round
trip of its own.

How to fix it: compile in a package variable, in a sync.OnceValue or in the
constructor, and keep the result: patterns, templates and schemas may be used by
many goroutines at a time. For gob keep one Encoder and Decoder for the life
of the stream, or use a codec without a preamble for single values. Where patterns
come from users, keep the last few hundred in a cache.

When this rule is wrong: a service whose job is to compile what others write, and
seldom sees the same twice; a connection a job, where each must have an Encoder of
its own.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.04, "of the target's CPU", "what it could save at most; less is no more than what a profile of 10 s is sure of"},
		{"samples", 25, "samples", "fewer may be one burst: a configuration that was read again"},
		{"each-job", 3, "µs of CPU a job", "the smallest pattern takes 1 to 2 µs to compile; below that not each job compiles, and a cache may only have missed"},
	},
	Check: checkCompilePerCall,
}

// A compiledKind is a kind of things that are compiled.
type compiledKind struct {
	ops  operationSet // that ask for it; 0 is any other
	what string
	fix  string
}

// compiled are the kinds. The first that fits counts.
var compiled = []compiledKind{
	{setOf(OpRegexpCompile, OpRegexp), "regular expressions", "Compile the pattern once, in a package variable or in the constructor, and use it from there; regexp.MatchString and its like compile each time."},
	{setOf(OpTemplate), "templates", "Parse the template once, at start-up, and only execute it for each job; templates may be executed by many goroutines at a time."},
	{setOf(OpSerialise), "the codec of a type", "Keep one Encoder and one Decoder for the life of the stream; for single values use an encoding that does not describe its types each time (JSON, Protocol Buffers, encoding/binary)."},
	{setOf(OpSQL), "statements", "Prepare the statement once and keep it, or let the driver keep prepared statements (pgx does; go-sql-driver/mysql has interpolateParams, lib/pq binary_parameters)."},
	{0, "schemas or expressions", "Compile the schema or the expression once, keep the result, and use it for each job."},
}

func checkCompilePerCall(p *Pass) {
	for _, c := range p.compilations() {
		c.judge(p)
	}
	if len(p.found) == 0 {
		p.Clean("compiling takes %s of the target's CPU", Percent(p.partOfBusy(p.CPU.where(p.compiles)).Value))
	}
}

// A compilation is what one function compiles: often several kinds of things.
type compilation struct {
	at    Location
	kinds []int // indexes into compiled
}

// compilations puts what is compiled by one function together: it is mended
// there.
func (p *Pass) compilations() []compilation {
	var list []compilation
	for i := range compiled {
		keep := func(g *Group) bool { return p.kindOf(g) == i && p.compiles(g) }
		if p.CPU.where(keep) < fewCompiles*p.CPU.weight {
			continue
		}
		at := p.CPU.accused(keep)
		k := slices.IndexFunc(list, func(c compilation) bool { return c.at.Function == at.Function })
		if k < 0 {
			k = len(list)
			list = append(list, compilation{at: at})
		}
		list[k].kinds = append(list[k].kinds, i)
	}
	return list
}

// fewCompiles is how many samples of a kind are not worth a word.
const fewCompiles = 5

// kindOf is the index into compiled of what a group compiles.
func (p *Pass) kindOf(g *Group) int {
	return slices.IndexFunc(compiled, func(k compiledKind) bool { return k.ops == 0 || k.ops.has(g.Op) })
}

// compiles says whether a group compiles on behalf of own code, outside of the
// initialisation of packages.
func (p *Pass) compiles(g *Group) bool {
	if !g.Marks.has(MarkCompile) || len(g.Chain) == 0 || g.Op == OpGCIdle {
		return false
	}
	for _, f := range g.Chain {
		if isInit(p.CPU.name(f)) {
			return false
		}
	}
	return true
}

// isInit says whether a function initialises a Go package, or is called by one
// that does: "example.com/svc.init", "main.init.0", "main.init.func1".
func isInit(name string) bool {
	_, rest := splitGoName(name)
	return rest == "init" || strings.HasPrefix(rest, "init.")
}

// judge holds one function's compiling against the limits and the jobs.
func (c *compilation) judge(p *Pass) {
	keep := func(g *Group) bool { return p.compiles(g) && slices.Contains(c.kinds, p.kindOf(g)) }
	ch := p.charge(keep)
	samples := ch.seconds / p.CPU.weight
	if samples < p.Limit("samples") || ch.share.Value < p.Limit("share") {
		return
	}
	var whats, fixes []string
	for _, k := range c.kinds {
		whats, fixes = append(whats, compiled[k].what), append(fixes, compiled[k].fix)
	}
	what, fix, at := strings.Join(whats, " and "), strings.Join(fixes, " "), c.at
	name := short(at.Function)
	f := Finding{
		Subject:    what + " in " + name,
		Message:    fmt.Sprintf("%s compiles %s again and again: %s of the target's CPU, %.2f cores.", name, what, Percent(ch.share.Value), ch.cores.Value),
		Confidence: Suspected,
		Waste:      wasteOf(ch.cores),
		Location:   at,
		Evidence: []Evidence{
			{What: "compiling " + what, Value: ch.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
			{What: "samples of it", Value: samples, Unit: "1", Limit: limit(p.Limit("samples")), Source: "CPU profile"},
		},
		Fix: fix,
		RefutedBy: []string{
			"what is compiled is hardly ever the same twice: it comes from users, or with the job",
			"the CPU of compiling is gone in a second window",
		},
		cpu: keep,
	}
	each, counted := p.eachJob(ch.cores.Value)
	switch {
	case !counted:
		f.Settles = "how many jobs were done in the window (--metrics URL, or --nats URL): a few µs for each or more mean that each compiles"
	case p.Target == nil || p.Target.Young:
		f.Settles = "a window in which the service does not start: run busywork on its machine, some seconds after its start"
	case 1e6*each < p.Limit("each-job"):
		f.Settles = "a counter of how often it compiles: there is too little of it for each job to do so"
	default:
		f.Confidence = Inferred
	}
	if counted {
		f.Evidence = append(f.Evidence, Evidence{What: "compiling, for each job", Value: 1e6 * each, Unit: "µs", Limit: limit(p.Limit("each-job")), Source: "CPU profile, against " + p.Done.Source})
		f.Message = fmt.Sprintf("%s compiles %s again and again: %.0f µs of CPU for each of %.0f jobs a second, %s of the target's CPU, %.2f cores.",
			name, what, 1e6*each, p.Done.PerSecond.Value, Percent(ch.share.Value), ch.cores.Value)
	}
	p.Report(f)
}
