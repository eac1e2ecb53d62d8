package analyze

import (
	"bytes"
	"strings"
	"testing"
	"time"

	pprof "github.com/google/pprof/profile"

	"busywork/profile"
)

// Synthetic captures: the smallest evidence that a rule must, or must not, rest
// on, with the figures in plain sight.

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const window = 10 // seconds of every synthetic capture

func after(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// stack is CPU seconds on a stack, leaf first, written "leaf < caller < root".
type stack struct {
	frames  string
	seconds float64
}

// profileOf makes a 100 Hz CPU profile. Functions of package main, or of module
// example.com/svc, are the service's own.
func profileOf(t testing.TB, stacks ...stack) profile.CPUProfile {
	t.Helper()
	p := &pprof.Profile{
		SampleType:    []*pprof.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType:    &pprof.ValueType{Type: "cpu", Unit: "nanoseconds"},
		Period:        10_000_000,
		DurationNanos: window * 1e9,
		TimeNanos:     epoch.UnixNano(),
	}
	locations := map[string]*pprof.Location{}
	for _, s := range append(stacks, stack{"runtime.goexit", 0}) {
		n := int64(s.seconds*100 + 0.5)
		sample := &pprof.Sample{Value: []int64{n, n * 10_000_000}}
		for _, name := range strings.Split(s.frames, " < ") {
			if locations[name] == nil {
				f := &pprof.Function{ID: uint64(len(p.Function) + 1), Name: name, Filename: fileOf(name), StartLine: 10}
				p.Function = append(p.Function, f)
				l := &pprof.Location{ID: uint64(len(p.Location) + 1), Line: []pprof.Line{{Function: f, Line: 42}}}
				p.Location = append(p.Location, l)
				locations[name] = l
			}
			sample.Location = append(sample.Location, locations[name])
		}
		p.Sample = append(p.Sample, sample)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return profile.CPUProfile{Start: epoch, End: after(window), Source: "synthetic", Data: b.Bytes()}
}

func fileOf(name string) string {
	if strings.HasPrefix(name, "main.") || strings.HasPrefix(name, "example.com/svc") {
		return "/src/svc/svc.go"
	}
	if strings.HasPrefix(name, "github.com/") {
		return "/go/pkg/mod/github.com/x@v1.0.0/x.go"
	}
	return "/usr/local/go/src/x.go"
}

// newCapture is a window on a host of two CPUs that is busy to the given
// fraction, with the target at pid 100 using targetCores.
func newCapture(t testing.TB, busy, targetCores float64, stacks ...stack) *profile.Capture {
	t.Helper()
	c := &profile.Capture{
		Target: profile.Target{Name: "svc", PID: 100, Local: true},
		Window: profile.Window{Start: epoch, End: after(window)},
	}
	if len(stacks) > 0 {
		c.Profiles = []profile.CPUProfile{profileOf(t, stacks...)}
	}
	for i := range window + 1 {
		at := float64(i)
		c.Host = append(c.Host, profile.HostSample{
			At:     after(at),
			CPU:    profile.CPUTimes{User: 2 * busy * at, Idle: 2 * (1 - busy) * at},
			PerCPU: make([]profile.CPUTimes, 2),
		})
	}
	key := profile.ProcessKey{PID: 100, Start: 1}
	c.Identities = []profile.ProcessIdentity{{ProcessKey: key, PPID: 1, Name: "svc", Command: []string{"/srv/svc"}}}
	for i := range window + 1 {
		c.Processes = append(c.Processes, profile.ProcessSample{
			At:      after(float64(i)),
			Changed: []profile.Process{{ProcessKey: key, User: targetCores * float64(i)}},
		})
	}
	return c
}

// counter adds a counter that grows at a constant rate, written as Prometheus
// writes it: name{label="value"}.
func counter(c *profile.Capture, series string, perSecond float64) {
	name, rest, labelled := strings.Cut(series, "{")
	s := profile.Series{Name: name, Type: "counter"}
	if labelled {
		key, value, _ := strings.Cut(strings.TrimSuffix(rest, "}"), "=")
		s.Labels = map[string]string{key: strings.Trim(value, `"`)}
	}
	for i := range window + 1 {
		s.Value = 1000 + perSecond*float64(i)
		if i == len(c.Counters) {
			c.Counters = append(c.Counters, profile.CounterSample{At: after(float64(i)), Source: "http://svc/metrics"})
		}
		c.Counters[i].Changed = append(c.Counters[i].Changed, s)
	}
}

// gauge adds a gauge that goes evenly from one value to another.
func gauge(c *profile.Capture, name string, from, to float64) {
	counter(c, name, 0)
	for i := range c.Counters {
		list := c.Counters[i].Changed
		list[len(list)-1].Type = "gauge"
		list[len(list)-1].Value = from + (to-from)*float64(i)/window
	}
}

// calibrated says what one RS256 signature costs here.
func calibrated(c *profile.Capture, unit float64) {
	c.Calibrations = append(c.Calibrations, profile.Calibration{
		Operation: "rsa-2048-sign", Functions: []string{"crypto/rsa.SignPKCS1v15"},
		Markers: []string{"crypto/internal/fips140/bigmod.addMulVVW1024"},
		Unit:    unit, Low: unit * 0.97, High: unit * 1.03,
	})
}

// found returns the finding of a rule, nil if it gave none, and what the rule
// said of itself.
func found(t testing.TB, c *profile.Capture, rule *Rule) (*Finding, RuleStatus) {
	t.Helper()
	r := Analyze(c, Options{})
	var status RuleStatus
	for _, s := range r.Rules {
		if s.Status == "failed" {
			t.Fatalf("%s failed: %s", s.Rule, s.Reason)
		}
		if s.Rule == rule.Name {
			status = s
		}
	}
	return findingOf(r.Findings, rule), status
}

// findingOf is the rule's finding, also where it is kin of another's.
func findingOf(list []Finding, rule *Rule) *Finding {
	for i := range list {
		if list[i].Rule == rule.Name {
			return &list[i]
		}
		if f := findingOf(list[i].Kin, rule); f != nil {
			return f
		}
	}
	return nil
}
