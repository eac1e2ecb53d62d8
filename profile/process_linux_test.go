package profile

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// gatherFor runs one source for a window and returns what it saw.
func gatherFor(t *testing.T, s Source, window time.Duration) *Capture {
	t.Helper()
	now := time.Now()
	c := &Capture{Window: Window{Start: now, End: now.Add(window)}}
	if err := s.run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// startProcess runs a program until the test ends.
func startProcess(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

func TestParseProcessStat(t *testing.T) {
	const tail = " S 1 2 3 0 -1 4194304 1 2 3 4 150 250 1000 2000 20 0 7 0 12345 9000 3 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 18688\n"
	for _, name := range []string{"sh", "a) b", "(a) b)", "", "x\ny", "a b c", ") S 1 2 3"} {
		var got procStat
		if err := parseProcessStat([]byte("42 ("+name+")"+tail), &got); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		want := Process{
			ProcessKey: ProcessKey{PID: 42, Start: 123.45},
			User:       1.5, System: 2.5, ChildUser: 10, ChildSystem: 20,
			Faults: 1, ChildFaults: 2,
			RSS: 3 * pageSize, Threads: 7, State: "S",
		}
		if diff := cmp.Diff(want, got.Process); diff != "" || got.ppid != 1 || exitCode(got.exit) != 73 || string(got.name) != name {
			t.Errorf("%q: name %q, parent %d, exit %d\n%s", name, got.name, got.ppid, got.exit, diff)
		}
	}
}

func TestParseProcessStatRefuses(t *testing.T) {
	for _, text := range []string{"", "42", "42 (sh", "42 (sh)", "42 (sh) S 1 2", "x (sh) S 1", ")(", "42 (sh) S -1" + strings.Repeat(" 0", 50)} {
		if err := parseProcessStat([]byte(text), new(procStat)); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

func FuzzParseProcessStat(f *testing.F) {
	if data, err := os.ReadFile("/proc/self/stat"); err == nil {
		f.Add(data)
	}
	f.Add([]byte("1 (a) b) R 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s procStat
		if parseProcessStat(data, &s) != nil {
			return
		}
		if s.PID < 0 || s.ppid < 0 || s.User < 0 || s.ChildUser < 0 || s.Threads < 0 || len(s.name) > len(data) {
			t.Errorf("out of bounds: %+v", s)
		}
	})
}

func FuzzNumericNames(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x18\x00\x0442\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n := len(numericNames(data, nil)); n > len(data)/19 {
			t.Errorf("%d names in %d bytes", n, len(data))
		}
	})
}

func TestExitCode(t *testing.T) {
	for status, want := range map[uint64]int{0: 0, 3 << 8: 3, 255 << 8: 255, 9: 137, 11 | 0x80: 139} {
		if got := exitCode(status); got != want {
			t.Errorf("%#x: got %d, want %d", status, got, want)
		}
	}
}

func TestCommandLinesAreBoundedAndCut(t *testing.T) {
	m := commandLines{}
	for _, test := range []struct {
		raw  string
		want []string
	}{
		{"", []string{}},
		{"a\x00b c\x00\x00\x00", []string{"a", "b c"}},
		{"a\x00\x00b\x00", []string{"a", "", "b"}},
		{"x\x1b[31m\xff\x00", []string{"x[31m\uFFFD"}},
		{"x\x00--password=hunter2\x00", []string{"x", "--password=[cut]"}},
	} {
		for range 2 { // the second time from memory
			if diff := cmp.Diff(test.want, m.keep([]byte(test.raw))); diff != "" {
				t.Errorf("%q: %s", test.raw, diff)
			}
		}
	}
	long := m.keep([]byte(strings.Repeat("a\x00", 100000)))
	if len(long) != maxArguments {
		t.Errorf("%d arguments", len(long))
	}
	if arg := m.keep([]byte(strings.Repeat("a", 100000))); len(arg[0]) > maxCommandBytes {
		t.Errorf("an argument of %d bytes", len(arg[0]))
	}
	for i := range 3 * maxCommandLines {
		m.keep([]byte(strconv.Itoa(i)))
	}
	if len(m) > maxCommandLines {
		t.Errorf("%d command lines are remembered", len(m))
	}
}

func identityIn(c *Capture, pid int) []ProcessIdentity {
	var list []ProcessIdentity
	for _, id := range c.Identities {
		if id.PID == pid {
			list = append(list, id)
		}
	}
	return list
}

func TestProcessSourceIdentifiesEachOnce(t *testing.T) {
	sleep := startProcess(t, "sleep", "60")
	waitForCommand(t, sleep.Process.Pid, "sleep")
	waitForRest(t, sleep.Process.Pid)
	c := gatherFor(t, processSource(50*time.Millisecond, new(machine)), 400*time.Millisecond)
	ids := identityIn(c, sleep.Process.Pid)
	if len(ids) != 1 {
		t.Fatalf("%d identities: %+v", len(ids), ids)
	}
	id := ids[0]
	if id.Name != "sleep" || id.PPID != os.Getpid() || !slices.Equal(id.Command, []string{"sleep", "60"}) || id.Exe == "" || id.Start <= 0 {
		t.Errorf("got %+v", id)
	}
	if len(identityIn(c, os.Getpid())) != 1 {
		t.Error("we are not among the processes")
	}
	if n := len(c.Processes); n < 3 {
		t.Errorf("%d sweeps", n)
	}
	first := c.Processes[0]
	if first.Total != len(first.Changed) {
		t.Errorf("the first sweep lists %d of %d processes", len(first.Changed), first.Total)
	}
	for _, p := range c.Processes[1:] {
		if slices.ContainsFunc(p.Changed, func(p Process) bool { return p.PID == sleep.Process.Pid }) {
			t.Error("a sleeping process has changed")
		}
	}
}

// waitForCommand waits until a process has called exec.
func waitForCommand(t *testing.T, pid int, name string) {
	t.Helper()
	for range 1000 {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err == nil && strings.TrimSpace(string(data)) == name {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("process %d has not become %s", pid, name)
}

// waitForRest waits until a process that has called exec has loaded what it needs, and does no more.
func waitForRest(t *testing.T, pid int) {
	t.Helper()
	before := ""
	for range 1000 {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && string(data) == before && strings.Contains(before, ") S ") {
			return
		}
		before = string(data)
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("process %d does not come to rest", pid)
}

func TestSweepSeesExecAndEnd(t *testing.T) {
	cmd := exec.Command("sh", "-c", "read go; exec sleep 60")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitForCommand(t, cmd.Process.Pid, "sh")
	c := new(Capture)
	table, err := openProcessTable(c)
	if err != nil {
		t.Fatal(err)
	}
	defer table.close()
	sweep := func() {
		t.Helper()
		if err := table.sweep(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	sweep()
	fmt.Fprintln(in)
	waitForCommand(t, cmd.Process.Pid, "sleep")
	sweep()
	sweep()
	cmd.Process.Kill()
	cmd.Wait()
	sweep()
	sweep()
	var names []string
	for _, id := range identityIn(c, cmd.Process.Pid) {
		names = append(names, id.Name)
	}
	if !slices.Equal(names, []string{"sh", "sleep"}) {
		t.Errorf("it was %q", names)
	}
	gone := map[int]int{}
	for i, s := range c.Processes {
		for _, key := range s.Gone {
			if key.PID == cmd.Process.Pid {
				gone[i]++
			}
		}
	}
	if len(gone) != 1 || gone[4] != 1 {
		t.Errorf("gone in these sweeps, so often: %v", gone)
	}
}

// TestHeldFilesAreBoundedAndClosed: a process that has ended has no file open,
// and none is open in the end.
func TestHeldFilesAreBoundedAndClosed(t *testing.T) {
	table, err := openProcessTable(new(Capture))
	if err != nil {
		t.Fatal(err)
	}
	defer table.close()
	table.held = maxHeld - 3
	cmd := startProcess(t, "sleep", "60")
	for range 3 {
		if err := table.sweep(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if table.held != maxHeld {
		t.Errorf("%d files are held, want %d", table.held, maxHeld)
	}
	if k := table.known[cmd.Process.Pid]; k == nil || k.State == "" {
		t.Errorf("without a held file it is %+v", k)
	}
	for _, k := range table.known {
		table.release(k)
	}
	if table.held != maxHeld-3 {
		t.Errorf("%d files are left open", table.held-(maxHeld-3))
	}
}

// TestOddNames has a process call itself what /proc/PID/stat is hardest to read
// with.
func TestOddNames(t *testing.T) {
	dir := t.TempDir()
	odd := dir + "/(a) b)"
	data, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(odd, data, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := startProcess(t, odd, "60", "0")
	waitForCommand(t, cmd.Process.Pid, "(a) b)")
	c := gatherFor(t, processSource(time.Second, new(machine)), 10*time.Millisecond)
	ids := identityIn(c, cmd.Process.Pid)
	if len(ids) != 1 || ids[0].Name != "(a) b)" || ids[0].PPID != os.Getpid() {
		t.Errorf("got %+v", ids)
	}
}

// TestCPUOfTheDead has children burn CPU and end, and finds their CPU time at
// the parent that has reaped them. The truth is what wait(2) tells of the
// parent and all its children in the end.
func TestCPUOfTheDead(t *testing.T) {
	cmd := exec.Command("sh", "-c", `read go
		for n in 1 2 3 4 5 6; do sh -c 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done'; done
		echo done; read go`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer stop()
		time.Sleep(100 * time.Millisecond)
		fmt.Fprintln(in)
		out.Read(make([]byte, 16)) // the children are dead
	}()
	now := time.Now()
	c := &Capture{Window: Window{now, now.Add(time.Minute)}}
	err = processSource(100*time.Millisecond, new(machine)).run(ctx, c)
	in.Close()
	cmd.Wait()
	if err != nil {
		t.Fatal(err)
	}
	var last Process
	for _, s := range c.Processes {
		for _, p := range s.Changed {
			if p.PID == cmd.Process.Pid {
				last = p
			}
		}
	}
	dead := last.ChildUser + last.ChildSystem
	truth := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	// Each of the four figures is cut to a tick.
	if got := dead + last.User + last.System; got < truth-0.05 || got > truth+0.05 {
		t.Errorf("%.2f s of CPU, in truth %.3f s", got, truth)
	}
	if dead < 0.8*truth {
		t.Errorf("only %.2f s of %.3f s are of the dead", dead, truth)
	}
}

func TestBirths(t *testing.T) {
	cmd := startProcess(t, "sh", "-c", `while :; do sh -c 'sleep 0.12; exit 3' one two; done`)
	c := gatherFor(t, processSource(time.Second, new(machine)), 3*time.Second)
	seen, ended := 0, 0
	keys := map[ProcessKey]bool{}
	for _, b := range c.Births {
		if b.PPID != cmd.Process.Pid {
			continue
		}
		if keys[b.ProcessKey] {
			t.Errorf("%v is listed twice", b.ProcessKey)
		}
		keys[b.ProcessKey] = true
		seen++
		if b.Exited {
			ended++
		}
		if want := []string{"sh", "-c", "sleep 0.12; exit 3", "one", "two"}; !slices.Equal(b.Command, want) {
			t.Errorf("command %q", b.Command)
		}
		if b.Name != "sh" || b.LastSeen.Before(b.At) || b.At.Before(c.Window.Start.Add(-20*time.Millisecond)) {
			t.Errorf("got %+v", b)
		}
		if b.ExitCode != nil && *b.ExitCode != 3 {
			t.Errorf("exit code %d", *b.ExitCode)
		}
	}
	// About 20 are born; on a machine that stands still now and then, fewer.
	if seen < 5 || ended < seen-1 {
		t.Errorf("%d births, %d ended", seen, ended)
	}
}

// TestBirthsLeaveZombies: a parent that does not reap lets us see exit codes.
func TestBirthsLeaveZombies(t *testing.T) {
	// exec makes the parent a sleep that knows nothing of its children.
	cmd := startProcess(t, "sh", "-c", `sleep 0.5; (sleep 0.2; exit 7) & (sleep 0.2; kill -9 $BASHPID; kill -9 $(exec sh -c 'echo $PPID')) & exec sleep 60`)
	c := gatherFor(t, processSource(100*time.Millisecond, new(machine)), 2500*time.Millisecond)
	codes := map[int]int{}
	for _, b := range c.Births {
		if b.PPID == cmd.Process.Pid && b.ExitCode != nil {
			codes[*b.ExitCode]++
		}
	}
	if codes[7] != 1 || codes[137] != 1 {
		t.Errorf("exit codes and how often: %v, births %+v", codes, c.Births)
	}
}

// TestSurvivorIsRecordedAtTheEnd: a child that lives on is a birth, too.
func TestSurvivorIsRecordedAtTheEnd(t *testing.T) {
	cmd := startProcess(t, "sh", "-c", `sleep 0.5; sleep 61 & wait`)
	c := gatherFor(t, processSource(100*time.Millisecond, new(machine)), 1500*time.Millisecond)
	found := 0
	for _, b := range c.Births {
		if b.PPID == cmd.Process.Pid && slices.Equal(b.Command, []string{"sleep", "61"}) {
			found++
			if b.Exited {
				t.Error("it has ended")
			}
			if p, err := os.FindProcess(b.PID); err == nil {
				p.Kill()
			}
		}
	}
	if found != 1 {
		t.Errorf("found %d times", found)
	}
}

// TestBirthsOfThreads: children are listed with the thread that forked them,
// and a Go program forks from any.
func TestBirthsOfThreads(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(100 * time.Millisecond)
		for range 10 {
			exec.CommandContext(t.Context(), "sleep", "0.15").Run()
		}
	}()
	c := gatherFor(t, processSource(time.Second, new(machine)), 2*time.Second)
	<-done
	n := 0
	for _, b := range c.Births {
		if b.PPID == os.Getpid() && slices.Equal(b.Command, []string{"sleep", "0.15"}) {
			n++
		}
	}
	if n < 3 {
		t.Errorf("%d of 10 births", n)
	}
}

func TestMaxBirths(t *testing.T) {
	c := new(Capture)
	table, err := openProcessTable(c)
	if err != nil {
		t.Fatal(err)
	}
	defer table.close()
	table.births.count = maxBirths
	gaps := len(c.Gaps)
	for range 3 {
		table.births.meet(os.Getpid(), os.Getppid(), time.Now())
	}
	table.births.finish(time.Now())
	if len(c.Births) != 0 || len(c.Gaps) != gaps+1 {
		t.Errorf("%d births, %d gaps", len(c.Births), len(c.Gaps)-gaps)
	}
}

func TestParentsAreRankedAndBounded(t *testing.T) {
	table, err := openProcessTable(new(Capture))
	if err != nil {
		t.Fatal(err)
	}
	defer table.close()
	b := table.births
	for pid := 100; pid < 200; pid++ {
		table.known[pid] = &knownProcess{Process: Process{ProcessKey: ProcessKey{PID: pid}}, ppid: 1, file: noFile}
		b.grew(pid, float64(pid))
	}
	now := time.Now()
	b.choose(now)
	if len(b.parents) != maxParents || b.parents[199] == nil || b.parents[183] != nil {
		t.Errorf("%d parents", len(b.parents))
	}
	b.choose(now.Add(quietTime + time.Second))
	if len(b.parents) != 0 {
		t.Errorf("%d parents are watched for nothing", len(b.parents))
	}
}

func TestKernelThreadsHaveNoBirths(t *testing.T) {
	for _, test := range []struct {
		k    knownProcess
		want bool
	}{
		{knownProcess{name: "kthreadd"}, true},
		{knownProcess{name: "kworker/0:1", ppid: 2}, true},
		{knownProcess{name: "kthreadd", ppid: 1}, false},
		{knownProcess{name: "worker", ppid: 2, Process: Process{RSS: 4096}}, false}, // in a container
	} {
		if got := isKernelThread(&test.k); got != test.want {
			t.Errorf("%+v: %v", test.k, got)
		}
	}
}

func TestRestAfter(t *testing.T) {
	for cost, want := range map[time.Duration]time.Duration{
		0:                       50 * time.Millisecond,
		200 * time.Microsecond:  50 * time.Millisecond,
		1250 * time.Microsecond: 250 * time.Millisecond,
		time.Hour:               maxPause,
	} {
		if got := restAfter(cost, 50*time.Millisecond, 0.005); got != want {
			t.Errorf("%v: %v, want %v", cost, got, want)
		}
	}
}

// BenchmarkSweep is one sweep over the processes of this machine, of which it
// makes at least 250.
func BenchmarkSweep(b *testing.B) {
	withProcesses(b, 260) // some of the machine's own may end
	table, err := openProcessTable(new(Capture))
	if err != nil {
		b.Fatal(err)
	}
	defer table.close()
	if err := table.sweep(time.Now()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	loopCPU(b, func() error {
		table.c.Processes = table.c.Processes[:0]
		return table.sweep(time.Now())
	})
	b.ReportMetric(float64(len(table.known)), "processes")
}

// BenchmarkLook is one look at sixteen parents with a child each.
func BenchmarkLook(b *testing.B) {
	table, err := openProcessTable(new(Capture))
	if err != nil {
		b.Fatal(err)
	}
	defer table.close()
	for range maxParents {
		cmd := exec.Command("sh", "-c", `sleep 600 & trap "kill $!" TERM; wait`)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		defer func() {
			cmd.Process.Signal(unix.SIGTERM)
			cmd.Wait()
		}()
		table.births.grew(cmd.Process.Pid, 1)
	}
	if err := table.sweep(time.Now()); err != nil {
		b.Fatal(err)
	}
	if len(table.births.parents) != maxParents {
		b.Fatalf("%d parents are watched", len(table.births.parents))
	}
	b.ReportAllocs()
	loopCPU(b, func() error {
		table.births.look(time.Now())
		return nil
	})
}

// loopCPU runs f as often as the benchmark wants and reports the CPU time of
// one run: the machine may be busy with something else.
func loopCPU(b *testing.B, f func() error) {
	before := clock(unix.CLOCK_PROCESS_CPUTIME_ID)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(clock(unix.CLOCK_PROCESS_CPUTIME_ID)-before)/float64(b.N), "cpu-ns/op")
}

// withProcesses makes the machine have at least n processes.
func withProcesses(b *testing.B, n int) {
	running, err := runningProcesses()
	if err != nil {
		b.Fatal(err)
	}
	for range n - len(running) {
		cmd := exec.Command("sleep", "600")
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
	}
}
