//go:build !linux

package profile

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
)

// A hostReader asks gopsutil. Run queue, context switches, forks and pressure
// are not told by these systems, or not at a price worth paying; they stay
// zero.
type hostReader struct {
	boot uint64
}

func openHost() (*hostReader, error) {
	if _, err := cpu.Times(false); err != nil {
		return nil, unavailablef("on macOS busywork must be built with CGO_ENABLED=1",
			"no CPU times on %s: %v", runtime.GOOS, err)
	}
	// Asked once: on some systems it is derived from the wall clock and moves
	// with each correction of it, which would look like a reboot.
	boot, err := host.BootTime()
	if err != nil {
		boot = 0
	}
	return &hostReader{boot}, nil
}

func (h *hostReader) close() {}

func (h *hostReader) sample(now time.Time) (HostSample, error) {
	s := HostSample{At: now, BootTime: int64(h.boot)}
	all, err := cpu.Times(false)
	if err != nil || len(all) != 1 {
		return s, fmt.Errorf("CPU times: %v", err)
	}
	s.CPU = cpuTimes(all[0])
	if each, err := cpu.Times(true); err == nil {
		for _, t := range each {
			s.PerCPU = append(s.PerCPU, cpuTimes(t))
		}
	}
	if l, err := load.Avg(); err == nil {
		s.Load1 = l.Load1
	}
	if m, err := mem.VirtualMemory(); err == nil {
		s.MemTotal, s.MemAvailable = m.Total, m.Available
	}
	if m, err := mem.SwapMemory(); err == nil {
		page := uint64(os.Getpagesize()) // gopsutil has made bytes of the pages
		s.SwapTotal, s.SwapFree = m.Total, m.Free
		s.SwapIn, s.SwapOut = m.Sin/page, m.Sout/page
	}
	return s, nil
}

func cpuTimes(t cpu.TimesStat) CPUTimes {
	return CPUTimes{t.User, t.Nice, t.System, t.Idle, t.Iowait, t.Irq, t.Softirq, t.Steal}
}
