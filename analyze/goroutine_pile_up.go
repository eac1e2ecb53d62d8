package analyze

import (
	"fmt"
	"math"
)

// GoroutinePileUp finds goroutines that are started and do not end.
//
// Growth alone is no leak. A pool fills up at its start, a burst of work has its
// goroutines, and each open connection has one or two. So the growth must be a
// line through all of the window, with no sign of levelling off, must be at one
// place in the code, and must not be goroutines that read from the network or
// grow along with those that do. What is left is either a leak, when nothing
// will ever come where they wait, or work that is started without bound and
// faster than it ends. A window cannot see the difference to a ramp that is
// longer than itself; jobs that come to their end all the while, as many as
// goroutines come to stay, are what makes a ramp unlikely.
//
// The waste is memory, and the collector's work of going over their stacks, and
// not CPU to speak of; so the grade follows from how long the memory lasts.
var GoroutinePileUp = Rule{
	Name:  "goroutine-pile-up",
	Title: "Goroutines are started and never end",
	Doc: `What it is: goroutines that wait for what never comes (a receiver that has left,
a channel that nobody closes, a context that is never cancelled), or that are
started for each message without a limit, faster than they can end.

What it costs: 2 KiB of stack each at least, usually 4 to 20 KiB with what they
hold on to, and the collector's time to go over each stack. The service dies of
memory, hours or weeks later, and is restarted, which hides the cause.

How to fix it: give each goroutine a way to end, and wait for it: a buffered
channel for a result that may not be wanted, a context that is cancelled when the
job is done, close for a channel that is ranged over. Start them through a pool
or errgroup's SetLimit, so that more work waits in the queue and not in memory.

When this rule is wrong: when a pool without a limit is still filling up, or when
the load has grown through all of the window; look again after a while.`,
	Needs: Signals{All: SignalGoroutines},
	Limits: []Limit{
		{"looks", 6, "counts of goroutines", "three points always lie near some line"},
		{"grown", 50, "goroutines in the window", "a few more or less come and go with the work"},
		{"grown-by", 0.10, "of those at the start", "a service with ten thousand has ups and downs of hundreds"},
		{"upward", 0.80, "of the steps from sample to sample", "a leak goes up, and only noise takes it down"},
		{"later", 0.60, "of the whole window's slope, in its second half", "what fills up gets slower, a leak goes on as it began"},
		{"one-place", 0.50, "of the growth", "growth all over the code is load"},
		{"lasts", 24, "hours", "until memory is used up: within a day somebody is woken at night"},
	},
	Check: checkGoroutinePileUp,
}

// leastStack is what a goroutine takes at least, in bytes: the smallest stack.
const leastStack = 2 << 10

// pileUp is goroutines that grow.
type pileUp struct {
	slope    Interval // goroutines a second
	from, to float64
	seconds  float64
	place    *Stand
}

func checkGoroutinePileUp(p *Pass) {
	if n := len(p.goroutineCounts()); n < int(p.Limit("looks")) {
		p.Blind("insufficient: goroutines were counted %d times, at least %.0f are needed", n, p.Limit("looks"))
		return
	}
	u, why := p.pileUp()
	if u == nil {
		p.Clean("%s", why)
		return
	}
	p.Report(u.finding(p))
}

// pileUp is nil, with the reason, where there is none.
func (p *Pass) pileUp() (*pileUp, string) {
	g := p.Goroutines
	points := p.goroutineCounts()
	first, last := points[0], points[len(points)-1]
	u := &pileUp{slope: slopeOf(points), from: first.Value, to: last.Value, seconds: last.At - first.At}
	grown := u.slope.Value * u.seconds
	switch later := slopeOf(points[len(points)/2:]); {
	case u.slope.Low <= 0 || grown < p.Limit("grown") || grown < p.Limit("grown-by")*u.from:
		return nil, fmt.Sprintf("%.0f goroutines at the start, %.0f at the end", u.from, u.to)
	case upward(points) < p.Limit("upward"):
		return nil, fmt.Sprintf("goroutines went up and down, from %.0f to %.0f", u.from, u.to)
	case later.Value < p.Limit("later")*u.slope.Value:
		return nil, fmt.Sprintf("goroutines grew from %.0f to %.0f, and level off", u.from, u.to)
	}
	u.place = g.growing()
	if u.place == nil || u.place.Growth < p.Limit("one-place")*u.slope.Value {
		return nil, fmt.Sprintf("goroutines grew from %.0f to %.0f, not at one place in the code, or as connections do", u.from, u.to)
	}
	return u, ""
}

// goroutineCounts is how many there were: by their profiles, or, where there are
// few of those, as on a machine that is slow to answer, by the runtime's gauge.
func (f *Facts) goroutineCounts() []Point {
	if s := f.series("go_goroutines"); s != nil && len(s.Points) > len(f.Goroutines.Counts) && f.Goroutines.Samples > 1 {
		return s.Points
	}
	return f.Goroutines.Counts
}

// growing is where most goroutines came to stay, nil if that is where each has a
// connection: those that read from the network, and as many beside them.
func (g *Goroutines) growing() *Stand {
	var most *Stand
	connections := 0.0
	for i := range g.Stands {
		s := &g.Stands[i]
		switch {
		case s.Wait == WaitNetwork:
			connections += s.Growth
		case s.Wait != WaitNone && (most == nil || s.Growth > most.Growth):
			most = s
		}
	}
	if most == nil || connections > 0.5*most.Growth {
		return nil
	}
	return most
}

// slopeOf is the slope of the line through the points, a second, with its 95 %
// interval from the scatter about the line.
func slopeOf(points []Point) Interval {
	n := float64(len(points))
	var mx, my float64
	for _, p := range points {
		mx += p.At / n
		my += p.Value / n
	}
	var sxx, sxy, residual float64
	for _, p := range points {
		sxx += (p.At - mx) * (p.At - mx)
		sxy += (p.At - mx) * (p.Value - my)
	}
	if sxx == 0 || n < 3 {
		return Interval{0, math.Inf(-1), math.Inf(1)}
	}
	slope := sxy / sxx
	for _, p := range points {
		r := p.Value - my - slope*(p.At-mx)
		residual += r * r
	}
	err95 := Student95(n-2) * math.Sqrt(residual/(n-2)/sxx)
	return Interval{slope, slope - err95, slope + err95}
}

// upward is the part of the steps that do not go down.
func upward(points []Point) float64 {
	up := 0
	for i := 1; i < len(points); i++ {
		if points[i].Value >= points[i-1].Value {
			up++
		}
	}
	return float64(up) / float64(len(points)-1)
}

func (u *pileUp) finding(p *Pass) Finding {
	s := u.place
	where := short(s.Root)
	if len(s.Chain) > 0 && s.Chain[0] != s.Root {
		where += " in " + short(s.Chain[0])
	}
	f := Finding{
		Subject: short(s.Root),
		Message: fmt.Sprintf("Goroutines grow by %.*f a second, from %.0f to %.0f in %.0f s: they were started as %s, and wait for %s",
			decimals(u.slope.Value), u.slope.Value, u.from, u.to, u.seconds, where, s.Wait),
		Confidence: Suspected,
		grade:      SeverityLow,
		Location:   Location{Function: s.Root},
		Evidence: []Evidence{
			{What: "goroutines more, on a line through all samples", Value: u.slope.Value, Unit: "1/s", Source: fmt.Sprintf("%d goroutine profiles", p.Goroutines.Samples)},
			{What: "part of it at this place", Value: math.Min(1, s.Growth/u.slope.Value), Unit: "fraction", Limit: limit(p.Limit("one-place")), Source: "goroutine profiles"},
			{What: "steps upward", Value: upward(p.goroutineCounts()), Unit: "fraction", Limit: limit(p.Limit("upward")), Source: "goroutine profiles"},
		},
		Fix:       u.fix(),
		RefutedBy: []string{"their number stays where it is, or falls, when the load does", "a limit is reached, for which the pool is meant"},
	}
	if len(s.Chain) > 0 {
		f.Location = Location{Function: s.Chain[0], File: s.File, Line: s.Line, Path: s.Chain}
	}
	if each, ok := p.eachJob(u.slope.Value); ok {
		f.Message += fmt.Sprintf("; %.1f for each job done", each)
		f.Evidence = append(f.Evidence, Evidence{What: "goroutines more for each job done", Value: each, Unit: "a job", Source: "goroutine profiles ÷ " + p.Done.Source})
		if p.Done.PerSecond.Low >= 0.5*u.slope.Value {
			f.Confidence = Inferred // jobs end, their goroutines stay
		}
	}
	if f.Confidence == Suspected {
		f.Settles = "whether they end: count the jobs that are done (--metrics URL, or --nats URL), and look again in some minutes"
	}
	f.Message += "."
	u.memory(p, &f)
	return f
}

func (u *pileUp) fix() string {
	switch u.place.Wait {
	case WaitSend:
		return "Let the send give up, by select with the job's context, or give the channel room for one: its receiver has gone."
	case WaitReceive, WaitSelect:
		return "Close the channel, or cancel the context, when the job is done; start them in a group that is waited for."
	case WaitLock:
		return "Hold the lock for less, and start no more of them than can run (a pool, or errgroup's SetLimit)."
	}
	return "Start no more of them than can run (a pool, or errgroup's SetLimit), and give what they wait for a time limit."
}

// memory says what a goroutine takes, and grades by how long there is enough.
func (u *pileUp) memory(p *Pass, f *Finding) {
	each, source := float64(leastStack), "the smallest stack"
	if grown, from := p.residentGrowth(); grown > each*u.slope.Value {
		each, source = grown/u.slope.Value, from
	}
	f.Evidence = append(f.Evidence, Evidence{What: "memory of each, about", Value: each, Unit: "bytes", Source: source})
	f.Message += fmt.Sprintf(" Each takes about %.1f KiB", each/(1<<10))
	if left := p.memoryLeft(); left > 0 {
		seconds := left / (each * u.slope.Value)
		f.Message += ": memory lasts for " + span(seconds)
		if seconds < 3600*p.Limit("lasts") {
			f.grade = SeverityMedium
		}
	}
	f.Message += "."
}

// residentGrowth is by how much the target's memory grew, in bytes a second, 0 if
// that is not known.
func (f *Facts) residentGrowth() (float64, string) {
	if s := f.series("process_resident_memory_bytes"); s != nil && s.Seconds > 0 {
		return (s.Last - s.First) / s.Seconds, s.Name
	}
	if t := f.Target; t != nil && t.First.RSS > 0 {
		return (float64(t.Last.RSS) - float64(t.First.RSS)) / f.Processes.Seconds, "process table"
	}
	return 0, ""
}

// memoryLeft is how many bytes the target may still take, 0 if that is not known.
func (f *Facts) memoryLeft() float64 {
	left := math.Inf(1)
	if f.Cgroup != nil && f.Cgroup.MemoryMax > f.Cgroup.Memory {
		left = float64(f.Cgroup.MemoryMax - f.Cgroup.Memory)
	}
	if f.Host != nil && f.Host.MemAvailable > 0 {
		left = math.Min(left, float64(f.Host.MemAvailable))
	}
	return finite(left)
}

// span is a length of time for people.
func span(seconds float64) string {
	for _, u := range []struct {
		name   string
		length float64
	}{{"days", 86400}, {"hours", 3600}, {"minutes", 60}} {
		if seconds >= u.length {
			return fmt.Sprintf("%.*f %s", decimals(seconds/u.length), seconds/u.length, u.name)
		}
	}
	return fmt.Sprintf("%.0f seconds", seconds)
}
