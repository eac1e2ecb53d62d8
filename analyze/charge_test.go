package analyze

import (
	"math"
	"testing"

	"busywork/profile"
)

// alone runs one rule and no other, so that no other's finding covers it.
func alone(t testing.TB, c *profile.Capture, rule *Rule) (*Finding, RuleStatus) {
	t.Helper()
	r := Run(NewFacts(c), []*Rule{rule}, Options{})
	if s := r.Rules[0]; s.Status == "failed" {
		t.Fatalf("%s failed: %s", s.Rule, s.Reason)
	}
	if len(r.Findings) == 0 {
		return nil, r.Rules[0]
	}
	return &r.Findings[0], r.Rules[0]
}

// newService is a capture of a service whose module is known, so that the
// libraries on its stacks are not taken for its own code.
func newService(t testing.TB, busy, targetCores float64, stacks ...stack) *profile.Capture {
	t.Helper()
	c := newCapture(t, busy, targetCores, stacks...)
	c.Builds = []profile.Build{{PID: 100, Main: "example.com/svc"}}
	return c
}

// inputOutput adds what the kernel counts of the target, a second.
func inputOutput(c *profile.Capture, readCalls, readBytes, writeCalls, writeBytes float64) {
	for i := range window + 1 {
		at := float64(i)
		c.IO = append(c.IO, profile.IOSample{
			At: after(at), ProcessKey: profile.ProcessKey{PID: 100, Start: 1}, OpenFiles: -1,
			ReadCalls: uint64(readCalls * at), ReadBytes: uint64(readBytes * at),
			WriteCalls: uint64(writeCalls * at), WriteBytes: uint64(writeBytes * at),
		})
	}
}

// wants checks a finding against the least that a test asks of it.
func wants(t *testing.T, f *Finding, status RuleStatus, c Confidence, function string, cores float64) {
	t.Helper()
	if f == nil {
		t.Fatalf("not found: %s", status.Reason)
	}
	if f.Confidence != c || f.Location.Function != function {
		t.Errorf("%s at %q, want %s at %q: %s", f.Confidence, f.Location.Function, c, function, f.Message)
	}
	if math.Abs(f.Waste.Cores-cores) > 0.1*cores+0.005 {
		t.Errorf("%.3f cores, want %.3f: %s", f.Waste.Cores, cores, f.Message)
	}
	if f.Waste.Low > f.Waste.Cores || f.Waste.High < f.Waste.Cores {
		t.Errorf("%.3f is outside %.3f–%.3f", f.Waste.Cores, f.Waste.Low, f.Waste.High)
	}
	if (f.Settles != "") != (c == Suspected) {
		t.Errorf("%s, but settled by %q", c, f.Settles)
	}
	if f.cpu == nil {
		t.Error("accuses no samples")
	}
}

// TestChargeCollection: whoever allocates pays for the collector, in
// proportion; what it does on idle CPUs is nobody's.
func TestChargeCollection(t *testing.T) {
	f := NewFacts(newService(t, 0.5, 1,
		stack{"runtime.mallocgc < main.copy < main.work", 3},
		stack{"runtime.mallocgc < main.price < main.work", 1},
		stack{"main.price < main.work", 2},
		stack{"runtime.scanobject < runtime.gcDrain < runtime.gcBgMarkWorker", 2},
		stack{"runtime.scanobject < runtime.gcDrainMarkWorkerIdle < runtime.gcBgMarkWorker", 2}))
	copies := func(g *Group) bool { return len(g.Chain) > 0 && f.CPU.name(g.Chain[0]) == "main.copy" }
	ch := f.charge(copies)
	if math.Abs(ch.cores.Value-0.45) > 0.01 || ch.cores.Low >= 0.3 {
		t.Errorf("cores %+v, want 0.45, and less than 0.3 without the collector", ch.cores)
	}
	if math.Abs(ch.share.Value-3./8) > 0.01 {
		t.Errorf("share %+v of what is not idle", ch.share)
	}
	if l := f.CPU.accused(copies); l.Function != "main.copy" || l.Line != 42 {
		t.Errorf("at %+v", l)
	}
	if l := f.CPU.accused(func(*Group) bool { return false }); l.Function != "" {
		t.Errorf("nothing is at %+v", l)
	}
}
