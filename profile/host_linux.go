package profile

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// maxCPUs is the largest NR_CPUS that a kernel can be built with.
const maxCPUs = 8192

// A hostReader holds the files of /proc that tell of the whole machine open,
// because reading is a fifth of the cost of opening, reading and closing.
type hostReader struct {
	stat, load, mem, vm int // file descriptors, -1 if there is no such file
	pressure            map[string]int
	buf                 []byte
}

func openHost() (*hostReader, error) {
	stat, err := openAt(unix.AT_FDCWD, "/proc/stat", 0)
	if err != nil {
		return nil, unavailablef("mount /proc", "/proc/stat: %v", err)
	}
	h := &hostReader{
		stat:     stat,
		load:     openOptional("/proc/loadavg"),
		mem:      openOptional("/proc/meminfo"),
		vm:       openOptional("/proc/vmstat"),
		pressure: map[string]int{},
		buf:      make([]byte, 16<<10),
	}
	for _, resource := range []string{"cpu", "memory", "io"} {
		if fd := openOptional("/proc/pressure/" + resource); fd >= 0 {
			h.pressure[resource] = fd
		}
	}
	return h, nil
}

func openOptional(path string) int {
	fd, err := openAt(unix.AT_FDCWD, path, 0)
	if err != nil {
		return -1
	}
	return fd
}

func (h *hostReader) close() {
	for _, fd := range []int{h.stat, h.load, h.mem, h.vm} {
		unix.Close(fd)
	}
	for _, fd := range h.pressure {
		unix.Close(fd)
	}
}

// sample reads all files once. Only the CPU times must be there: a container
// may hide the rest, and its absence shows as zero or as no Pressure.
func (h *hostReader) sample(now time.Time) (HostSample, error) {
	s := HostSample{At: now}
	data, err := h.read(h.stat)
	if err == nil {
		err = parseProcStat(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("/proc/stat: %w", err)
	}
	if data, err := h.read(h.load); err == nil {
		parseLoadAverage(data, &s)
	}
	if data, err := h.read(h.mem); err == nil {
		parseMeminfo(data, &s)
	}
	if data, err := h.read(h.vm); err == nil {
		parseVMStat(data, &s)
	}
	for resource, fd := range h.pressure {
		// With psi=0 the files are there and reading them fails.
		data, err := h.read(fd)
		if err != nil {
			continue
		}
		if p, ok := parsePressure(data); ok {
			if s.Pressure == nil {
				s.Pressure = make(map[string]Pressure, len(h.pressure))
			}
			s.Pressure[resource] = p
		}
	}
	return s, nil
}

// read returns the content of a held file; it is valid until the next read.
func (h *hostReader) read(fd int) ([]byte, error) {
	data, err := preadAll(fd, h.buf)
	if cap(data) > cap(h.buf) {
		h.buf = data
	}
	return data, err
}

// parseProcStat fills s from the text of /proc/stat. Times are kept as the
// kernel tells them, also when idle or iowait ran backwards since the sample
// before. PerCPU is indexed by the CPU's number, so that a CPU that goes
// offline leaves zeros and the others stay where they were.
func parseProcStat(data []byte, s *HostSample) error {
	seen := false
	for line := range bytes.Lines(data) {
		name, rest := nextField(line)
		var err error
		switch {
		case string(name) == "cpu":
			s.CPU, err = parseCPUTimes(rest)
			seen = true
		case bytes.HasPrefix(name, []byte("cpu")):
			err = parseOneCPU(name[len("cpu"):], rest, s)
		default:
			err = parseStatCount(name, rest, s)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if !seen {
		return fmt.Errorf("no line for all CPUs")
	}
	return nil
}

func parseOneCPU(number, rest []byte, s *HostSample) error {
	n, err := parsePID(number)
	if err != nil {
		return err
	}
	if n >= maxCPUs {
		return fmt.Errorf("more than %d CPUs", maxCPUs)
	}
	for len(s.PerCPU) <= n {
		s.PerCPU = append(s.PerCPU, CPUTimes{})
	}
	s.PerCPU[n], err = parseCPUTimes(rest)
	return err
}

// parseCPUTimes reads the modes of one line. Kernels have added modes at the
// end over time; the first four have always been there.
func parseCPUTimes(fields []byte) (CPUTimes, error) {
	var t CPUTimes
	for i, to := range []*float64{&t.User, &t.Nice, &t.System, &t.Idle, &t.IOWait, &t.IRQ, &t.SoftIRQ, &t.Steal} {
		var field []byte
		field, fields = nextField(fields)
		if len(field) == 0 && i >= 4 {
			break
		}
		ticks, err := parseUint(field)
		if err != nil {
			return t, err
		}
		*to = float64(ticks) / ticksPerSecond
	}
	return t, nil
}

func parseStatCount(name, rest []byte, s *HostSample) error {
	field, _ := nextField(rest)
	switch string(name) {
	case "ctxt":
		return parseInto(field, &s.ContextSwitches)
	case "processes":
		return parseInto(field, &s.Forks)
	case "btime":
		return parseInto(field, &s.BootTime)
	case "procs_running":
		return parseInto(field, &s.Running)
	case "procs_blocked":
		return parseInto(field, &s.Blocked)
	}
	return nil
}

// parseInto stores a number in to, refusing one that to cannot hold.
func parseInto[T int | int64 | uint64](field []byte, to *T) error {
	v, err := parseUint(field)
	if err != nil {
		return err
	}
	if *to = T(v); *to < 0 || uint64(*to) != v {
		*to = 0
		return fmt.Errorf("%d is out of range", v)
	}
	return nil
}

// parseLoadAverage reads the first figure of /proc/loadavg.
func parseLoadAverage(data []byte, s *HostSample) {
	field, _ := nextField(data)
	s.Load1 = parseSeconds(field)
}

// parseSeconds reads a decimal fraction; what is none, or not finite, is zero:
// one NaN would make the whole line unfit for JSON.
func parseSeconds(field []byte) float64 {
	v, err := strconv.ParseFloat(string(field), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}

// parseMeminfo reads what /proc/meminfo says in kB.
func parseMeminfo(data []byte, s *HostSample) {
	for line := range bytes.Lines(data) {
		name, rest := nextField(line)
		var to *uint64
		switch string(name) {
		case "MemTotal:":
			to = &s.MemTotal
		case "MemAvailable:":
			to = &s.MemAvailable
		case "SwapTotal:":
			to = &s.SwapTotal
		case "SwapFree:":
			to = &s.SwapFree
		default:
			continue
		}
		field, _ := nextField(rest)
		if kb, err := parseUint(field); err == nil && kb <= math.MaxUint64>>10 {
			*to = kb << 10
		}
	}
}

// parseVMStat picks the swap counters out of /proc/vmstat.
func parseVMStat(data []byte, s *HostSample) {
	s.SwapIn = vmCount(data, "\npswpin ")
	s.SwapOut = vmCount(data, "\npswpout ")
}

// vmCount looks for one of the 190 lines instead of splitting them all.
func vmCount(data []byte, line string) uint64 {
	at := bytes.Index(data, []byte(line))
	if at < 0 {
		return 0
	}
	field, _ := nextField(data[at+len(line):])
	v, err := parseUint(field)
	if err != nil {
		return 0
	}
	return v
}

// parsePressure reads the totals, in microseconds, of a file such as
//
//	some avg10=0.00 avg60=0.00 avg300=0.00 total=1234
//	full avg10=0.00 avg60=0.00 avg300=0.00 total=0
//
// Before Linux 5.13 "cpu" has no line "full".
func parsePressure(data []byte) (p Pressure, ok bool) {
	for line := range bytes.Lines(data) {
		name, rest := nextField(line)
		_, total, found := bytes.Cut(rest, []byte("total="))
		if !found {
			continue
		}
		field, _ := nextField(total)
		micros, err := parseUint(field)
		if err != nil {
			continue
		}
		switch string(name) {
		case "some":
			p.Some, ok = float64(micros)/1e6, true
		case "full":
			p.Full, ok = float64(micros)/1e6, true
		}
	}
	return p, ok
}
