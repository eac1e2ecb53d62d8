package bench

import (
	"context"
	"math"
	"time"
)

const (
	// wanted is the CPU time of the operations of one execution. It is some 12
	// times that of starting a test binary, and a pair, 36 executions, takes
	// two seconds. Many short ones see the machine undisturbed more often than a
	// few long ones: in the same time, 9 of 60 ms differed from each other by a
	// half to a third of what 3 of 200 ms did.
	wanted   = 60 * time.Millisecond
	enough   = 30 * time.Millisecond
	tooMuch  = 90 * time.Millisecond
	leastN   = 2 * fewOperations
	mostN    = 1_000_000_000 // package testing's own limit
	patience = 2 * time.Second
	// patience is how long an execution may take that uses little CPU because it
	// waits: with fewer operations the gate sees less, but ends.

	// visible is the least CPU time of the operations that N is extrapolated from:
	// below, it may be the noise of starting a process.
	visible = 2 * time.Millisecond
	// blindStep and sightedStep bound by how much N grows at once. A benchmark
	// whose operations get dearer the more there are of them would overshoot: at
	// quadratic cost, from 2 ms to 0.8 s.
	blindStep   = 20
	sightedStep = 10
	// damping keeps the search from jumping to and fro over what is wanted where
	// twice the operations cost four times as much.
	damping = 0.75
	// mostTrials is twice what the longest way takes, from leastN to mostN.
	mostTrials = 20
	// calibrations of what an execution takes beside its operations: the least of
	// three is close enough for a number of operations.
	calibrations = 3

	// slack is how many times dearer an operation of head may be before base gets
	// fewer operations for its sake: what has become a thousand times slower must
	// come to an end, too, and is seen with little of base.
	slack = 3
)

// Calibrate finds the number of operations for which an execution takes 30 to 90
// ms of CPU on base; fewer if the benchmark waits, if a single operation takes
// longer than that, or if head takes more than three times as long. It is the same
// for both sides, because the cost of an operation may depend on how many there
// are. The error is an *[Error] if the benchmark is to blame.
func (b *Bench) Calibrate(ctx context.Context, bm Benchmark) (n int, err error) {
	if n, err = b.calibrate(ctx, bm, Base, mostN); err != nil {
		return 0, err
	}
	head, err := b.calibrate(ctx, bm, Head, n)
	if err != nil {
		return 0, err
	}
	return max(leastN, min(n, slack*head)), nil
}

// calibrate finds the number of operations for one side, at most most.
func (b *Bench) calibrate(ctx context.Context, bm Benchmark, side Side, most int) (n int, err error) {
	fixed := time.Duration(math.MaxInt64)
	for range calibrations {
		e, err := b.execute(ctx, bm, side, fewOperations)
		if err != nil {
			return 0, err
		}
		fixed = min(fixed, e.cpu)
	}
	n = min(leastN, most)
	var cpu time.Duration
	for range mostTrials {
		e, err := b.execute(ctx, bm, side, n)
		if err != nil {
			return 0, err
		}
		cpu = e.cpu - fixed
		next := min(nextN(n, cpu, e.elapsed), most)
		if next == n {
			break
		}
		n = next
	}
	if cpu < visible && n == mostN {
		e := Errorf(Unmeasurable, "does it loop to b.N, or over b.Loop?", "its CPU time does not grow with the number of operations")
		return 0, e.of(bm, side)
	}
	return n, nil
}

// nextN is the number of operations to try after n of them took so much CPU and
// so long; n itself if that will do.
func nextN(n int, cpu, elapsed time.Duration) int {
	if cpu >= enough && cpu <= tooMuch {
		return n
	}
	step := float64(blindStep)
	if cpu >= visible {
		step = min(math.Pow(float64(wanted)/float64(cpu), damping), sightedStep)
	}
	// What waits takes longer in proportion.
	step = min(step, max(1, float64(patience)/float64(elapsed)))
	next := fewOperations + float64(n-fewOperations)*step
	return max(leastN, min(twoDigits(next), mostN))
}

// twoDigits rounds down to two significant digits: a number of operations that
// can be said and typed.
func twoDigits(v float64) int {
	scale := 1
	for v/float64(scale) >= 100 {
		scale *= 10
	}
	return int(v/float64(scale)) * scale
}
