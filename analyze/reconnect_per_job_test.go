package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

// dialler is a service whose profile shows a share of dialling, of 40 jobs a
// second of 10 ms.
func dialler(t *testing.T, share float64) *profile.Capture {
	t.Helper()
	const cpu = 4.0
	c := newCapture(t, 0.3, cpu/window,
		stack{"runtime.memmove < main.handle < main.work", cpu * (1 - share)},
		stack{"internal/runtime/syscall.Syscall6 < syscall.connect < net.(*sysDialer).dialSingle < net.(*Dialer).DialContext < main.publish < main.handle < main.work", cpu * share})
	counter(c, "jobs_completed_total", 40)
	return c
}

func TestReconnectPerJobNearMisses(t *testing.T) {
	for name, make := range map[string]func() *profile.Capture{
		"a pool that replaces its connections": func() *profile.Capture {
			c := dialler(t, 0.05)
			redisJobs(c, 40, 40, 4)
			return c
		},
		"somebody else connects": func() *profile.Capture {
			c := dialler(t, 0)
			redisJobs(c, 40, 40, 80)
			return c
		},
		"a start-up": func() *profile.Capture {
			c := dialler(t, 0.05)
			redisJobs(c, 40, 40, 1.5)
			return c
		},
		"a few dials in the profile": func() *profile.Capture { return dialler(t, 0.05) },
	} {
		t.Run(name, func(t *testing.T) {
			if f, status := found(t, make(), &ReconnectPerJob); f != nil {
				t.Errorf("accused: %s", f.Message)
			} else if status.Status != "clean" || status.Reason == "" {
				t.Errorf("%+v", status)
			}
		})
	}
}

func TestReconnectPerJob(t *testing.T) {
	c := dialler(t, 0.20)
	redisJobs(c, 40, 40, 40)
	f, status := found(t, c, &ReconnectPerJob)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Measured || !strings.Contains(f.Message, "1.0 new connections to redis://cache:6379 for each job") {
		t.Error(f.Confidence, f.Message)
	}
	// The profile shows more than a connection costs elsewhere: a fifth of 0.4 cores.
	if math.Abs(f.Waste.Cores-0.08) > 0.01 || f.Location.Function != "main.publish" {
		t.Errorf("%+v %+v", f.Waste, f.Location)
	}
}

// Without a count at the other end, dialling is a suspicion.
func TestReconnectPerJobByProfileAlone(t *testing.T) {
	f, status := found(t, dialler(t, 0.5), &ReconnectPerJob)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
		t.Errorf("%s %s %q", f.Confidence, f.Severity, f.Settles)
	}
}
