package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"busywork/analyze"
	"busywork/profile"
)

// RunOptions say how [Run] compares.
type RunOptions struct {
	Options
	Settings

	// MaxTime is how long pairs of runs may take; 0 is [DefaultMaxTime]. What has no
	// verdict by then is judged by what there is.
	MaxTime time.Duration
	// Paired, if it is not nil, is told how many pairs have run and how many may be
	// left.
	Paired func(run, left int)
	// NoProfiles leaves out the extra executions that say which function made a
	// benchmark slower.
	NoProfiles bool
}

// DefaultMaxTime is what a CI job can spare: 20 benchmarks get 16 pairs each in it,
// at a second and a half a pair.
const DefaultMaxTime = 10 * time.Minute

// Run builds base and head, runs their benchmarks in pairs until each has a
// verdict or the time is over, and says what became slower, and through which
// function. The error is an *Error where nothing could be compared at all; when
// ctx ends, what has run until then is judged.
func Run(ctx context.Context, o RunOptions) (_ *Result, err error) {
	if o.MaxTime == 0 {
		o.MaxTime = DefaultMaxTime
	}
	b, err := Prepare(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	c := &comparison{bench: b, o: o}
	if err := c.measure(ctx); err != nil {
		return nil, err
	}
	return c.result(ctx), nil
}

// A comparison is one run of the gate.
type comparison struct {
	bench *Bench
	o     RunOptions
	tests []*test
	late  bool // the time was over before all had a verdict
}

// A test is one benchmark of a comparison.
type test struct {
	Benchmark
	n          int // operations of an execution
	base, head []Figure
	failed     *Error // why it runs no further
	judgement  Judgement
}

// measure runs pairs until all benchmarks have a verdict or the time is over.
func (c *comparison) measure(ctx context.Context) error {
	for _, b := range c.bench.Benchmarks {
		t := &test{Benchmark: b}
		var err error
		if t.n, err = c.bench.Calibrate(ctx, b); err != nil && !t.blame(err) {
			return err
		}
		c.tests = append(c.tests, t)
	}
	if len(c.tests) == 0 {
		return nil
	}
	s, err := NewSequence(len(c.tests), c.o.Settings)
	if err != nil {
		return err
	}
	for i, t := range c.tests {
		if t.failed != nil {
			s.Drop(i, t.failed.Reason)
		}
	}
	if err := c.pairs(ctx, s); err != nil {
		return err
	}
	for i, j := range s.Finish() {
		c.tests[i].judgement = j
	}
	return nil
}

// pairs runs what the sequence asks for.
func (c *comparison) pairs(ctx context.Context, s *Sequence) error {
	end := time.Now().Add(c.o.MaxTime)
	run := 0
	for due := s.Due(); len(due) > 0; due = s.Due() {
		for _, i := range due {
			if c.late = ctx.Err() != nil || time.Now().After(end); c.late {
				return nil
			}
			t := c.tests[i]
			p, err := c.pair(ctx, t, s.HeadFirst(i))
			switch {
			case ctx.Err() != nil:
			case err == nil:
				s.Add(i, p)
			case t.blame(err):
				s.Drop(i, t.failed.Reason)
			default:
				return err
			}
			run++
			if c.o.Paired != nil {
				c.o.Paired(run, s.Left())
			}
		}
	}
	return nil
}

// pair runs both sides of a benchmark next to each other.
func (c *comparison) pair(ctx context.Context, t *test, headFirst bool) (Pair, error) {
	base, head, err := c.bench.RunPair(ctx, t.Benchmark, t.n, headFirst)
	if err != nil {
		return Pair{}, err
	}
	t.base, t.head = append(t.base, base), append(t.head, head)
	return Pair{Base: base.CPU, Head: head.CPU, HeadFirst: headFirst}, nil
}

// blame says whether an error is the benchmark's own, and takes note.
func (t *test) blame(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if ok && e.Benchmark != "" {
		t.failed = e
		return true
	}
	return false
}

// result puts everything together.
func (c *comparison) result(ctx context.Context) *Result {
	r := c.bench.opened("run", "cpu", "s/op")
	if c.late {
		r.Caveats = append(r.Caveats, fmt.Sprintf("The time was over (%v) before all benchmarks had a verdict.", c.o.MaxTime))
	}
	for _, t := range c.tests {
		row := t.cpuRow()
		row.Threshold = c.o.Threshold
		c.attribute(ctx, t, &row)
		r.Rows = append(r.Rows, row)
		if len(t.base) > 0 {
			r.Rows = append(r.Rows,
				t.countRow("allocs", "allocs/op", WobbleAllocs, func(f Figure) float64 { return f.Allocs }),
				t.countRow("bytes", "B/op", WobbleBytes, func(f Figure) float64 { return f.Bytes }))
		}
		if t.failed != nil {
			r.Problem = t.failed.Problem
		}
	}
	r.Settle()
	return r
}

// opened is the result of a run before anything is judged: what is compared, and
// what cannot be.
func (b *Bench) opened(gate, metric, unit string) *Result {
	r := &Result{Gate: gate, Base: b.Base.String(), Head: b.Head.String(), Caveats: slices.Clone(b.Notes)}
	for _, e := range b.NotCompared {
		r.Caveats = append(r.Caveats, e.Benchmark+": "+e.Reason)
		if !e.Problem.Caveat() {
			r.Rows = append(r.Rows, Row{Name: e.Benchmark, Metric: metric, Unit: unit, Verdict: Inconclusive, Why: e.Reason})
			r.Problem = e.Problem
		}
	}
	for _, bm := range b.Benchmarks {
		if bm.Parallel {
			r.Caveats = append(r.Caveats, bm.String()+" runs in parallel: on the one CPU of the gate, contention does not show.")
		}
	}
	return r
}

// attribute says which functions a slower benchmark is slower through. That
// nobody can tell is no reason to hold the verdict back.
func (c *comparison) attribute(ctx context.Context, t *test, row *Row) {
	if row.Verdict != Slower || row.Effect == nil || c.o.NoProfiles {
		return
	}
	base, err := c.profile(ctx, t, Base, t.base)
	if err != nil {
		return
	}
	head, err := c.profile(ctx, t, Head, t.head)
	if err != nil {
		return
	}
	causes, why := Attribute(base, head, *row.Effect, "")
	row.Causes = causes
	if why != "" {
		row.Why += "; " + why
	}
	if len(causes) > 0 && causes[0].File != "" {
		row.File, row.Line = causes[0].File, causes[0].Line
	}
}

// profile is where the CPU of a benchmark goes on one side.
func (c *comparison) profile(ctx context.Context, t *test, side Side, figures []Figure) (Profiled, error) {
	p, err := c.bench.Profile(ctx, t.Benchmark, side, t.n)
	if err != nil {
		return Profiled{}, err
	}
	cpu := median(figures, func(f Figure) float64 { return f.CPU })
	fixed := median(figures, func(f Figure) float64 { return f.Fixed })
	if cpu == nil || fixed == nil {
		return p.Timed(0, 0), nil
	}
	return p.Timed(*cpu, *fixed), nil
}

// cpuRow is the verdict on a benchmark's CPU time.
func (t *test) cpuRow() Row {
	j := t.judgement
	row := Row{
		Package: t.Package, Name: t.Name, Metric: "cpu", Unit: "s/op", Verdict: j.Verdict, Effect: j.Effect, Control: j.Control,
		P: j.P, Runs: j.Pairs, Why: j.Why, File: t.File, Line: int64(t.Line),
	}
	if t.failed != nil {
		row.Verdict, row.Why = Inconclusive, t.failed.Reason
	}
	cpu := func(f Figure) float64 { return f.CPU }
	row.Base, row.Head = median(t.base, cpu), median(t.head, cpu)
	return row
}

// countRow is the verdict on something that is counted.
func (t *test) countRow(metric, unit string, wobble float64, of func(Figure) float64) Row {
	j := JudgeExact(figures(t.base, of), figures(t.head, of), wobble)
	row := Row{
		Package: t.Package, Name: t.Name, Metric: metric, Unit: unit, Verdict: j.Verdict, Base: &j.Base, Head: &j.Head,
		Runs: len(t.base), Why: j.Why, File: t.File, Line: int64(t.Line),
	}
	if change, ok := j.Change(); ok {
		row.Effect = &analyze.Interval{Value: change, Low: change, High: change}
	}
	return row
}

// median is the middle one of the figures, nil if there are none.
func median(list []Figure, of func(Figure) float64) *float64 {
	values := figures(list, of)
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	m := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	return &m
}

// String names the program of a side for people: "main (1a2b3c4d5e6f)",
// "1a2b3c4d5e6f and what is not committed".
func (o Origin) String() string {
	short := o.Commit[:min(len(o.Commit), 12)]
	switch {
	case o.Ref != "" && o.Ref != short:
		return profile.Clean(o.Ref) + " (" + short + ")"
	case o.Changed > 0:
		return short + " and what is not committed"
	}
	return short
}

func figures(list []Figure, of func(Figure) float64) []float64 {
	values := make([]float64, len(list))
	for i, f := range list {
		values[i] = of(f)
	}
	return values
}
