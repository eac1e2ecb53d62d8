package profile

import (
	"bytes"
	"context"
	"io"
	"net/http"
	httppprof "net/http/pprof"
	"os"
	"path/filepath"
	runtimepprof "runtime/pprof"
	"strings"
	"testing"
	"time"

	pprof "github.com/google/pprof/profile"
)

// pprofServer serves this test's own profiles. Its CPU profile is the whole
// process', so tests that take one are not parallel.
func pprofServer(t testing.TB) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", httppprof.Index)
	mux.HandleFunc("/debug/pprof/profile", httppprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", httppprof.Symbol)
	return serve(t, mux.ServeHTTP).URL
}

func benchClient(b *testing.B) *client {
	b.Helper()
	cl, err := newClient(pprofServer(b), HTTPOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return cl
}

// burn keeps a CPU busy until the test's end.
func burn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil; n++ {
			bytes.Repeat([]byte{byte(n)}, 1000)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func TestCPUProfile(t *testing.T) {
	base := pprofServer(t)
	burn(t)
	for _, test := range []struct{ base, ref string }{
		{strings.Replace(base, "://", "://ann:hunter2@", 1) + "/debug/pprof/profile", ""},
		{base, base + "/debug/pprof/profile?key=hunter2"},
	} {
		c := observe(t, time.Second, cpuSource(newTestClient(t, test.base, HTTPOptions{}), test.ref))
		if len(c.Profiles) != 1 || len(c.Gaps) != 0 {
			t.Fatalf("%d profiles, gaps %+v", len(c.Profiles), c.Gaps)
		}
		p := c.Profiles[0]
		parsed, err := pprof.ParseData(p.Data)
		if err != nil || len(parsed.Sample) == 0 {
			t.Fatalf("%v, %v", parsed, err)
		}
		if p.Source != base+"/debug/pprof/profile" || p.Partial {
			t.Errorf("source %s, partial %v", p.Source, p.Partial)
		}
		if d := p.End.Sub(p.Start); d != time.Duration(parsed.DurationNanos) {
			t.Errorf("it covers %s, by its own account %s", d, time.Duration(parsed.DurationNanos))
		}
		checkKept(t, c)
	}
}

// TestCPUProfileInUse: the other profiler ends in the middle of the window, and
// what is left is used.
func TestCPUProfileInUse(t *testing.T) {
	base := pprofServer(t)
	burn(t)
	if err := runtimepprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(300*time.Millisecond, runtimepprof.StopCPUProfile)
	defer stop.Stop()
	c := observe(t, 2600*time.Millisecond, cpuSource(newTestClient(t, base, HTTPOptions{}), ""))
	gap := onlyGap(t, c)
	if len(c.Profiles) != 1 || !strings.Contains(gap.Reason, "covers only the last 1 s: another CPU profile") || gap.Hint != hintInUse {
		t.Errorf("%d profiles, %+v", len(c.Profiles), gap)
	}
	if c.Self.TargetRequests != 2 {
		t.Errorf("%d requests, want 2", c.Self.TargetRequests)
	}
}

// TestCPUProfileInterrupted: the target's profiler must not stay busy.
func TestCPUProfileInterrupted(t *testing.T) {
	base := pprofServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	stop := time.AfterFunc(200*time.Millisecond, cancel)
	defer stop.Stop()
	c := observeUntil(t, ctx, time.Hour, cpuSource(newTestClient(t, base, HTTPOptions{}), ""))
	if gap := onlyGap(t, c); !strings.Contains(gap.Reason, "interrupted before the profile came") {
		t.Errorf("%+v", gap)
	}
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if err := runtimepprof.StartCPUProfile(io.Discard); err == nil {
			runtimepprof.StopCPUProfile()
			t.Logf("profiler free after %s", time.Since(begun))
			return
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatal("the target's profiler is still busy")
		}
	}
}

// TestCPUProfilePartial: of plain protobuf a part is of use.
func TestCPUProfilePartial(t *testing.T) {
	whole := plainProfile(t, "cpu", "nanoseconds")
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.Write(whole)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	c := observe(t, 100*time.Millisecond, cpuSource(newTestClient(t, s.URL, HTTPOptions{}), ""))
	if len(c.Profiles) != 1 || !c.Profiles[0].Partial || !strings.Contains(onlyGap(t, c).Reason, "broke off") {
		t.Errorf("%+v, %+v", c.Profiles, c.Gaps)
	}
}

// plainProfile is a profile with one sample, not gzipped.
func plainProfile(t *testing.T, kind, unit string) []byte {
	t.Helper()
	f := &pprof.Function{ID: 1, Name: "main.work"}
	l := &pprof.Location{ID: 1, Line: []pprof.Line{{Function: f}}}
	p := &pprof.Profile{
		SampleType:    []*pprof.ValueType{{Type: kind, Unit: unit}},
		Sample:        []*pprof.Sample{{Location: []*pprof.Location{l}, Value: []int64{10_000_000}}},
		Function:      []*pprof.Function{f},
		Location:      []*pprof.Location{l},
		TimeNanos:     1_700_000_000_000_000_000,
		DurationNanos: 2_000_000_000,
	}
	var b bytes.Buffer
	if err := p.WriteUncompressed(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestProfileKind(t *testing.T) {
	for _, test := range []struct{ kind, unit, want string }{
		{"contentions", "count", "a mutex or block profile (contentions/count)"},
		{"goroutine", "count", "a goroutine profile"},
		{"threadcreate", "count", "thread creation"},
		{"wall", "nanoseconds", "a wall-clock profile"},
		{"bra\x1bnd-new", "x", "another kind (brand-new/x)"},
	} {
		_, err := checkCPU(plainProfile(t, test.kind, test.unit), "f", nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.kind, err)
		}
	}
}

func TestFileProfile(t *testing.T) {
	dir := t.TempDir()
	name := func(n string, data []byte) string {
		n = filepath.Join(dir, n)
		writeTestFile(t, n, string(data))
		return n
	}
	good := name("cpu.pb", plainProfile(t, "cpu", "nanoseconds"))
	p, err := fileProfile(good)
	if err != nil {
		t.Fatal(err)
	}
	if p.Start.Unix() != 1_700_000_000 || p.End.Sub(p.Start) != 2*time.Second || p.Source != good {
		t.Errorf("%+v", p)
	}
	if err := os.Symlink(good, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := fileProfile(filepath.Join(dir, "link")); err != nil {
		t.Errorf("a link to a profile: %v", err)
	}
	for file, want := range map[string]string{
		name("heap", heapProfile(t)):              "a heap profile",
		name("page.html", []byte("<html>")):       "it holds an HTML page",
		name("empty", nil):                        "it holds nothing",
		name("cut", zipped(make([]byte, 99))[:9]): "truncated",
		filepath.Join(dir, "none"):                "no such file",
		dir:                                       "is not a regular file",
		"/dev/zero":                               "is not a regular file",
	} {
		if _, err := fileProfile(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
