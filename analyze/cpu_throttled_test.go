package analyze

import (
	"testing"

	"busywork/profile"
)

func TestCPUThrottledNearMisses(t *testing.T) {
	for name, limits := range map[string]func(*profile.Capture){
		"no quota":                               func(c *profile.Capture) { limited(c, 0, 0.4, 0, 0) },
		"at its quota, hardly ever stopped":      func(c *profile.Capture) { limited(c, 0.4, 0.39, 0.05, 0.02) },
		"stopped often, but for next to no time": func(c *profile.Capture) { limited(c, 0.4, 0.2, 0.5, 0.01) },
		"a few periods only": func(c *profile.Capture) {
			limited(c, 0.4, 0.4, 0.9, 1)
			for i := range c.Cgroups {
				c.Cgroups[i].Periods, c.Cgroups[i].Throttled = uint64(i), uint64(i)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.3, 0.4)
			limits(c)
			spared(t, c, &CPUThrottled)
		})
	}
}

func TestCPUThrottled(t *testing.T) {
	c := newCapture(t, 0.2, 0.4)
	limited(c, 0.4, 0.4, 0.95, 0.6)
	queued(c, 500, 50)
	stalled(c, 0.8, 0, 0)
	f := accused(t, c, &CPUThrottled, SeverityHigh, Measured)
	contains(t, f.Message, "0.4 cores", "95 %", "used 0.60 more", "stream JOBS")
	if f.Prediction.After <= f.Prediction.Before {
		t.Errorf("without the limit it does more: %+v", f.Prediction)
	}
	if f.Delay.JobHours < 700 { // 750 wait on average, and 0.6 in hand
		t.Errorf("%+v", f.Delay)
	}
}

// What the group is stopped for may not be the target.
func TestCPUThrottledSomebodyElseInTheGroup(t *testing.T) {
	c := newCapture(t, 0.2, 0.01)
	limited(c, 0.4, 0.4, 0.95, 0.6)
	stalled(c, 0.001, 0, 0)
	accused(t, c, &CPUThrottled, SeverityLow, Measured)
}

// Stopped in every eighth period, and nobody waits in a queue.
func TestCPUThrottledBursts(t *testing.T) {
	c := newCapture(t, 0.2, 0.2)
	limited(c, 0.4, 0.2, 0.125, 0.1)
	stalled(c, 0.1, 0, 0)
	accused(t, c, &CPUThrottled, SeverityMedium, Measured)
}

func TestCPUThrottledNamesGOMAXPROCS(t *testing.T) {
	for name, test := range map[string]struct {
		build profile.Build
		named bool
	}{
		"Go that does not know the quota": {profile.Build{GoVersion: "go1.24.3"}, true},
		"Go that knows it":                {profile.Build{GoVersion: "go1.25.0"}, false},
		"Go that was told better":         {profile.Build{GoVersion: "go1.24.3", Environment: map[string]string{"GOMAXPROCS": "1"}}, false},
		"Go that was told worse":          {profile.Build{GoVersion: "go1.26", Environment: map[string]string{"GOMAXPROCS": "8"}}, true},
		"set by a library":                {profile.Build{GoVersion: "go1.24.3", Deps: map[string]string{"go.uber.org/automaxprocs": "v1.6.0"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.2, 0.4)
			limited(c, 0.4, 0.4, 0.95, 0.6)
			test.build.PID = 100
			c.Builds = []profile.Build{test.build}
			f := accused(t, c, &CPUThrottled, SeverityHigh, Measured)
			if test.named {
				contains(t, f.Fix, "GOMAXPROCS=1")
			} else if len(f.Fix) > 80 {
				t.Error(f.Fix)
			}
		})
	}
}
