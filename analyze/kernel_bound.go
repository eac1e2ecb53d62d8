package analyze

import (
	"fmt"
	"math"
)

// KernelBound finds a busy machine that spends more time in the kernel than in
// programs, because of what one service asks of the kernel again for each job.
//
// Time in the kernel is not waste in itself: who moves bytes between disks and
// networks works there. So three things must come together: the machine as a
// whole is in the kernel for most of the window and not only now and then; the
// target is who it works for, by the kernel's account of the process; and most
// of that is spent on what a service need not ask for more than once: memory
// mapped and unmapped, files opened, looked up and closed. Reads and writes are
// left to small-io, which can count them.
//
// A profile has only half of what a mapping costs. The pages of fresh memory are
// filled when they are first touched, and those samples look like own code. But
// the kernel's account has them: system time that no system call explains. As much
// of it is accused as the function that maps has of such samples.
var KernelBound = Rule{
	Name:  "kernel-bound",
	Title: "The kernel works more than the programs do",
	Doc: `What it is: for each job the service asks the kernel for what it could keep: it
maps a file or a buffer and unmaps it again, so that each page is faulted in anew;
it opens, looks up and closes the same files, or writes and removes temporary
ones.

What it costs: 0.1 to 1 µs for each page of 4 KiB that is touched for the first
time (a mapping of 8 MiB is 2,048 of them) and as much again to unmap it, with
other threads of the process held up meanwhile; 2 to 20 µs to open and close a
file.

How to fix it: map once and keep the mapping; reuse buffers (sync.Pool); read the
file once and look at its time of change now and then; hand intermediate results
on in memory.

When this rule is wrong: when each job has a file of its own that must be opened:
the work is then there.`,
	Needs: Signals{All: SignalCPU | SignalHost | SignalProcesses},
	Limits: []Limit{
		{"busy", 0.30, "of all CPUs", "below it, interrupts and housekeeping are a large part of what the kernel does, and nobody waits"},
		{"share", 0.03, "of the target's CPU", "what is accused must be seen in the profile by its calls, and not only be what is left over; pages cost ten times as much as the calls that map and unmap them"},
		{"time", 0.60, "of the window", "the kernel must lead for most of it: a burst of writes, or a fork, is no state"},
		{"target", 0.50, "of the machine's system time", "else the kernel works for somebody else, who is named"},
		{"one-kind", 0.50, "of the target's system time", "most of it must be of the kind that is accused"},
	},
	Check: checkKernelBound,
}

// kernelWork is a kind of work that a service asks of the kernel.
type kernelWork struct {
	mark   Mark
	what   string
	fix    string
	faults bool // it makes pages to be faulted in, outside of system calls
}

var kernelWorks = []kernelWork{
	{MarkMapping, "maps and unmaps memory", "Map once and keep the mapping, or read into a buffer that is used again.", true},
	{MarkFiles, "opens, looks up and closes files", "Open the file once and keep it, or keep what was read and look at its time of change now and then; hand intermediate results on in memory.", false},
}

func checkKernelBound(p *Pass) {
	h := p.Host
	kernel := h.System + h.IRQ
	switch {
	case h.Busy() < p.Limit("busy"):
		p.Clean("%s busy", Percent(h.Busy()))
		return
	case kernel <= h.User:
		p.Clean("system %s, user %s of the CPUs", Percent(kernel), Percent(h.User))
		return
	case p.kernelLeads() < p.Limit("time"):
		p.Clean("the kernel has more than the programs only for %s of the time", Percent(p.kernelLeads()))
		return
	case p.Target == nil || systemCores(p.Processes, p.Target) < p.Limit("target")*h.Cores(kernel):
		p.Clean("the kernel works for %s", p.whoInKernel())
		return
	}
	system := systemCores(p.Processes, p.Target)
	for _, k := range kernelWorks {
		if f, ok := k.finding(p, system); ok {
			p.Report(f)
			return
		}
	}
	p.Clean("the target has %.2f cores in the kernel, for no work that could be kept; reads and writes are small-io's", system)
}

// kernelLeads is the part of the window in which the kernel had more of the
// CPUs than the programs.
func (p *Pass) kernelLeads() float64 {
	var led, all float64
	for i := 1; i < len(p.Capture.Host); i++ {
		a, b := &p.Capture.Host[i-1], &p.Capture.Host[i]
		m := modesBetween(a.CPU, b.CPU)
		dt := seconds(a.At, b.At)
		all += dt
		if m.system+m.irq > m.user {
			led += dt
		}
	}
	return led / math.Max(all, 1e-9)
}

// systemCores is how many cores the kernel worked for a process.
func systemCores(all *Processes, q *Proc) float64 {
	return forward(q.First.System, q.Last.System) / all.Seconds
}

// whoInKernel names the process that the kernel worked most for.
func (p *Pass) whoInKernel() string {
	var most *Proc
	for _, q := range p.Processes.List {
		if most == nil || systemCores(p.Processes, q) > systemCores(p.Processes, most) {
			most = q
		}
	}
	if most == nil || systemCores(p.Processes, most) < 0.01 {
		return "no process that can be seen"
	}
	return fmt.Sprintf("%s, %.2f cores", most.label(), systemCores(p.Processes, most))
}

// unexplained is how many of the cores that the kernel worked for the target no
// system call of the profile accounts for: page faults, for the most part.
func (p *Pass) unexplained(system float64) float64 {
	calls := p.cores(p.CPU.where(func(g *Group) bool { return g.Ops.has(OpSyscall) || g.Op == OpScheduler }))
	return math.Max(0, system-calls.Value)
}

// finding accuses one kind of work of the target's system time.
func (k kernelWork) finding(p *Pass, system float64) (Finding, bool) {
	accused := func(g *Group) bool { return len(g.Chain) > 0 && g.Marks.has(k.mark) }
	cost := p.charge(accused)
	at := p.CPU.accused(accused)
	if cost.share.Low < p.Limit("share") || at.Function == "" {
		return Finding{}, false
	}
	waste := cost.cores
	if k.faults {
		by, _ := p.CPU.innermost(portion{most, accused})
		touching := func(g *Group) bool { return !g.Ops.has(OpSyscall) && p.CPU.below(by)(g) }
		faults := math.Min(p.unexplained(system), p.cores(p.CPU.where(touching)).Value)
		waste.Value += faults
		waste.High += faults
		accused = p.CPU.below(by)
	}
	if waste.Value < p.Limit("one-kind")*system {
		return Finding{}, false
	}
	name := short(at.Function)
	f := Finding{
		Subject:    name,
		Confidence: Inferred,
		Waste:      wasteOf(waste),
		Location:   at,
		Message: fmt.Sprintf("%s %s: %.2f of the %.2f cores that the kernel works for the target; system %s, user %s of the CPUs.",
			name, k.what, math.Min(waste.Value, system), system, Percent(p.Host.System+p.Host.IRQ), Percent(p.Host.User)),
		Evidence: []Evidence{
			{What: "system time of the machine", Value: p.Host.System + p.Host.IRQ, Unit: "fraction of all CPUs", Limit: limit(p.Host.User), Source: "/proc/stat; the limit is user time"},
			{What: "kernel above programs", Value: p.kernelLeads(), Unit: "fraction of the window", Limit: limit(p.Limit("time")), Source: "/proc/stat"},
			{What: "system time of the target", Value: system, Unit: "cores", Limit: limit(p.Limit("target") * p.Host.Cores(p.Host.System+p.Host.IRQ)), Source: "/proc/PID/stat"},
			{What: "calls of that kind", Value: cost.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
		},
		Fix: k.fix,
		RefutedBy: []string{
			"each job has a file of its own that must be opened",
			"system time stays when it is asked for once and kept",
		},
		cpu: accused,
	}
	if each, ok := p.eachJob(waste.Value * 1e3); ok {
		f.Message += fmt.Sprintf(" %.2f ms a job.", each)
	}
	return f, true
}
