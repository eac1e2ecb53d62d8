package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"busywork/analyze/gate/bench"
)

// GrowthRunOptions say what is measured, and what growth is too much.
type GrowthRunOptions struct {
	bench.Options
	GrowthOptions // Base and Head are filled in

	MaxTime time.Duration // as in RunOptions
}

// growthRuns of each size and side: three for each half of the control.
const growthRuns = 6

// GrowthRun measures the benchmarks of base and head that are named by sizes, and
// judges how their cost grows with these. All sizes take turns, so that what
// changes on the machine meanwhile does not pass for growth.
func GrowthRun(ctx context.Context, o GrowthRunOptions) (_ *Result, err error) {
	if o.MaxTime == 0 {
		o.MaxTime = DefaultMaxTime
	}
	b, err := bench.Prepare(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	opened := opened(b, "growth", metric{exponentMetric, "1"})
	c := &comparison{bench: b, o: RunOptions{Options: o.Options, MaxTime: o.MaxTime}}
	for _, bm := range b.Benchmarks {
		if slices.ContainsFunc(splitName(bm.Name).parts, func(p namePart) bool { return p.size > 0 }) {
			c.tests = append(c.tests, &test{Benchmark: bm})
		}
	}
	if err := c.rounds(ctx, growthRuns); err != nil {
		return nil, err
	}
	o.GrowthOptions.Base, o.GrowthOptions.Head = opened.Base, opened.Head
	base, head := c.measured()
	r, err := Growth(base, head, o.GrowthOptions)
	if err != nil {
		return nil, err
	}
	r.Rows, r.Caveats, r.Problem = append(r.Rows, opened.Rows...), append(r.Caveats, opened.Caveats...), opened.Problem
	for _, t := range c.tests {
		if t.failed != nil {
			r.Caveats, r.Problem = append(r.Caveats, t.failed.Error()), t.failed.Problem
		}
	}
	if c.late {
		r.Caveats = append(r.Caveats, "The time was over before all sizes had run as often as they should.")
	}
	r.Settle()
	return r, nil
}

// rounds runs every test so often, a pair at a time, in turns.
func (c *comparison) rounds(ctx context.Context, n int) error {
	for _, t := range c.tests {
		var err error
		if t.n, err = c.bench.Calibrate(ctx, t.Benchmark); err != nil && !t.blame(err) {
			return err
		}
	}
	end := time.Now().Add(c.o.MaxTime)
	for round := range n {
		var due []int
		for i, t := range c.tests {
			if t.failed == nil {
				due = append(due, i)
			}
		}
		for some := range groups(due) {
			if c.late = ctx.Err() != nil || time.Now().After(end); c.late {
				return nil
			}
			if _, err := c.take(ctx, some, func(int) bool { return round%2 == 1 }); err != nil {
				return err
			}
		}
	}
	return nil
}

// measured are the costs of both sides.
func (c *comparison) measured() (base, head []Measured) {
	cpu := func(f bench.Figure) float64 { return f.CPU }
	for _, t := range c.tests {
		base = append(base, Measured{t.Package, t.Name, figures(t.base, cpu)})
		head = append(head, Measured{t.Package, t.Name, figures(t.head, cpu)})
	}
	return base, head
}
