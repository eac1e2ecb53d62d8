package profile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWatchFollowsARestart: a service that comes back as another process is
// watched again, and while it is away that is an error.
func TestWatchFollowsARestart(t *testing.T) {
	program := copyOf(t, "sleep")
	run := func() *exec.Cmd {
		cmd := exec.Command(program, "600")
		startCommand(t, cmd)
		waitForCommand(t, cmd.Process.Pid, filepath.Base(program))
		return cmd
	}
	first := run()
	var second *exec.Cmd
	stage := 0
	list := watchUntil(t, []string{filepath.Base(program), "host"}, func(list []seenWindow) bool {
		w := list[len(list)-1]
		switch {
		case stage == 0 && len(list) == 2:
			first.Process.Kill()
			first.Wait()
			stage = 1
		case stage == 1 && w.errs[0] != nil:
			second = run()
			stage = 2
		case stage == 2 && w.errs[0] == nil:
			return true
		}
		return false
	})
	before, after := list[0].captures[0], list[len(list)-1].captures[0]
	for _, w := range list {
		if w.errs[0] == nil && w.captures[0].Target.PID == second.Process.Pid {
			after = w.captures[0]
			break
		}
	}
	if before.Target.PID != first.Process.Pid || after.Target.PID != second.Process.Pid {
		t.Fatalf("process %d, then %d; want %d and %d", before.Target.PID, after.Target.PID, first.Process.Pid, second.Process.Pid)
	}
	want := fmt.Sprintf("it has taken the place of process %d, which was watched before", first.Process.Pid)
	if d := discovered(after, "restart"); len(d) != 1 || d[0].How != want || len(discovered(before, "restart")) != 0 {
		t.Errorf("%+v, want %q", after.Discoveries, want)
	}
	for _, w := range list {
		if w.errs[1] != nil {
			t.Errorf("window %d: the other target suffers: %v", w.n, w.errs[1])
		}
	}
}

// TestWatchBuriesTheDead: a process that has ended and that nobody has asked for is
// not watched, and not in the way of the next of its name.
func TestWatchBuriesTheDead(t *testing.T) {
	program := copyOf(t, "sleep")
	name := filepath.Base(program)
	run := func() *exec.Cmd {
		cmd := exec.Command(program, "600")
		startCommand(t, cmd)
		waitForCommand(t, cmd.Process.Pid, name)
		return cmd
	}
	first := run()
	var second *exec.Cmd
	list := watchUntil(t, []string{name, "host"}, func(list []seenWindow) bool {
		w := list[len(list)-1]
		switch {
		case len(list) == 1:
			first.Process.Kill() // and Wait comes when the test ends
		case second == nil && w.errs[0] != nil:
			second = run()
		case second != nil && w.errs[0] == nil:
			return true
		}
		return len(list) > 100
	})
	if last := list[len(list)-1].captures[0]; last == nil || last.Target.PID != second.Process.Pid {
		t.Errorf("after %d windows: %v, %v", len(list), last, list[len(list)-1].errs[0])
	}
}

// copyOf makes a program that no other process on the machine has the name of.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	from, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), fmt.Sprintf("bw%d", os.Getpid())) // at most 15 bytes are kept of it
	if err := os.WriteFile(to, data, 0o700); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestMachineRemembers: who processes are is read once and is in every window;
// one that has called exec since is somebody else.
func TestMachineRemembers(t *testing.T) {
	quiet, changing := startProcess(t, "sleep", "600"), exec.Command("sh", "-c", "read go; exec sleep 600")
	in, err := changing.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	startCommand(t, changing)
	waitForCommand(t, quiet.Process.Pid, "sleep")
	waitForCommand(t, changing.Process.Pid, "sh")
	var m machine
	m.sources() // makes it remember
	window := func() (quietly, changed []ProcessIdentity) {
		c := gatherFor(t, processSource(youth, &m), youth+youth/2)
		return identityIn(c, quiet.Process.Pid), identityIn(c, changing.Process.Pid)
	}
	window()
	if k := m.identities.known; len(k) == 0 {
		t.Fatal("nothing is remembered")
	}
	for key, id := range m.identities.known { // what is remembered is what is used
		if key.PID == quiet.Process.Pid {
			id.Command = []string{"remembered"}
			m.identities.known[key] = id
		}
	}
	fmt.Fprintln(in)
	waitForCommand(t, changing.Process.Pid, "sleep")
	quietly, changed := window()
	if len(quietly) != 1 || len(quietly[0].Command) != 1 || quietly[0].Command[0] != "remembered" {
		t.Errorf("read again: %+v", quietly)
	}
	if len(changed) != 1 || changed[0].Name != "sleep" || len(changed[0].Command) != 2 {
		t.Errorf("taken for what it was: %+v", changed)
	}
	m.since = m.since.Add(-2 * lookAgain)
	if m.sources(); len(m.identities.known) != 0 {
		t.Error("it is remembered for ever")
	}
}
