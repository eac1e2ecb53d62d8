package profile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A seen window is what Watch handed over.
type seenWindow struct {
	n        int
	captures []*Capture
	errs     []error
}

// watchUntil watches targets in windows of 100 ms, but for the first of 150,
// until enough says so.
func watchUntil(t *testing.T, targets []string, enough func(list []seenWindow) bool) []seenWindow {
	t.Helper()
	o := WatchOptions{Window: func(n int) time.Duration { return 100*time.Millisecond + 50*time.Millisecond/time.Duration(n) }}
	for _, target := range targets {
		o.Targets = append(o.Targets, Options{Target: target})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that a failure is not for ever
	defer cancel()
	var list []seenWindow
	err := Watch(ctx, o, func(n int, captures []*Capture, errs []error) {
		list = append(list, seenWindow{n, captures, errs})
		if ctx.Err() == nil && enough(list) {
			cancel()
		}
	})
	if err != nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("%v after %d windows; the last is %+v", err, len(list), list[max(0, len(list)-1):])
	}
	return list
}

// TestWatch: the windows come in order and follow upon each other, each complete
// in itself, the last one cut short.
func TestWatch(t *testing.T) {
	list := watchUntil(t, []string{"host"}, func(list []seenWindow) bool { return len(list) == 4 })
	if len(list) < 5 {
		t.Fatalf("%d windows; what was gathered until the end is missing", len(list))
	}
	for i, w := range list {
		c := w.captures[0]
		if w.n != i+1 || w.errs[0] != nil {
			t.Fatalf("window %d is %d: %v", i+1, w.n, w.errs[0])
		}
		if i > 0 && c.Window.Start.Before(list[i-1].captures[0].Window.End) {
			t.Errorf("window %d overlaps the one before", w.n)
		}
		if len(c.Host) < 2 || len(c.Processes) == 0 || len(c.Processes[0].Changed) != c.Processes[0].Total || len(c.Identities) < c.Processes[0].Total {
			t.Errorf("window %d is not complete: %d host samples, %d identities", w.n, len(c.Host), len(c.Identities))
		}
		if !c.Target.Local || c.Self.CPU <= 0 || c.Self.MaxRSS == 0 {
			t.Errorf("window %d: %+v, cost %+v", w.n, c.Target, c.Self)
		}
		dir := filepath.Join(t.TempDir(), "capture")
		if err := Save(dir, c); err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, loaded, cmpopts.IgnoreUnexported(Capture{})); diff != "" {
			t.Errorf("window %d differs when it is loaded:\n%s", w.n, diff)
		}
	}
}

// TestWatchLooksOnce: what was found out about a target is used again, and so are
// the connections to it.
func TestWatchLooksOnce(t *testing.T) {
	var probes, connections atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/debug/pprof/" {
			probes.Add(1)
		}
		fmt.Fprint(w, "pprof goroutine? profile?")
	})
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintln(w, "jobs_total 1")
	})
	s := httptest.NewUnstartedServer(mux)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	first := int64(0)
	list := watchUntil(t, []string{s.URL}, func(list []seenWindow) bool {
		if len(list) == 1 {
			first = connections.Load()
		}
		return len(list) == 6
	})
	// That somebody answers, and what: profiles that fail from the first window on
	// are no reason to ask again.
	if n := probes.Load(); n != 1 {
		t.Errorf("%d requests to the index in %d windows", n, len(list))
	}
	if n := connections.Load(); n > first+2*maxConnections {
		t.Errorf("%d connections after one window, %d after %d", first, n, len(list))
	}
	for _, w := range list[:6] { // the last one was cut short
		c := w.captures[0]
		if len(c.Builds) != 1 || len(discovered(c, "metrics")) != 1 || len(c.Counters) < 2 {
			t.Errorf("window %d: %d builds, %d metrics found, %d scrapes", w.n, len(c.Builds), len(discovered(c, "metrics")), len(c.Counters))
		}
	}
}

// TestWatchOfNothing: targets that never were fail at the beginning, unless there
// is another.
func TestWatchOfNothing(t *testing.T) {
	o := WatchOptions{Window: func(int) time.Duration { return time.Hour }}
	o.Targets = []Options{{Target: "no-such-process-name"}, {Target: "pid:0"}}
	err := Watch(t.Context(), o, func(int, []*Capture, []error) { t.Error("a window came") })
	u, ok := errors.AsType[*Unavailable](err)
	if !ok || u.Hint == "" || !strings.Contains(err.Error(), "no-such-process-name") || !strings.Contains(err.Error(), "not a process id") {
		t.Errorf("%v", err)
	}
	if err := Watch(t.Context(), WatchOptions{}, nil); err == nil {
		t.Error("watching nothing at all goes on for ever")
	}
	list := watchUntil(t, []string{"no-such-process-name", "host"}, func(list []seenWindow) bool { return len(list) == 3 })
	for _, w := range list {
		if w.errs[0] == nil || w.captures[0] != nil || w.errs[1] != nil || w.captures[1] == nil {
			t.Errorf("window %d: %v", w.n, w.errs)
		}
	}
}

// TestWatchGoesOn: the next window has begun while somebody works on one.
func TestWatchGoesOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := make(chan struct{})
	var once sync.Once
	o := WatchOptions{Targets: []Options{{Target: "host"}}, Window: func(n int) time.Duration {
		if n == 2 {
			once.Do(func() { close(begun) })
		}
		return 50 * time.Millisecond
	}}
	err := Watch(ctx, o, func(n int, _ []*Capture, _ []error) {
		if n > 1 {
			return
		}
		select {
		case <-begun:
		case <-time.After(20 * time.Second):
			t.Error("the second window waits for the first to be worked on")
		}
		cancel()
	})
	if err != nil {
		t.Error(err)
	}
}

// TestWatchSurvivesAPanic of who asked for it, and says where it was.
func TestWatchSurvivesAPanic(t *testing.T) {
	o := WatchOptions{Targets: []Options{{Target: "host"}}, Window: func(int) time.Duration { return 20 * time.Millisecond }}
	calls := 0
	err := Watch(t.Context(), o, func(int, []*Capture, []error) {
		calls++
		panic("odd window")
	})
	if err == nil || !strings.Contains(err.Error(), "odd window at busywork/profile.") || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestCalibratorRemembers(t *testing.T) {
	signs := only("crypto/rsa.SignPKCS1v15", "crypto/internal/fips140/bigmod.addMulVVW1024")
	var k calibrator
	var first, second, third Capture
	k.calibrate(t.Context(), &first, signs)
	k.calibrate(t.Context(), &second, signs)
	if diff := cmp.Diff(first.Calibrations, second.Calibrations); diff != "" || len(first.Calibrations) != 1 {
		t.Errorf("measured again:\n%s", diff)
	}
	if first.Self.Calibration <= 0 || second.Self.Calibration != 0 {
		t.Errorf("cost %v s, then %v s", first.Self.Calibration, second.Self.Calibration)
	}
	old := first.Calibrations[0]
	old.At = old.At.Add(-calibrationLasts)
	k.keep(old)
	k.calibrate(t.Context(), &third, signs)
	if len(third.Calibrations) != 1 || !third.Calibrations[0].At.After(first.Calibrations[0].At) {
		t.Errorf("an old calibration was used: %+v", third.Calibrations)
	}
}

func TestHasEnded(t *testing.T) {
	key, other := ProcessKey{7, 1.5}, ProcessKey{7, 9}
	runs := Process{ProcessKey: key, State: "S"}
	dead := Process{ProcessKey: key, State: "Z"}
	successor := Process{ProcessKey: other, State: "R"}
	for name, test := range map[string]struct {
		samples []ProcessSample
		want    bool
	}{
		"nothing was seen":    {nil, false},
		"it runs":             {[]ProcessSample{{Changed: []Process{runs}}, {}}, false},
		"it was never there":  {[]ProcessSample{{Changed: []Process{successor}}}, true},
		"it has gone":         {[]ProcessSample{{Changed: []Process{runs}}, {Gone: []ProcessKey{key}}}, true},
		"another has":         {[]ProcessSample{{Changed: []Process{runs}}, {Gone: []ProcessKey{{8, 1}}}}, false},
		"it is a zombie":      {[]ProcessSample{{Changed: []Process{runs}}, {Changed: []Process{dead}}}, true},
		"its number is taken": {[]ProcessSample{{Changed: []Process{runs}}, {Gone: []ProcessKey{key}, Changed: []Process{successor}}}, true},
	} {
		if got := hasEnded(key, test.samples); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestWatchedLooksAgain: what fails from the beginning is no reason to look at the
// target again, what fails later is, once.
func TestWatchedLooksAgain(t *testing.T) {
	w := watched{plan: &plan{c: new(Capture)}}
	judge := func(signals ...string) bool {
		c := new(Capture)
		for _, s := range signals {
			c.AddGap(s, "", "")
		}
		w.due = false
		w.judge(c, new(Capture))
		return w.due
	}
	for i, test := range []struct {
		missing string
		due     bool
	}{
		{"build", false}, {"build", false}, {"", false}, {"build", false},
		{"build counters", true}, {"build counters", false}, {"counters", false},
	} {
		if due := judge(strings.Fields(test.missing)...); due != test.due {
			t.Errorf("window %d, without %q: %v", i+1, test.missing, due)
		}
	}
}

// TestWatchedKeepsWhatHolds goes through what may come of looking again.
func TestWatchedKeepsWhatHolds(t *testing.T) {
	made := func(pid int, start float64, scrapes int) *plan {
		return &plan{c: new(Capture), process: ProcessKey{pid, start}, scrapes: make([]scrape, scrapes)}
	}
	unreachable := &requestError{Unavailable: &Unavailable{Reason: "nobody answers"}}
	for name, test := range map[string]struct {
		target   string
		before   *plan
		now      planned
		adopts   bool
		drops    bool
		restarts bool
	}{
		"the same":                      {"http://a", made(7, 1, 0), planned{plan: made(7, 1, 0)}, true, false, false},
		"another process":               {"http://a", made(7, 1, 0), planned{plan: made(8, 2, 0)}, true, false, true},
		"another of the same number":    {"a", made(7, 1, 0), planned{plan: made(7, 2, 0)}, true, false, true},
		"a number is one process":       {"pid:7", made(7, 1, 0), planned{plan: made(7, 2, 0)}, false, false, false},
		"a busy one that answered less": {"http://a", made(7, 1, 2), planned{plan: made(7, 1, 1)}, false, false, false},
		"a local one does not answer":   {"http://a", made(7, 1, 0), planned{err: unreachable}, false, false, false},
		"a remote one does not answer":  {"http://a", made(0, 0, 0), planned{err: unreachable}, false, true, false},
	} {
		// The scrapes of these plans have no client, so they must not be closed: none
		// that has any is given up here.
		w := watched{Options: Options{Target: test.target}, plan: test.before, last: test.before.process}
		if test.now.plan != nil && len(test.now.plan.scrapes) > 0 {
			test.now.plan.scrapes[0].client = newTestClient(t, "http://a", HTTPOptions{})
		}
		w.take(test.now)
		if adopts, drops := w.plan != nil && w.plan == test.now.plan, w.plan == nil; adopts != test.adopts || drops != test.drops {
			t.Errorf("%s: adopts %v, drops %v", name, adopts, drops)
		}
		if w.plan != nil && (len(discovered(w.plan.c, "restart")) == 1) != test.restarts {
			t.Errorf("%s: %+v", name, w.plan.c.Discoveries)
		}
	}
}

// TestWatchOfTheStuck: a target that takes connections and answers nothing holds up
// no other, from the first window on; what can be seen of it without its answers is.
func TestWatchOfTheStuck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the kernel takes the connections
	start := time.Now()
	gapOf := func(c *Capture, signal string) string {
		for _, g := range c.Gaps {
			if g.Signal == signal {
				return g.Reason
			}
		}
		return ""
	}
	list := watchUntil(t, []string{"http://" + l.Addr().String(), "host"}, func(list []seenWindow) bool {
		return list[len(list)-1].captures[0] != nil
	})
	first, last := list[0], list[len(list)-1]
	if first.captures[1] == nil || first.captures[1].Window.End.Sub(start) > answerTimeout/2 {
		t.Errorf("the first window of the other target: %v, after %v", first.captures[1], time.Since(start))
	}
	if first.errs[0] == nil || first.captures[0] != nil {
		t.Errorf("the first window of the one that is stuck: %v", first.errs[0])
	}
	for _, signal := range []string{"cpu-profile", "goroutines"} {
		if why := gapOf(last.captures[0], signal); !strings.Contains(why, "did not answer within 5s") {
			t.Errorf("why there is no %s: %q", signal, why)
		}
	}
	if c := last.captures[0]; c.Window.Duration() > time.Second || len(c.Host) == 0 {
		t.Errorf("a window of %v with %d samples of the host", c.Window.Duration(), len(c.Host))
	}
}

// TestWatchTakesARefusalForAnAnswer: who says that the index of profiles cannot be
// had now is not stuck, and its profiles are asked for.
func TestWatchTakesARefusalForAnAnswer(t *testing.T) {
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusInternalServerError} {
		var asked atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/debug/pprof/profile" {
				asked.Add(1)
			}
			http.Error(w, "not now", status)
		})
		watchUntil(t, []string{s.URL}, func(list []seenWindow) bool { return len(list) == 2 })
		if asked.Load() == 0 {
			t.Errorf("%d: no profile was asked for", status)
		}
	}
}

// TestWatchOfTheLate: a profile that does not come in time makes one window late, and
// those after it by no more than they must be.
func TestWatchOfTheLate(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/debug/pprof/profile" {
			<-r.Context().Done()
		}
		fmt.Fprint(w, "pprof goroutine? profile?")
	})
	list := watchUntil(t, []string{s.URL, "host"}, func(list []seenWindow) bool { return len(list) == 3 })
	third := list[2].captures[1].Window.Duration()
	if most := time.Second + lateGrace + time.Second/2; third > most { // a profile takes a second at the least
		t.Errorf("the third window lasts %v, longer than %v", third, most)
	}
}

// TestPlanClosesItsConnections: those to ports that serve nothing as well.
func TestPlanClosesItsConnections(t *testing.T) {
	var open atomic.Int64
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	s.Start()
	defer s.Close()
	p, err := newPlan(t.Context(), Options{Target: fmt.Sprintf("pid:%d", os.Getpid())})
	if err != nil {
		t.Fatal(err)
	}
	if open.Load() == 0 {
		t.Fatal("the port was not looked at")
	}
	p.close()
	for deadline := time.Now().Add(20 * time.Second); open.Load() > 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	if n := open.Load(); n > 0 {
		t.Errorf("%d connections are still open", n)
	}
}

// TestWindowIsNotSet: how long a window lasts does not go by the clock that people
// set; what is kept of it does.
func TestWindowIsNotSet(t *testing.T) {
	w := windowFromNow(time.Hour)
	for name, at := range map[string]time.Time{"start": w.Start, "end": w.End} {
		if !strings.Contains(at.String(), " m=") {
			t.Errorf("%s: %v has no monotonic reading", name, at)
		}
	}
	kept := w.over()
	if text := kept.Start.String() + kept.End.String(); strings.Contains(text, " m=") || kept.End.Before(kept.Start) || kept.End.Location() != time.UTC {
		t.Errorf("%v", kept)
	}
}

// TestWatchAwaitsTwo: the others wait once for all that have gone away, and not
// for each.
func TestWatchAwaitsTwo(t *testing.T) {
	w := &watch{}
	there := &watched{plan: &plan{c: new(Capture)}, looked: time.Now()}
	w.targets = append(w.targets, there)
	for range 2 { // nobody ever answers where these look
		w.targets = append(w.targets, &watched{away: true, found: make(chan planned)})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.look(t.Context())
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("a target that does not answer holds up the others")
	}
	if w.targets[1].away || w.targets[2].away || there.plan == nil {
		t.Error("they will be waited for again")
	}
}

// discovered returns the discoveries of one kind.
func discovered(c *Capture, what string) (list []Discovery) {
	for _, d := range c.Discoveries {
		if d.What == what {
			list = append(list, d)
		}
	}
	return list
}
