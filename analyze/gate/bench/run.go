package bench

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"
)

const (
	// bestOf executions make one run. Contention only ever adds CPU time, so the
	// least of nine is the nearest to what the program needs; see wanted.
	bestOf = 9
	// fewOperations is b.N of the executions whose CPU time is taken off. A
	// benchmark that loops to b.N is called twice, with 1 and with N, unless N is
	// 1; one that calls b.Loop always once. So the difference between an execution
	// of N operations and one of 2 is N − 2 operations and nothing else: not the
	// start of the process, not TestMain, not what the benchmark prepares.
	fewOperations = 2
	// clockStep is the resolution of the CPU time of a process on Linux.
	clockStep = time.Microsecond
)

// A Figure is what one run of one side gives.
type Figure struct {
	// CPU seconds that the process spent for one operation, user and system, with
	// the garbage collector: (CPU(N) − CPU(2)) / (N − 2), each the least of nine
	// executions. It has in it what the benchmark does while its timer is stopped,
	// if it does so for each operation. It is never 0: what is too little to be
	// measured is as much as the clock's resolution.
	CPU float64
	// Fixed are the CPU seconds of an execution beside its operations: CPU(2).
	Fixed float64
	// Wall seconds for one operation by the benchmark's own timer, the least of
	// nine; NaN if it does not say.
	Wall float64
	// Bytes and Allocs allocated for one operation, the least of nine.
	Bytes, Allocs float64
	// Operations is N.
	Operations int
}

// An execution is what one execution of a test binary gives.
type execution struct {
	benchLine
	cpu, elapsed time.Duration // of the process
}

// Run runs a benchmark on one side: nine executions of n operations, each
// followed by one of 2, so that a machine that slows down between runs slows
// both. The n is that of [Bench.Calibrate], the same for both sides. The error is
// an *[Error] if the benchmark is to blame. What is to be compared is run by
// [Bench.RunPairs].
func (b *Bench) Run(ctx context.Context, bm Benchmark, side Side, n int) (Figure, error) {
	l := newLeast(n)
	for range bestOf {
		if err := l.execute(ctx, b, bm, side); err != nil {
			return Figure{}, err
		}
	}
	return l.figure(), nil
}

// A Turn is a pair of runs that is due.
type Turn struct {
	Benchmark
	N         int // operations of an execution: that of [Bench.Calibrate]
	HeadFirst bool
}

// Ran is what came of a turn: a figure for either side, or why there is none.
type Ran struct {
	Base, Head Figure
	Err        error // an *[Error] if the benchmark is to blame
}

// RunPairs runs benchmarks on both sides, as [Bench.Run] does each, but all their
// executions take turns: both sides of one benchmark, right after each other, then
// those of the next, nine times over. What disturbs a machine for a while then has
// neither a side nor a benchmark on which all executions are: on a busy one, with
// one benchmark, this took a third to a half off the differences between equal
// programs, in the same time. The answers are in the order of the turns.
func (b *Bench) RunPairs(ctx context.Context, turns []Turn) []Ran {
	list := make([]Ran, len(turns))
	runs := make([]map[Side]*least, len(turns))
	for i, t := range turns {
		runs[i] = map[Side]*least{Base: newLeast(t.N), Head: newLeast(t.N)}
	}
	for range bestOf {
		for i, t := range turns {
			if list[i].Err == nil {
				list[i].Err = b.take(ctx, t, runs[i])
			}
		}
	}
	for i := range list {
		if list[i].Err == nil {
			list[i].Base, list[i].Head = runs[i][Base].figure(), runs[i][Head].figure()
		}
	}
	return list
}

// take adds an execution of either side.
func (b *Bench) take(ctx context.Context, t Turn, runs map[Side]*least) error {
	order := []Side{Base, Head}
	if t.HeadFirst {
		order = []Side{Head, Base}
	}
	for _, side := range order {
		if err := runs[side].execute(ctx, b, t.Benchmark, side); err != nil {
			return err
		}
	}
	return nil
}

// A least is the least of what the executions of a run have cost.
type least struct {
	n          int
	whole, few time.Duration // CPU of n operations, and of 2
	benchLine
}

func newLeast(n int) *least {
	const most = time.Duration(math.MaxInt64)
	return &least{n: n, whole: most, few: most, benchLine: benchLine{math.Inf(1), math.Inf(1), math.Inf(1)}}
}

// execute adds an execution of n operations and one of 2.
func (l *least) execute(ctx context.Context, b *Bench, bm Benchmark, side Side) error {
	e, err := b.execute(ctx, bm, side, l.n)
	if err != nil {
		return err
	}
	fixed, err := b.execute(ctx, bm, side, fewOperations)
	if err != nil {
		return err
	}
	l.whole, l.few = min(l.whole, e.cpu), min(l.few, fixed.cpu)
	l.wall, l.bytes, l.allocs = min(l.wall, e.wall), min(l.bytes, e.bytes), min(l.allocs, e.allocs)
	return nil
}

func (l *least) figure() Figure {
	return Figure{
		CPU:   max(l.whole-l.few, clockStep).Seconds() / float64(l.n-fewOperations),
		Fixed: l.few.Seconds(),
		Wall:  l.wall, Bytes: l.bytes, Allocs: l.allocs,
		Operations: l.n,
	}
}

// execute executes the test binary for one benchmark and n operations.
func (b *Bench) execute(ctx context.Context, bm Benchmark, side Side, n int, flags ...string) (execution, error) {
	e, err := b.run(ctx, bm.Package, side, edge, exactly(bm.Name), n, flags...)
	if err != nil {
		return execution{}, err
	}
	r, ok := findLine(e.out, n)
	if e.stopped != nil || !e.state.Success() || !ok {
		return execution{}, e.failure(bm.Package, b.options.Timeout).of(bm, side)
	}
	return execution{benchLine: r, cpu: e.cpu, elapsed: e.wall}, nil
}

// run executes a test binary in its package's folder, as go test does, for the
// benchmarks that match. One CPU is all it uses: what the scheduler's other
// threads burn while they look for work would be measured too, and depends on
// what else the machine does. It also keeps names without a suffix.
func (b *Bench) run(ctx context.Context, pkg string, side Side, keep int, pattern string, n int, flags ...string) (ended, error) {
	bin, ok := b.binaries[side][pkg]
	if !ok {
		return ended{}, fmt.Errorf("%s has no test binary of %s", side, pkg)
	}
	return process{
		path: bin.path, args: append(arguments(pattern, n), flags...), dir: bin.dir, env: b.env,
		cpu: b.CPU, timeout: b.options.Timeout, keep: keep,
	}.run(ctx)
}

// arguments have a test binary run n operations of the benchmarks that match, and
// nothing else.
func arguments(pattern string, n int) []string {
	return []string{
		"-test.run=^$",
		"-test.bench=" + pattern,
		"-test.benchtime=" + strconv.Itoa(n) + "x",
		"-test.benchmem",
		"-test.count=1",
		"-test.cpu=1",
		"-test.paniconexit0", // as go test: os.Exit(0) must not look like success
	}
}
