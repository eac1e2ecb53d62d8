package analyze

import (
	"math"
	"strconv"
	"strings"
)

// GoRuntime is what a Go service says of its own runtime: the settings in its
// environment, and the figures that Prometheus' Go collector serves, or expvar. A
// figure that is not known is 0.
type GoRuntime struct {
	GOGC        float64 // percent; −1 is off
	GOGCFrom    string  // where that is known from, "" if it is not known
	GOGCSet     bool    // the environment says so, not the program
	MemoryLimit float64 // bytes; 0 is none, or not known
	LimitFrom   string

	Cycles    float64 // collections a second
	Goal      float64 // bytes of heap at which the next collection starts
	Live      float64 // bytes of heap that the last collections left, about: Goal without what GOGC adds
	Allocated float64 // bytes a second
	Resident  *Series // bytes of the process
	Count     *Series // goroutines
}

// goRuntime reads them. Of several endpoints the first that has a figure counts:
// the target's own is asked first.
func (f *Facts) goRuntime() GoRuntime {
	r := GoRuntime{
		Resident: f.series("process_resident_memory_bytes"),
		Count:    f.series("go_goroutines"),
	}
	if s := f.series("go_gc_duration_seconds", "go_gc_cycles_total_gc_cycles_total", "memstats.NumGC"); s != nil {
		r.Cycles = s.Rate
	}
	if s := f.series("go_memstats_alloc_bytes_total", "go_gc_heap_allocs_bytes_total", "memstats.TotalAlloc"); s != nil {
		r.Allocated = s.Rate
	}
	r.readSettings(f)
	if s := f.series("go_memstats_next_gc_bytes", "go_gc_heap_goal_bytes", "memstats.NextGC"); s != nil {
		r.Goal = s.Last
	}
	if r.Goal > 0 && r.GOGC > 0 {
		r.Live = r.Goal / (1 + r.GOGC/100)
	}
	return r
}

// readSettings prefers what the runtime says to what the process was started
// with, which the program may have changed since. A Go process without a setting
// has the default.
func (r *GoRuntime) readSettings(f *Facts) {
	if b := f.Build; b != nil && b.Environment != nil {
		r.GOGC, r.GOGCFrom = 100, "the environment, which does not set it"
		if v, ok := b.Environment["GOGC"]; ok {
			r.GOGCFrom, r.GOGCSet = "the process's environment", true
			if r.GOGC = number(v); v == "off" {
				r.GOGC = -1
			}
		}
		if v := b.Environment["GOMEMLIMIT"]; v != "" && v != "off" {
			r.MemoryLimit, r.LimitFrom = byteCount(v), "the process's environment"
		}
	}
	if s := f.series("go_gc_gogc_percent"); s != nil {
		r.GOGCSet = r.GOGCSet && s.Last == r.GOGC
		r.GOGC, r.GOGCFrom = s.Last, s.Name
	}
	if s := f.series("go_gc_gomemlimit_bytes"); s != nil && s.Last < math.MaxInt64 {
		r.MemoryLimit, r.LimitFrom = s.Last, s.Name
	}
}

// series is the first series of one of the names.
func (f *Facts) series(names ...string) *Series {
	for _, name := range names {
		for _, s := range f.Series {
			if s.Name == name {
				return s
			}
		}
	}
	return nil
}

// byteCount reads a size as GOMEMLIMIT is written, 0 if it is none.
func byteCount(s string) float64 {
	units := []struct {
		suffix string
		bytes  float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if digits, ok := strings.CutSuffix(s, u.suffix); ok {
			n, err := strconv.ParseFloat(digits, 64)
			if err != nil {
				return 0
			}
			return finite(n * u.bytes)
		}
	}
	return 0
}

// mebibytes is a size for people.
func mebibytes(bytes float64) string {
	return strconv.FormatFloat(bytes/(1<<20), 'f', decimals(bytes/(1<<20)), 64) + " MiB"
}

// decimals keeps two significant figures of a number below ten.
func decimals(v float64) int {
	if v < 10 {
		return 1
	}
	return 0
}
