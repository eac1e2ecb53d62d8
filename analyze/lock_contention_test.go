package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

const (
	lockSlow  = "internal/sync.(*Mutex).lockSlow < internal/sync.(*Mutex).Lock < sync.(*Mutex).Lock < main.(*Stock).take < main.handle < main.work"
	lockPark  = "runtime.futex < runtime.semacquire1 < internal/sync.runtime_SemacquireMutex < internal/sync.(*Mutex).lockSlow < internal/sync.(*Mutex).Lock < sync.(*Mutex).Lock < main.(*Stock).take < main.handle < main.work"
	lockWake  = "runtime.ready < runtime.semrelease1 < internal/sync.runtime_Semrelease < internal/sync.(*Mutex).unlockSlow < internal/sync.(*Mutex).Unlock < sync.(*Mutex).Unlock < main.(*Stock).take < main.handle < main.work"
	lockFree  = "internal/sync.(*Mutex).Lock < sync.(*Mutex).Lock < main.(*Stock).take < main.handle < main.work"
	lockOfJob = "main.handle < main.work"

	chanLock  = "runtime.lock2 < runtime.lockWithRank < runtime.lock < runtime.chansend < runtime.chansend1 < main.handle < main.work"
	schedLock = "runtime.lock2 < runtime.lockWithRank < runtime.lock < runtime.findRunnable < runtime.schedule < runtime.park_m < runtime.mcall"
	groupWait = "runtime.semacquire1 < sync.runtime_SemacquireWaitGroup < sync.(*WaitGroup).Wait < main.handle < main.work"

	swapLeaf = "sync/atomic.(*Int64).CompareAndSwap < main.(*Meter).add < main.handle < main.work"
	swapLoop = "main.(*Meter).add < main.handle < main.work"

	waitingForLock = "runtime.gopark < runtime.semacquire1 < internal/sync.runtime_SemacquireMutex < internal/sync.(*Mutex).lockSlow < sync.(*Mutex).Lock < main.(*Stock).take < main.handle < main.work"
	waitingForNet  = "runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read < main.handle < main.work"
	waitingForJob  = "runtime.gopark < runtime.chanrecv < runtime.chanrecv2 < main.work"
)

func TestLockContentionNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"a hot lock that is free":        newCapture(t, 0.9, 1.6, stack{lockFree, 8}, stack{lockSlow, 0.2}, stack{lockOfJob, 8}),
		"the lock inside a channel":      newCapture(t, 0.9, 1.6, stack{chanLock, 8}, stack{lockOfJob, 8}),
		"the scheduler's own locks":      newCapture(t, 0.9, 1.6, stack{schedLock, 8}, stack{lockOfJob, 8}),
		"waiting for other goroutines":   newCapture(t, 0.9, 1.6, stack{groupWait, 8}, stack{lockOfJob, 8}),
		"swapping on one core":           newCapture(t, 0.5, 1, stack{swapLeaf, 5}, stack{lockOfJob, 5}),
		"a little swapping on two cores": newCapture(t, 0.9, 1.8, stack{swapLeaf, 1}, stack{swapLoop, 1}, stack{lockOfJob, 16}),
		"next to no CPU":                 newCapture(t, 0.02, 0.02, stack{lockSlow, 1}, stack{lockOfJob, 1}),
		"now and then one waits": func() *profile.Capture {
			c := newCapture(t, 0.3, 0.5, stack{lockOfJob, 5})
			for i := range window + 1 {
				goroutinesAt(t, c, float64(i), standing{waitingForLock, int64(1 - min(1, i%4))}, standing{waitingForNet, 7})
			}
			return c
		}(),
		"many that have nothing else to do": func() *profile.Capture {
			c := newCapture(t, 0.3, 0.5, stack{lockOfJob, 5})
			alwaysStanding(t, c, standing{waitingForLock, 2}, standing{waitingForJob, 60})
			return c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := found(t, c, &LockContention); f != nil {
				t.Errorf("accused: %s %s", f.Severity, f.Message)
			}
		})
	}
}

func TestLockContention(t *testing.T) {
	stacks := []stack{{lockSlow, 2}, {lockPark, 1}, {lockWake, 1}, {lockFree, 2}, {lockOfJob, 10}}
	for name, tt := range map[string]struct {
		set        func(c *profile.Capture)
		confidence Confidence
	}{
		"goroutines wait for it": {func(c *profile.Capture) {
			alwaysStanding(t, c, standing{waitingForLock, 2}, standing{waitingForNet, 2})
		}, Inferred},
		"the runtime counts it": {func(c *profile.Capture) { counter(c, "go_sync_mutex_wait_total_seconds_total", 1.5) }, Inferred},
		"only a profile":        {func(*profile.Capture) {}, Suspected},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.9, 1.6, stacks...)
			tt.set(c)
			f, status := found(t, c, &LockContention)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != tt.confidence || math.Abs(f.Waste.Cores-0.4) > 0.02 {
				t.Errorf("%s, %.2f cores", f.Confidence, f.Waste.Cores)
			}
			if f.Location.Function != "main.(*Stock).take" || !strings.Contains(f.Message, "main.(*Stock).take") {
				t.Errorf("at %s: %s", f.Location.Function, f.Message)
			}
		})
	}
}

// A lock that is held while somebody waits for the network burns no CPU, and
// makes workers wait one after the other all the same.
func TestLockContentionWithoutCPU(t *testing.T) {
	c := newCapture(t, 0.1, 0.1, stack{lockOfJob, 2})
	alwaysStanding(t, c, standing{waitingForLock, 7}, standing{waitingForNet, 1})
	counter(c, "jobs_completed_total", 20)
	f, status := found(t, c, &LockContention)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Suspected || f.Delay == nil || f.Delay.JobHours != 7 || !strings.Contains(f.Message, "350 ms a job") {
		t.Errorf("%s, delay %+v: %s", f.Confidence, f.Delay, f.Message)
	}
}

// Compare-and-swap that fails is tried again: a lock by another name.
func TestLockContentionBySwapping(t *testing.T) {
	c := newCapture(t, 0.95, 1.8, stack{swapLeaf, 5}, stack{swapLoop, 6}, stack{lockOfJob, 7})
	f, status := found(t, c, &LockContention)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Suspected || f.Severity != SeverityLow || f.Location.Function != "main.(*Meter).add" || !strings.Contains(f.Message, "compare-and-swap") {
		t.Errorf("%s %s at %s: %s", f.Severity, f.Confidence, f.Location.Function, f.Message)
	}
}
