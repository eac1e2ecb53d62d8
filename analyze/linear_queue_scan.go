package analyze

import (
	"fmt"
	"math"
	"sort"

	"busywork/profile"
)

// LinearQueueScan finds operations on a queue whose cost grows with its depth.
//
// The cost falls on either side of the wire: Redis walks the set (ZSCAN), or the
// client fetches and decodes all of it (ZRANGE 0 -1), or it is all in process
// (a linear search of a slice). So both sides are looked at: command statistics
// are exact counts and times, the profile has the client's part and names the
// code. That something is O(n) is not guessed from a function's name: the cost
// of one operation is fitted against the depth over the window, and where the
// depth did not vary enough for that, the finding says so.
var LinearQueueScan = Rule{
	Name:  "linear-queue-scan",
	Title: "Cost per job grows with the queue",
	Doc: `What it is: to handle one job, the whole queue is gone through: a scheduled
job is looked for by something other than its time (ZRANGE 0 -1, ZSCAN, LREM,
LRANGE, SMEMBERS), or a slice or list in memory is searched.

What it costs: time proportional to what is waiting, for each job: the deeper
the backlog, the slower it is worked off. A queue that was fine at 1,000 takes a
hundred times the CPU at 100,000.

How to fix it: never remove out of order. Let the job check, when it is due,
whether it is still wanted (a version or a state it carries), and do nothing if
not. Or keep an index from what is looked for to the member (a hash), so that
removal is O(log n).

When this rule is wrong: when the scan is a rare listing that somebody needs
whole; when a command is dear for another reason (large values, a script that
computes).`,
	Needs: Signals{Any: SignalRedis | SignalCPU},
	Limits: []Limit{
		{"cores", 0.05, "cores", "a twentieth of a core is what a scan now and then may cost"},
		{"call-cost", 100, "µs a call", "Redis answers an O(log n) command in 1 to 20 µs; at 100 µs it has touched a thousand members or more"},
		{"calls-per-write", 5, "scan calls per write", "a cursor that is called five times as often as anything is written is walking, not looking up"},
		{"search-share", 0.10, "of the target's CPU", "linear searches over short slices are good code; a tenth of all CPU is not short"},
	},
	Check: checkLinearQueueScan,
}

// scanning are the Redis commands whose cost is linear in what they go through.
// Those called by cursor take a constant time a call and many calls.
var scanning = map[string]struct{ cursor, script bool }{
	"zrange": {}, "zrevrange": {}, "zrangebyscore": {}, "zrevrangebyscore": {}, "zrangebylex": {}, "zrangestore": {},
	"zunion": {}, "zinter": {}, "zdiff": {}, "lrange": {}, "lrem": {}, "lpos": {}, "linsert": {}, "lindex": {}, "lset": {},
	"smembers": {}, "hgetall": {}, "hkeys": {}, "hvals": {}, "keys": {}, "sort": {}, "sort_ro": {}, "xrange": {}, "xrevrange": {},
	"zscan": {cursor: true}, "sscan": {cursor: true}, "hscan": {cursor: true}, "scan": {cursor: true},
	"eval": {script: true}, "evalsha": {script: true}, "fcall": {script: true}, "eval_ro": {script: true}, "evalsha_ro": {script: true},
}

// writes are the commands that put a job into a queue, move it or take it out:
// their number is how often something was done to one job.
var writes = map[string]bool{
	"zadd": true, "zrem": true, "zpopmin": true, "bzpopmin": true, "lpush": true, "rpush": true, "lpop": true, "rpop": true,
	"blpop": true, "brpop": true, "lmove": true, "blmove": true, "rpoplpush": true, "brpoplpush": true, "xadd": true, "xack": true,
	"xdel": true, "sadd": true, "srem": true, "spop": true, "hset": true, "hdel": true,
}

func checkLinearQueueScan(p *Pass) {
	if p.Redis != nil {
		if f, ok := redisScan(p); ok {
			p.Report(f)
			return
		}
	}
	if p.CPU != nil && p.CPU.enough() == nil {
		if f, ok := memoryScan(p); ok {
			p.Report(f)
			return
		}
	}
	if p.clean == "" {
		p.Clean("no operation on a queue costs more the deeper it is")
	}
}

// scan is one command that goes through a queue.
type scan struct {
	RedisCommandUse
	cursor, script bool
	perJob         float64 // calls per write
	growth         *Growth
	unfit          error // why there is no growth
	named          bool  // the queue was named, and is deep
}

// redisScan looks for the dearest scanning command, and adds to it what the
// client spends on its answers.
func redisScan(p *Pass) (Finding, bool) {
	s, ok := dearestScan(p)
	if !ok {
		return Finding{}, false
	}
	server := exactly(s.Cores)
	client, owner, located := clientSide(p)
	total := sum(server, client)
	if total.Value < p.Limit("cores") {
		p.Clean("%s takes %.3f cores, below %.2f", s.Command, total.Value, p.Limit("cores"))
		return Finding{}, false
	}
	if g := s.growth; g != nil && g.flat() {
		p.Clean("%s does not cost more with depth: %s", s.Command, g)
		return Finding{}, false
	}
	confidence := s.confidence(client.Value)
	if confidence == Suspected && s.script { // a script may compute: only growth makes it a scan
		p.Clean("%s takes %.2f cores, and nothing says that it is a scan", s.Command, s.Cores)
		return Finding{}, false
	}
	f := Finding{
		Subject:    "Redis " + s.Command,
		Confidence: confidence,
		Waste:      wasteOf(total),
		Evidence:   s.evidence(p, client),
		Fix: "Do not look jobs up in the queue. Let a due job check for itself whether it is still wanted (a version or state that it carries) and do nothing if not; " +
			"or keep an index (a hash from what is searched for to the member) and remove by member.",
		RefutedBy: []string{
			"the cost of one " + s.Command + " stays the same when the queue is half as deep",
			"the listing is needed whole each time it is made",
		},
	}
	where := ""
	if located {
		f.Subject = short(p.CPU.name(owner))
		f.Location = p.CPU.location(owner, 0)
		f.cpu = p.CPU.below(owner)
		where = " for " + f.Subject
	}
	f.Message = s.sentence(where, client, total)
	if s.growth == nil {
		f.Settles = fmt.Sprintf("the growth itself: %v; observe while the queue grows or shrinks by a fifth (--seconds 60), with the queue named (--queue)", s.unfit)
	}
	return f, true
}

func dearestScan(p *Pass) (scan, bool) {
	jobs := 0.0
	for _, c := range p.Redis.Commands {
		if writes[c.Command] {
			jobs = max(jobs, c.Calls)
		}
	}
	for _, c := range p.Redis.Commands { // most CPU first
		kind, ok := scanning[c.Command]
		if !ok {
			continue
		}
		s := scan{RedisCommandUse: c, cursor: kind.cursor, script: kind.script, perJob: c.Calls / math.Max(jobs, 1)}
		if !s.cursor && c.Micros < p.Limit("call-cost") || s.cursor && s.perJob < p.Limit("calls-per-write") {
			continue
		}
		s.fit(p)
		s.named = deepest(p.Capture.Redis[len(p.Capture.Redis)-1]) >= deep
		return s, true
	}
	return scan{}, false
}

// fit looks for the growth where it shows. What decides is the server's side: the
// calls that a cursor takes for one write, which are exact, or the time of a
// call, which is by the clock and noisy on a busy host. The bytes answered and
// the client's CPU may confirm growth more surely, but cannot deny it: a command
// may go through everything and answer with a number.
func (s *scan) fit(p *Pass) {
	if s.cursor {
		for _, c := range p.Redis.Commands {
			if writes[c.Command] {
				calls := perCall(p, c.Command, func(r *profile.RedisSample) float64 { return float64(r.Commands[s.Command].Calls) })
				s.consider(calls, fmt.Sprintf("calls of %s for each %s", s.Command, c.Command), false)
			}
		}
		return
	}
	s.consider(perCall(p, s.Command, func(r *profile.RedisSample) float64 { return float64(r.Commands[s.Command].Micros) }),
		"time of "+s.Command+" in Redis", false)
	s.consider(perCall(p, s.Command, func(r *profile.RedisSample) float64 { return number(r.Info["total_net_output_bytes"]) }),
		"bytes answered to "+s.Command, true)
	s.consider(costPer(p.Facts, callPoints(p.Facts, s.Command)), "CPU of the client for each "+s.Command, true)
}

// consider keeps the fit of some cost if it is surer than what there is. One
// that only confirms is kept only if it shows growth.
func (s *scan) consider(points []CostPoint, of string, confirms bool) {
	g, err := fitGrowth(points)
	switch {
	case err != nil && s.growth == nil && s.unfit == nil:
		s.unfit = err
	case err != nil || confirms && !g.linear():
	case s.growth == nil || g.width() < s.growth.width():
		g.CostOf = of
		s.growth = g
	}
}

// perCall is the growth of some total between two samples, by calls of a
// command, with the depth meanwhile.
func perCall(p *Pass, command string, total func(*profile.RedisSample) float64) []CostPoint {
	samples := p.Capture.Redis
	var list []CostPoint
	for i := 1; i < len(samples); i++ {
		a, b := &samples[i-1], &samples[i]
		n := float64(b.Commands[command].Calls) - float64(a.Commands[command].Calls)
		if n > 0 {
			list = append(list, CostPoint{Depth: (deepest(*a) + deepest(*b)) / 2, Cost: (total(b) - total(a)) / n, N: n})
		}
	}
	return list
}

// callPoints are the calls of a command so far.
func callPoints(f *Facts, command string) []Point {
	var list []Point
	for _, s := range f.Capture.Redis {
		list = append(list, Point{f.since(s.At), float64(s.Commands[command].Calls)})
	}
	return list
}

// confidence: the growth is a measurement over exact counts. Without it, the
// server's time a call and the client's profile are two signals that something
// is gone through; that it is a deep queue, and not a set of flags, is known
// only if the queue was named.
func (s *scan) confidence(client float64) Confidence {
	switch {
	case s.growth != nil && s.growth.linear():
		return Measured
	case s.script || !s.named:
		return Suspected
	case client > s.Cores/2 || s.cursor:
		return Inferred
	}
	return Suspected
}

// deep is a depth at which going through a queue is dear: Redis touches some ten
// members in a microsecond, and a client needs a microsecond or more for each.
const deep = 500

func (s *scan) sentence(where string, client, total Interval) string {
	each := fmt.Sprintf("each of %.0f %s calls a second takes Redis %.1f ms", s.Rate, s.Command, s.Micros/1e3)
	if s.Micros < 1000 {
		each = fmt.Sprintf("each of %.0f %s calls a second takes Redis %.0f µs", s.Rate, s.Command, s.Micros)
	}
	if s.cursor {
		each = fmt.Sprintf("%.0f %s calls a second go through the queue, %.0f for each write to it", s.Rate, s.Command, s.perJob)
	}
	what := "The whole queue"
	if !s.named {
		what = "A whole collection in Redis"
	}
	text := fmt.Sprintf("%s is gone through%s: %s", what, where, each)
	if client.Value > 0 {
		text += fmt.Sprintf(", and the client %.1f ms to read the answer", client.Value/s.scansPerSecond()*1e3)
	}
	if s.growth != nil {
		text += "; " + s.growth.String()
	}
	return fmt.Sprintf("%s. %.2f cores.", text, total.Value)
}

// scansPerSecond is how often the queue was gone through: calls, or, by cursor,
// writes, the nearest thing to a count.
func (s *scan) scansPerSecond() float64 {
	if s.cursor && s.perJob > 0 {
		return s.Rate / s.perJob
	}
	return s.Rate
}

func (s *scan) evidence(p *Pass, client Interval) []Evidence {
	e := []Evidence{
		{What: "calls of " + s.Command, Value: s.Rate, Unit: "1/s", Source: "Redis commandstats"},
		{What: "CPU a call of " + s.Command, Value: s.Micros, Unit: "µs", Source: "Redis commandstats"},
		{What: "CPU of Redis in " + s.Command, Value: s.Cores, Unit: "cores", Limit: limit(p.Limit("cores")), Source: "Redis commandstats"},
	}
	if s.cursor {
		e = append(e, Evidence{What: "calls per write", Value: s.perJob, Unit: "1", Limit: limit(p.Limit("calls-per-write")), Source: "Redis commandstats"})
	} else {
		e[1].Limit = limit(p.Limit("call-cost"))
	}
	if client.Value > 0 {
		e = append(e, Evidence{What: "CPU of the client reading and decoding the answers", Value: client.Value, Unit: "cores", Source: "CPU profile"})
	}
	if g := s.growth; g != nil {
		e = append(e, growthEvidence(g)...)
	} else if d := deepest(p.Capture.Redis[len(p.Capture.Redis)-1]); d > 0 {
		e = append(e, Evidence{What: "depth of the queue", Value: d, Unit: "members", Source: "Redis"})
	}
	return e
}

func growthEvidence(g *Growth) []Evidence {
	return []Evidence{
		{What: "exponent of cost against depth", Value: g.Exponent.Value, Unit: "1",
			Source: fmt.Sprintf("%s; %d points, 95 %% within %.2f and %.2f", g.CostOf, g.Points, g.Exponent.Low, g.Exponent.High)},
		{What: "that cost at ten times the depth", Value: math.Pow(10, g.Exponent.Value), Unit: "times", Source: "the same fit"},
	}
}

// readingAnswers are the operations a client reads a queue with.
var readingAnswers = setOf(OpRedis, OpJSON, OpSerialise)

// clientSide is what the target spends on reading answers: the CPU under the
// own function that most of it passes through.
func clientSide(p *Pass) (cores Interval, owner uint32, ok bool) {
	if p.CPU == nil || p.CPU.enough() != nil {
		return Interval{}, 0, false
	}
	s := p.CPU.spend(func(g *Group) bool { return readingAnswers.has(g.Op) && len(g.Chain) > 0 })
	owner, ok = p.CPU.innermost(
		portion{most, func(g *Group) bool { return readingAnswers.has(g.Op) }},
		portion{some, func(g *Group) bool { return g.Op == OpRedis }}) // the fetch too, not only the decoding
	if !ok || p.CPU.share(s.Seconds).Low < p.Limit("search-share") {
		return Interval{}, 0, false
	}
	return p.coresUnder(owner), owner, true
}

// searching are the operations that go through a structure in memory.
var searching = setOf(OpSearch, OpSliceDelete, OpListWalk)

// memoryScan looks for a queue that is searched in the process itself.
func memoryScan(p *Pass) (Finding, bool) {
	c := p.CPU
	s := c.spend(func(g *Group) bool { return searching&g.Ops != 0 && len(g.Chain) > 0 })
	share := c.share(s.Seconds)
	owner, ok := c.innermost(portion{most, func(g *Group) bool { return searching&g.Ops != 0 }})
	if !ok || share.Low < p.Limit("search-share") {
		return Finding{}, false
	}
	growth, unfit := fitGrowth(costPer(p.Facts, jobPoints(p.Facts)))
	if growth != nil && growth.flat() {
		p.Clean("CPU a job does not grow with depth: %s", growth)
		return Finding{}, false
	}
	waste := p.cores(s.Seconds)
	name := short(c.name(owner))
	f := Finding{
		Subject:    name,
		Confidence: Suspected,
		Waste:      wasteOf(waste),
		Location:   c.location(owner, 0),
		cpu:        c.below(owner),
		Evidence: []Evidence{
			{What: "CPU of linear searches and moves under " + name, Value: s.Seconds / c.Seconds, Unit: "fraction", Limit: limit(p.Limit("search-share")), Source: "CPU profile"},
		},
		Fix: "Index what is searched for (a map from it to the place in the queue), or do not remove out of order: mark the job and skip it when it is due.",
		RefutedBy: []string{
			"the structure that is searched is short and stays so",
			"CPU a job stays the same when the queue is half as deep",
		},
		Message: fmt.Sprintf("%s goes through a structure in memory element by element: %s of the CPU, %.2f cores", name, Percent(s.Seconds/c.Seconds), waste.Value),
	}
	if growth == nil {
		f.Message += "; whether it is the queue is not known."
		f.Settles = fmt.Sprintf("CPU a job against depth: %v; a gauge of the queue's depth and a counter of finished jobs in the metrics settle it", unfit)
		return f, true
	}
	growth.CostOf = "CPU of the service for a job"
	f.Evidence = append(f.Evidence, growthEvidence(growth)...)
	f.Message += "; " + growth.String() + "."
	if growth.linear() {
		f.Confidence = Measured
	}
	return f, true
}

// costPer pairs the target's CPU for each of some events, from sweep to sweep,
// with the depth of the queue at the time.
func costPer(f *Facts, events []Point) []CostPoint {
	depth := depthPoints(f)
	if f.Target == nil || len(depth) == 0 || len(events) == 0 {
		return nil
	}
	var list []CostPoint
	cpu := cpuPoints(f)
	for i := 1; i < len(cpu); i++ {
		a, b := cpu[i-1], cpu[i]
		n := at(events, b.At) - at(events, a.At)
		if n > 0 && b.Value > a.Value {
			list = append(list, CostPoint{Depth: (at(depth, a.At) + at(depth, b.At)) / 2, Cost: (b.Value - a.Value) / n, N: n})
		}
	}
	return list
}

// cpuPoints are the target's CPU seconds at every sweep, on the clock of the
// counters.
func cpuPoints(f *Facts) []Point {
	var list []Point
	for _, sweep := range f.Capture.Processes {
		for _, s := range sweep.Changed {
			if s.ProcessKey == f.Target.ProcessKey {
				list = append(list, Point{f.since(sweep.At), own(s)})
			}
		}
	}
	return list
}

// depthWords say that a gauge is the depth of a queue.
var depthWords = map[string]int{
	"depth": 3, "backlog": 3, "pending": 2, "waiting": 2, "queued": 2, "scheduled": 2, "queue": 1, "length": 1, "size": 1, "outstanding": 2, "delayed": 2,
}

// depthPoints are the depth of the deepest queue: as the broker has it, else
// as a gauge of the service that is named like one.
func depthPoints(f *Facts) []Point {
	var best []Point
	most := 0.0
	for _, q := range f.Queues {
		if q.Mean > most {
			most, best = q.Mean, q.Depths
		}
	}
	if best != nil {
		return best
	}
	score := 0
	for _, s := range f.Series {
		n := 0
		list := words(s.Name)
		if len(list) == 0 || notWork[list[0]] || s.Type == "counter" || s.Type == "histogram" || s.Type == "summary" || s.Last < 1 {
			continue
		}
		for _, w := range list {
			n += depthWords[w]
		}
		if n > score {
			score, best = n, s.Points
		}
	}
	return best
}

// jobPoints are the finished jobs so far, by the best-named counter of them.
func jobPoints(f *Facts) []Point {
	for _, role := range []Role{RoleCompleted, RoleIntake, RoleAccepted} {
		for _, m := range f.Meanings {
			if m.Role == role && m.Series.Growth > 0 {
				return m.Series.Points
			}
		}
	}
	return nil
}

// at is the value at a time: between two points in proportion, outside them
// the nearest.
func at(points []Point, t float64) float64 {
	i := sort.Search(len(points), func(i int) bool { return points[i].At >= t })
	switch {
	case i == 0:
		return points[0].Value
	case i == len(points):
		return points[i-1].Value
	}
	a, b := points[i-1], points[i]
	if b.At == a.At {
		return b.Value
	}
	return a.Value + (b.Value-a.Value)*(t-a.At)/(b.At-a.At)
}
