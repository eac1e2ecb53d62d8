package analyze

import (
	"fmt"
	"time"

	"busywork/profile"
)

// Host is how the machine spent the window, as fractions of all its CPUs.
type Host struct {
	CPUs    int
	Seconds float64 // observed, without gaps
	User    float64 // nice included
	System  float64
	IRQ     float64 // hard and soft interrupts
	IOWait  float64
	Steal   float64
	Idle    float64

	ForksPerSecond    float64 // processes and threads
	SwitchesPerSecond float64
	Resets            int // reboots or jumps that were left out
}

// Busy is the fraction of the CPUs that did something.
func (h *Host) Busy() float64 { return h.User + h.System + h.IRQ }

// Cores turns a fraction into cores.
func (h *Host) Cores(fraction float64) float64 { return fraction * float64(h.CPUs) }

// newHost adds up the differences between neighbouring samples. Counters that
// run backwards, as idle and iowait really do, count as standing still; a jump
// that no clock explains is a reset and is left out.
func newHost(samples []profile.HostSample) *Host {
	if len(samples) < 2 {
		return nil
	}
	h := &Host{CPUs: cpuCount(samples)}
	var mode modes
	var forks, switches float64
	for i := 1; i < len(samples); i++ {
		a, b := &samples[i-1], &samples[i]
		dt := b.At.Sub(a.At).Seconds()
		d := modesBetween(a.CPU, b.CPU)
		if a.BootTime != b.BootTime || b.Forks < a.Forks || d.total() > (dt+0.1)*float64(h.CPUs)*1.5 {
			h.Resets++
			continue
		}
		mode = mode.plus(d)
		h.Seconds += dt
		forks += float64(b.Forks - a.Forks)
		switches += float64(b.ContextSwitches - a.ContextSwitches)
	}
	total := mode.total()
	if total == 0 || h.Seconds == 0 {
		return nil
	}
	h.User, h.System, h.IRQ = mode.user/total, mode.system/total, mode.irq/total
	h.IOWait, h.Steal, h.Idle = mode.iowait/total, mode.steal/total, mode.idle/total
	h.ForksPerSecond, h.SwitchesPerSecond = forks/h.Seconds, switches/h.Seconds
	return h
}

// cpuCount is how many CPUs were online for most of the window.
func cpuCount(samples []profile.HostSample) int {
	n := len(samples[len(samples)/2].PerCPU)
	return max(n, 1)
}

// modes are CPU seconds.
type modes struct{ user, system, irq, iowait, steal, idle float64 }

func (m modes) total() float64 { return m.user + m.system + m.irq + m.iowait + m.steal + m.idle }

func (m modes) plus(n modes) modes {
	return modes{m.user + n.user, m.system + n.system, m.irq + n.irq, m.iowait + n.iowait, m.steal + n.steal, m.idle + n.idle}
}

func modesBetween(a, b profile.CPUTimes) modes {
	return modes{
		user:   forward(a.User, b.User) + forward(a.Nice, b.Nice),
		system: forward(a.System, b.System),
		irq:    forward(a.IRQ, b.IRQ) + forward(a.SoftIRQ, b.SoftIRQ),
		iowait: forward(a.IOWait, b.IOWait),
		steal:  forward(a.Steal, b.Steal),
		idle:   forward(a.Idle, b.Idle),
	}
}

// forward is b − a, or 0 where a counter ran backwards.
func forward(a, b float64) float64 { return max(0, b-a) }

// Cgroup is the CPU limit that the target lives under.
type Cgroup struct {
	Quota     float64 // cores, 0 if there is none
	Used      float64 // cores
	Throttled float64 // share of enforcement periods in which it was throttled
	Periods   float64
	MemoryMax uint64 // bytes, 0 if there is no limit
	Memory    uint64 // bytes
}

func newCgroup(samples []profile.CgroupSample) *Cgroup {
	if len(samples) < 2 {
		return nil
	}
	a, b := samples[0], samples[len(samples)-1]
	dt := b.At.Sub(a.At).Seconds()
	if dt <= 0 || b.Usage < a.Usage || b.Periods < a.Periods {
		return nil
	}
	g := &Cgroup{Quota: b.QuotaCores, Used: (b.Usage - a.Usage) / dt, MemoryMax: b.MemoryMax, Memory: b.MemoryCurrent}
	if g.Periods = float64(b.Periods - a.Periods); g.Periods > 0 && b.Throttled >= a.Throttled {
		g.Throttled = float64(b.Throttled-a.Throttled) / g.Periods
	}
	return g
}

// A Verdict says in a word, and in a sentence, what the machine is limited by.
type Verdict struct {
	Word     string // one of the words below; part of the JSON contract
	Sentence string
}

// The words of a Verdict.
const (
	VerdictUnknown   = "unknown"
	VerdictUser      = "cpu-bound-user"
	VerdictKernel    = "cpu-bound-kernel"
	VerdictDisk      = "waiting-for-disk"
	VerdictStolen    = "starved-by-neighbour"
	VerdictThrottled = "throttled"
	VerdictBacklog   = "idle-with-backlog"
	VerdictIdle      = "idle"
	VerdictHealthy   = "healthy"
)

// Where a machine turns from one verdict to another.
const (
	// A queue in front of a server grows without bound as it nears 1; at 85 %
	// waiting is already 5–6 times the service time (M/M/1: 1/(1−ρ)).
	saturated = 0.85
	// Netdata raises at 10 % steal and at 40 % iowait of a CPU; iowait here is a
	// share of all CPUs and only counts while nothing else could run.
	stolen      = 0.10
	waitingDisk = 0.20
	// A group throttled in a tenth of its periods is late in a tenth of them.
	throttledShare = 0.10
	// Below this, more CPU cannot be what a growing backlog waits for.
	idleBelow = 0.50
	// Below this the machine does next to nothing.
	nothing = 0.10
)

// judgeHost gives the verdict. target is the cores of the target and its
// children. backlog says that work is known to be waiting
// and not getting less; it may be "".
func judgeHost(h *Host, g *Cgroup, target float64, backlog string) Verdict {
	if h == nil {
		return Verdict{VerdictUnknown, "no host metrics: see the gaps"}
	}
	figures := fmt.Sprintf("user %s, system %s, iowait %s, steal %s, idle %s of %d CPUs",
		Percent(h.User), Percent(h.System+h.IRQ), Percent(h.IOWait), Percent(h.Steal), Percent(h.Idle), h.CPUs)
	of := ""
	if target > 0 && h.Busy() > 0 {
		of = fmt.Sprintf("; the target is %s of what is busy", Percent(min(1, target/h.Cores(h.Busy()))))
	}
	say := func(word, text string) Verdict { return Verdict{word, text + ": " + figures + of} }
	switch {
	case g != nil && g.Quota > 0 && g.Throttled >= throttledShare:
		return say(VerdictThrottled, fmt.Sprintf("throttled by its own limit of %.2g cores in %s of periods", g.Quota, Percent(g.Throttled)))
	case h.Steal >= stolen:
		return say(VerdictStolen, "starved by a neighbour on the same hardware")
	case h.IOWait >= waitingDisk:
		return say(VerdictDisk, "waiting for disk")
	case h.Busy() >= saturated && h.System+h.IRQ > h.User:
		return say(VerdictKernel, "CPU-bound in the kernel")
	case h.Busy() >= saturated:
		return say(VerdictUser, "CPU-bound in user space")
	case backlog != "" && h.Busy() < idleBelow:
		return say(VerdictBacklog, "idle while work waits ("+backlog+")")
	case h.Busy() < nothing:
		return say(VerdictIdle, "idle")
	}
	return say(VerdictHealthy, "neither saturated nor idle")
}

// Percent shows a fraction: one digit below 10 %, none above.
func Percent(f float64) string {
	switch p := f * 100; {
	case p != 0 && p < 0.05 && p > -0.05:
		return "0 %"
	case p < 9.95 && p != 0:
		return fmt.Sprintf("%.1f %%", p)
	default:
		return fmt.Sprintf("%.0f %%", p)
	}
}

// seconds between two times.
func seconds(a, b time.Time) float64 { return b.Sub(a).Seconds() }
