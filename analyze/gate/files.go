package gate

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"

	"busywork/analyze/gate/bench"
	"busywork/profile"
)

// A File is the output of go test -bench, as it is or as benchstat reads it: the
// results of several packages and several runs, one after the other.
type File struct {
	Name string // for messages
	Data io.Reader
}

const (
	// mostFile bounds a file: half a million results of 120 bytes. Larger files
	// are logs with some results in them.
	mostFile = 64 << 20
	// mostBenchmarks is more than the standard library has, and keeps what
	// differently named lines take in memory to some megabytes.
	mostBenchmarks = 10_000
	// mostMachines of a kind are shown; one more than two says "and others".
	mostMachines = 3
)

// NoResults is the problem of a file in which nothing can be read.
const NoResults bench.Problem = "no-results"

// outputs reads files into the same keys, so that what two files say of a
// benchmark can be found.
type outputs struct {
	rows *benchproc.Projection
	pkg  *benchproc.Field
	name *benchproc.Field
}

func newOutputs() (*outputs, error) {
	var parser benchproc.ProjectionParser
	rows, err := parser.Parse("pkg,.fullname", nil)
	if err != nil {
		return nil, fmt.Errorf("how benchmarks are told apart: %w", err)
	}
	return &outputs{rows: rows, pkg: rows.Fields()[0], name: rows.Fields()[1]}, nil
}

// An output is what a file says.
type output struct {
	name    string // of the file, fit to be shown
	runs    map[benchproc.Key]*fileRuns
	machine [len(machineKeys)][]string // the different values of each
	last    [len(machineKeys)][]byte   // of them, as it stands in the file
	sum     [sha256.Size]byte
	notes   []string // what is odd about the file
}

// machineKeys are the lines that say where results come from.
var machineKeys = [...]string{"goos", "goarch", "cpu"}

// fileRuns are the runs of one benchmark in the order of the file: seconds, bytes
// and allocations for one operation. A run without one of them is not in its list.
type fileRuns struct {
	lines               int
	time, bytes, allocs []float64
	fewest, most        int // operations of a run
}

// units are those of x/perf, which makes sec of ns.
const (
	unitTime   = "sec/op"
	unitBytes  = "B/op"
	unitAllocs = "allocs/op"
)

// read reads a file to its end. Lines that are no results are passed over, as
// benchstat does: they are what benchmarks print.
func (o *outputs) read(f File) (*output, error) {
	out := &output{name: profile.CleanLine(f.Name), runs: map[benchproc.Key]*fileRuns{}}
	lines := newBenchLines(f.Data)
	reader := benchfmt.NewReader(lines, out.name)
	broken, first := 0, 0
	for reader.Scan() {
		switch r := reader.Result().(type) {
		case *benchfmt.Result:
			if err := out.add(o.rows.Project(r), r); err != nil {
				return nil, err
			}
		case *benchfmt.SyntaxError:
			if broken++; broken == 1 {
				first = r.Line
			}
		}
	}
	if err := reader.Err(); err != nil {
		return nil, out.unreadable(err)
	}
	if len(out.runs) == 0 {
		return nil, bench.Errorf(NoResults, lines.hint(), "%s has no benchmark results in it", out.name)
	}
	copy(out.sum[:], lines.sum.Sum(nil))
	out.note(lines, broken, first)
	return out, nil
}

func (out *output) unreadable(err error) error {
	if errors.Is(err, errTooLarge) {
		return bench.Errorf(NoResults, "keep the lines of results: grep -E '^(goos|goarch|cpu|pkg|Benchmark)'",
			"%s has more than %d MiB", out.name, mostFile>>20)
	}
	return fmt.Errorf("read %s: %w", out.name, err)
}

func (out *output) add(key benchproc.Key, r *benchfmt.Result) error {
	runs := out.runs[key]
	if runs == nil {
		if len(out.runs) == mostBenchmarks {
			return bench.Errorf(NoResults, "compare one package at a time", "%s has more than %d benchmarks", out.name, mostBenchmarks)
		}
		runs = &fileRuns{fewest: r.Iters}
		out.runs[key] = runs
	}
	runs.lines++
	runs.fewest, runs.most = min(runs.fewest, r.Iters), max(runs.most, r.Iters)
	runs.time = keep(runs.time, r, unitTime)
	runs.bytes = keep(runs.bytes, r, unitBytes)
	runs.allocs = keep(runs.allocs, r, unitAllocs)
	out.locate(r)
	return nil
}

// locate notes on which machine a result was made.
func (out *output) locate(r *benchfmt.Result) {
	for i, key := range machineKeys {
		at, ok := r.ConfigIndex(key)
		if !ok || bytes.Equal(r.Config[at].Value, out.last[i]) {
			continue // as nearly always
		}
		out.last[i] = bytes.Clone(r.Config[at].Value)
		v := profile.CleanLine(string(out.last[i]))
		if v != "" && len(out.machine[i]) < mostMachines && !slices.Contains(out.machine[i], v) {
			out.machine[i] = append(out.machine[i], v)
		}
	}
}

// keep adds a result's figure of that unit, if it has one. One more than can be
// judged is kept, for that to be refused.
func keep(list []float64, r *benchfmt.Result, unit string) []float64 {
	v, ok := r.Value(unit)
	if !ok && unit == unitTime {
		// What stays the same when it is divided, 0 and infinity, x/perf leaves in
		// nanoseconds.
		v, ok = r.Value("ns/op")
	}
	if ok && len(list) <= mostRuns {
		return append(list, v)
	}
	return list
}

// note says what about a file may surprise whoever believes it.
func (out *output) note(l *benchLines, broken, first int) {
	note := func(format string, args ...any) {
		out.notes = append(out.notes, out.name+" "+fmt.Sprintf(format, args...))
	}
	if l.failed > 0 {
		note("says that a test or benchmark failed: what ran after it is not in it.")
	}
	if broken > 0 {
		note("has lines that begin like a result and are none, %d of them, the first is line %d: a benchmark that prints breaks its own result.", broken, first)
	}
	if l.overlong > 0 {
		note("has lines of more than %d KiB, which were not read: %d of them.", mostOutputLine>>10, l.overlong)
	}
	if l.cut {
		note("ends within a result: it may be cut off.")
	}
	if out.copied() {
		note("has every result in it more than once: copies count as runs, and make chance look less likely than it is.")
	}
}

// copied says whether every figure of every benchmark is there at least twice to
// the last digit, as when a file was appended to itself.
func (out *output) copied() bool {
	for _, r := range out.runs {
		times := map[float64]int{}
		for _, v := range r.time {
			times[v]++
		}
		if len(times) < 2 {
			return false // one figure only: a steady benchmark as much as a copy
		}
		for _, n := range times {
			if n < 2 {
				return false
			}
		}
	}
	return true
}

// differ says in what the machines of two files differ, "" if in nothing that
// both say.
func differ(old, head *output) string {
	var all []string
	for i, key := range machineKeys {
		a, b := old.machine[i], head.machine[i]
		switch {
		case len(a) == 0 || len(b) == 0:
		case len(a) > 1 || len(b) > 1 || a[0] != b[0]:
			all = append(all, fmt.Sprintf("%s is %s in %s and %s in %s",
				key, strings.Join(a, " or "), old.name, strings.Join(b, " or "), head.name))
		}
	}
	return strings.Join(all, ", ")
}

// nameless lists the files that do not say on which machine they were made.
func nameless(list ...*output) []string {
	var notes []string
	for _, out := range list {
		var missing []string
		for i, key := range machineKeys {
			if len(out.machine[i]) == 0 {
				missing = append(missing, key)
			}
		}
		if len(missing) > 0 {
			notes = append(notes, fmt.Sprintf("%s does not say its %s: that it is of the same machine is taken on trust.",
				out.name, strings.Join(missing, ", ")))
		}
	}
	return notes
}

// title is a benchmark's name as it is declared, without the GOMAXPROCS that go
// test appends if all names end in the same.
func (o *outputs) title(k benchproc.Key, procs string) string {
	return profile.CleanLine("Benchmark" + strings.TrimSuffix(k.Get(o.name), procs))
}

// byName orders by package and name.
func (o *outputs) byName(a, b benchproc.Key) int {
	return cmp.Or(strings.Compare(a.Get(o.pkg), b.Get(o.pkg)), strings.Compare(a.Get(o.name), b.Get(o.name)))
}

// sorted are the benchmarks of a file, by name.
func (o *outputs) sorted(out *output) []benchproc.Key {
	return slices.SortedFunc(maps.Keys(out.runs), o.byName)
}

// procs is the "-8" that all names end in, "" if they do not.
func (o *outputs) procs(list ...*output) string {
	common, first := "", true
	for _, out := range list {
		for k := range out.runs {
			_, suffix := procsOf(k.Get(o.name))
			if !first && suffix != common {
				return ""
			}
			common, first = suffix, false
		}
	}
	return common
}

// procsOf parts a name from the "-8" at its end.
func procsOf(name string) (rest, procs string) {
	_, parts := benchfmt.Name(name).Parts()
	if n := len(parts); n > 0 && bytes.HasPrefix(parts[n-1], []byte("-")) {
		procs = string(parts[n-1])
	}
	return strings.TrimSuffix(name, procs), procs
}

// finite is the median of figures, nil if there is none that JSON can hold.
func finite(figures []float64) *float64 {
	if len(figures) == 0 {
		return nil
	}
	m := middle(slices.Sorted(slices.Values(figures)))
	if math.IsNaN(m) || math.IsInf(m, 0) {
		return nil
	}
	return &m
}

// packageOf is the package of a benchmark, fit to be shown.
func (o *outputs) packageOf(k benchproc.Key) string { return profile.Clean(k.Get(o.pkg)) }
