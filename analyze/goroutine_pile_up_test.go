package analyze

import (
	"strings"
	"testing"

	"busywork/profile"
)

const (
	piledUp     = "runtime.gopark < runtime.selectgo < main.(*Mailer).confirm.func1"
	piledAtSend = "runtime.gopark < runtime.chansend < runtime.chansend1 < main.report.func2"
	connServed  = "runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read < bufio.(*Reader).Peek < net/http.(*conn).serve"
	connRead    = "runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read < net/http.(*persistConn).readLoop"
	connWritten = "runtime.gopark < runtime.selectgo < net/http.(*persistConn).writeLoop"
	socketRead  = "runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read < main.(*Session).read"
)

// piling takes a sample every second, with as many goroutines on the stack as
// the course says.
func piling(t *testing.T, course func(second int) int64, stacks ...string) *profile.Capture {
	c := newCapture(t, 0.2, 0.2, stack{ownWork, 2})
	for i := range window + 1 {
		list := []standing{{waitingForJob, 8}}
		for _, s := range stacks {
			list = append(list, standing{s, course(i)})
		}
		goroutinesAt(t, c, float64(i), list...)
	}
	return c
}

func steadily(second int) int64 { return 100 + 50*int64(second) }

func TestGoroutinePileUpNearMisses(t *testing.T) {
	course := func(list ...int64) func(int) int64 { return func(i int) int64 { return list[min(i, len(list)-1)] } }
	for name, c := range map[string]*profile.Capture{
		"a pool that fills up":           piling(t, course(1, 90, 180, 260, 330, 390, 430, 460, 480, 490, 495, 500), piledUp),
		"a pool that filled up at once":  piling(t, course(1, 500), piledUp),
		"a burst that goes down again":   piling(t, course(1, 100, 200, 300, 400, 500, 450, 350, 250, 150, 50), piledUp),
		"ups and downs":                  piling(t, course(300, 360, 290, 340, 310, 380, 300, 350, 320, 390, 330), piledUp),
		"a few more":                     piling(t, func(i int) int64 { return 100 + int64(i) }, piledUp),
		"connections opened to a server": piling(t, steadily, connServed),
		"connections opened by a client": piling(t, steadily, connRead, connWritten),
		"connections read by own code":   piling(t, steadily, socketRead),
		"growing in all kinds of places": piling(t, func(i int) int64 { return 40 + 10*int64(i) }, piledUp, piledAtSend, strings.Replace(piledUp, "func1", "func7", 1)),
		"three looks are none": func() *profile.Capture {
			c := newCapture(t, 0.2, 0.2, stack{ownWork, 2})
			for i := range 3 {
				goroutinesAt(t, c, float64(5*i), standing{piledUp, 500 * int64(i+1)})
			}
			return c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := found(t, c, &GoroutinePileUp); f != nil {
				t.Errorf("accused: %s %s", f.Severity, f.Message)
			}
		})
	}
}

func TestGoroutinePileUp(t *testing.T) {
	for name, tt := range map[string]struct {
		jobs       float64
		confidence Confidence
		says       string
	}{
		"one for each job that is done": {50, Inferred, "1.0 for each job done"},
		"more than jobs are done":       {5, Suspected, "10.0 for each job done"},
		"nobody counts jobs":            {0, Suspected, "50 a second"},
	} {
		t.Run(name, func(t *testing.T) {
			c := piling(t, steadily, piledUp)
			if tt.jobs > 0 {
				counter(c, "jobs_completed_total", tt.jobs)
			}
			f, status := found(t, c, &GoroutinePileUp)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != tt.confidence || f.Severity > SeverityMedium || f.Waste.Cores != 0 {
				t.Errorf("%s %s, %.2f cores", f.Severity, f.Confidence, f.Waste.Cores)
			}
			for _, want := range []string{tt.says, "50 a second", "main.(*Mailer).confirm.func1", "one of several channels"} {
				if !strings.Contains(f.Message, want) {
					t.Errorf("no %q in %s", want, f.Message)
				}
			}
			if f.Location.Function != "main.(*Mailer).confirm.func1" || f.Location.Line != 42 {
				t.Errorf("at %+v", f.Location)
			}
		})
	}
}

// With some noise on top, as jobs come and go, it is still a line.
func TestGoroutinePileUpWithNoise(t *testing.T) {
	noise := []int64{0, 12, -8, 5, -3, 9, -11, 4, 0, -6, 7}
	c := piling(t, func(i int) int64 { return 100 + 50*int64(i) + noise[i] }, piledUp)
	if f, status := found(t, c, &GoroutinePileUp); f == nil {
		t.Fatal(status)
	}
}

// Memory that grows with them says what each takes, and how long it will last.
func TestGoroutinePileUpFillsMemory(t *testing.T) {
	c := piling(t, func(i int) int64 { return 100 + 500*int64(i) }, piledUp)
	counter(c, "jobs_completed_total", 600)
	gauge(c, "process_resident_memory_bytes", 100<<20, 150<<20)
	for i := range window + 1 {
		c.Cgroups = append(c.Cgroups, profile.CgroupSample{At: after(float64(i)), MemoryMax: 1 << 30, MemoryCurrent: 150 << 20})
	}
	f, status := found(t, c, &GoroutinePileUp)
	if f == nil {
		t.Fatal(status)
	}
	if f.Severity != SeverityMedium || !strings.Contains(f.Message, "10.2 KiB") || !strings.Contains(f.Message, "2.9 minutes") {
		t.Errorf("%s: %s", f.Severity, f.Message)
	}
}
