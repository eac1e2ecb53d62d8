package profile

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const procStatText = `cpu  400 10 200 3000 50 1 2 3 40 5
cpu0 100 10 100 1000 50 1 2 3 40 5
cpu2 300 0 100 2000 0 0 0 0 0 0
intr 123 4 5 6
ctxt 987654
btime 1700000000
processes 4321
procs_running 3
procs_blocked 1
softirq 1 2 3
`

func TestParseProcStat(t *testing.T) {
	var got HostSample
	if err := parseProcStat([]byte(procStatText), &got); err != nil {
		t.Fatal(err)
	}
	want := HostSample{
		CPU: CPUTimes{User: 4, Nice: 0.1, System: 2, Idle: 30, IOWait: 0.5, IRQ: 0.01, SoftIRQ: 0.02, Steal: 0.03},
		PerCPU: []CPUTimes{
			{User: 1, Nice: 0.1, System: 1, Idle: 10, IOWait: 0.5, IRQ: 0.01, SoftIRQ: 0.02, Steal: 0.03},
			{}, // CPU 1 is offline
			{User: 3, System: 1, Idle: 20},
		},
		BootTime: 1700000000, Running: 3, Blocked: 1, ContextSwitches: 987654, Forks: 4321,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseProcStatRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty":            "",
		"no total":         "cpu0 1 2 3 4\n",
		"too few modes":    "cpu 1 2 3\n",
		"negative":         "cpu 1 2 3 -4\n",
		"too large":        "cpu 1 2 3 99999999999999999999\n",
		"too many CPUs":    "cpu 1 2 3 4\ncpu999999 1 2 3 4\n",
		"no CPU number":    "cpu 1 2 3 4\ncpux 1 2 3 4\n",
		"boot time absurd": "cpu 1 2 3 4\nbtime 18446744073709551615\n",
	} {
		var s HostSample
		if err := parseProcStat([]byte(text), &s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParseProcStatOfOldKernel(t *testing.T) {
	var s HostSample
	if err := parseProcStat([]byte("cpu  1 2 3 4"), &s); err != nil {
		t.Fatal(err)
	}
	if want := (CPUTimes{User: 0.01, Nice: 0.02, System: 0.03, Idle: 0.04}); s.CPU != want {
		t.Errorf("got %+v, want %+v", s.CPU, want)
	}
}

func TestParseMemory(t *testing.T) {
	var s HostSample
	parseMeminfo([]byte("MemTotal:  8000 kB\nMemFree: 1 kB\nMemAvailable:\t4000 kB\nSwapTotal: 16 kB\nSwapFree: 99999999999999999999 kB\n"), &s)
	parseVMStat([]byte("nr_free_pages 1\npswpin 12\npswpout 34\n"), &s)
	want := HostSample{MemTotal: 8000 << 10, MemAvailable: 4000 << 10, SwapTotal: 16 << 10, SwapIn: 12, SwapOut: 34}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

func TestParseLoadAverage(t *testing.T) {
	for text, want := range map[string]float64{"1.25 0.5 0.1 1/200 77\n": 1.25, "": 0, "NaN 1 1": 0, "-1": 0, "Inf": 0} {
		var s HostSample
		parseLoadAverage([]byte(text), &s)
		if s.Load1 != want {
			t.Errorf("%q: got %v, want %v", text, s.Load1, want)
		}
	}
}

func TestParsePressure(t *testing.T) {
	for _, test := range []struct {
		text string
		want Pressure
		ok   bool
	}{
		{"some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0 avg60=0 avg300=0 total=500000\n", Pressure{2.5, 0.5}, true},
		{"some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n", Pressure{Some: 1e-6}, true},
		{"some avg10=0.00 total=x\n", Pressure{}, false},
		{"", Pressure{}, false},
	} {
		if got, ok := parsePressure([]byte(test.text)); got != test.want || ok != test.ok {
			t.Errorf("%q: got %v, %v", test.text, got, ok)
		}
	}
}

func FuzzParseHost(f *testing.F) {
	f.Add([]byte(procStatText))
	f.Add([]byte("MemTotal: 1 kB\nsome total=1\n\npswpin 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s HostSample
		err := parseProcStat(data, &s)
		parseLoadAverage(data, &s)
		parseMeminfo(data, &s)
		parseVMStat(data, &s)
		parsePressure(data)
		if len(s.PerCPU) > maxCPUs || s.Running < 0 || s.Blocked < 0 || s.BootTime < 0 {
			t.Errorf("out of bounds: %+v", s)
		}
		if err == nil && !strings.Contains(string(data), "cpu") {
			t.Error("accepted without CPU times")
		}
	})
}

// TestHostSource samples this machine for two intervals.
func TestHostSource(t *testing.T) {
	c := gatherFor(t, hostSource(20*time.Millisecond), 50*time.Millisecond)
	if len(c.Host) < 2 {
		t.Fatalf("%d samples", len(c.Host))
	}
	first, last := c.Host[0], c.Host[len(c.Host)-1]
	if first.CPU == (CPUTimes{}) || len(first.PerCPU) == 0 || first.BootTime == 0 || first.MemTotal == 0 || first.Running == 0 {
		t.Errorf("incomplete: %+v", first)
	}
	if last.ContextSwitches <= first.ContextSwitches || last.Forks < first.Forks {
		t.Errorf("counters do not grow: %d → %d, %d → %d",
			first.ContextSwitches, last.ContextSwitches, first.Forks, last.Forks)
	}
	if _, err := os.Stat("/proc/pressure/cpu"); err == nil && len(last.Pressure) != 3 {
		t.Errorf("pressure of %d resources", len(last.Pressure))
	}
}

func BenchmarkHostSample(b *testing.B) {
	h, err := openHost()
	if err != nil {
		b.Fatal(err)
	}
	defer h.close()
	b.ReportAllocs()
	loopCPU(b, func() error {
		_, err := h.sample(time.Now())
		return err
	})
}
