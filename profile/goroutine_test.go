package profile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pprof "github.com/google/pprof/profile"
)

func TestGoroutines(t *testing.T) {
	base := pprofServer(t)
	park(t, 300)
	c := observe(t, time.Second, goroutineSource(newTestClient(t, base, HTTPOptions{}), 0))
	// How many there are depends on how fast this machine is now.
	if len(c.Goroutines) < 1 || len(c.Goroutines) > maxGoroutines || len(c.Gaps) != 0 {
		t.Fatalf("%d samples, gaps %+v", len(c.Goroutines), c.Gaps)
	}
	if c.Self.TargetRequests != len(c.Goroutines) {
		t.Errorf("%d requests for %d samples", c.Self.TargetRequests, len(c.Goroutines))
	}
	for i, s := range c.Goroutines {
		n, err := countGoroutines(&answer{body: s.Data})
		if err != nil || n < 300 {
			t.Errorf("sample %d has %d goroutines, %v", i, n, err)
		}
		parsed, err := pprof.ParseData(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		var want int64
		for _, sample := range parsed.Sample {
			want += sample.Value[0]
		}
		if n != want {
			t.Errorf("sample %d has %d goroutines, want %d", i, n, want)
		}
	}
}

// park keeps n goroutines waiting until the test's end.
func park(t testing.TB, n int) {
	stop := make(chan struct{})
	for range n {
		go func() { <-stop }()
	}
	t.Cleanup(func() { close(stop) })
}

func TestGoroutinesRefused(t *testing.T) {
	heap := string(heapProfile(t))
	for body, want := range map[string]string{
		"<html>Sign in":                         "is not a goroutine profile: it sent an HTML page",
		heap:                                    "is not a goroutine profile but a heap profile",
		"":                                      "sent an empty answer instead of a goroutine profile",
		"goroutine profile: total 7\n1 @ 0x1\n": "legacy",
	} {
		s := serve(t, reply(200, "", body))
		c := observe(t, 100*time.Millisecond, goroutineSource(newTestClient(t, s.URL, HTTPOptions{}), 0))
		if gap := onlyGap(t, c); gap.Signal != "goroutines" || !strings.Contains(gap.Reason, want) {
			t.Errorf("%+v, want %q", gap, want)
		}
		if c.Self.TargetRequests != 1 {
			t.Errorf("%q: %d requests, want 1", want, c.Self.TargetRequests)
		}
	}
}

// TestGoroutinePace: the target's cost stays at 1 % whatever the count.
func TestGoroutinePace(t *testing.T) {
	const floor, ms = 20 * time.Millisecond, time.Millisecond
	at := time.Now()
	for _, test := range []struct {
		took []time.Duration // of samples
		n    int64           // goroutines in each
		want time.Duration
	}{
		{[]time.Duration{0}, 0, 300 * ms},
		{[]time.Duration{3 * ms}, 1000, 660 * ms},
		{[]time.Duration{38 * ms}, 10_000, 3900 * ms},
		{[]time.Duration{20 * ms}, 1000, 2000 * ms},
		// The shortest counts: the others waited for a CPU.
		{[]time.Duration{90 * ms, 20 * ms, 50 * ms}, 1000, 2000 * ms},
	} {
		p := goroutinePace{floor: floor}
		for _, took := range test.took {
			p.saw(at, took, test.n)
		}
		if got := p.next().Round(ms); got != test.want {
			t.Errorf("%v at %d goroutines: next after %s, want %s", test.took, test.n, got, test.want)
		}
	}
	p := goroutinePace{floor: time.Second}
	if !p.affords(at) {
		t.Error("the first sample is not affordable")
	}
	p.saw(at, ms, 100)
	if p.next() != time.Second {
		t.Error("more samples than a window may have")
	}
	p = goroutinePace{floor: floor}
	p.saw(at, 380*ms, 100_000)
	if p.affords(at.Add(10 * time.Second)) {
		t.Error("a sample of 100,000 goroutines every 10 s costs more than 1 %")
	}
	p.saw(at, ms, 100)
	if !p.affords(at.Add(300 * ms)) {
		t.Error("the window's end goes without its sample")
	}
}

// BenchmarkGoroutineSample is what one sample costs, both sides together, by
// the number of goroutines.
func BenchmarkGoroutineSample(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			park(b, n)
			cl := benchClient(b)
			for b.Loop() {
				a, err := cl.get(b.Context(), new(Capture), cl.pprof+"goroutine", "", maxGoroutineBody)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(a.body)), "bytes")
			}
		})
	}
}
