package profile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestIOSource observes this very process while it writes and reads.
func TestIOSource(t *testing.T) {
	const calls, size = 500, 1000
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	go func() {
		time.Sleep(100 * time.Millisecond)
		for range calls {
			f.Write(make([]byte, size))
		}
		for range calls {
			f.ReadAt(make([]byte, size), 0)
		}
		for range 20 { // until the test ends
			extra, err := os.Open(f.Name())
			if err == nil {
				t.Cleanup(func() { extra.Close() })
			}
		}
	}()
	c := gatherFor(t, ioSource(os.Getpid(), 100*time.Millisecond), time.Second)
	if len(c.Gaps) != 0 || len(c.IO) < 3 {
		t.Fatalf("%d samples, gaps %+v", len(c.IO), c.Gaps)
	}
	a, b := c.IO[0], c.IO[len(c.IO)-1]
	if a.ProcessKey != b.ProcessKey || a.PID != os.Getpid() || a.Start == 0 {
		t.Errorf("process %+v, then %+v", a.ProcessKey, b.ProcessKey)
	}
	if b.WriteCalls-a.WriteCalls < calls || b.WriteBytes-a.WriteBytes < calls*size {
		t.Errorf("written: %+v, then %+v", a, b)
	}
	if b.ReadCalls-a.ReadCalls < calls || b.ReadBytes-a.ReadBytes < calls*size {
		t.Errorf("read: %+v, then %+v", a, b)
	}
	if a.OpenFiles < 3 || b.OpenFiles < a.OpenFiles+20 {
		t.Errorf("%d open files, then %d, 20 of them new", a.OpenFiles, b.OpenFiles)
	}
}

// TestIOOfAProcessThatEnds: what it did until then is kept.
func TestIOOfAProcessThatEnds(t *testing.T) {
	child := exec.Command("sleep", "0.3")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { child.Wait(); close(ended) }()
	defer func() { <-ended }()
	c := observe(t, time.Second, ioSource(child.Process.Pid, 50*time.Millisecond))
	if gap := onlyGap(t, c); len(c.IO) < 2 || !strings.Contains(gap.Reason, "has ended") {
		t.Errorf("%d samples, %+v", len(c.IO), gap)
	}
}

// TestIOOfSomebodyElse runs as another user, who may not look.
func TestIOOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	child := startProcess(t, "sleep", "60")
	done := make(chan struct{})
	onOtherThread(func() {
		defer close(done)
		const nobody = 65534
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			t.Errorf("setresuid: %v", errno)
			return
		}
		err := ioSource(child.Process.Pid, time.Second).Gather(t.Context(), Window{Start: time.Now(), End: time.Now()}, new(Capture))
		if u, ok := errors.AsType[*Unavailable](err); !ok || !strings.Contains(u.Reason, "belongs to somebody else") || u.Hint != hiddenHint {
			t.Errorf("got %v", err)
		}
		if got := environmentOf(child.Process.Pid); got != nil {
			t.Errorf("environment %v", got)
		}
	})
	<-done
}

func TestParseIO(t *testing.T) {
	var s IOSample
	if err := parseIO([]byte("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n"), &s); err != nil {
		t.Fatal(err)
	}
	want := IOSample{ReadBytes: 1, WriteBytes: 2, ReadCalls: 3, WriteCalls: 4, StorageRead: 5, StorageWrite: 6}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	if err := parseIO([]byte("syscr: many\n"), &s); err == nil {
		t.Error("a word is taken for a number")
	}
}

// TestEnvironment: only what the runtime goes by is kept.
func TestEnvironment(t *testing.T) {
	child := exec.Command("sleep", "60")
	child.Env = []string{"PATH=/bin", "GOGC=50", "PASSWORD=hunter2", "GOGCX=1", "GODEBUG=gctrace=1,token=hunter2\x1b[2J", "GOMEMLIMIT="}
	startCommand(t, child)
	got := environmentOf(child.Process.Pid)
	for i := 0; len(got) == 0 && i < 500; i++ { // a program that is being started has no environment for a moment
		time.Sleep(10 * time.Millisecond)
		got = environmentOf(child.Process.Pid)
	}
	want := map[string]string{"GOGC": "50", "GODEBUG": "gctrace=1,token=[cut]", "GOMEMLIMIT": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := runtimeEnvironment([]byte("GOGC=50\x00GOGC=off\x00")); got["GOGC"] != "50" {
		t.Errorf("set twice: %v", got)
	}
	if got := runtimeEnvironment(nil); got == nil || len(got) != 0 {
		t.Errorf("nothing set: %v, which cannot be told from unknown", got)
	}
	if got := runtimeEnvironment([]byte("GODEBUG=" + strings.Repeat("x", 1<<20))); len(got["GODEBUG"]) > maxEnvironment {
		t.Errorf("%d bytes are kept", len(got["GODEBUG"]))
	}
}

// BenchmarkIOSample is what one sample costs.
func BenchmarkIOSample(b *testing.B) {
	d, err := openProcDir()
	if err != nil {
		b.Fatal(err)
	}
	defer d.close()
	for b.Loop() {
		if _, err := d.io(os.Getpid()); err != nil {
			b.Fatal(err)
		}
	}
}
