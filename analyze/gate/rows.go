package gate

import (
	"fmt"
	"slices"

	"busywork/analyze"
	"busywork/analyze/gate/bench"
)

// A metric is what a row of a gate is about, and its unit.
type metric struct{ name, unit string }

// metrics of [Run], in the order of a benchmark's rows.
var metrics = []metric{{"cpu", "s/op"}, {"allocs", "allocs/op"}, {"bytes", "B/op"}}

// opened is the result of a run before anything is judged: what is compared, and
// what cannot be.
func opened(b *bench.Bench, gate string, m metric) *Result {
	r := &Result{Gate: gate, Base: b.Base.String(), Head: b.Head.String(), Caveats: slices.Clone(b.Notes)}
	for _, e := range b.NotCompared {
		if e.Problem.Caveat() {
			r.Caveats = append(r.Caveats, e.Error())
			continue
		}
		bm := e.Benchmark
		r.Rows = append(r.Rows, Row{
			Package: bm.Package, Name: bm.Name, Metric: m.name, Unit: m.unit, Verdict: Inconclusive, Why: e.Sided(),
			File: bm.File, Line: int64(bm.Line),
		})
		r.Problem = e.Problem
	}
	for _, bm := range b.Benchmarks {
		if bm.Parallel {
			r.Caveats = append(r.Caveats, bm.String()+" runs in parallel: on the one CPU of the gate, contention does not show.")
		}
	}
	return r
}

// same adds the verdict on what need not be run, because it is the same program on
// both sides.
func (r *Result) same(benchmarks []bench.Benchmark, metrics []metric) {
	n := 0
	for _, bm := range benchmarks {
		if !bm.Unchanged {
			continue
		}
		n++
		for _, m := range metrics {
			r.Rows = append(r.Rows, Row{
				Package: bm.Package, Name: bm.Name, Metric: m.name, Unit: m.unit, Verdict: Same, Unchanged: true,
				Why: "it is the same program on both sides, to the last byte", File: bm.File, Line: int64(bm.Line),
			})
		}
	}
	if n > 0 {
		r.Caveats = append(r.Caveats, fmt.Sprintf("Not run: %s, the same program on both sides to the last byte.", benchmarksOf(n)))
	}
}

func benchmarksOf(n int) string {
	if n == 1 {
		return "1 benchmark"
	}
	return fmt.Sprintf("%d benchmarks", n)
}

// cpuRow is the verdict on a benchmark's CPU time.
func (t *test) cpuRow() Row {
	j := t.judgement
	row := Row{
		Package: t.Package, Name: t.Name, Metric: metrics[0].name, Unit: metrics[0].unit, Verdict: j.Verdict, Effect: j.Effect, Control: j.Control,
		P: j.P, Runs: j.Pairs, Why: j.Why, File: t.File, Line: int64(t.Line),
	}
	if t.failed != nil {
		row.Verdict, row.Why = Inconclusive, t.failed.Sided()
	}
	cpu := func(f bench.Figure) float64 { return f.CPU }
	row.Base, row.Head = median(t.base, cpu), median(t.head, cpu)
	return row
}

// countRow is the verdict on something that is counted.
func (t *test) countRow(m metric, wobble float64, of func(bench.Figure) float64) Row {
	j := JudgeExact(figures(t.base, of), figures(t.head, of), wobble)
	row := Row{
		Package: t.Package, Name: t.Name, Metric: m.name, Unit: m.unit, Verdict: j.Verdict, Base: &j.Base, Head: &j.Head,
		Runs: len(t.base), Why: j.Why, File: t.File, Line: int64(t.Line),
	}
	if change, ok := j.Change(); ok {
		row.Effect = &analyze.Interval{Value: change, Low: change, High: change}
	}
	return row
}

// median is the middle one of the figures, nil if there are none.
func median(list []bench.Figure, of func(bench.Figure) float64) *float64 {
	values := figures(list, of)
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	m := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	return &m
}

func figures(list []bench.Figure, of func(bench.Figure) float64) []float64 {
	values := make([]float64, len(list))
	for i, f := range list {
		values[i] = of(f)
	}
	return values
}
