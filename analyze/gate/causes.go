package gate

import (
	"context"
	"slices"
	"time"

	"busywork/analyze/gate/bench"
	"busywork/analyze/gate/blame"
	"busywork/profile"
)

// attribute says which functions a slower benchmark is slower through. That
// nobody can tell is no reason to hold the verdict back.
func (c *comparison) attribute(ctx context.Context, t *test, row *Row) {
	if row.Verdict != Slower || row.Effect == nil || c.o.NoProfiles {
		return
	}
	base, head, err := c.profiles(ctx, t, row.Effect.Value)
	if err != nil {
		row.Why += "; no profile could be taken: " + profile.CleanLine(err.Error())
		return
	}
	causes, why := blame.CPU(base, head, *row.Effect, "")
	row.blame(causes, why)
}

// blame puts what is known of a regression's cause into its row.
func (r *Row) blame(causes []blame.Cause, why string) {
	r.Causes = causes
	if why != "" {
		r.Why += "; " + why
	}
	if len(causes) > 0 && causes[0].File != "" {
		r.File, r.Line = causes[0].File, causes[0].Line
	}
}

// columns of a profile of allocations, by the metric of a row.
var columns = map[string]string{"allocs": "alloc_objects", "bytes": "alloc_space"}

// attributeCounts says which functions allocate more, in the rows of a benchmark's
// allocations and bytes.
func (c *comparison) attributeCounts(ctx context.Context, t *test, rows []Row) {
	if c.o.NoProfiles || !slices.ContainsFunc(rows, func(r Row) bool { return r.Verdict == Slower }) {
		return
	}
	head := blame.Allocated{}
	base, err := c.bench.Allocated(ctx, t.Benchmark, bench.Base, t.n)
	if err == nil {
		head, err = c.bench.Allocated(ctx, t.Benchmark, bench.Head, t.n)
	}
	for i := range rows {
		row := &rows[i]
		if row.Verdict != Slower {
			continue
		}
		var causes []blame.Cause
		if err == nil {
			base.PerOp, head.PerOp = *row.Base, *row.Head
			causes, err = blame.Allocations(base, head, columns[row.Metric])
		}
		if err != nil {
			row.Why += "; no function can be named: " + profile.CleanLine(err.Error())
			continue
		}
		row.blame(causes, "")
	}
}

// profiles are where the CPU of a benchmark goes on either side. A small change
// takes long to be looked into; with many of them, the last ones are looked into
// less closely.
func (c *comparison) profiles(ctx context.Context, t *test, effect float64) (base, head blame.Profiled, err error) {
	began := time.Now()
	defer func() { c.profiling += time.Since(began) }()
	samples := blame.Samples(effect)
	if c.profiling > c.o.MaxTime/2 {
		samples = blame.Fewest
	}
	if base, err = c.profile(ctx, t, bench.Base, t.base, samples); err != nil {
		return base, head, err
	}
	head, err = c.profile(ctx, t, bench.Head, t.head, samples)
	return base, head, err
}

// profile is where the CPU of a benchmark goes on one side.
func (c *comparison) profile(ctx context.Context, t *test, side bench.Side, figures []bench.Figure, samples int) (blame.Profiled, error) {
	p, err := c.bench.Profile(ctx, t.Benchmark, side, t.n, samples)
	if err != nil {
		return blame.Profiled{}, err
	}
	cpu := median(figures, func(f bench.Figure) float64 { return f.CPU })
	fixed := median(figures, func(f bench.Figure) float64 { return f.Fixed })
	if cpu == nil || fixed == nil {
		return p.Timed(0, 0), nil
	}
	return p.Timed(*cpu, *fixed), nil
}
