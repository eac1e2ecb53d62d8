package feed

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"busywork/analyze"
	"busywork/profile"
)

// service is this very process, as one that serves its profiles.
func service(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// work gives the profile of this process samples until it is told to be idle.
func work() (idle func()) {
	var done atomic.Bool
	go func() {
		for sum := sha256.Sum256(nil); !done.Load(); {
			sum = sha256.Sum256(sum[:])
		}
	}()
	return func() { done.Store(true) }
}

// TestLive watches two targets, records them, and finds what has fallen out of
// memory in the recording.
func TestLive(t *testing.T) {
	opened := NewLive([]profile.Options{{Target: service(t)}, {Target: "host"}}, time.Second, analyze.Options{})
	f := opened.(*live)
	if names := f.Targets(); len(names) != 2 || !strings.HasPrefix(names[0], "http://127.0.0.1:") || names[1] != "host" || !f.Live() {
		t.Fatalf("%q", names)
	}
	dir := filepath.Join(t.TempDir(), "kept")
	idle := work()
	defer idle()
	if _, err := f.StopRecording(); err == nil {
		t.Error("a recording ends that was never begun")
	}
	var where string
	list := gather(t, f, func(list []Arrival) bool {
		if len(list) == 2 { // from the second window on
			idle()
			var err error
			if where, err = f.Record(dir); err != nil || where != dir {
				t.Errorf("%q, %v", where, err)
			}
			if _, err := f.Record(dir); err == nil {
				t.Error("two recordings at once")
			}
		}
		return len(list) == 6
	})
	if len(list) < 7 {
		t.Fatalf("%d windows; the last, shorter one is missing", len(list))
	}
	for i, a := range list {
		if a.Err != nil || a.Lost != nil || a.Indexed || a.Target != i%2 || a.Number != i/2+1 || !a.At.Equal(a.Exam.Report.Window.End) {
			t.Errorf("%+v", a)
		}
	}
	if list[0].Exam.Profile() == nil {
		t.Errorf("the first window has no profile: %+v", list[0].Exam.Report.Gaps)
	}
	done, err := f.StopRecording()
	if err != nil || done.Made != len(list)-2 || done.Windows != done.Made {
		t.Errorf("%+v of %d windows, %v", done, len(list), err)
	}
	checkLoads(t, f, list)
	checkRecorded(t, dir, list)
}

// checkLoads loads all windows from memory, and then what there is from the
// folder, also after the recording has ended.
func checkLoads(t *testing.T, f *live, list []Arrival) {
	t.Helper()
	for _, a := range list {
		if e, err := f.Load(a.Target, a.Number); err != nil || e != a.Exam {
			t.Errorf("window %d of target %d: %v", a.Number, a.Target, err)
		}
	}
	f.held = held{}
	for _, a := range list {
		e, err := f.Load(a.Target, a.Number)
		if a.Number == 1 { // before the recording
			if u, ok := errors.AsType[*profile.Unavailable](err); !ok || !strings.Contains(u.Reason, "no longer held") || u.Hint == "" {
				t.Errorf("a window that nobody has: %v", err)
			}
			continue
		}
		if err != nil || !sameReport(t, e, a.Exam) {
			t.Errorf("window %d of target %d is another one in the folder: %v", a.Number, a.Target, err)
			continue
		}
		if again, _ := f.Load(a.Target, a.Number); again != e {
			t.Error("it is read twice")
		}
	}
}

// checkRecorded opens what was recorded, a folder for each target: the newest window
// is the last that was not interrupted, with the profile that this one lacks.
func checkRecorded(t *testing.T, dir string, list []Arrival) {
	t.Helper()
	f, err := OpenRecorded([]string{dir}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(slices.Clone(list[2:]), func(a Arrival) bool {
		return slices.ContainsFunc(a.Exam.Report.Gaps, func(g analyze.ReportGap) bool { return strings.Contains(g.Reason, "interrupted") })
	})
	again := gather(t, f, func(again []Arrival) bool { return len(again) == len(list) })
	newest := map[int]time.Time{}
	for _, a := range list {
		newest[a.Target] = a.At
	}
	if len(f.Targets()) != 2 || !again[0].At.Equal(newest[0]) && !again[0].At.Equal(newest[1]) {
		t.Errorf("%q, the newest is of %s", f.Targets(), again[0].At)
	}
}

// TestLiveOfNothing fails as diagnose does.
func TestLiveOfNothing(t *testing.T) {
	f := NewLive([]profile.Options{{Target: "no-such-process-name"}}, time.Second, analyze.Options{})
	err := f.Follow(t.Context(), func(Arrival) { t.Error("a window came") })
	if _, ok := errors.AsType[*profile.Unavailable](err); !ok {
		t.Errorf("%v", err)
	}
}

// TestLiveSurvivesAPanic of the screen.
func TestLiveSurvivesAPanic(t *testing.T) {
	f := NewLive([]profile.Options{{Target: "host"}}, 50*time.Millisecond, analyze.Options{})
	err := f.Follow(t.Context(), func(Arrival) { panic("odd screen") })
	if err == nil || !strings.Contains(err.Error(), "odd screen") {
		t.Errorf("%v", err)
	}
}

func TestLiveWindows(t *testing.T) {
	for _, test := range []struct{ window, first, second, third time.Duration }{
		{5 * time.Second, time.Second, 3 * time.Second, 5 * time.Second},
		{2 * time.Second, time.Second, 2 * time.Second, 2 * time.Second},
		{time.Second, time.Second, time.Second, time.Second},
	} {
		f := NewLive(nil, test.window, analyze.Options{}).(*live)
		if f.length(1) != test.first || f.length(2) != test.second || f.length(3) != test.third || f.length(999) != test.third {
			t.Errorf("%s: %s, %s, %s", test.window, f.length(1), f.length(2), f.length(3))
		}
	}
}

// TestRecordingSaysWhatIsLost, at once where nothing can be written at all.
func TestRecordingSaysWhatIsLost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	r := recording{kept: make([]shelf, 1)}
	if _, err := r.begin(filepath.Join(file, "below"), []string{"svc"}); err == nil || r.where != "" {
		t.Errorf("recording to below a file: %v", err)
	}
	if _, err := r.begin(filepath.Join(captures, "beats-waste"), []string{"svc"}); err == nil || r.where != "" {
		t.Errorf("recording into a capture: %v", err)
	}
	dir := t.TempDir()
	if _, err := r.begin(dir, []string{"svc"}); err != nil {
		t.Fatal(err)
	}
	c, err := profile.Load(filepath.Join(captures, "beats-waste"))
	if err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(dir, "000001")
	os.WriteFile(inTheWay, nil, 0o600)
	if err := r.add(0, 1, c); err == nil {
		t.Error("a window that could not be written is not lost")
	}
	os.Remove(inTheWay)
	if err := r.add(0, 2, c); err != nil {
		t.Error(err)
	}
	if w, ok := r.find(0, 2); !ok || w.Dir != filepath.Join(dir, "000001") {
		t.Errorf("window 2 is in %q", w.Dir)
	}
	if _, ok := r.find(0, 1); ok {
		t.Error("the lost window is found")
	}
	if done, err := r.end(); err != nil || done.Made != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestFolderNames(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, want := range map[string]string{
		"dispatchd":               "busywork-dispatchd-20260102-030405",
		"http://10.0.0.7:6060/x":  "busywork-10.0.0.7-6060-x-20260102-030405",
		"../../etc/passwd":        "busywork-etc-passwd-20260102-030405",
		"\x1b[31m..":              "busywork-31m-20260102-030405",
		"":                        "busywork-target-20260102-030405",
		strings.Repeat("ä", 1000): "busywork-target-20260102-030405",
		strings.Repeat("a", 1000): "busywork-" + strings.Repeat("a", maxFileName) + "-20260102-030405",
	} {
		if got := folderName([]string{name}, now); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := folderName([]string{"a", "b"}, now); got != "busywork-20260102-030405" {
		t.Error(got)
	}
	got := distinct([]string{"a", "b", "A", "a-2", "a"})
	if want := []string{"a", "b", "A-2", "a-2-2", "a-3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLiveEndsWithItsContext before anything has come.
func TestLiveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := NewLive([]profile.Options{{Target: "host"}}, time.Second, analyze.Options{})
	if err := f.Follow(ctx, func(Arrival) { t.Error("a window came") }); err != nil {
		t.Error(err)
	}
}
