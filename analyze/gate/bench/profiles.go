package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	pprof "github.com/google/pprof/profile"

	"busywork/analyze/gate/blame"
)

const (
	// longestProfile bounds how long it may take to get them. A benchmark that
	// waits gives few in a second, and its profile stays thin.
	longestProfile = time.Minute
	// thinProfile is how many samples of an execution are too few: at 100 a second,
	// one of 60 ms gives six. It is so where the other side is far slower: n is then
	// what that side can bear, and here the same n takes no time.
	thinProfile = 3
	// mostProfile bounds what is read of one profile: the largest have some MB.
	mostProfile = 64 << 20
)

// A Profile is where the CPU time of a benchmark goes, on one side.
type Profile struct {
	Data       []byte // pprof's form, gzipped; of all executions together
	Samples    int
	Executions int
	// Operations of all executions together, by which the profile is divided to be
	// compared with that of the other side. What an execution does beside them is in
	// the profile too: start-up, setup, and the one operation with which a benchmark
	// that loops to b.N begins. Where it is the same on both sides, it cancels out of
	// their difference as long as N is the same; where it is not, Timed says how much
	// it is.
	Operations int
}

// Timed adds to a profile what the runs of the same side measured: the CPU
// seconds of an operation, and those of an execution beside its operations.
func (p Profile) Timed(cpu, fixed float64) blame.Profiled {
	return blame.Profiled{CPU: p.Data, Operations: float64(p.Operations), CPUPerOp: cpu, Beside: float64(p.Executions) * fixed}
}

// Profile takes a CPU profile of a benchmark on one side, in executions that are
// not timed. They are those of [Bench.Run], with its n, and as many as it takes to
// have so many samples: one long execution would have been another benchmark if the
// cost of an operation depends on how many there are. Only where that n gives next
// to no samples is it doubled until it does: a share that is a little off says more
// than none. A profile with fewer samples is no error.
func (b *Bench) Profile(ctx context.Context, bm Benchmark, side Side, n, samples int) (Profile, error) {
	var out Profile
	var parts []*pprof.Profile
	for end := time.Now().Add(longestProfile); out.Samples < samples && time.Now().Before(end); {
		p, elapsed, err := b.profileOnce(ctx, bm, side, n, "cpu")
		if err != nil {
			return Profile{}, err
		}
		parts = append(parts, p)
		got := samplesOf(p)
		out.Samples += got
		out.Executions++
		out.Operations += n
		if got < thinProfile && 2*elapsed < patience && n <= mostN/2 {
			n *= 2
		}
	}
	whole, err := pprof.Merge(parts)
	if err != nil {
		return Profile{}, fmt.Errorf("put the profiles of %s in %s together: %w", bm, side, err)
	}
	var data bytes.Buffer
	if err := whole.Write(&data); err != nil {
		return Profile{}, err
	}
	out.Data = data.Bytes()
	return out, nil
}

// profileOnce is one execution with a profiler on, "cpu" or "mem", and how long it
// took.
func (b *Bench) profileOnce(ctx context.Context, bm Benchmark, side Side, n int, kind string, flags ...string) (*pprof.Profile, time.Duration, error) {
	path := filepath.Join(b.scratch.dir, kind+".pprof")
	e, err := b.execute(ctx, bm, side, n, append(flags, "-test."+kind+"profile="+path)...)
	if err != nil {
		return nil, 0, err
	}
	p, err := readProfile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read the profile of %s in %s: %w", bm, side, err)
	}
	return p, e.elapsed, nil
}

// readProfile reads the profile that an execution has written, and removes it: the
// next execution must not be taken for this one.
func readProfile(path string) (*pprof.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		f.Close()
		os.Remove(path)
	}()
	data, err := io.ReadAll(io.LimitReader(f, mostProfile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > mostProfile {
		return nil, errors.New("it is too large")
	}
	return pprof.ParseData(data)
}

// samplesOf counts the ticks of the profiler: the first value of a CPU profile of
// Go.
func samplesOf(p *pprof.Profile) (n int) {
	for _, s := range p.Sample {
		if len(s.Value) > 0 {
			n += int(s.Value[0])
		}
	}
	return n
}

// Allocated counts every allocation of an execution of n operations, and takes
// those of one of 2 off, as for [Figure].
func (b *Bench) Allocated(ctx context.Context, bm Benchmark, side Side, n int) (blame.Allocated, error) {
	var parts []*pprof.Profile
	for _, operations := range []int{n, fewOperations} {
		p, _, err := b.profileOnce(ctx, bm, side, operations, "mem", "-test.memprofilerate=1")
		if err != nil {
			return blame.Allocated{}, err
		}
		parts = append(parts, p)
	}
	parts[1].Scale(-1)
	p, err := pprof.Merge(parts)
	return blame.Allocated{Profile: p, Operations: float64(n - fewOperations)}, err
}
