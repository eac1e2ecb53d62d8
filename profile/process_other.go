//go:build !linux

package profile

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/process"
)

// leastInterval is the fastest that gopsutil is asked for all processes: a
// sweep over 250 of them costs about 30 ms of CPU.
const leastInterval = 4 * time.Second

// processSource sweeps the process table at the given interval, or every four
// seconds if that is longer.
func processSource(interval time.Duration, _ *machine) Source {
	return Source{Signal: "processes", Gather: func(ctx context.Context, w Window, c *Capture) error {
		c.AddGap("processes", "CPU of ended children, and births, are not seen on "+runtime.GOOS,
			"run the service on Linux to see them")
		boot, err := host.BootTimeWithContext(ctx)
		if err != nil {
			return unavailablef("", "boot time: %v", err)
		}
		t := processTable{c: c, boot: float64(boot), known: map[int]Process{}}
		return every(ctx, w, max(interval, leastInterval), t.sweep)
	}}
}

// A processTable is what the last sweep has seen.
type processTable struct {
	c      *Capture
	boot   float64 // seconds since the epoch
	known  map[int]Process
	hidden bool // the Gap about processes that cannot be read is recorded
}

func (t *processTable) sweep(now time.Time) error {
	list, err := process.Processes()
	if err != nil {
		return unavailablef("", "list processes: %v", err)
	}
	sample := ProcessSample{At: now, Total: len(list)}
	seen := make(map[int]bool, len(list))
	unread := 0
	for _, p := range list {
		s, ok := readProcess(p, t.boot)
		if !ok {
			unread++
			continue
		}
		seen[s.PID] = true
		t.note(p, s, &sample)
	}
	for pid, k := range t.known {
		if !seen[pid] {
			sample.Gone = append(sample.Gone, k.ProcessKey)
			delete(t.known, pid)
		}
	}
	slices.SortFunc(sample.Gone, func(a, b ProcessKey) int { return a.PID - b.PID })
	t.c.AddProcesses(sample)
	if unread > 0 && !t.hidden {
		t.hidden = true
		t.c.AddGap("processes", fmt.Sprintf("%d of %d processes cannot be read", unread, len(list)),
			"run busywork as an administrator or as the service's user")
	}
	return nil
}

func (t *processTable) note(p *process.Process, s Process, sample *ProcessSample) {
	k, known := t.known[s.PID]
	if known && k.ProcessKey != s.ProcessKey {
		sample.Gone = append(sample.Gone, k.ProcessKey)
		known = false
	}
	t.known[s.PID] = s
	if !known {
		t.c.AddIdentity(identityOf(p, s.ProcessKey))
	}
	if !known || k != s {
		sample.Changed = append(sample.Changed, s)
	}
}

// readProcess reads the counters; without CPU times and start time a process is
// of no use, the rest may be missing.
func readProcess(p *process.Process, boot float64) (Process, bool) {
	times, err := p.Times()
	if err != nil {
		return Process{}, false
	}
	created, err := p.CreateTime() // milliseconds since the epoch
	if err != nil {
		return Process{}, false
	}
	s := Process{ProcessKey: ProcessKey{PID: int(p.Pid), Start: float64(created)/1000 - boot}}
	s.User, s.System = times.User, times.System
	if m, err := p.MemoryInfo(); err == nil && m != nil {
		s.RSS = m.RSS
	}
	if n, err := p.NumThreads(); err == nil {
		s.Threads = int(n)
	}
	if states, err := p.Status(); err == nil && len(states) > 0 {
		s.State = stateLetter(states[0])
	}
	return s, true
}

// stateLetter translates gopsutil's words into the kernel's letters.
func stateLetter(word string) string {
	switch word {
	case process.Running:
		return "R"
	case process.Sleep, process.Wait, process.Lock:
		return "S"
	case process.Blocked:
		return "D"
	case process.Stop:
		return "T"
	case process.Zombie:
		return "Z"
	case process.Idle:
		return "I"
	}
	return ""
}

func identityOf(p *process.Process, key ProcessKey) ProcessIdentity {
	id := ProcessIdentity{ProcessKey: key}
	if ppid, err := p.Ppid(); err == nil {
		id.PPID = int(ppid)
	}
	if name, err := p.Name(); err == nil {
		id.Name = printable(name, maxPathBytes)
	}
	if args, err := p.CmdlineSlice(); err == nil {
		id.Command = commandLines{}.keep([]byte(strings.Join(args, "\x00")))
	}
	if exe, err := p.Exe(); err == nil {
		id.Exe = printable(exe, maxPathBytes)
	}
	return id
}

// A runningProcess is a process with its arguments as they are. They may hold
// secrets: they are for looking, not for keeping.
type runningProcess struct {
	ProcessKey
	PPID int
	Name string
	Args []string
}

// runningProcesses lists the processes of this machine.
func runningProcesses() ([]runningProcess, error) {
	all, err := process.Processes()
	if err != nil {
		return nil, err
	}
	boot, err := host.BootTime()
	if err != nil {
		return nil, err
	}
	var list []runningProcess
	for _, p := range all {
		created, err := p.CreateTime()
		if err != nil {
			continue // ended, or hidden from us
		}
		r := runningProcess{ProcessKey: ProcessKey{PID: int(p.Pid), Start: float64(created)/1000 - float64(boot)}}
		if ppid, err := p.Ppid(); err == nil {
			r.PPID = int(ppid)
		}
		if r.Name, err = p.Name(); err != nil {
			continue
		}
		if r.Args, err = p.CmdlineSlice(); err != nil {
			r.Args = nil
		}
		list = append(list, r)
	}
	return list, nil
}
