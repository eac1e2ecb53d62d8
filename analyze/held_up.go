package analyze

import "math"

// What the rules about the machine itself have in common. They find no CPU that
// is wasted but work that waits: for a CPU that another process, a quota or the
// hypervisor has, for a disk, for memory. So they say how much waits, and what
// the machine will look like when it does not: busier.

// demand is how much faster the work would have to be done to keep up with what
// comes in: jobs arriving by jobs done, 1 where no queue is known to grow. ok is
// false where nobody counts the work.
func (f *Facts) demand() (factor float64, ok bool) {
	q := deepestBacklog(f.Queues)
	switch {
	case f.Done == nil || f.Done.PerSecond.Value <= 0:
		return 1, false
	case q == nil:
		return 1, true
	}
	return 1 + max(0, q.Growth)/f.Done.PerSecond.Value, true
}

// busier predicts a host on which so many cores more are used. What arrives
// decides how many are needed; while a backlog is worked off it may be all.
func (h *Host) busier(more Interval) *Prediction {
	n := float64(h.CPUs)
	clamp := func(cores float64) float64 { return math.Min(1, math.Max(0, h.Busy()+cores/n)) }
	return &Prediction{Before: h.Busy(), After: clamp(more.Value), Low: clamp(more.Low), High: clamp(more.High)}
}

// moreForDemand is how many cores more the target would use if nothing held it
// back, for the jobs that arrive: at most those given, which is what it was held
// back from. Where nobody counts the work it is anything up to that. What a job
// takes changes as well, by as much as a saving may be off.
func (f *Facts) moreForDemand(most float64) Interval {
	factor, ok := f.demand()
	if !ok {
		return Interval{most / 2, 0, most}
	}
	own := f.treeCores()
	more := math.Min(most, own*(factor-1))
	return Interval{more, more * (1 - savingError), math.Min(most, more+own*savingError)}
}
