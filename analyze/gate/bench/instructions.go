package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"busywork/profile"
)

const (
	// countedRuns of each side show whether the counts of this benchmark are as
	// steady as that.
	countedRuns = 3
	// emulatedPart: an execution that takes 30 to 90 ms takes 2 to 6 s when it is
	// emulated, and a third of its operations, a few ten million instructions, 1
	// to 2 s. That is ten times the start of the process, which wobbles too.
	emulatedPart = 3
	// emulatedPatience is by how much longer than [Options.Timeout] an execution
	// may take: a single operation of 300 ms takes 24 s.
	emulatedPatience = 3
)

// Instructions counts those of an operation on each side, three times: how steady
// counts are is up to the benchmark.
func (b *Bench) Instructions(ctx context.Context, v Valgrind, bm Benchmark) (base, head []float64, err error) {
	b.options.Progress("count: " + profile.CleanLine(bm.String()))
	n, err := b.Calibrate(ctx, bm)
	if err != nil {
		return nil, nil, err
	}
	n = max(leastN, n/emulatedPart)
	for range countedRuns {
		for _, side := range []struct {
			Side
			counts *[]float64
		}{{Base, &base}, {Head, &head}} {
			count, err := b.countRun(ctx, v, bm, side.Side, n)
			if err != nil {
				return nil, nil, err
			}
			*side.counts = append(*side.counts, count)
		}
	}
	return base, head, nil
}

// countRun counts the instructions for one operation as [Bench.Run] measures
// CPU time: what n operations need beyond what 2 need.
func (b *Bench) countRun(ctx context.Context, v Valgrind, bm Benchmark, side Side, n int) (float64, error) {
	whole, err := b.emulate(ctx, v, bm, side, n)
	if err != nil {
		return 0, err
	}
	few, err := b.emulate(ctx, v, bm, side, fewOperations)
	if err != nil {
		return 0, err
	}
	return (whole - few) / float64(n-fewOperations), nil
}

// emulate executes the test binary under valgrind and gives the instructions of
// the whole process.
func (b *Bench) emulate(ctx context.Context, v Valgrind, bm Benchmark, side Side, n int) (float64, error) {
	bin := b.binaries[side][bm.Package]
	file := filepath.Join(b.scratch.dir, "callgrind.out")
	defer os.Remove(file) // the next execution's count must not be this one's
	timeout := emulatedPatience * b.options.Timeout
	e, err := process{
		path: v.path, args: v.arguments(file, bin.path, arguments(exactly(bm.Name), n)), dir: bin.dir, env: emulatedEnvironment(b.env),
		cpu: b.CPU, timeout: timeout, keep: edge,
	}.run(ctx)
	if err != nil {
		return 0, err
	}
	_, ok := findLine(e.out, n)
	if e.stopped != nil || !e.state.Success() || !ok {
		return 0, e.notEmulated(bm.Package, timeout).of(bm, side)
	}
	count, err := readTotals(file)
	if err != nil {
		return 0, fmt.Errorf("read what valgrind counted of %s in %s: %w", bm, side, err)
	}
	return count, nil
}
