package analyze

import "busywork/profile"

// Stalls is how the target's threads were kept from what they were ready for,
// as the kernel counted it for exactly this process.
type Stalls struct {
	Seconds float64
	// RunDelay is seconds a second that its threads could have run and had no CPU:
	// the mean number of threads that waited for one. A thread that is held back
	// by a CPU limit waits as well.
	RunDelay float64
	// MajorFaults is page faults a second that had to read from a disk.
	MajorFaults float64
	Swapped     uint64  // bytes of the process that are in swap, at the end
	Blocked     float64 // mean number of threads in the kernel's state D: waiting for a disk
	Looks       int     // samples that Blocked is a mean of
}

// newStalls is nil where there are fewer than two samples of one process.
func newStalls(samples []profile.StallSample) *Stalls {
	if len(samples) < 2 {
		return nil
	}
	a, b := samples[0], samples[len(samples)-1]
	s := &Stalls{Seconds: seconds(a.At, b.At), Swapped: b.Swapped, Looks: len(samples)}
	if s.Seconds <= 0 || a.ProcessKey != b.ProcessKey {
		return nil
	}
	s.RunDelay = forward(a.RunDelay, b.RunDelay) / s.Seconds
	s.MajorFaults = forward(float64(a.MajorFaults), float64(b.MajorFaults)) / s.Seconds
	for _, look := range samples {
		s.Blocked += float64(look.Blocked) / float64(len(samples))
	}
	return s
}

// peers says of each process that the target works with how it is known.
func peers(list []profile.Peer) map[int]string {
	how := make(map[int]string, len(list))
	for _, p := range list {
		how[p.PID] = p.How
	}
	return how
}
