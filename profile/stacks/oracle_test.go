package stacks

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	pprof "github.com/google/pprof/profile"
)

// cost is what a profile says of one function: the sums of each sample type
// over the samples whose leaf it is, and over those that it is in anywhere.
type cost struct{ Flat, Cum []int64 }

// figures is everything of a profile that a diagnosis uses.
type figures struct {
	Types               []ValueType
	Default             string
	PeriodType          ValueType
	Period, Time, Lasts int64
	Samples             int
	Total               []int64
	Functions           map[string]cost
	Labels              map[string]int64 // first value by key and text or number and unit
}

// tally adds up figures sample by sample; both readers feed it.
type tally struct{ figures }

func (t *tally) add(stack []string, values []int64) {
	sum := func(into []int64) []int64 {
		if into == nil {
			into = make([]int64, len(values))
		}
		for i, v := range values {
			into[i] += v
		}
		return into
	}
	t.Samples++
	t.Total = sum(t.Total)
	seen := map[string]bool{}
	for i, name := range stack {
		c := t.Functions[name]
		if i == 0 {
			c.Flat = sum(c.Flat)
		}
		if !seen[name] {
			seen[name] = true
			c.Cum = sum(c.Cum)
		}
		t.Functions[name] = c
	}
}

func (t *tally) label(key, text string, num int64, unit string, values []int64) {
	if len(values) > 0 {
		t.Labels[fmt.Sprintf("%q=%q,%d,%q", key, text, num, unit)] += values[0]
	}
}

func newTally() *tally {
	return &tally{figures{Functions: map[string]cost{}, Labels: map[string]int64{}}}
}

// ours reads the figures with this package.
func ours(data []byte, b Budget) (*figures, *Profile, error) {
	p, err := Decode(data, b)
	if err != nil {
		return nil, p, err
	}
	t := newTally()
	t.Types, t.Default, t.PeriodType = p.SampleTypes, p.DefaultType, p.PeriodType
	t.Period, t.Time, t.Lasts = p.Period, p.TimeNanos, p.DurationNanos
	var stack []string
	err = p.EachLabelled(func(locs []uint32, values []int64, labels []Label) {
		stack = stack[:0]
		for _, i := range locs {
			l := p.Locations[i]
			if l.N == 0 {
				stack = append(stack, fmt.Sprintf("%#x", l.Address))
			}
			for _, f := range p.Frames[l.First : l.First+l.N] {
				stack = append(stack, p.Functions[f.Function].Name)
			}
		}
		t.add(stack, values)
		for _, l := range labels {
			t.label(l.Key, l.Str, l.Num, l.Unit, values)
		}
	})
	if err == nil && t.Samples != p.Samples {
		err = fmt.Errorf("%d samples were walked, Samples says %d", t.Samples, p.Samples)
	}
	return &t.figures, p, err
}

// theirs reads the figures with google/pprof.
func theirs(data []byte, rootFirst bool) (*figures, error) {
	p, err := pprof.ParseData(data)
	if err != nil {
		return nil, err
	}
	t := newTally()
	for _, st := range p.SampleType {
		t.Types = append(t.Types, ValueType{st.Type, st.Unit})
	}
	t.Default, t.PeriodType = p.DefaultSampleType, ValueType{p.PeriodType.Type, p.PeriodType.Unit}
	t.Period, t.Time, t.Lasts = p.Period, p.TimeNanos, p.DurationNanos
	for _, s := range p.Sample {
		locs := slices.Clone(s.Location)
		if rootFirst {
			slices.Reverse(locs)
		}
		var stack []string
		for _, l := range locs {
			if len(l.Line) == 0 {
				stack = append(stack, fmt.Sprintf("%#x", l.Address))
			}
			for _, line := range l.Line {
				stack = append(stack, line.Function.Name)
			}
		}
		t.add(stack, s.Value)
		for k, texts := range s.Label {
			for _, text := range texts {
				// An empty text that is not string 0 is a text all the same here.
				t.label(k, text, 0, "", s.Value)
			}
		}
		for k, nums := range s.NumLabel {
			for i, n := range nums {
				unit := ""
				if units := s.NumUnit[k]; i < len(units) {
					unit = units[i]
				}
				t.label(k, "", n, unit, s.Value)
			}
		}
	}
	return &t.figures, nil
}

// stricter reports whether err is one of the differences that are meant, that
// is, whether google/pprof may accept what was refused with it:
//
//   - legacy formats, which google/pprof converts (at any cost in memory);
//   - profiles without samples or sample types ("no data");
//   - whatever a budget refuses;
//   - two sample types of one name, on which google/pprof's merge panics;
//   - concatenated and trailing bytes: further gzip members, which gzip readers
//     join by default, and fields that a profile has once coming twice, which
//     protobuf reads as the last one;
//   - field number 0, which protobuf forbids, so a file full of zeros.
func stricter(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case LegacyText, LegacyBinary, Java, Empty, TooLarge:
		return true
	case Malformed, NotAProfile:
		for _, s := range []string{"two sample types", "concatenated", "trailing", "field number 0", "no field of it"} {
			if contains(e.Detail, s) {
				return true
			}
		}
	}
	return false
}

// compare holds both readers against each other on the same bytes.
func compare(t *testing.T, data []byte, b Budget) {
	t.Helper()
	got, p, err := ours(data, b)
	want, refused := theirs(data, p != nil && p.RootFirst)
	switch {
	case err != nil && refused != nil:
	case err != nil && !stricter(err):
		t.Errorf("refused, but google/pprof accepts it: %v", err)
	case err == nil && refused != nil:
		t.Errorf("accepted, but google/pprof refuses it: %v", refused)
	case err == nil:
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("google/pprof (-) and we (+) differ:\n%s", d)
		}
	}
}

func TestOracleCorpus(t *testing.T) {
	for name, data := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			compare(t, data, Budget{})
			compare(t, data, Budget{InMemory: 1}) // as a stream
			if p, err := Decode(data, Budget{}); err == nil {
				t.Logf("%d samples, root first %v, symbolized %v", p.Samples, p.RootFirst, p.Symbolized)
			} else {
				t.Log(err)
			}
		})
	}
}
