package analyze

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// BusyPoll finds code that looks for work all the time instead of waiting for
// it.
//
// Inside a process that is a loop around something that does not wait: a select
// with a default, TryLock, Gosched. Looking is cheap, so a loop that finds
// something each time spends its CPU on what it found; one whose CPU is nearly
// all looking finds nothing. And nothing found leaves its own trace in the
// runtime. A receive from an empty channel, or a send to a full one, returns
// before it takes the channel's lock; a select that finds no case ready moves no
// value and wakes nobody. So the loop is told from a fast pipeline, which has
// the same functions on top, by what is missing below them.
//
// Over the network it is a queue that is asked again and again while it is
// empty. There both sides are counted: how often the server was asked, and how
// many jobs came of it.
var BusyPoll = Rule{
	Name:  "busy-poll",
	Title: "Code looks for work all the time instead of waiting for it",
	Doc: `What it is: a loop that asks "is there something?", is told no, and asks again
at once: a select with an empty default branch, TryLock or an atomic flag in a
loop, Gosched as a way to wait; or, over the network, a queue that is polled
without blocking and without a pause (LPOP, RPOP, XREADGROUP without BLOCK, a
SELECT … FOR UPDATE SKIP LOCKED that finds no row).

What it costs: each such loop takes a whole core for as long as there is nothing to
do, and takes it from those who have something to do. Over the network each
empty answer costs both sides.

How to fix it: take the default branch out, so that select waits; wait for a
channel, a sync.Cond or a context in place of a flag; ask the queue with a blocking
command (BLPOP, BLMOVE, XREADGROUP BLOCK, LISTEN/NOTIFY, a pull with a long
expiry), or pause between two empty answers, longer each time.

When this rule is wrong: a loop that spins on purpose because nanoseconds matter
and a core is set aside for it; commands of another service on the same server
that happen to be the same.`,
	Needs: Signals{Any: SignalCPU | SignalRedis | SignalPostgres},
	Limits: []Limit{
		{"share", 0.05, "of the target's CPU", "below 5 % a loop that polls now and then cannot be told from one that never stops"},
		{"looking", 0.40, "of the loop's CPU", "with the loop's own instructions around it, even the cheapest look is 60 % of a loop that does nothing else"},
		{"idle", 0.85, "of the loop's CPU", "what is left for work is less than looking costs: it hardly ever finds any"},
		{"found", 0.10, "of the CPU of looking", "a receive that succeeds spends a third of its time on the channel's lock, one that fails none"},
		{"samples", 50, "samples of the loop", "fewer cannot tell 85 % from 70 %"},
		{"looks-per-job", 100, "per job done", "at a microsecond each, which is ten times what one costs; a loop that is woken for each job looks a few times"},
		{"calls-per-job", 5, "per job done", "one call finds a job and one finds the end of the queue; five are mostly asking"},
		{"calls", 50, "empty answers a second", "a worker that asks once a second, or ten of them twice, cost nothing"},
	},
	Check: checkBusyPoll,
}

func checkBusyPoll(p *Pass) {
	spins := findSpins(p)
	for i := range spins {
		p.Report(spins[i].finding(p))
	}
	for _, q := range findPolledQueues(p) {
		p.Report(q.finding(p))
	}
	if len(p.found) == 0 && p.clean == "" {
		p.Clean("no loop does nothing but look, and no queue is asked %.0f times for each job", p.Limit("calls-per-job"))
	}
}

// A spin is a loop of own code that looks and hardly ever finds.
type spin struct {
	loop    uint32
	under   float64 // CPU seconds of all that the loop does
	looking float64 // of that, asking whether there is something
	idle    float64 // of that, looking and the loop around it
	samples float64
	op      Mark // how it looks, most of the time
}

// findSpins is the loops that spin, most CPU first. What one is accused of
// counts for no other.
func findSpins(p *Pass) []spin {
	if p.CPU == nil || p.have&SignalCPU == 0 {
		return nil
	}
	// A loop that spins looks for a part of its CPU, so as much looking there must
	// be in all. Most services are done here, without a second pass.
	if p.CPU.where(looksOnly) < p.Limit("looking")*p.Limit("share")*p.CPU.busy() {
		return nil
	}
	taken := map[uint32]bool{}
	var list []spin
	for {
		s, ok := largestSpin(p, taken)
		if !ok {
			return list
		}
		taken[s.loop] = true
		list = append(list, s)
	}
}

// largestSpin is the spinning loop with most CPU among the stacks that do not
// pass through a function in taken.
func largestSpin(p *Pass, taken map[uint32]bool) (spin, bool) {
	var good []spin
	for _, s := range loops(p.CPU, taken) {
		if s.samples >= p.Limit("samples") && s.under >= p.Limit("share")*p.CPU.busy() &&
			s.idle >= p.Limit("idle")*s.under && s.looking >= p.Limit("looking")*s.under && s.findsNothing(p) {
			good = append(good, s)
		}
	}
	if len(good) == 0 {
		return spin{}, false
	}
	largest := slices.MaxFunc(good, spin.compare)
	// The loop is the innermost function that has nearly all of it: those around
	// it only call it, those inside it are what it does in each round.
	best := largest
	for _, s := range good {
		if s.idle >= mostOf*largest.idle && p.CPU.inside(s.loop, best.loop) {
			best = s
		}
	}
	return best, true
}

// compare orders by CPU; of equals the outer one comes last.
func (s spin) compare(t spin) int {
	switch {
	case s.idle != t.idle && s.idle < t.idle:
		return -1
	case s.idle != t.idle:
		return 1
	}
	return int(s.loop) - int(t.loop)
}

// inside says whether f is called by way of g wherever it matters.
func (c *CPU) inside(f, g uint32) bool {
	return f != g && c.Cum[f] <= c.Cum[g] && c.where(func(x *Group) bool {
		i := lastIndex(x.Chain, f)
		return i >= 0 && lastIndex(x.Chain, g) > i
	}) >= mostOf*c.under(f)
}

// looks are the ways to ask without waiting. A select over several channels
// shows no sign of its default branch, so it is asked what it found.
const looks = MarkPoll | MarkSelect | MarkTry | MarkYield

// loops adds up, for every own function, what it spends on looking.
func loops(c *CPU, taken map[uint32]bool) []spin {
	at := map[uint32]int{}
	var list []spin
	for i := range c.Groups {
		g := &c.Groups[i]
		if slices.ContainsFunc(g.Chain, func(f uint32) bool { return taken[f] }) {
			continue
		}
		for _, f := range distinctFunctions(g.Chain) {
			k, ok := at[f]
			if !ok {
				k = len(list)
				at[f] = k
				list = append(list, spin{loop: f})
			}
			s := &list[k]
			s.under += g.Seconds
			s.samples += g.Samples
			switch {
			case looksOnly(g):
				s.looking += g.Seconds
				s.idle += g.Seconds
				s.op |= g.Marks & looks
			case g.Op == OpOwn || g.Op == OpTimer || g.Op == OpOther && g.Marks == 0:
				s.idle += g.Seconds // the loop itself, and what time it is
			}
		}
	}
	return list
}

// looksOnly says whether a group asks, and has found nothing.
func looksOnly(g *Group) bool {
	return g.Marks.has(looks) && !g.Op.isWork() && !finds(g)
}

// finds says whether a look shows that it found something: for one channel
// that its lock was taken, for a select that a value moved or a goroutine slept or
// was woken.
func finds(g *Group) bool {
	switch {
	case g.Marks.has(MarkPoll):
		return g.Ops.has(OpLock)
	case g.Marks.has(MarkSelect):
		return g.Ops&setOf(OpScheduler, OpCopy, OpAllocation) != 0
	}
	return false
}

// findsNothing holds what a loop's looks found against what they cost. A select
// that finds something needs somebody who sends, or receives, on the other side,
// and that costs as much again.
func (s *spin) findsNothing(p *Pass) bool {
	var looking, finding, partners, selects float64
	for i := range p.CPU.Groups {
		g := &p.CPU.Groups[i]
		here := lastIndex(g.Chain, s.loop) >= 0
		switch {
		case here && g.Marks.has(looks) && !g.Op.isWork():
			looking += g.Seconds
			if finds(g) {
				finding += g.Seconds
			}
			if g.Marks.has(MarkSelect) {
				selects += g.Seconds
			}
		case !here && g.Marks.has(MarkSend|MarkReceive|MarkSelect) && !(g.Marks.has(MarkPoll) && !finds(g)):
			partners += g.Seconds
		}
	}
	limit := p.Limit("found")
	return finding <= limit*looking && (selects <= limit*looking || partners <= limit*selects)
}

// dearestLook is the most that one look costs, in seconds: an empty channel is 3
// to 10 ns, a select over several 50 to 150, Gosched on a busy machine 500.
const dearestLook = 1e-6

func (s *spin) finding(p *Pass) Finding {
	c := p.CPU
	name := short(c.name(s.loop))
	loop := s.loop
	accused := func(g *Group) bool { return lastIndex(g.Chain, loop) >= 0 }
	cores := p.cores(s.idle)
	f := Finding{
		Subject: name,
		Message: fmt.Sprintf("%s looks for something to do without ever waiting for it: %s of its CPU is looking (%s) and nearly all the rest the loop around it. %.2f cores find nothing.",
			name, Percent(s.looking/s.under), s.how(), cores.Value),
		Confidence: Suspected,
		Waste:      wasteOf(cores),
		Location:   c.location(loop, c.lineIn(loop, accused)),
		Evidence: []Evidence{
			{What: "looking, of the loop's CPU", Value: s.looking / s.under, Unit: "fraction", Limit: limit(p.Limit("looking")), Source: "CPU profile"},
			{What: "looking and the loop around it", Value: s.idle / s.under, Unit: "fraction", Limit: limit(p.Limit("idle")), Source: "CPU profile"},
			{What: "CPU of the loop", Value: p.cores(s.under).Value, Unit: "cores", Source: "CPU profile"},
		},
		Fix: "Let " + name + " wait: a select without its default branch, a blocking receive, a sync.Cond; or, where it must look at several things, one channel that each of them sends to.",
		RefutedBy: []string{
			"a counter in the loop's default branch hardly grows",
			"a core is set aside for " + name + " to spin on",
		},
		cpu: accused,
	}
	if p.Done == nil {
		f.Settles = "how many jobs are done (a counter in the metrics, or the broker's): a loop that looks a hundred times for each does not wait"
		return f
	}
	perJob := p.cores(s.looking).Times(1 / dearestLook / p.Done.PerSecond.Value)
	f.Evidence = append(f.Evidence,
		Evidence{What: "looks for each job, at least", Value: perJob.Value, Unit: "1", Limit: limit(p.Limit("looks-per-job")),
			Source: "CPU profile ÷ 1 µs, against " + p.Done.Source})
	if perJob.Low >= p.Limit("looks-per-job") {
		f.Confidence = Inferred
	} else {
		f.Settles = fmt.Sprintf("a counter of the loop's rounds: far more of them than jobs (%.0f a second)", p.Done.PerSecond.Value)
	}
	return f
}

// how names what the loop looks with.
func (s *spin) how() string {
	var list []string
	for _, m := range []struct {
		mark Mark
		text string
	}{
		{MarkPoll, "a channel operation with a default"}, {MarkSelect, "a select over several channels"},
		{MarkTry, "TryLock"}, {MarkYield, "Gosched"},
	} {
		if s.op.has(m.mark) {
			list = append(list, m.text)
		}
	}
	return strings.Join(list, ", ")
}

// A polledQueue is a queue on a server that is asked far more often than there
// is something in it.
type polledQueue struct {
	name   string  // "LPOP", or the table that is asked
	server string  // for people, and as source
	asked  float64 // times a second
	jobs   float64 // what came of it, a second
	by     string  // who counted those
	op     Operation
	share  float64 // of the target's operations of this kind
	cores  float64 // of the server, that the empty answers take
	fix    string
}

// findPolledQueues looks at what servers counted.
func findPolledQueues(p *Pass) []polledQueue {
	var list []polledQueue
	for _, q := range append(polledRedis(p), polledPostgres(p)...) {
		empty := q.asked - q.jobs
		if empty >= p.Limit("calls") && q.asked >= p.Limit("calls-per-job")*q.jobs {
			list = append(list, q)
		} else if q.asked > 0 {
			p.Clean("%s is asked %.1f times a second for %.1f jobs (%s)", q.name, q.asked, q.jobs, q.by)
		}
	}
	return list
}

// takes are the Redis commands that take work from a queue, or find none. Those
// that block are here as well: with a timeout of a millisecond they poll, too.
var takes = map[string]bool{
	"lpop": true, "rpop": true, "lmpop": true, "rpoplpush": true, "lmove": true, "spop": true, "zpopmin": true, "zpopmax": true, "zmpop": true,
	"blpop": true, "brpop": true, "brpoplpush": true, "blmove": true, "blmpop": true, "bzpopmin": true, "bzpopmax": true, "bzmpop": true,
	"xreadgroup": true, "xread": true,
}

// gives are those that put work into one.
var gives = map[string]bool{
	"lpush": true, "rpush": true, "lpushx": true, "rpushx": true, "linsert": true, "sadd": true, "zadd": true, "xadd": true,
}

// polledRedis adds up all that takes. A sorted set that is asked what is due is
// a queue where one was named; else ZRANGEBYSCORE has other uses.
func polledRedis(p *Pass) []polledQueue {
	if p.Redis == nil {
		return nil
	}
	q := polledQueue{server: "INFO commandstats of " + p.Redis.Server, op: OpRedis,
		fix: "Ask with a command that waits at the server (BLPOP, BLMOVE, BZPOPMIN, XREADGROUP BLOCK) and a timeout of seconds; or pause after an empty answer, longer each time."}
	var names []string
	var all, given float64
	for _, c := range p.Redis.Commands {
		all += c.Rate
		switch {
		case takes[c.Command] || c.Command == "zrangebyscore" && slices.ContainsFunc(p.Queues, (*Queue).scheduled):
			q.asked += c.Rate
			q.cores += c.Cores
			names = append(names, strings.ToUpper(c.Command))
		case gives[c.Command]:
			given += c.Rate
		}
	}
	if q.asked == 0 {
		return nil
	}
	// What goes in comes out. What the service counts may be of another queue, so
	// the greater of the two is held against the calls.
	q.jobs, q.by = given, "commands that put work in"
	if p.Done != nil && p.Done.PerSecond.Value > q.jobs {
		q.jobs, q.by = p.Done.PerSecond.Value, p.Done.What
	}
	slices.Sort(names)
	q.name, q.share = strings.Join(names, ", "), q.asked/all
	// A command's own time is the lesser part of what the server does for it:
	// reading, parsing and answering go with the number of calls.
	q.cores = math.Max(q.cores, p.Redis.Cores*q.share) * (1 - q.jobs/q.asked)
	return []polledQueue{q}
}

// polledPostgres is statements that take rows which nobody else holds, and find
// none.
func polledPostgres(p *Pass) []polledQueue {
	if p.Postgres == nil {
		return nil
	}
	var list []polledQueue
	var all float64
	for _, s := range p.Postgres.Statements {
		all += s.Rate
	}
	for _, s := range p.Postgres.Statements {
		if !strings.Contains(strings.ToLower(s.Text), "skip locked") {
			continue
		}
		// A call that takes a batch has found something as well; there are at most
		// as many such calls as rows.
		hits := s.Rate * math.Min(1, s.RowsPerCall)
		list = append(list, polledQueue{
			name: "table " + s.Table, server: "pg_stat_statements of " + p.Postgres.Server, asked: s.Rate,
			jobs: hits, by: "rows that the statement found", op: OpSQL, share: s.Rate / all, cores: s.Cores * (1 - hits/s.Rate),
			fix: "LISTEN for what the writers NOTIFY, and ask only then; or pause after an empty answer, longer each time.",
		})
	}
	return list
}

func (q *polledQueue) finding(p *Pass) Finding {
	emptyShare := 1 - q.jobs/q.asked
	waste := exactly(q.cores).within(0.5)
	var location Location
	if p.have&SignalCPU != 0 {
		kind := func(g *Group) bool { return g.Op == q.op && len(g.Chain) > 0 }
		waste = sum(waste, p.coresOf(kind).Times(q.share*emptyShare).within(0.5))
		location = p.CPU.accused(kind)
	}
	perJob := q.asked / math.Max(q.jobs, 1e-9)
	message := fmt.Sprintf("%s is asked %.0f times a second, and %s of the answers are empty: %.0f calls for each job.", q.name, q.asked, Percent(emptyShare), perJob)
	if q.jobs == 0 {
		message = fmt.Sprintf("%s is asked %.0f times a second, and nothing ever comes of it.", q.name, q.asked)
	}
	return Finding{
		Subject:    q.name,
		Message:    fmt.Sprintf("%s That takes %.2f cores of both sides.", message, waste.Value),
		Confidence: Measured,
		Waste:      wasteOf(waste),
		Location:   location,
		Evidence: []Evidence{
			{What: "calls that ask for work", Value: q.asked, Unit: "1/s", Source: q.server},
			{What: "jobs", Value: q.jobs, Unit: "1/s", Source: q.by},
			{What: "empty answers", Value: q.asked - q.jobs, Unit: "1/s", Limit: limit(p.Limit("calls")), Source: q.server},
			{What: "calls for each job", Value: perJob, Unit: "1", Limit: limit(p.Limit("calls-per-job")), Source: q.server},
		},
		Fix: q.fix,
		RefutedBy: []string{
			"the calls are another service's: the same server shows them when this one is stopped",
		},
	}
}
