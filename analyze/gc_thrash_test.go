package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

// What the collector and the allocator look like in a profile.
const (
	gcMark   = "runtime.scanObject < runtime.gcDrain < runtime.gcBgMarkWorker.func2 < runtime.systemstack < runtime.gcBgMarkWorker"
	gcIdle   = "runtime.scanObject < runtime.gcDrain < runtime.gcDrainMarkWorkerIdle < runtime.gcBgMarkWorker.func2 < runtime.systemstack < runtime.gcBgMarkWorker"
	gcAssist = "runtime.gcDrainN < runtime.gcAssistAlloc1 < runtime.gcAssistAlloc.func2 < runtime.systemstack < runtime.gcAssistAlloc < runtime.mallocgc < main.parse < main.work"
	gcAlloc  = "runtime.nextFreeFast < runtime.mallocgc < runtime.newobject < main.parse < main.work"
	gcGrow   = "runtime.madvise < runtime.sysUsed < runtime.(*mheap).allocSpan < runtime.mallocgc < runtime.newobject < main.parse < main.work"
	ownWork  = "main.compute < main.work"
)

// started says what the target's process was started with.
func started(c *profile.Capture, environment ...string) {
	b := profile.Build{PID: c.Target.PID, Environment: map[string]string{}}
	for _, e := range environment {
		name, value, _ := strings.Cut(e, "=")
		b.Environment[name] = value
	}
	c.Builds = append(c.Builds, b)
}

func TestGCThrashNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"an ordinary share of collection": newCapture(t, 0.6, 1, stack{gcMark, 0.9}, stack{gcAlloc, 1.5}, stack{ownWork, 7.6}),
		"marking on idle CPUs":            newCapture(t, 0.6, 1, stack{gcIdle, 3.5}, stack{gcMark, 0.5}, stack{gcAlloc, 0.8}, stack{ownWork, 5.2}),
		"much allocated, little marked":   newCapture(t, 0.6, 1, stack{gcMark, 0.3}, stack{gcAlloc, 2.8}, stack{ownWork, 6.9}),
		"next to no CPU":                  newCapture(t, 0.02, 0.02, stack{gcMark, 1}, stack{gcAlloc, 1}),
		"a low GOGC that costs little": func() *profile.Capture {
			c := newCapture(t, 0.6, 1, stack{gcMark, 0.6}, stack{gcAlloc, 0.6}, stack{ownWork, 8.8})
			started(c, "GOGC=25")
			return c
		}(),
		"a memory limit that is far away": func() *profile.Capture {
			c := newCapture(t, 0.6, 1, stack{gcMark, 1.1}, stack{gcAlloc, 1}, stack{ownWork, 7.9})
			started(c, "GOMEMLIMIT=4GiB")
			gauge(c, "process_resident_memory_bytes", 300<<20, 300<<20)
			return c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := found(t, c, &GCThrash); f != nil {
				t.Errorf("accused: %s %s", f.Severity, f.Message)
			}
		})
	}
}

func TestGCThrash(t *testing.T) {
	stacks := []stack{{gcMark, 2.2}, {gcAssist, 0.8}, {gcAlloc, 1}, {ownWork, 6}}
	for name, tt := range map[string]struct {
		set        func(c *profile.Capture)
		confidence Confidence
		waste      float64
		says, fix  string
	}{
		"GOGC in the environment": {func(c *profile.Capture) { started(c, "GOGC=10") }, Inferred, 0.27, "GOGC is 10", "Take GOGC=10 out"},
		"GOGC set by the program": {func(c *profile.Capture) { started(c); gauge(c, "go_gc_gogc_percent", 20, 20) }, Inferred, 0.24, "GOGC is 20", "debug.SetGCPercent"},
		"a memory limit reached": {func(c *profile.Capture) {
			started(c, "GOMEMLIMIT=64MiB")
			gauge(c, "go_memstats_sys_bytes", 66<<20, 66<<20)
			gauge(c, "go_memstats_heap_released_bytes", 1<<20, 1<<20)
		}, Inferred, 0.24, "GOMEMLIMIT", "Raise GOMEMLIMIT"},
		"the default, counted":  {func(c *profile.Capture) { started(c); counter(c, "go_gc_duration_seconds", 60) }, Inferred, 0.27, "60 collections a second", "main.parse"},
		"nothing but a profile": {func(*profile.Capture) {}, Suspected, 0.27, "main.parse", "main.parse"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 1, stacks...)
			tt.set(c)
			f, status := found(t, c, &GCThrash)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != tt.confidence || math.Abs(f.Waste.Cores-tt.waste) > 0.02 || f.Waste.Low >= f.Waste.Cores || f.Waste.High <= f.Waste.Cores {
				t.Errorf("%s, waste %.2f (%.2f to %.2f), want %s, %.2f", f.Confidence, f.Waste.Cores, f.Waste.Low, f.Waste.High, tt.confidence, tt.waste)
			}
			if !strings.Contains(f.Message, tt.says) || !strings.Contains(f.Fix, tt.fix) {
				t.Errorf("message %q, fix %q", f.Message, f.Fix)
			}
			if f.Location.Function != "main.parse" {
				t.Errorf("located at %s", f.Location.Function)
			}
			if (f.Settles == "") == (f.Confidence == Suspected) {
				t.Errorf("%s, settled by %q", f.Confidence, f.Settles)
			}
		})
	}
}

// Where the heap grows all the time, getting memory from the system costs more
// than marking it.
func TestGCThrashHeapGrowth(t *testing.T) {
	c := newCapture(t, 0.6, 1, stack{gcMark, 1.2}, stack{gcGrow, 3.5}, stack{ownWork, 5.3})
	f, status := found(t, c, &GCThrash)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Suspected || f.Location.Function != "main.parse" {
		t.Errorf("%s at %s", f.Confidence, f.Location.Function)
	}
}
