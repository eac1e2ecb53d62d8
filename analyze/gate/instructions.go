package gate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"busywork/analyze"
	"busywork/analyze/gate/bench"
)

// Instructions are a tie-breaker. A machine that is too noisy for CPU time still
// counts the instructions of a program as any other does: valgrind emulates the
// processor and counts, 50 to 80 times slower than the program runs. What costs
// time without an instruction is not in the count: a cache that is missed, a
// branch that is guessed wrong, the kernel.

const (
	// DefaultInstructionThreshold is the least change of the instructions that
	// matters: four times what counts of one program wobble by.
	DefaultInstructionThreshold = 0.01
	// WobbleInstructions is the most by which the counts of one unchanged program
	// were seen to differ: 0.04 % for a loop, 0.24 % where the collector works.
	WobbleInstructions = 0.0024
)

// InstructionOptions say what is compared, what is worth a verdict, and how long
// it may take.
type InstructionOptions struct {
	bench.Options

	// Threshold is the least relative change that matters; 0 stands for
	// [DefaultInstructionThreshold].
	Threshold float64
	// MaxTime is how long counting may take; 0 is [DefaultMaxTime]. A benchmark takes
	// about 20 s. Those that are not counted by then are inconclusive.
	MaxTime time.Duration
}

// errTimeIsOver ends what runs when MaxTime is over.
var errTimeIsOver = errors.New("the time is over")

// Instructions builds base and head and compares the instructions that an
// operation of each benchmark takes. The error is a *[bench.Error] where nothing could
// be compared at all, for want of valgrind for example. A benchmark that cannot be
// counted becomes an inconclusive row that says why, as do those that are left
// when ctx ends.
func Instructions(ctx context.Context, o InstructionOptions) (_ *Result, err error) {
	if o.Threshold == 0 {
		o.Threshold = DefaultInstructionThreshold
	}
	if !(o.Threshold > 0 && o.Threshold <= 10) {
		return nil, bench.Errorf(bench.BadOption, "0.01 is 1 %", "threshold %v: want a relative change above 0 and at most 10", o.Threshold)
	}
	if o.MaxTime == 0 {
		o.MaxTime = DefaultMaxTime
	}
	v, err := bench.FindValgrind()
	if err != nil {
		return nil, err
	}
	b, err := bench.Prepare(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	ctx, cancel := context.WithTimeoutCause(ctx, o.MaxTime, errTimeIsOver)
	defer cancel()
	counted := metric{"instructions", "instructions/op"}
	r := opened(b, "instructions", counted)
	r.same(b.Benchmarks, []metric{counted})
	r.Caveats = append([]string{notTime}, r.Caveats...)
	for _, bm := range b.Benchmarks {
		if bm.Unchanged {
			continue
		}
		row, err := countBenchmark(ctx, b, v, bm, o.Threshold)
		if err != nil {
			return nil, err
		}
		row.Threshold = o.Threshold
		r.Rows = append(r.Rows, row)
	}
	r.Settle()
	return r, nil
}

// notTime is what every result of instructions must say of itself.
const notTime = "Instructions are not time: cache misses, wrong guesses of branches and the kernel's work are not in them. " +
	"They are counted on an emulated processor, where code that chooses by the processor's abilities (hashes, ciphers, copying) may choose otherwise."

// countBenchmark is the verdict on one benchmark. An error means that nothing
// more can be counted.
func countBenchmark(ctx context.Context, b *bench.Bench, v bench.Valgrind, bm bench.Benchmark, threshold float64) (Row, error) {
	row := Row{
		Package: bm.Package, Name: bm.Name, Metric: "instructions", Unit: "instructions/op",
		Verdict: Inconclusive, File: bm.File, Line: int64(bm.Line),
	}
	base, head, err := b.Instructions(ctx, v, bm)
	failed, ok := errors.AsType[*bench.Error](err)
	switch {
	case ok:
		row.Why = failed.Reason
		if failed.Hint != "" {
			row.Why += "; " + failed.Hint
		}
		return row, nil
	case ctx.Err() != nil:
		row.Why = "it was not counted: the time was over"
		return row, nil
	case err != nil:
		return Row{}, err
	}
	judgeInstructions(&row, base, head, threshold)
	return row, nil
}

// judgeInstructions fills in the verdict. Counts have no p: all ratios of a run of
// head to a run of base lie in the interval, and it is widened by the wobble,
// since so few runs need not show all of it.
func judgeInstructions(row *Row, base, head []float64, threshold float64) {
	b, h := slices.Sorted(slices.Values(base)), slices.Sorted(slices.Values(head))
	row.Runs = min(len(b), len(h))
	if row.Runs == 0 || !(b[0] >= 1 && h[0] >= 1) {
		row.Why = "an operation takes less than an instruction: does the benchmark loop to b.N, or over b.Loop?"
		return
	}
	was, is := middle(b), middle(h)
	row.Base, row.Head = &was, &is
	row.Effect = &analyze.Interval{
		Value: is/was - 1,
		Low:   h[0]/b[len(b)-1]*(1-WobbleInstructions) - 1,
		High:  h[len(h)-1]/b[0]*(1+WobbleInstructions) - 1,
	}
	spread := math.Max(b[len(b)-1]/b[0], h[len(h)-1]/h[0]) - 1
	row.Control = &analyze.Interval{Low: -spread, High: spread}
	// As for CPU time, a factor and its inverse are equally far.
	up, down := threshold, 1/(1+threshold)-1
	e := row.Effect
	change := fmt.Sprintf("%s (%s)", signed(e.Value), span(e))
	asked := Settings{Threshold: threshold}.threshold()
	switch {
	case e.Value >= up && e.Low > 0:
		row.Verdict, row.Why = Slower, fmt.Sprintf("%s instructions is at least the %s asked for, and more than counts wobble by", change, asked)
	case e.Value <= down && e.High < 0:
		row.Verdict, row.Why = Faster, fmt.Sprintf("%s instructions is at least the %s asked for, and more than counts wobble by", change, asked)
	case e.Low > down && e.High < up:
		row.Verdict, row.Why = Same, fmt.Sprintf("the change lies between %s and %s, inside of the %s asked for", signed(e.Low), signed(e.High), asked)
	default:
		row.Why = fmt.Sprintf("the change is %s, and %s is asked for: the counts are not steady enough to tell, which takes a greater threshold", change, asked)
	}
}
