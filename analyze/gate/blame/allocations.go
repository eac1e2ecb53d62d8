package blame

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	pprof "github.com/google/pprof/profile"

	"busywork/analyze"
)

// Allocated is what the operations of a side allocate, by stack.
type Allocated struct {
	Profile    *pprof.Profile // one of allocations, in which each is counted
	Operations float64        // that it covers
	PerOp      float64        // what one of them allocates, by the benchmark's own count
}

// Allocations names the functions that allocate more, those that grew most first.
// It goes the way of [CPU], with allocations in place of CPU; they are counted, so
// that chance has no part in it. column says what is counted: "alloc_objects" or
// "alloc_space".
func Allocations(base, head Allocated, column string) ([]Cause, error) {
	var sides [2]examined
	var all totals
	for i, a := range []Allocated{base, head} {
		data, total, err := asSamples(a.Profile, column)
		if err != nil {
			return nil, err
		}
		all.perOp[i] = total / a.Operations
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
		if part := more / base.PerOp; base.PerOp > 0 {
			list[i].Points = analyze.Interval{Value: part, Low: part, High: part}
		}
		list[i].Why = join(fmt.Sprintf("%s of the %s more for one operation", rounded(more), rounded(head.PerOp-base.PerOp)), list[i].Why)
	}
	return list, nil
}

// rounded is a count that was computed: what is whole but for the computing is
// whole.
func rounded(v float64) string {
	if r := math.Round(v); math.Abs(v-r) < 0.01 || math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f", r)
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
