package bench

import (
	"math"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// A benchLine is what a benchmark says of itself, for one operation.
type benchLine struct {
	wall   float64 // seconds by its own timer; NaN if it suppresses them
	bytes  float64 // allocated
	allocs float64
}

// mostLine bounds a line of results: the metrics of a benchmark, not a text.
const mostLine = 4 << 10

// findLine finds the result of n operations in what a test binary wrote. The
// name is not looked for: it is written before the benchmark runs, and whatever
// that writes comes between it and the result. But the number of operations, a
// tab, metrics and the allocations that -test.benchmem adds are written in one
// piece and last.
func findLine(out string, n int) (benchLine, bool) {
	mark := strconv.Itoa(n) + "\t"
	for end := len(out); ; {
		at := strings.LastIndex(out[:end], mark)
		if at < 0 {
			return benchLine{}, false
		}
		line, _, whole := strings.Cut(out[at:min(len(out), at+mostLine)], "\n")
		if whole {
			if r, ok := readLine(line, n); ok {
				return r, true
			}
		}
		end = at
	}
}

// readLine reads what stands behind the name in a line of results.
func readLine(line string, n int) (benchLine, bool) {
	in := benchfmt.NewReader(strings.NewReader("BenchmarkName "+line), "")
	if !in.Scan() {
		return benchLine{}, false
	}
	r, ok := in.Result().(*benchfmt.Result)
	if !ok || r.Iters != n {
		return benchLine{}, false
	}
	bytes, hasBytes := r.Value("B/op")
	allocs, hasAllocs := r.Value("allocs/op")
	wall, ok := r.Value("sec/op")
	if !ok {
		wall = math.NaN()
	}
	return benchLine{wall: wall, bytes: bytes, allocs: allocs}, hasBytes && hasAllocs
}
