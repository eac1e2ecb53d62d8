package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

const (
	copyAppend   = "runtime.memmove < runtime.growslice < main.(*Report).add < main.handle < main.work"
	copyNewArray = "runtime.nextFreeFast < runtime.mallocgc < runtime.growslice < main.(*Report).add < main.handle < main.work"
	copyBuffer   = "runtime.memmove < bytes.growSlice < bytes.(*Buffer).grow < bytes.(*Buffer).Write < main.render < main.handle < main.work"
	copyConcat   = "runtime.memmove < runtime.concatstrings < runtime.concatstring2 < main.render < main.handle < main.work"
	copyString   = "runtime.memmove < runtime.slicebytetostring < main.parse < main.handle < main.work"
	copyInsert   = "runtime.memmove < slices.Insert[go.shape.[]main.Event,go.shape.main.Event] < main.(*History).put < main.handle < main.work"
	copyShift    = "runtime.memmove < main.(*History).put < main.handle < main.work"
	copyClear    = "runtime.memclrNoHeapPointers < runtime.memclrNoHeapPointersChunked < runtime.mallocgcLarge < runtime.mallocgc < runtime.makeslice < main.(*Frame).reset < main.handle < main.work"

	workOfGzip   = "runtime.memmove < compress/flate.(*compressor).fillDeflate < compress/flate.(*Writer).Write < main.pack < main.handle < main.work"
	workOfJSON   = "runtime.memmove < runtime.growslice < encoding/json.(*encodeState).string < encoding/json.Marshal < main.encode < main.handle < main.work"
	workOfKernel = "internal/runtime/syscall.Syscall6 < syscall.write < internal/poll.(*FD).Write < net.(*conn).Write < io.Copy < main.send < main.work"
	gcClears     = "runtime.memclrNoHeapPointers < runtime.(*sweepLocked).sweep < runtime.sweepone < runtime.bgsweep"
	spanClears   = "runtime.memclrNoHeapPointers < runtime.(*mspan).initHeapBits < runtime.(*mcentral).grow < runtime.(*mcache).refill < runtime.mallocgc < runtime.newobject < main.parse < main.handle < main.work"
	chanMoves    = "runtime.memmove < runtime.typedmemmove < runtime.chanrecv < runtime.chanrecv2 < main.count < main.work"
)

func TestCopyChurnNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"a compressor copies":             newCapture(t, 0.6, 1, stack{workOfGzip, 4}, stack{ownWork, 6}),
		"an encoder's buffer grows":       newCapture(t, 0.6, 1, stack{workOfJSON, 4}, stack{ownWork, 6}),
		"copying into a socket":           newCapture(t, 0.6, 1, stack{workOfKernel, 6}, stack{ownWork, 4}),
		"the collector clears":            newCapture(t, 0.6, 1, stack{gcClears, 4}, stack{ownWork, 6}),
		"the allocator clears":            newCapture(t, 0.6, 1, stack{spanClears, 4}, stack{ownWork, 6}),
		"values moved through channels":   newCapture(t, 0.6, 1, stack{chanMoves, 4}, stack{ownWork, 6}),
		"an ordinary share of copying":    newCapture(t, 0.6, 1, stack{copyAppend, 0.3}, stack{copyString, 0.3}, stack{ownWork, 9.4}),
		"next to no CPU":                  newCapture(t, 0.02, 0.02, stack{copyAppend, 1}, stack{ownWork, 1}),
		"a little everywhere, no one's":   newCapture(t, 0.6, 1, stack{copyAppend, 0.4}, stack{copyBuffer, 0.4}, stack{copyString, 0.4}, stack{ownWork, 8.8}),
		"copies, made once, are the work": newCapture(t, 0.6, 1, stack{"runtime.memmove < bytes.(*Buffer).Write < main.assemble < main.work", 0.8}, stack{ownWork, 9.2}),
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := found(t, c, &CopyChurn); f != nil {
				t.Errorf("accused: %s %s", f.Severity, f.Message)
			}
		})
	}
}

func TestCopyChurn(t *testing.T) {
	for name, tt := range map[string]struct {
		stacks   []stack
		at, says string
		fix      string
	}{
		"append without capacity":       {[]stack{{copyAppend, 1.5}, {copyNewArray, 0.5}}, "main.(*Report).add", "grow", "capacity"},
		"a buffer that grows":           {[]stack{{copyBuffer, 2}}, "main.render", "grow", "capacity"},
		"a string put together by +=":   {[]stack{{copyConcat, 2}}, "main.render", "grow", "strings.Builder"},
		"bytes made strings":            {[]stack{{copyString, 2}}, "main.parse", "string", "one of the two"},
		"put in at the front":           {[]stack{{copyInsert, 2}}, "main.(*History).put", "move", "at the end"},
		"shifted by hand":               {[]stack{{copyShift, 2}}, "main.(*History).put", "move", "at the end"},
		"a large buffer each time":      {[]stack{{copyClear, 2}}, "main.(*Frame).reset", "clear", "Reuse"},
		"the greater of two is named 1": {[]stack{{copyClear, 2}, {copyString, 1.2}}, "main.(*Frame).reset", "clear", "Reuse"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 1, append(tt.stacks, stack{ownWork, 10 - total(tt.stacks)})...)
			f, status := found(t, c, &CopyChurn)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
				t.Errorf("%s %s, settled by %q", f.Severity, f.Confidence, f.Settles)
			}
			if f.Location.Function != tt.at || !strings.Contains(f.Message, tt.says) || !strings.Contains(f.Fix, tt.fix) {
				t.Errorf("at %s: %s\n%s", f.Location.Function, f.Message, f.Fix)
			}
		})
	}
}

func total(stacks []stack) float64 {
	s := 0.0
	for _, k := range stacks {
		s += k.seconds
	}
	return s
}

// What is copied for each job, counted, tells an odd byte from the same bytes
// again and again.
func TestCopyChurnByJob(t *testing.T) {
	for name, tt := range map[string]struct {
		jobs       float64
		confidence Confidence
	}{
		"megabytes a job":       {100, Inferred},
		"a few kilobytes a job": {60_000, Suspected},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 1, stack{copyInsert, 3}, stack{ownWork, 7})
			counter(c, "jobs_completed_total", tt.jobs)
			f, status := found(t, c, &CopyChurn)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != tt.confidence || math.Abs(f.Waste.Cores-0.3) > 0.05 {
				t.Errorf("%s, %.2f cores: %s", f.Confidence, f.Waste.Cores, f.Message)
			}
		})
	}
}

// Growing copies little at a time, but allocates all of it: that is counted.
func TestCopyChurnByAllocation(t *testing.T) {
	c := newCapture(t, 0.6, 1, stack{copyNewArray, 2}, stack{ownWork, 8})
	counter(c, "jobs_completed_total", 100)
	counter(c, "go_memstats_alloc_bytes_total", 80<<20)
	f, status := found(t, c, &CopyChurn)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Inferred || !strings.Contains(f.Message, "MiB a job") {
		t.Errorf("%s: %s", f.Confidence, f.Message)
	}
}
