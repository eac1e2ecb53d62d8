package analyze

import (
	"testing"

	"busywork/profile"
)

func TestStolenCPUNearMisses(t *testing.T) {
	for name, change := range map[string]func(*profile.Capture){
		"a little":         func(c *profile.Capture) { spent(c, 0.08, toSteal) },
		"waiting for disk": func(c *profile.Capture) { spent(c, 0.4, toIOWait) },
		"a burst at the end": func(c *profile.Capture) {
			for i := range c.Host {
				if i == len(c.Host)-1 {
					c.Host[i].CPU.Steal += 1
					c.Host[i].CPU.Idle -= 1
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.5, 0.9)
			change(c)
			spared(t, c, &StolenCPU)
		})
	}
	t.Run("a window of two seconds", func(t *testing.T) {
		c := newCapture(t, 0.5, 0.9)
		spent(c, 0.3, toSteal)
		c.Host = c.Host[:3]
		spared(t, c, &StolenCPU)
	})
}

func TestStolenCPU(t *testing.T) {
	c := newCapture(t, 0.6, 1.1)
	spent(c, 0.30, toSteal)
	f := accused(t, c, &StolenCPU, SeverityHigh, Measured)
	contains(t, f.Message, "0.60 of 2 CPUs", "1.5 s")
	contains(t, f.Fix, "instance type", "credits")
}

func TestStolenCPUGrades(t *testing.T) {
	c := newCapture(t, 0.6, 1.1)
	spent(c, 0.12, toSteal)
	accused(t, c, &StolenCPU, SeverityMedium, Measured)
	queued(c, 500, 50)
	accused(t, c, &StolenCPU, SeverityHigh, Measured)
}

// Whose time is stolen is not known by process; one that hardly runs loses
// hardly any.
func TestStolenCPUFromOthers(t *testing.T) {
	c := newCapture(t, 0.6, 0.05)
	spent(c, 0.30, toSteal)
	accused(t, c, &StolenCPU, SeverityLow, Measured)
}
