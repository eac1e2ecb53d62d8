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

	Nice   float64 // part of User: what runs only because nothing else wants to
	MaxCPU float64 // busy share of the busiest single CPU

	ForksPerSecond    float64 // processes and threads
	SwitchesPerSecond float64
	Running           float64 // mean of runnable tasks, those on a CPU included, busywork's own look not
	Blocked           float64 // mean of tasks that wait for a disk

	MemTotal, MemAvailable uint64  // bytes; available is the least that was seen
	SwapTotal, SwapUsed    uint64  // bytes, at the end
	SwapIn, SwapOut        float64 // pages a second

	// Pressure is by resource ("cpu", "memory", "io"); nil where the kernel does
	// not tell.
	Pressure map[string]Pressure
	Resets   int // reboots or jumps that were left out
}

// Pressure is the share of the window in which some, or all, tasks that were not
// idle waited for a resource.
type Pressure struct{ Some, Full float64 }

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
	sums := hostSums{perCPU: make([]modes, h.CPUs)}
	for i := 1; i < len(samples); i++ {
		a, b := &samples[i-1], &samples[i]
		dt := b.At.Sub(a.At).Seconds()
		d := modesBetween(a.CPU, b.CPU)
		if a.BootTime != b.BootTime || b.Forks < a.Forks || d.total() > (dt+0.1)*float64(h.CPUs)*1.5 {
			h.Resets++
			continue
		}
		h.Seconds += dt
		sums.add(a, b, d)
	}
	total := sums.all.total()
	if total == 0 || h.Seconds == 0 {
		return nil
	}
	h.readSums(&sums, total)
	h.readLevels(samples)
	return h
}

// hostSums is what grew over all spans between two samples that count.
type hostSums struct {
	all             modes
	perCPU          []modes
	forks, switches float64
	in, out         float64 // pages
	pressure        map[string]Pressure
}

func (s *hostSums) add(a, b *profile.HostSample, d modes) {
	s.all = s.all.plus(d)
	for cpu := range min(len(s.perCPU), len(a.PerCPU), len(b.PerCPU)) {
		s.perCPU[cpu] = s.perCPU[cpu].plus(modesBetween(a.PerCPU[cpu], b.PerCPU[cpu]))
	}
	s.forks += float64(b.Forks - a.Forks)
	s.switches += float64(b.ContextSwitches - a.ContextSwitches)
	s.in += forward(float64(a.SwapIn), float64(b.SwapIn))
	s.out += forward(float64(a.SwapOut), float64(b.SwapOut))
	for resource, after := range b.Pressure {
		before, ok := a.Pressure[resource]
		if !ok {
			continue
		}
		if s.pressure == nil {
			s.pressure = map[string]Pressure{}
		}
		p := s.pressure[resource]
		s.pressure[resource] = Pressure{p.Some + forward(before.Some, after.Some), p.Full + forward(before.Full, after.Full)}
	}
}

// readSums turns sums into shares and rates. total is the CPU seconds of all
// modes.
func (h *Host) readSums(s *hostSums, total float64) {
	mode := s.all
	h.User, h.System, h.IRQ = mode.user/total, mode.system/total, mode.irq/total
	h.IOWait, h.Steal, h.Idle = mode.iowait/total, mode.steal/total, mode.idle/total
	h.Nice = mode.nice / total
	for _, m := range s.perCPU {
		if t := m.total(); t > 0 {
			h.MaxCPU = max(h.MaxCPU, (m.user+m.system+m.irq)/t)
		}
	}
	h.ForksPerSecond, h.SwitchesPerSecond = s.forks/h.Seconds, s.switches/h.Seconds
	h.SwapIn, h.SwapOut = s.in/h.Seconds, s.out/h.Seconds
	for resource, p := range s.pressure {
		if h.Pressure == nil {
			h.Pressure = map[string]Pressure{}
		}
		h.Pressure[resource] = Pressure{min(1, p.Some/h.Seconds), min(1, p.Full/h.Seconds)}
	}
}

// readLevels reads what is a level and not a count.
func (h *Host) readLevels(samples []profile.HostSample) {
	for i := range samples {
		s := &samples[i]
		h.Running += max(0, float64(s.Running)-1) / float64(len(samples)) // who looks is runnable
		h.Blocked += float64(s.Blocked) / float64(len(samples))
		if s.MemAvailable > 0 && (h.MemAvailable == 0 || s.MemAvailable < h.MemAvailable) {
			h.MemAvailable = s.MemAvailable
		}
	}
	last := &samples[len(samples)-1]
	h.MemTotal, h.SwapTotal = last.MemTotal, last.SwapTotal
	if last.SwapTotal > last.SwapFree {
		h.SwapUsed = last.SwapTotal - last.SwapFree
	}
}

// cpuCount is how many CPUs were online for most of the window.
func cpuCount(samples []profile.HostSample) int {
	n := len(samples[len(samples)/2].PerCPU)
	return max(n, 1)
}

// modes are CPU seconds; nice is contained in user.
type modes struct{ user, system, irq, iowait, steal, idle, nice float64 }

func (m modes) total() float64 { return m.user + m.system + m.irq + m.iowait + m.steal + m.idle }

func (m modes) plus(n modes) modes {
	return modes{m.user + n.user, m.system + n.system, m.irq + n.irq, m.iowait + n.iowait, m.steal + n.steal, m.idle + n.idle, m.nice + n.nice}
}

func modesBetween(a, b profile.CPUTimes) modes {
	return modes{
		user:   forward(a.User, b.User) + forward(a.Nice, b.Nice),
		system: forward(a.System, b.System),
		irq:    forward(a.IRQ, b.IRQ) + forward(a.SoftIRQ, b.SoftIRQ),
		iowait: forward(a.IOWait, b.IOWait),
		steal:  forward(a.Steal, b.Steal),
		idle:   forward(a.Idle, b.Idle),
		nice:   forward(a.Nice, b.Nice),
	}
}

// forward is b − a, or 0 where a counter ran backwards.
func forward(a, b float64) float64 { return max(0, b-a) }

// Cgroup is the limits that the target lives under. Where an ancestor's limit is
// the tighter one, the quota and the throttling are that ancestor's, and Used is
// the part of the target's own group.
type Cgroup struct {
	Quota     float64 // cores, 0 if there is none
	Used      float64 // cores, 0 if it is not accounted for
	Throttled float64 // share of enforcement periods in which it was throttled
	Periods   float64 // enforcement periods in which it wanted to run
	// Held is the CPU-seconds a second for which threads that could have run were
	// held back by the quota: how many CPUs more they would have used just then.
	Held      float64
	MemoryMax uint64 // bytes, 0 if there is no limit
	Memory    uint64 // bytes, at the end
	OOMKills  float64
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
	g := &Cgroup{
		Quota: b.QuotaCores, Used: (b.Usage - a.Usage) / dt,
		MemoryMax: b.MemoryMax, Memory: b.MemoryCurrent,
		Held: forward(a.ThrottledFor, b.ThrottledFor) / dt,
	}
	g.OOMKills = forward(float64(a.MemoryOOMKills), float64(b.MemoryOOMKills))
	if g.Periods = float64(b.Periods - a.Periods); g.Periods > 0 && b.Throttled >= a.Throttled {
		g.Throttled = float64(b.Throttled-a.Throttled) / g.Periods
	}
	return g
}

// A Verdict says in a word, and in a sentence, what the machine is limited by.
type Verdict struct {
	Word     string // one of the words below; part of the JSON contract
	Sentence string // with all figures
	Brief    string // without those of the host's modes and of the backlog, for where they are shown anyhow
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
		const blind = "no host metrics: see the gaps"
		return Verdict{VerdictUnknown, blind, blind}
	}
	figures := fmt.Sprintf("user %s, system %s, iowait %s, steal %s, idle %s of %d CPUs",
		Percent(h.User), Percent(h.System+h.IRQ), Percent(h.IOWait), Percent(h.Steal), Percent(h.Idle), h.CPUs)
	of := ""
	if target > 0 && h.Busy() > 0 {
		of = fmt.Sprintf("; the target is %s of what is busy", Percent(min(1, target/h.Cores(h.Busy()))))
	}
	say := func(word, text, more string) Verdict {
		return Verdict{word, text + more + ": " + figures + of, text + of}
	}
	switch {
	case g != nil && g.Quota > 0 && g.Throttled >= throttledShare:
		return say(VerdictThrottled, fmt.Sprintf("throttled by its own limit of %.2g cores in %s of periods", g.Quota, Percent(g.Throttled)), "")
	case h.Steal >= stolen:
		return say(VerdictStolen, "kept short of CPU by the hypervisor", "")
	case h.IOWait >= waitingDisk:
		return say(VerdictDisk, "waiting for disk", "")
	case h.Busy() >= saturated && h.System+h.IRQ > h.User:
		return say(VerdictKernel, "CPU-bound in the kernel", "")
	case h.Busy() >= saturated:
		return say(VerdictUser, "CPU-bound in user space", "")
	case backlog != "" && h.Busy() < idleBelow:
		return say(VerdictBacklog, "idle while work waits", " ("+backlog+")")
	case h.Busy() < nothing:
		return say(VerdictIdle, "idle", "")
	}
	return say(VerdictHealthy, "neither saturated nor idle", "")
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
