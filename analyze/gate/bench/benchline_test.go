package bench

import (
	"math"
	"strings"
	"testing"
)

func TestFindLine(t *testing.T) {
	const line = "      20\t1000000000 ns/op\t      48 B/op\t       2 allocs/op\n"
	want := benchLine{wall: 1, bytes: 48, allocs: 2}
	for what, out := range map[string]string{
		"plain":                  "goos: linux\nBenchmarkX \t" + line + "PASS\n",
		"words before it":        "BenchmarkX \tone\ntwo" + line + "PASS\n",
		"a number before it":     "BenchmarkX \tjobs: 5" + line + "PASS\n",
		"more metrics":           "BenchmarkX \t" + strings.Replace(line, "ns/op", "ns/op\t   3.500 jobs/s", 1),
		"a forged result before": "BenchmarkX \t20\t1 ns/op\t1 B/op\t1 allocs/op\n" + line,
		"a log behind it":        "BenchmarkX \t" + line + "--- BENCH: BenchmarkX\n    x.go:1: 20\tjobs\n",
	} {
		got, ok := findLine(out, 20)
		if !ok || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", what, got, ok, want)
		}
	}
}

func TestFindLineWithoutTimer(t *testing.T) {
	r, ok := findLine("BenchmarkX \t      20\t      48 B/op\t       2 allocs/op\n", 20)
	if !ok || !math.IsNaN(r.wall) || r.allocs != 2 {
		t.Errorf("got %+v, %v", r, ok)
	}
}

func TestFindNoLine(t *testing.T) {
	for what, out := range map[string]string{
		"nothing":         "",
		"no result":       "BenchmarkX \tPASS\n",
		"other N":         "BenchmarkX \t      30\t 1 ns/op\t 0 B/op\t 0 allocs/op\n",
		"no allocations":  "BenchmarkX \t      20\t 1 ns/op\n",
		"cut off":         "BenchmarkX \t      20\t 1 ns/op\t 0 B/op\t 0 allocs/op",
		"not numbers":     "BenchmarkX \t      20\t x ns/op\t 0 B/op\t 0 allocs/op\n",
		"an endless line": strings.Repeat("20\t", 1<<20),
	} {
		if r, ok := findLine(out, 20); ok {
			t.Errorf("%s: got %+v", what, r)
		}
	}
}

func TestCaptureKeepsBothEnds(t *testing.T) {
	c := capture{first: 4, last: 4, most: 1000}
	for _, s := range []string{"ab", "cdef", "", "ghijklmnopqrs", "tu"} {
		if _, err := c.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := c.text(), "abcd\n…\nrstu"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	whole := capture{first: 4, last: 4, most: 1000}
	_, _ = whole.Write([]byte("abcdefgh"))
	if got := whole.text(); got != "abcdefgh" {
		t.Errorf("what fits is not whole: %q", got)
	}
}
