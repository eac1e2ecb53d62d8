package analyze

import (
	"bytes"
	"math"
	"strings"
	"testing"

	pprof "github.com/google/pprof/profile"

	"busywork/profile"
)

// standing is n goroutines on a stack, leaf first, written "leaf < caller < root".
type standing struct {
	frames string
	n      int64
}

// goroutinesAt adds one goroutine sample.
func goroutinesAt(t testing.TB, c *profile.Capture, at float64, list ...standing) {
	t.Helper()
	p := &pprof.Profile{SampleType: []*pprof.ValueType{{Type: "goroutine", Unit: "count"}}, PeriodType: &pprof.ValueType{Type: "goroutine", Unit: "count"}, Period: 1}
	locations := map[string]*pprof.Location{}
	for _, s := range list {
		sample := &pprof.Sample{Value: []int64{s.n}}
		for _, name := range strings.Split(s.frames+" < runtime.goexit", " < ") {
			if locations[name] == nil {
				f := &pprof.Function{ID: uint64(len(p.Function) + 1), Name: name, Filename: fileOf(name), StartLine: 10}
				p.Function = append(p.Function, f)
				locations[name] = &pprof.Location{ID: uint64(len(p.Location) + 1), Line: []pprof.Line{{Function: f, Line: 42}}}
				p.Location = append(p.Location, locations[name])
			}
			sample.Location = append(sample.Location, locations[name])
		}
		p.Sample = append(p.Sample, sample)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	c.Goroutines = append(c.Goroutines, profile.GoroutineSample{At: after(at), Data: b.Bytes()})
}

// alwaysStanding takes the same sample every second of the window.
func alwaysStanding(t testing.TB, c *profile.Capture, list ...standing) {
	t.Helper()
	for i := range window + 1 {
		goroutinesAt(t, c, float64(i), list...)
	}
}

func TestWaits(t *testing.T) {
	const worker = " < main.(*worker).handle < main.(*worker).run"
	for _, test := range []struct {
		frames string
		want   Wait
	}{
		{"runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < internal/poll.(*FD).Read < net.(*conn).Read", WaitNetwork},
		{"runtime.gopark < runtime.selectgo < net/http.(*persistConn).roundTrip < net/http.(*Client).Do", WaitNetwork},
		{"runtime.gopark < runtime.selectgo < net/http.(*Transport).getConn < net/http.(*Client).Do", WaitPool},
		{"runtime.gopark < runtime.selectgo < database/sql.(*DB).conn < database/sql.(*DB).query", WaitPool},
		{"runtime.gopark < runtime.selectgo < golang.org/x/sync/semaphore.(*Weighted).Acquire < github.com/jackc/puddle/v2.(*Pool[go.shape.int]).Acquire", WaitPool},
		{"runtime.gopark < runtime.semacquire1 < internal/sync.runtime_SemacquireMutex < internal/sync.(*Mutex).lockSlow < sync.(*Mutex).Lock", WaitLock},
		{"runtime.gopark < runtime.semacquire1 < sync.runtime_SemacquireRWMutexR < sync.(*RWMutex).RLock", WaitLock},
		{"runtime.gopark < runtime.semacquire1 < sync.runtime_SemacquireWaitGroup < sync.(*WaitGroup).Wait", WaitGroup},
		{"runtime.gopark < runtime.goparkunlock < sync.runtime_notifyListWait < sync.(*Cond).Wait", WaitCond},
		{"runtime.gopark < runtime.chanrecv < runtime.chanrecv1", WaitReceive},
		{"runtime.gopark < runtime.chansend < runtime.chansend1", WaitSend},
		{"runtime.gopark < runtime.selectgo", WaitSelect},
		{"runtime.gopark < time.Sleep", WaitSleep},
		{"runtime.gopark < runtime.selectgo < golang.org/x/time/rate.(*Limiter).wait < golang.org/x/time/rate.(*Limiter).Wait", WaitLimiter},
		{"runtime.gopark < time.Sleep < example.com/svc/quota.(*RateLimiter).Take", WaitLimiter},
		{"syscall.Syscall < syscall.read < os.(*File).Read", WaitSyscall},
		// A limiter that is being asked, and not waited for.
		{"golang.org/x/time/rate.(*Limiter).reserveN < golang.org/x/time/rate.(*Limiter).Allow", WaitNone},
		{"crypto/sha256.block", WaitNone},
		// Own code between the wait and the pool: it waits inside the pool's
		// callback, and not for a connection.
		{"runtime.gopark < time.Sleep < main.connect < database/sql.(*DB).conn", WaitSleep},
	} {
		c := newCapture(t, 0.1, 0.1)
		alwaysStanding(t, c, standing{test.frames + worker, 3})
		g := NewFacts(c).Goroutines
		if g == nil || len(g.Stands) != 1 {
			t.Fatalf("%s: goroutines are %+v", test.frames, g)
		}
		if s := g.Stands[0]; s.Wait != test.want || s.Mean != 3 || s.Seen != window+1 {
			t.Errorf("%s: %.1f wait for %s, want 3 for %s", test.frames, s.Mean, s.Wait, test.want)
		}
	}
}

func TestGoroutinesGrow(t *testing.T) {
	c := newCapture(t, 0.1, 0.1)
	for i := range window + 1 {
		goroutinesAt(t, c, float64(i),
			standing{"runtime.gopark < runtime.chansend < main.notify", 10 + 5*int64(i)},
			standing{"runtime.gopark < runtime.netpollblock < internal/poll.runtime_pollWait < net.(*conn).Read < net/http.(*conn).serve", 4},
			standing{"runtime.goroutineProfileWithLabels < runtime/pprof.writeGoroutine < net/http/pprof.handler.ServeHTTP < net/http.(*conn).serve", 1})
	}
	c.Goroutines = append(c.Goroutines, profile.GoroutineSample{At: after(window), Data: []byte("no profile")})
	g := NewFacts(c).Goroutines
	if g.First != 14 || g.Last != 64 || math.Abs(g.Growth-5) > 1e-9 {
		t.Errorf("%.0f goroutines became %.0f, %+.2f a second; want 14, 64, +5: whoever takes the sample does not count", g.First, g.Last, g.Growth)
	}
	s := g.Stands[0]
	if s.Wait != WaitSend || s.Max != 60 || math.Abs(s.Growth-5) > 1e-9 || s.Root != "main.notify" || s.Line != 42 {
		t.Errorf("most stand at %+v, want up to 60 of main.notify waiting to send", s)
	}
}
