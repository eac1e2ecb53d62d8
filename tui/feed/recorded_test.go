package feed

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"busywork/analyze"
	"busywork/profile"
)

// TestRecordedSingles: a capture and a profile are recordings of one window, and
// several of them several targets.
func TestRecordedSingles(t *testing.T) {
	capture, file := filepath.Join(captures, "dispatch-waste"), filepath.Join(captures, "dispatch-waste", "cpu-1.pb.gz")
	f, err := OpenRecorded([]string{capture, file}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if names := f.Targets(); !slices.Equal(names, []string{"dispatch-waste", "cpu-1.pb.gz"}) || f.Live() {
		t.Errorf("%q", names)
	}
	list := gather(t, f, toTheEnd)
	if len(list) != 2 {
		t.Fatalf("%d windows", len(list))
	}
	for i, a := range list {
		if a.Target != i || a.Number != 1 || a.Err != nil || a.Indexed || a.Exam.Report.Findings == nil || !a.At.Equal(a.Exam.Report.Window.End) {
			t.Errorf("%+v", a)
		}
		if e, err := f.Load(i, 1); err != nil || !sameReport(t, e, a.Exam) {
			t.Errorf("loaded again: %v", err)
		}
	}
	if !sameReport(t, list[0].Exam, diagnosed(t, capture)) {
		t.Error("not what diagnose says")
	}
	for _, at := range [][2]int{{0, 2}, {0, 0}, {2, 1}, {-1, 1}} {
		if _, err := f.Load(at[0], at[1]); err == nil {
			t.Errorf("window %d of target %d loads", at[1], at[0])
		}
	}
	if _, err := f.Record(t.TempDir()); err == nil {
		t.Error("a recording is recorded")
	}
	if _, err := f.StopRecording(); err == nil {
		t.Error("the recording of a recording ends")
	}
}

// TestRecordedWindows: the newest whole one first, then the others for their
// figures, coarse to fine, those left out that cannot be read.
func TestRecordedWindows(t *testing.T) {
	dir := lay(t, "beats-waste", 12)
	in := func(name string) string { return filepath.Join(dir, name, "evidence.jsonl.gz") }
	for _, name := range []string{"000012", "000004"} { // not written to the end; unreadable
		data, err := os.ReadFile(in(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(in(name)); err != nil { // it is a link
			t.Fatal(err)
		}
		if name == "000004" {
			data = []byte("nothing that was ever compressed")
		}
		if err := os.WriteFile(in(name), data[:len(data)/2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := OpenRecorded([]string{dir}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "000006")); err != nil { // made room meanwhile
		t.Fatal(err)
	}
	list := gather(t, f, func(list []Arrival) bool { return len(list) == 9 })
	var numbers []int
	for i, a := range list {
		numbers = append(numbers, a.Number)
		if a.Err != nil || a.Exam == nil || a.Indexed != (i > 0) || a.Target != 0 {
			t.Errorf("%+v", a)
		}
	}
	if want := []int{11, 1, 9, 5, 3, 7, 2, 10, 8}; !slices.Equal(numbers, want) {
		t.Errorf("windows %d, want %d", numbers, want)
	}
	if _, err := f.Load(0, 6); err == nil || !strings.Contains(err.Error(), "000006 is no longer there") {
		t.Errorf("a window that was removed: %v", err)
	}
	e, err := f.Load(0, 8)
	if err != nil || !sameReport(t, e, diagnosed(t, filepath.Join(dir, "000008"))) {
		t.Errorf("%v", err)
	}
	if again, _ := f.Load(0, 8); again != e {
		t.Error("it is examined twice")
	}
}

// TestRecordedGrows: windows that are added are news once they are whole, or
// followed by another.
func TestRecordedGrows(t *testing.T) {
	dir := lay(t, "beats-waste", 2)
	opened, err := OpenRecorded([]string{dir}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := opened.(*recorded)
	f.pause = 5 * time.Millisecond
	c, err := profile.Load(filepath.Join(captures, "beats-waste"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := profile.OpenKeeper(dir, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	add := func() {
		if err := k.Add(c); err != nil {
			t.Error(err)
		}
	}
	var growing *profile.Writer
	looks := 0
	stage := map[int]func(){
		2: add, // window 3
		3: func() { // window 4 is being written
			if growing, err = profile.Create(filepath.Join(dir, "000004")); err != nil {
				t.Error(err)
				return
			}
			growing.Attach(c)
			f.looked = func() {
				if looks++; looks == 5 {
					growing.Close(c)
				}
			}
		},
		4: func() { // window 5 is cut off, and 6 comes behind a gap
			f.looked = nil
			data, err := os.ReadFile(filepath.Join(captures, "beats-waste", "evidence.jsonl.gz"))
			if err != nil {
				t.Error(err)
			}
			os.MkdirAll(filepath.Join(dir, "000005"), 0o700)
			os.WriteFile(filepath.Join(dir, "000005", "evidence.jsonl.gz"), data[:len(data)/2], 0o600)
			link(t, filepath.Join(captures, "beats-waste"), filepath.Join(dir, "000006"))
		},
		6: func() { link(t, filepath.Join(captures, "beats-waste"), filepath.Join(dir, "000009")) },
	}
	list := gather(t, f, func(list []Arrival) bool {
		if next := stage[len(list)]; next != nil {
			next()
		}
		return len(list) == 7
	})
	var numbers []int
	for i, a := range list {
		numbers = append(numbers, a.Number)
		if a.Err != nil || a.Indexed != (i == 1) {
			t.Errorf("%+v", a)
		}
	}
	if want := []int{2, 1, 3, 4, 5, 6, 9}; !slices.Equal(numbers, want) || looks < 5 {
		t.Errorf("windows %d, want %d; one that was being written came after %d looks", numbers, want, looks)
	}
	if _, err := f.Load(0, 9); err != nil {
		t.Error(err)
	}
}

// TestRecordedSeveral: a folder may hold the recordings of several targets, and
// they take turns.
func TestRecordedSeveral(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.Rename(lay(t, "beats-waste", 3), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	os.Mkdir(filepath.Join(dir, "notes"), 0o700)
	f, err := OpenRecorded([]string{dir}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if names := f.Targets(); !slices.Equal(names, []string{"a", "b"}) {
		t.Fatalf("%q", names)
	}
	var targets []int
	for _, a := range gather(t, f, func(list []Arrival) bool { return len(list) == 6 }) {
		targets = append(targets, a.Target)
	}
	if want := []int{0, 1, 0, 1, 0, 1}; !slices.Equal(targets, want) {
		t.Errorf("windows of the targets %d", targets)
	}
}

// TestRecordedBroken: of several recordings one that cannot be read says why, and the
// others are there.
func TestRecordedBroken(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(captures, "dispatch-waste"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "evidence.jsonl.gz"), []byte("not gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenRecorded([]string{dir}, analyze.Options{})
	if err != nil || len(f.Targets()) != 2 {
		t.Fatalf("%v", err)
	}
	list := gather(t, f, toTheEnd)
	if len(list) != 2 || list[0].Err == nil || list[0].Exam != nil || list[1].Err != nil || list[1].Exam == nil {
		t.Errorf("%+v", list)
	}
	if _, err := f.Load(0, 1); err == nil {
		t.Error("a broken one was loaded")
	}
}

func TestOpenRecordedRefuses(t *testing.T) {
	empty, damaged := t.TempDir(), t.TempDir()
	text := filepath.Join(t.TempDir(), "notes.txt")
	os.WriteFile(text, []byte("nothing of use\n"), 0o600)
	os.MkdirAll(filepath.Join(damaged, "000001"), 0o700)
	os.WriteFile(filepath.Join(damaged, "000001", "evidence.jsonl.gz"), []byte("damaged"), 0o600)
	for path, want := range map[string]string{
		filepath.Join(empty, "none"): "no such file or folder",
		empty:                        "not a capture",
		damaged:                      " can be read; the oldest: ",
		text:                         "not a profile",
	} {
		if _, err := OpenRecorded([]string{filepath.Join(captures, "beats-waste"), path}, analyze.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := OpenRecorded(nil, analyze.Options{}); err == nil {
		t.Error("nothing can be watched")
	}
}

// TestRecordedSurvivesAPanic of the screen.
func TestRecordedSurvivesAPanic(t *testing.T) {
	f, err := OpenRecorded([]string{filepath.Join(captures, "beats-waste")}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = f.Follow(t.Context(), func(Arrival) { panic("odd screen") })
	if err == nil || !strings.Contains(err.Error(), "odd screen") {
		t.Errorf("%v", err)
	}
}

func TestShortNames(t *testing.T) {
	got := shortNames([]string{"/a/web/incident", "/a/worker/incident", "/b/worker/incident", "/c/other", "/d/an\x1bother"})
	want := []string{"web/incident", "/a/worker/incident", "/b/worker/incident", "other", "another"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRecordedIsFlat: many windows that were read for their figures take no more
// memory than few.
func TestRecordedIsFlat(t *testing.T) {
	f, err := OpenRecorded([]string{lay(t, "beats-waste", 150)}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var early, late uint64
	n := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = f.Follow(ctx, func(a Arrival) {
		switch n++; n {
		case 40:
			early = heap()
		case 150:
			late = heap()
			cancel()
		}
	})
	// One examination of this capture takes 40 kB: 110 of them would be 4 MB.
	if err != nil || n != 150 || late > early+1<<20 {
		t.Errorf("%v; %d KiB after 40 windows, %d KiB after %d", err, early>>10, late>>10, n)
	}
	t.Logf("heap %d KiB after 40 windows, %d KiB after 150", early>>10, late>>10)
}
