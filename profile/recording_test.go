package profile

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// record records a target into dir in the background, in windows of length. The
// result is that of the function returned, which ends it.
func record(t *testing.T, target, dir string, length time.Duration, keep int64) (stop func() (Recorded, error), said func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var texts []string
	var result Recorded
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		result, err = Record(ctx, RecordOptions{
			Options: Options{Target: target, Window: length, Dir: dir},
			Keep:    keep,
			Say: func(text string) {
				mu.Lock()
				defer mu.Unlock()
				texts = append(texts, text)
			},
		})
	}()
	stop = func() (Recorded, error) {
		cancel()
		<-done
		return result, err
	}
	t.Cleanup(func() { stop() })
	return stop, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), texts...)
	}
}

// waitForWindow waits until window n of a recording has been begun.
func waitForWindow(t *testing.T, dir string, n int) {
	t.Helper()
	for range 6000 {
		if list, err := Windows(dir); err == nil && list[len(list)-1].Number >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("window %d of %s never came", n, dir)
}

// loadWindows loads all windows and returns how many are whole.
func loadWindows(t *testing.T, dir string) (list []RecordedWindow, wholes int) {
	t.Helper()
	list, err := Windows(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range list {
		c, whole, err := loadFolder(w.Dir)
		if err != nil {
			t.Errorf("%s: %v", w.Name, err)
			continue
		}
		if whole {
			wholes++
		} else if len(c.Gaps) == 0 || c.Gaps[len(c.Gaps)-1].Signal != "capture" {
			t.Errorf("%s is cut off and does not say so", w.Name)
		}
	}
	return list, wholes
}

// occupied is the room that a folder takes, as a disk charges it.
func occupied(dir string) (sum int64) {
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return nil // removed meanwhile
		}
		sum += blockSize
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum - blockSize // of dir itself
}

// TestRecord makes windows, goes on with them in a second run, and loads them.
func TestRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recording")
	for run := range 2 {
		stop, said := record(t, "host", dir, 100*time.Millisecond, 64<<20)
		waitForWindow(t, dir, 4*run+3)
		done, err := stop()
		if err != nil || done.Dropped != 0 || len(said()) != 0 {
			t.Fatalf("%+v, %v, said %q", done, err, said())
		}
		list, wholes := loadWindows(t, dir)
		if wholes != len(list) || done.Windows != len(list) || done.Made > len(list) || done.Target == "" {
			t.Errorf("%d windows, %d whole: %+v", len(list), wholes, done)
		}
		for i, w := range list {
			if w.Number != i+1 {
				t.Errorf("window %d is %s", i+1, w.Name)
			}
		}
		if got := occupied(dir); done.Bytes < got {
			t.Errorf("%d bytes are charged, %d are taken", done.Bytes, got)
		}
		c, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		last := list[len(list)-1]
		d := c.Discoveries[len(c.Discoveries)-1]
		if d.What != "window" || !strings.HasPrefix(d.Is, last.Name+", the newest whole one") || len(c.Host) < 2 {
			t.Errorf("%+v, %d host samples", d, len(c.Host))
		}
	}
	// A folder is one capture, or a recording.
	if err := Save(filepath.Join(dir, "000001"), sampleCapture()); err == nil {
		t.Error("a capture went into a window")
	}
	if err := Save(dir, sampleCapture()); err != nil {
		t.Fatal(err)
	}
	if _, err := Record(t.Context(), RecordOptions{Options: Options{Target: "host", Window: time.Second, Dir: dir}, Keep: 1 << 20}); err == nil {
		t.Error("a recording went into a capture")
	}
}

// TestRecordFor ends by itself, and fails at once where there is no target.
func TestRecordFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recording")
	o := RecordOptions{Options: Options{Target: "host", Window: 100 * time.Millisecond, Dir: dir}, For: 250 * time.Millisecond, Keep: 64 << 20}
	done, err := Record(t.Context(), o)
	if list, wholes := loadWindows(t, dir); err != nil || done.Made != len(list) || wholes != len(list) {
		t.Errorf("%+v, %v", done, err)
	}
	o.Dir, o.Target = filepath.Join(t.TempDir(), "none"), "no-such-process-name"
	done, err = Record(t.Context(), o)
	if u, ok := errors.AsType[*Unavailable](err); !ok || !strings.Contains(u.Reason, "no-such-process-name") || done.Made != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := os.Stat(o.Dir); err == nil {
		t.Error("a folder was made for nothing")
	}
}

// TestRecordKeepsBelow: at no moment do the windows take more than they may.
func TestRecordKeepsBelow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recording")
	// Room for five windows, whatever this machine's take.
	one := RecordOptions{Options: Options{Target: "host", Window: 50 * time.Millisecond, Dir: dir}, For: time.Millisecond, Keep: 64 << 20}
	first, err := Record(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	keep := 5 * first.Bytes
	stop, _ := record(t, "host", dir, 50*time.Millisecond, keep)
	most := int64(0)
	for {
		most = max(most, occupied(dir))
		if list, err := Windows(dir); err == nil && list[len(list)-1].Number >= 25 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	done, err := stop()
	// Looking takes a moment, in which one window may go and another grow.
	if err != nil || done.Bytes > keep || most > keep+first.Bytes || done.Dropped == 0 || done.Dropped+done.Windows != done.Made+1 {
		t.Errorf("%d bytes at most, bound %d; %+v, %v", most, keep, done, err)
	}
	if list, wholes := loadWindows(t, dir); len(list) < 3 || wholes != len(list) {
		t.Errorf("%d windows, %d of them whole", len(list), wholes)
	}
	t.Logf("bound %d KiB, %d KiB at most, %d of %d windows kept", keep>>10, most>>10, done.Windows, done.Made+1)
}

// TestRecordWithoutRoom: where the bound is below one window, the newest whole
// one stays.
func TestRecordWithoutRoom(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recording")
	stop, _ := record(t, "host", dir, 50*time.Millisecond, 1)
	waitForWindow(t, dir, 5)
	done, err := stop()
	if _, wholes := loadWindows(t, dir); err != nil || wholes == 0 || done.Windows > 2 {
		t.Errorf("%d whole windows, %+v, %v", wholes, done, err)
	}
}

// TestRecordSurvivesARestart of the target, and says once that it waits for it.
func TestRecordSurvivesARestart(t *testing.T) {
	serveAt := func(addr string) *http.Server {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.DefaultServeMux}
		go s.Serve(l)
		return s
	}
	addr := freeAddress(t)
	server := serveAt(addr)
	dir := filepath.Join(t.TempDir(), "recording")
	stop, said := record(t, "http://"+addr, dir, 50*time.Millisecond, 64<<20)
	waitForWindow(t, dir, 2)
	server.Close()
	waitForWords(t, said, 1)
	time.Sleep(retryPause)
	if list := said(); len(list) != 1 || !strings.Contains(list[0], "nothing listens") {
		t.Errorf("said %q", list)
	}
	server = serveAt(addr)
	defer server.Close()
	waitForWords(t, said, 2)
	if done, err := stop(); err != nil || len(said()) != 2 || done.Windows < 3 {
		t.Errorf("%+v, %v, said %q", done, err, said())
	}
	loadWindows(t, dir)
}

func waitForWords(t *testing.T, said func() []string, n int) {
	t.Helper()
	for range 3000 {
		if len(said()) >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("said %q, not %d times", said(), n)
}

// TestWindowsOfBrokenRecordings: what was broken off is passed over.
func TestWindowsOfBrokenRecordings(t *testing.T) {
	dir := t.TempDir()
	if _, err := Windows(dir); err == nil {
		t.Error("an empty folder is a recording")
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "not a capture") {
		t.Errorf("an empty folder: %v", err)
	}
	for _, name := range []string{"000002", "000010", "1000000", "notes"} {
		if err := Save(filepath.Join(dir, name), sampleCapture()); err != nil {
			t.Fatal(err)
		}
	}
	cutEvidence(t, filepath.Join(dir, "1000000"), 2)
	os.Mkdir(filepath.Join(dir, "000001"), 0o700)                                            // removed but for itself
	os.MkdirAll(filepath.Join(dir, "000011"), 0o700)                                         // just begun
	os.WriteFile(filepath.Join(dir, "000011", evidenceFile), nil, 0o600)                     // and created
	os.Mkdir(filepath.Join(dir, "000012"), 0o700)                                            // damaged
	os.WriteFile(filepath.Join(dir, "000012", evidenceFile), []byte("not a capture"), 0o600) //
	os.WriteFile(filepath.Join(dir, "000013"), []byte("a file"), 0o600)                      //
	os.Symlink("/", filepath.Join(dir, "000014"))                                            //
	list, err := Windows(dir)
	var names []string
	for _, w := range list {
		names = append(names, w.Name)
	}
	if got := strings.Join(names, " "); err != nil || got != "000002 000010 000012 1000000" {
		t.Errorf("windows %s, %v", got, err)
	}
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if is := c.Discoveries[len(c.Discoveries)-1].Is; is != "000010, the newest whole one of 4" {
		t.Errorf("loaded %s", is)
	}
	os.RemoveAll(filepath.Join(dir, "000010"))
	os.RemoveAll(filepath.Join(dir, "000002"))
	c, err = Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if is := c.Discoveries[len(c.Discoveries)-1].Is; is != "1000000, the newest of 2, none of which is whole" {
		t.Errorf("loaded %s", is)
	}
	os.RemoveAll(filepath.Join(dir, "1000000"))
	if _, err := Load(dir); err == nil {
		t.Error("a recording of damage loads")
	}
}

// cutEvidence leaves one part of so many of a capture's evidence.
func cutEvidence(t *testing.T, dir string, part int64) {
	t.Helper()
	file := filepath.Join(dir, evidenceFile)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()/part); err != nil {
		t.Fatal(err)
	}
}

// TestRecordIsFlat: many windows take no more memory, goroutines or files than
// few.
func TestRecordIsFlat(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recording")
	stop, _ := record(t, "host", dir, 20*time.Millisecond, 1<<20)
	measure := func(after int) (heap uint64, goroutines int) {
		waitForWindow(t, dir, after)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	early, few := measure(10)
	late, many := measure(110)
	if _, err := stop(); err != nil {
		t.Fatal(err)
	}
	// What one window holds while it runs is the noise: some 100 KiB, and 1 MiB on a
	// machine full of processes. If each of the hundred kept but its evidence, they
	// would come to 10 MiB.
	if late > early+4<<20 || many > few+10 {
		t.Errorf("from %d KiB and %d goroutines after 10 windows to %d KiB and %d after 110", early>>10, few, late>>10, many)
	}
	t.Logf("heap %d KiB after 10 windows, %d KiB after 110; %d and %d goroutines; the process has had %d MiB at most",
		early>>10, late>>10, few, many, selfUsage().maxRSS>>20)
}
