package analyze

import (
	"strings"
	"testing"

	"busywork/profile"
)

func builtWith(t *testing.T, toolchain string, stacks ...stack) *profile.Capture {
	c := newCapture(t, 0.5, 0.9, stacks...)
	c.Builds = []profile.Build{{PID: 100, GoVersion: toolchain, Main: "example.com/svc"}}
	return c
}

func TestStaleToolchain(t *testing.T) {
	hash := stack{"crypto/sha256.block < crypto/sha256.Sum256 < main.verify < main.run", 4}
	maps := stack{"runtime.mapaccess1_faststr < main.price < main.run", 3}
	work := stack{"main.price < main.run", 5}
	for _, test := range []struct {
		name      string
		toolchain string
		stacks    []stack
		found     bool
		says      string
	}{
		// Near misses first: a current toolchain, one that has the gain already, an
		// operation that nothing was measured for, and one that hardly runs.
		{"current", "go1.26.8", []stack{hash, maps, work}, false, ""},
		{"has the gain", "go1.21.0", []stack{hash, work}, false, ""},
		{"not measured", "go1.18.1", []stack{{"regexp.(*Regexp).FindString < main.price < main.run", 6}, work}, false, ""},
		{"hardly runs", "go1.20.14", []stack{{"crypto/sha256.block < crypto/sha256.Sum256 < main.verify", 0.2}, work}, false, ""},
		{"unknown", "devel", []stack{hash, work}, false, ""},
		{"before 1.21", "go1.20.14", []stack{hash, work}, true, "SHA-256"},
		{"before 1.24, with experiments", "go1.23.4 X:rangefunc", []stack{maps, work}, true, "looking up in maps"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, status := found(t, builtWith(t, test.toolchain, test.stacks...), &StaleToolchain)
			if (f != nil) != test.found {
				t.Fatalf("found %v (%s), want %v", f, status.Reason, test.found)
			}
			if f != nil && (!strings.Contains(f.Message, test.says) || f.Severity != SeverityLow || f.Waste.Low >= f.Waste.Cores) {
				t.Errorf("%s %+v: %s; want advice on %s with an interval", f.Severity, f.Waste, f.Message, test.says)
			}
		})
	}
}
