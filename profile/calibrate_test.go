package profile

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	pprofile "github.com/google/pprof/profile"
)

// everything is present in this profile.
func everything(string) bool { return true }

func only(functions ...string) func(string) bool {
	return func(f string) bool { return slices.Contains(functions, f) }
}

func TestCalibrateChooses(t *testing.T) {
	const old, now = "crypto/internal/bigmod.", "crypto/internal/fips140/bigmod."
	for _, test := range []struct {
		name    string
		present func(string) bool
		want    []string
	}{
		{"nothing known", only("main.main"), nil},
		{"the function alone does not tell the size", only("crypto/rsa.SignPKCS1v15"), nil},
		{"the marker alone is something else", only(now + "addMulVVW1024"), nil},
		{"one size", only("crypto/rsa.SignPKCS1v15", now+"addMulVVW1024"), []string{"rsa-2048-sign"}},
		{"one size, old Go", only("crypto/rsa.SignPSS", old+"addMulVVW1536"), []string{"rsa-3072-sign"}},
		{"two sizes", only("crypto/rsa.SignPSS", now+"addMulVVW1024", now+"addMulVVW2048"), []string{"rsa-2048-sign", "rsa-4096-sign"}},
		{"no marker needed", only("crypto/ed25519.Verify"), []string{"ed25519-verify"}},
	} {
		var c Capture
		calibrate(t.Context(), &c, test.present)
		var got []string
		for _, k := range c.Calibrations {
			got = append(got, k.Operation)
		}
		if !slices.Equal(got, test.want) || len(c.Gaps) > 0 {
			t.Errorf("%s: got %q, gaps %v, want %q", test.name, got, c.Gaps, test.want)
		}
	}
}

func TestCalibrateMeasures(t *testing.T) {
	var c Capture
	calibrate(t.Context(), &c, everything)
	if len(c.Gaps) > 0 {
		t.Fatalf("gaps: %v", c.Gaps)
	}
	if len(c.Calibrations) != maxCalibrations {
		t.Errorf("%d calibrations, want the limit of %d", len(c.Calibrations), maxCalibrations)
	}
	units, sum := map[string]float64{}, 0.0
	for _, k := range c.Calibrations {
		if !(0 < k.Low && k.Low <= k.Unit && k.Unit <= k.High && k.High < 10) || k.Operations < leastBatches ||
			k.GoVersion != runtime.Version() || k.At.IsZero() || len(k.Functions) == 0 {
			t.Errorf("%+v", k)
		}
		units[k.Operation] = k.Unit
		sum += k.Low * float64(k.Operations)
	}
	// Twice the bits are at least four times the work, whatever the machine.
	if units["rsa-4096-sign"] < 3*units["rsa-2048-sign"] || units["rsa-2048-sign"] < 3*units["rsa-2048-verify"] {
		t.Errorf("units do not follow the size of the numbers: %v", units)
	}
	if c.Self.Calibration < sum {
		t.Errorf("its cost is given as %v s, its operations took at least %v s", c.Self.Calibration, sum)
	}
}

func TestCalibrateStopsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var c Capture
	calibrate(ctx, &c, everything)
	if len(c.Calibrations) != 0 {
		t.Errorf("%d calibrations after the interrupt", len(c.Calibrations))
	}
}

func TestAllAlgorithmsRun(t *testing.T) {
	for _, a := range algorithms {
		run, err := a.prepare()
		if err == nil {
			err = run()
		}
		if err != nil {
			t.Errorf("%s: %v", a.operation, err)
		}
	}
}

// TestMarkers profiles every algorithm, as a service would run it, and asks
// whether the profile leads back to it: this is what a new Go version may
// change.
func TestMarkers(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 8 s of CPU")
	}
	p := profileAlgorithms(t)
	for _, a := range algorithms {
		// The algorithms with the same functions compete by their markers.
		best, bestSamples := "", 0
		for _, rival := range algorithms {
			if slices.Equal(rival.functions, a.functions) {
				if n := samplesBelow(p, a.operation, rival.functions, rival.markers); n > bestSamples {
					best, bestSamples = rival.operation, n
				}
			}
		}
		if best != a.operation {
			t.Errorf("a profile of %s looks like %q by %d samples", a.operation, best, bestSamples)
		}
		// Samples in the race detector's own code have no stack and do not count.
		all := samplesBelow(p, a.operation, []string{"busywork/profile.runFor"}, nil)
		found := samplesBelow(p, a.operation, a.functions, nil)
		t.Logf("%-20s %3d samples, %3d below its functions, %3d in its markers", a.operation, all, found, bestSamples)
		if found*5 < all*4 { // the clock, and the switches of goroutines, are outside
			t.Errorf("%s: of %d samples %d are below %q", a.operation, all, found, a.functions)
		}
	}
}

// profileAlgorithms runs each algorithm for a while of CPU time under a label.
func profileAlgorithms(t *testing.T) *pprofile.Profile {
	t.Helper()
	var data bytes.Buffer
	if err := pprof.StartCPUProfile(&data); err != nil {
		t.Fatal(err)
	}
	for _, a := range algorithms {
		run, err := a.prepare()
		if err != nil {
			t.Fatal(err)
		}
		if a.operation == "hmac-sha256" { // not named by a function of its own
			text, key := string(token), token[:32]
			run = func() error { _, err := jwt.SigningMethodHS256.Sign(text, key); return err }
		}
		budget := time.Second / 2 // 50 samples
		if strings.Contains(a.operation, "parse") {
			budget = 3 * time.Second / 2 // its marker has but 7 % of them
		}
		pprof.Do(t.Context(), pprof.Labels("operation", a.operation), func(context.Context) {
			runFor(t, budget, run)
		})
	}
	pprof.StopCPUProfile()
	p, err := pprofile.Parse(&data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// runFor repeats run for so much CPU time.
func runFor(t *testing.T, budget time.Duration, run func() error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for start := threadTime(); threadTime()-start < budget; {
		for range 20 { // reading the clock is a system call
			if err := run(); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

// samplesBelow counts the samples with the label that have one of functions
// and, if there are markers, one of those on the stack.
func samplesBelow(p *pprofile.Profile, label string, functions, markers []string) (n int) {
	for _, s := range p.Sample {
		var names []string
		for _, l := range s.Location {
			for _, ln := range l.Line {
				names = append(names, ln.Function.Name)
			}
		}
		has := func(list []string) bool {
			return list == nil || slices.ContainsFunc(list, func(f string) bool { return slices.Contains(names, f) })
		}
		if slices.Contains(s.Label["operation"], label) && has(functions) && has(markers) {
			n += int(s.Value[0])
		}
	}
	return n
}

// The two ways to sign with RSA share a unit, and the methods of a key that of
// the functions they call. This shows whether they may.
func BenchmarkRSASign(b *testing.B) {
	key, err := rsaKey(2048)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("PKCS1v15", func(b *testing.B) {
		for b.Loop() {
			if _, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("PSS", func(b *testing.B) {
		for b.Loop() {
			if _, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
