package analyze

import (
	"testing"

	"busywork/profile"
)

// paging lets the machine swap so many pages a second in and out.
func paging(c *profile.Capture, in, out float64) {
	machine(c, func(at float64, s *profile.HostSample) {
		s.SwapTotal, s.SwapFree = 1<<30, 1<<29
		s.SwapIn, s.SwapOut = uint64(in*at), uint64(out*at)
	})
}

func TestSwapNearMisses(t *testing.T) {
	for name, change := range map[string]func(*profile.Capture){
		"swap in use, no traffic":      func(c *profile.Capture) { paging(c, 0, 0) },
		"cold pages are put away":      func(c *profile.Capture) { paging(c, 3, 5000) },
		"pages come back after a job":  func(c *profile.Capture) { paging(c, 5000, 3) },
		"others swap, not the target":  func(c *profile.Capture) { paging(c, 900, 900); stalled(c, 0, 2, 0) },
		"a few pages both ways":        func(c *profile.Capture) { paging(c, 60, 60); stalled(c, 0, 60, 1) },
		"program pages, nothing swaps": func(c *profile.Capture) { stalled(c, 0, 900, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.2, 0.3)
			queued(c, 500, 50)
			change(c)
			spared(t, c, &Swap)
		})
	}
}

func TestSwap(t *testing.T) {
	c := newCapture(t, 0.3, 0.3)
	queued(c, 500, 50)
	paging(c, 900, 900)
	spent(c, 0.4, toIOWait)
	stalled(c, 0, 880, 1)
	for i := range c.Stalls {
		c.Stalls[i].Swapped = 200e6
	}
	for i := range window + 1 {
		c.Cgroups = append(c.Cgroups, profile.CgroupSample{At: after(float64(i)), Version: 1, MemoryMax: 256e6, MemoryCurrent: 255e6})
	}
	f := accused(t, c, &Swap, SeverityHigh, Measured)
	contains(t, f.Message, "900 pages", "880 pages a second", "200 MB", "limit of 256 MB")
	contains(t, f.Fix, "above 456 MB")
	if io, _ := found(t, c, &IOBound); io != nil {
		t.Errorf("accused beside it: %s", io.Message)
	}
}

func TestSwapGrades(t *testing.T) {
	c := newCapture(t, 0.3, 0.3)
	paging(c, 900, 900)
	stalled(c, 0, 880, 1)
	accused(t, c, &Swap, SeverityMedium, Measured)

	c = newCapture(t, 0.3, 0.3) // compressed memory: many faults, no waiting
	queued(c, 500, 50)
	paging(c, 900, 900)
	stalled(c, 0, 880, 0)
	if f, status := found(t, c, &Swap); f == nil || f.Severity != SeverityLow {
		t.Error(f, status)
	}
}

// Without the target's own faults, tasks that wait for memory make it likely.
func TestSwapOfWhom(t *testing.T) {
	c := newCapture(t, 0.3, 0.3)
	paging(c, 900, 900)
	pressed(c, "memory", 0.02, 0)
	accused(t, c, &Swap, SeverityLow, Suspected)
	pressed(c, "memory", 0.3, 0.1)
	accused(t, c, &Swap, SeverityMedium, Inferred)
}
