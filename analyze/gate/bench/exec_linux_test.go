package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shell is a process that runs a script.
func shell(script string) process {
	return process{path: "/bin/sh", args: []string{"-c", script}, env: os.Environ(), cpu: unpinned}
}

func TestRunGivesOutputAndCPU(t *testing.T) {
	e, err := shell("echo out; echo err >&2; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 3").run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e.out != "out\n" || e.err != "err\n" || e.state.ExitCode() != 3 || e.stopped != nil {
		t.Errorf("got %q, %q, %v, %v", e.out, e.err, e.state, e.stopped)
	}
	if e.cpu <= 0 || e.wall <= 0 {
		t.Errorf("a loop of 100,000 costs %s of CPU in %s", e.cpu, e.wall)
	}
}

func TestRunEndsWhatIsLeftBehind(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	e, err := shell("sleep 1000 & echo $! > " + pids).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !e.state.Success() {
		t.Fatal(e.state)
	}
	mustBeGone(t, pids)
}

// A process of another session is out of the group's reach; it must not keep the
// gate waiting for the pipe that it holds.
func TestRunDoesNotWaitForAnotherSession(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	escape := "setsid sh -c 'echo $$ > " + pids + "; exec sleep 1000' & while ! [ -s " + pids + " ]; do :; done; echo done"
	e, err := shell(escape).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, pids)
	t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGKILL) })
	if e.out != "done\n" {
		t.Errorf("got %q", e.out)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Errorf("what it left was within reach, so this test shows nothing: %v", err)
	}
}

func TestRunStopsWhatHangs(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	p := shell("trap 'echo asked' QUIT; sleep 1000 & echo $! > " + pids + "; echo begun; while :; do wait; done")
	p.timeout = 300 * time.Millisecond
	e, err := p.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(e.stopped, errHung) || e.out != "begun\nasked\n" {
		t.Errorf("got %v, %q; want that it hung, and was asked where", e.stopped, e.out)
	}
	mustBeGone(t, pids)
}

func TestRunStopsAFlood(t *testing.T) {
	for _, script := range []string{"exec yes", "exec yes >&2"} {
		e, err := shell(script).run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(e.stopped, errFlooded) || len(e.out)+len(e.err) > 3*edge {
			t.Errorf("%s: got %v and %d bytes", script, e.stopped, len(e.out)+len(e.err))
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	cause := errors.New("the user has had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for ctx.Err() == nil {
			if text, _ := os.ReadFile(pids); strings.HasSuffix(string(text), "\n") {
				cancel(cause)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if _, err := shell("sleep 1000 & echo $! > " + pids + "; wait").run(ctx); err != cause {
		t.Errorf("got %v, want the cause", err)
	}
	mustBeGone(t, pids)
	if _, err := shell("exit 0").run(ctx); err != cause {
		t.Errorf("a process is started after the end: %v", err)
	}
}

func TestRunOfNothing(t *testing.T) {
	p := shell("")
	p.path = filepath.Join(t.TempDir(), "missing")
	if _, err := p.run(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestPinning(t *testing.T) {
	cpu := chooseCPU()
	if cpu == unpinned {
		t.Skip("this system does not allow it")
	}
	var before, after unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	for range 20 { // threads come and go
		p := shell("grep Cpus_allowed_list /proc/self/status")
		p.cpu = cpu
		e, err := p.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, list, _ := strings.Cut(e.out, ":"); strings.TrimSpace(list) != strconv.Itoa(cpu) {
			t.Fatalf("pinned to %d, it may run on %s", cpu, list)
		}
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SchedGetaffinity(tid, &after); err == nil && after != before {
			t.Errorf("thread %d of this process is pinned too", tid)
		}
	}
}

func pidIn(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// mustBeGone fails unless the process whose number is in the file has ended, or
// ends now: it has been killed, but the kernel takes its time. One that nobody
// reaps has ended too.
func mustBeGone(t *testing.T, file string) {
	t.Helper()
	pid := pidIn(t, file)
	for range 1000 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}
