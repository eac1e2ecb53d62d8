package gate

import (
	"errors"
	"slices"
	"testing"

	"busywork/analyze/gate/bench"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]float64{
		"1000": 1000, "10k": 10e3, "1K": 1e3, "1M": 1e6, "2G": 2e9, "64Ki": 65536, "1Mi": 1 << 20, "1.5M": 1.5e6, "10_000": 1e4,
		"1e6": 1e6, "64KiB": 65536, "16B": 16, "1MB": 1e6,
		"": 0, "0": 0, "-5": 0, "k": 0, "10x": 0, "1000#01": 0, "NaN": 0, "Inf": 0, "0x10": 0, "1e": 0, "ten": 0, "١": 0, "1ki": 0, "_1": 0,
	} {
		if got, ok := parseSize(s); got != want || ok != (want > 0) {
			t.Errorf("%q: %v, %v", s, got, ok)
		}
	}
}

func TestSeries(t *testing.T) {
	for _, c := range []struct {
		what  string
		key   string
		names []string
		want  []string
	}{
		{"a key", "", []string{"BenchmarkX/n=1", "BenchmarkX/n=10"}, []string{"BenchmarkX/n=*: n [1 10]"}},
		{"no key", "", []string{"BenchmarkX/1k", "BenchmarkX/10k-8"}, []string{"BenchmarkX/*: size [1000]", "BenchmarkX/*-8: size [10000]"}},
		{"the widest span", "", []string{"BenchmarkX/workers=1/depth=100", "BenchmarkX/workers=8/depth=100", "BenchmarkX/workers=1/depth=10k", "BenchmarkX/workers=8/depth=10k"},
			[]string{"BenchmarkX/workers=1/depth=*: depth [100 10000]", "BenchmarkX/workers=8/depth=*: depth [100 10000]"}},
		{"the key asked for", "workers", []string{"BenchmarkX/workers=1/depth=100", "BenchmarkX/workers=8/depth=100", "BenchmarkX/workers=1/depth=10k"},
			[]string{"BenchmarkX/workers=*/depth=100: workers [1 8]", "BenchmarkX/workers=*/depth=10k: workers [1]"}},
		{"other parts", "", []string{"BenchmarkX/rsa/n=1", "BenchmarkX/rsa/n=9", "BenchmarkX/ec/n=1", "BenchmarkX/ec/n=9"},
			[]string{"BenchmarkX/ec/n=*: n [1 9]", "BenchmarkX/rsa/n=*: n [1 9]"}},
		{"names without a size", "", []string{"BenchmarkX", "BenchmarkX/small", "BenchmarkX/n=ten", "BenchmarkX/n=0", "BenchmarkX/n=5", "BenchmarkX/"}, nil},
		{"a size among names", "", []string{"BenchmarkX/none", "BenchmarkX/1", "BenchmarkX/10"}, []string{"BenchmarkX/*: size [1 10]"}},
		{"control characters", "", []string{"Benchmark\x1b[2J/\x07n=1", "Benchmark\x1b[2J/\x07n=10"}, []string{"Benchmark[2J/n=*: n [1 10]"}},
	} {
		var list []Measured
		for _, name := range c.names {
			list = append(list, Measured{Benchmark: name, Cost: []float64{1}})
		}
		var got []string
		for _, s := range seriesOf(nil, list, c.key) {
			line := s.name + ": " + s.key + " ["
			for i, size := range s.sizes(s.head) {
				if i > 0 {
					line += " "
				}
				line += counted(size)
			}
			got = append(got, line+"]")
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestSizeText(t *testing.T) {
	for v, want := range map[float64]string{1: "1", 100: "100", 1000: "1k", 1500: "1500", 10500: "10.5k", 1e6: "1M", 1 << 20: "1049k", 3e9: "3G", 0.5: "0.5"} {
		if got := sizeText(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestExponentLimit(t *testing.T) {
	s := &series{name: "BenchmarkCancel/workers=4/depth=*", top: "BenchmarkCancel"}
	for given, want := range map[string]bool{
		"BenchmarkCancel=0.2":                         true,
		"Benchmark.*=0.2":                             true,
		"BenchmarkCancel/workers=4/depth=*=0.2":       true,
		"BenchmarkCancel/workers=[0-9]+/depth=.*=0.2": true,
		"BenchmarkCan=0.2":                            false,
		"Cancel=0.2":                                  false,
		"BenchmarkCancelAll=0.2":                      false,
	} {
		l, err := ParseExponentLimit(given)
		if err != nil || l.Most != 0.2 || l.matches(s) != want {
			t.Errorf("%q: %v, %+v", given, err, l)
		}
	}
	for _, given := range []string{"", "=", "=0.2", "BenchmarkCancel", "BenchmarkCancel=", "BenchmarkCancel=x", "BenchmarkCancel=NaN", "BenchmarkCancel=-1", "BenchmarkCancel=11", "Benchmark(=0.2"} {
		_, err := ParseExponentLimit(given)
		if e, ok := errors.AsType[*bench.Error](err); !ok || e.Problem != bench.BadOption {
			t.Errorf("%q is taken: %v", given, err)
		}
	}
}
