package gate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"busywork/analyze/gate/bench"
)

// RunOptions say how [Run] compares.
type RunOptions struct {
	bench.Options
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

// DefaultMaxTime is what a CI job can spare: 20 benchmarks get 15 pairs each in it,
// at two seconds a pair.
const DefaultMaxTime = 10 * time.Minute

// Run builds base and head, runs their benchmarks in pairs until each has a
// verdict or the time is over, and says what became slower, and through which
// function. The error is a *bench.Error where nothing could be compared at all; when
// ctx ends, what has run until then is judged.
func Run(ctx context.Context, o RunOptions) (_ *Result, err error) {
	if o.MaxTime == 0 {
		o.MaxTime = DefaultMaxTime
	}
	if err := o.Settings.valid(); err != nil {
		return nil, err
	}
	b, err := bench.Prepare(ctx, o.Options)
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
	bench *bench.Bench
	o     RunOptions
	tests []*test
	late  bool // the time was over before all had a verdict
	// profiling is how long the profiles have taken until now.
	profiling time.Duration
}

// A test is one benchmark of a comparison.
type test struct {
	bench.Benchmark
	n          int // operations of an execution
	base, head []bench.Figure
	failed     *bench.Error // why it runs no further
	judgement  Judgement
}

// measure runs pairs until all benchmarks have a verdict or the time is over.
func (c *comparison) measure(ctx context.Context) error {
	for _, b := range c.bench.Benchmarks {
		if b.Unchanged {
			continue
		}
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
			s.Drop(i, t.failed.Sided())
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
		for some := range groups(due) {
			if c.late = ctx.Err() != nil || time.Now().After(end); c.late {
				return nil
			}
			pairs, err := c.take(ctx, some, s.HeadFirst)
			if err != nil {
				return err
			}
			for k, i := range some {
				switch {
				case pairs[k] != nil:
					s.Add(i, *pairs[k])
				case c.tests[i].failed != nil:
					s.Drop(i, c.tests[i].failed.Sided())
				}
			}
			run += len(some)
			if c.o.Paired != nil {
				c.o.Paired(run, s.Left())
			}
		}
	}
	return nil
}

// atOnce is how many benchmarks run at a time, in turns: a pair then takes eight
// seconds, which bursts of noise rarely fill; and it is by so much that the time
// may be exceeded.
const atOnce = 4

// groups parts what is due into groups that are run at a time, about as large as
// each other.
func groups(due []int) iter.Seq[[]int] {
	n := (len(due) + atOnce - 1) / atOnce
	return slices.Chunk(due, max(1, (len(due)+n-1)/max(1, n)))
}

// take runs a pair of some tests. There is none of what fails, and of what was
// under way when ctx ended.
func (c *comparison) take(ctx context.Context, some []int, headFirst func(test int) bool) ([]*Pair, error) {
	turns := make([]bench.Turn, len(some))
	for k, i := range some {
		turns[k] = bench.Turn{Benchmark: c.tests[i].Benchmark, N: c.tests[i].n, HeadFirst: headFirst(i)}
	}
	pairs := make([]*Pair, len(some))
	for k, ran := range c.bench.RunPairs(ctx, turns) {
		t := c.tests[some[k]]
		switch {
		case ran.Err == nil:
			t.base, t.head = append(t.base, ran.Base), append(t.head, ran.Head)
			pairs[k] = &Pair{Base: ran.Base.CPU, Head: ran.Head.CPU, HeadFirst: turns[k].HeadFirst}
		case ctx.Err() == nil && !t.blame(ran.Err):
			return nil, ran.Err
		}
	}
	return pairs, nil
}

// blame says whether an error is the benchmark's own, and takes note.
func (t *test) blame(err error) bool {
	e, ok := errors.AsType[*bench.Error](err)
	if ok && e.Benchmark.Name != "" {
		t.failed = e
		return true
	}
	return false
}

// result puts everything together.
func (c *comparison) result(ctx context.Context) *Result {
	r := opened(c.bench, "run", metrics[0])
	r.same(c.bench.Benchmarks, metrics)
	if c.late {
		r.Caveats = append(r.Caveats, fmt.Sprintf("The time was over (%v) before all benchmarks had a verdict.", c.o.MaxTime))
	}
	for _, t := range c.tests {
		row := t.cpuRow()
		row.Threshold = c.o.Threshold
		c.attribute(ctx, t, &row)
		r.Rows = append(r.Rows, row)
		if len(t.base) > 0 {
			counts := []Row{
				t.countRow(metrics[1], WobbleAllocs, func(f bench.Figure) float64 { return f.Allocs }),
				t.countRow(metrics[2], WobbleBytes, func(f bench.Figure) float64 { return f.Bytes }),
			}
			c.attributeCounts(ctx, t, counts)
			r.Rows = append(r.Rows, counts...)
		}
		if t.failed != nil {
			r.Problem = t.failed.Problem
		}
	}
	r.Settle()
	return r
}
