package profile

import (
	"context"
	"time"

	"busywork/profile/stacks"
)

const (
	// What one goroutine profile costs the target, in CPU time: measured 3.1 ms
	// at 100 goroutines, 3.6 to 5.7 ms at 1,000, 24 to 38 ms at 10,000. Most of
	// the fixed part is setting up the compressor.
	perSample    = 3 * time.Millisecond
	perGoroutine = 3600 * time.Nanosecond
	// goroutineShare keeps the target's cost at 1 % of one core.
	goroutineShare = 100
	// maxGoroutines samples a window: 2 % steps of time spent waiting.
	maxGoroutines = 50
	// maxGoroutineBody: 100,000 goroutines with stacks all different are 20 MB.
	maxGoroutineBody = 64 << 20
)

// goroutineSource takes pictures of where every goroutine stands, so seldom
// that the target spends under 1 % of a core on them, and with an interval
// between them that is no less than least. Only the protobuf form is
// asked for: the text form with full stacks stops the world ten times longer.
func goroutineSource(cl *client, least time.Duration) Source {
	const signal = "goroutines"
	return Source{Signal: signal, Gather: func(ctx context.Context, w Window, c *Capture) error {
		pace := goroutinePace{floor: max(least, w.Duration()/(maxGoroutines-2))}
		return poll(ctx, w, c, signal, pace.next, func(ctx context.Context) error {
			at := time.Now()
			if !pace.affords(at) {
				return nil
			}
			a, err := cl.get(ctx, c, cl.pprof+"goroutine", "", maxGoroutineBody)
			if err != nil {
				return err
			}
			n, err := countGoroutines(a)
			if err != nil {
				return err
			}
			pace.saw(at, a.took, n)
			c.AddGoroutines(GoroutineSample{At: at, Took: a.took, Data: a.body})
			return nil
		})
	}}
}

// A goroutinePace finds the interval between samples from what one costs.
type goroutinePace struct {
	floor time.Duration
	slow  float64   // how many times the usual cost a sample took here, at least
	count int64     // goroutines in the last sample
	last  time.Time // when that was
}

// usualCost of a sample of n goroutines.
func usualCost(n int64) time.Duration { return perSample + time.Duration(n)*perGoroutine }

// saw learns from a sample. Of the times the best is believed: a sample that
// had to wait for a CPU took longer but cost no more.
func (p *goroutinePace) saw(at time.Time, took time.Duration, n int64) {
	slow := float64(took) / float64(usualCost(n))
	if p.last.IsZero() || slow < p.slow {
		p.slow = slow
	}
	p.last, p.count = at, n
}

// next is the interval after which the next sample is affordable: by the time
// the last ones took, and never less than by the usual cost, since a fast
// answer may have kept several CPUs busy.
func (p *goroutinePace) next() time.Duration {
	cost := float64(usualCost(p.count)) * max(1, p.slow)
	return max(p.floor, time.Duration(goroutineShare*cost))
}

// affords refuses the sample at the window's end where it follows much too soon:
// with 100,000 goroutines one sample costs half a second.
func (p *goroutinePace) affords(at time.Time) bool {
	return p.last.IsZero() || at.Sub(p.last) >= (p.next()-p.floor)/2
}

// countGoroutines is the number of goroutines in a sample, and the check that
// it is one.
func countGoroutines(a *answer) (int64, error) {
	switch identify(a.body) {
	case "nothing", "an HTML page", "XML", "JSON":
		return 0, notThat(a, "a goroutine profile")
	}
	p, err := stacks.Decode(a.body, stacks.Budget{})
	if p == nil {
		return 0, unavailablef("", "%s: %s", a.from, err)
	}
	if p.SampleTypes[0].Type != "goroutine" {
		return 0, unavailablef("", "%s is not a goroutine profile but %s", a.from, profileKind(p))
	}
	var n int64
	err = p.Each(func(_ []uint32, values []int64) { n += max(0, values[0]) })
	if err != nil {
		return 0, unavailablef("", "%s: %s", a.from, err)
	}
	return n, nil
}
