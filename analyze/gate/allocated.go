package gate

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	pprof "github.com/google/pprof/profile"

	"busywork/analyze"
)

// allocations are what a benchmark allocates on one side, by stack.
type allocations struct {
	*pprof.Profile
	operations float64 // of all of it
}

// allocated counts every allocation of an execution of n operations, and takes
// those of one of 2 off, as for [Figure].
func (b *Bench) allocated(ctx context.Context, bm Benchmark, side Side, n int) (allocations, error) {
	var parts []*pprof.Profile
	for _, operations := range []int{n, fewOperations} {
		p, _, err := b.profileOnce(ctx, bm, side, operations, "mem", "-test.memprofilerate=1")
		if err != nil {
			return allocations{}, err
		}
		parts = append(parts, p)
	}
	parts[1].Scale(-1)
	p, err := pprof.Merge(parts)
	return allocations{p, float64(n - fewOperations)}, err
}

// attributeCounts names the functions that allocate more, those that grew most
// first. It goes the way of [Attribute], with allocations in place of CPU; they
// are counted, so that chance has no part in it. was and is are what an operation
// allocates by its own count.
func attributeCounts(both [2]allocations, column string, was, is float64) ([]Cause, error) {
	var sides [2]examined
	var all totals
	for i, a := range both {
		data, total, err := asSamples(a.Profile, column)
		if err != nil {
			return nil, err
		}
		all.perOp[i] = total / a.operations
		if sides[i], err = examine(data, ""); err != nil {
			return nil, err
		}
	}
	b := &blame{ledger: newLedger(sides, all, "")}
	b.trace()
	// What the runtime allocates for itself now and then is called from none of the
	// service's functions, and no fault of the change's.
	b.found = slices.DeleteFunc(b.found, func(p part) bool { return p.symbol < 0 })
	list := b.causes(nil)
	for i := range list {
		more := list[i].Points.Value
		list[i].Points = analyze.Interval{}
		if was > 0 {
			list[i].Points = analyze.Interval{Value: more / was, Low: more / was, High: more / was}
		}
		list[i].Why = join(fmt.Sprintf("%s of the %s more for one operation", rounded(more), rounded(is-was)), list[i].Why)
	}
	return list, nil
}

// rounded is a count that was computed: what is whole but for the computing is
// whole.
func rounded(v float64) string {
	if r := math.Round(v); math.Abs(v-r) < 0.01 || math.Abs(v) >= 100 {
		return counted(r)
	}
	return fmt.Sprintf("%.3g", v)
}

// asSamples is a column of a profile in the form of a CPU profile, and what it sums
// up to. The samples are so many that what is known by count does not look like
// chance.
func asSamples(p *pprof.Profile, column string) (data []byte, total float64, _ error) {
	at := slices.IndexFunc(p.SampleType, func(t *pprof.ValueType) bool { return t.Type == column })
	if at < 0 {
		return nil, 0, fmt.Errorf("the profile has no %s", column)
	}
	for _, s := range p.Sample {
		total += math.Max(0, float64(s.Value[at]))
	}
	const samples, period = 1e12, 1000 // nanoseconds
	out := &pprof.Profile{
		SampleType: []*pprof.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &pprof.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: period, DurationNanos: samples * period,
	}
	for _, s := range p.Sample {
		if n := int64(samples * float64(s.Value[at]) / total); n > 0 {
			out.Sample = append(out.Sample, &pprof.Sample{Location: s.Location, Value: []int64{n, n * period}})
		}
	}
	if len(out.Sample) == 0 { // it allocates nothing, in the benchmark
		benchmark := &pprof.Function{ID: 1, Name: beganBy + "launch"}
		out.Function = []*pprof.Function{benchmark}
		out.Location = []*pprof.Location{{ID: 1, Line: []pprof.Line{{Function: benchmark}}}}
		out.Sample = []*pprof.Sample{{Location: out.Location, Value: []int64{samples, samples * period}}}
	} else {
		out.Mapping, out.Location, out.Function = p.Mapping, p.Location, p.Function
	}
	var b bytes.Buffer
	err := out.Write(&b)
	return b.Bytes(), total, err
}
