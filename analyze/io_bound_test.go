package analyze

import (
	"testing"

	"busywork/profile"
)

func TestIOBoundNearMisses(t *testing.T) {
	for name, change := range map[string]func(*profile.Capture){
		"a busy disk that nobody waits for": func(c *profile.Capture) { pressed(c, "io", 0.2, 0.1); stalled(c, 0, 0, 0) },
		"another process waits": func(c *profile.Capture) {
			spent(c, 0.4, toIOWait)
			pressed(c, "io", 0.9, 0.9)
			stalled(c, 0.01, 0, 0)
		},
		"the target waits for a CPU first": func(c *profile.Capture) {
			pressed(c, "io", 0.9, 0.9)
			stalled(c, 3, 0, 1)
		},
		"it is swap": func(c *profile.Capture) {
			spent(c, 0.4, toIOWait)
			stalled(c, 0, 900, 1)
			machine(c, func(at float64, s *profile.HostSample) { s.SwapIn, s.SwapOut = uint64(900*at), uint64(900*at) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.2, 0.3)
			queued(c, 500, 50)
			change(c)
			spared(t, c, &IOBound)
		})
	}
	t.Run("the CPUs are full and nobody knows who waits", func(t *testing.T) {
		c := newCapture(t, 0.95, 0.3)
		pressed(c, "io", 0.9, 0.1)
		spared(t, c, &IOBound)
	})
}

func TestIOBound(t *testing.T) {
	c := newCapture(t, 0.2, 0.3)
	queued(c, 500, 50)
	spent(c, 0.45, toIOWait)
	pressed(c, "io", 0.95, 0.9)
	stalled(c, 0.01, 0, 1)
	syncing(t, c)
	f := accused(t, c, &IOBound, SeverityHigh, Inferred)
	contains(t, f.Message, "1.0 of the service's threads", "os.(*File).Sync", "main.(*journal).append")
	contains(t, f.Fix, "Sync once for a batch")
	if f.Location.Function != "main.(*journal).append" {
		t.Error(f.Location)
	}
}

// On many CPUs one thread that waits is no share of iowait worth a word, but
// pressure shows it.
func TestIOBoundOnManyCPUs(t *testing.T) {
	c := newCapture(t, 0.2, 0.3)
	queued(c, 500, 50)
	spent(c, 0.02, toIOWait)
	pressed(c, "io", 0.8, 0.3)
	stalled(c, 0.01, 0, 1)
	accused(t, c, &IOBound, SeverityMedium, Inferred)
}

// Who keeps up may wait for its disk as long as it likes.
func TestIOBoundKeepsUp(t *testing.T) {
	c := newCapture(t, 0.2, 0.3)
	queued(c, 5, 0)
	spent(c, 0.45, toIOWait)
	stalled(c, 0.01, 0, 1)
	spared(t, c, &IOBound)
}

// iowait alone does not say who waits.
func TestIOBoundSuspects(t *testing.T) {
	c := newCapture(t, 0.2, 0.3)
	queued(c, 500, 50)
	spent(c, 0.45, toIOWait)
	pressed(c, "io", 0.9, 0.9)
	if f := accused(t, c, &IOBound, SeverityLow, Suspected); f.Settles == "" {
		t.Error("nothing would settle it")
	}
}

func TestIsFileCall(t *testing.T) {
	for leaf, want := range map[string]bool{
		"os.(*File).Sync": true, "os.Rename": true, "go.etcd.io/bbolt.fdatasync": true, "golang.org/x/sys/unix.Fsync": true,
		"os.(*Process).wait": false, "os/signal.loop": false, "net.(*conn).Read": false, "golang.org/x/sys/unix.EpollWait": false, "": false,
	} {
		if got := isFileCall(leaf); got != want {
			t.Errorf("%s: %v", leaf, got)
		}
	}
}

// syncing adds goroutine samples in which one worker syncs its journal, and one
// goroutine reads its stdin for ever.
func syncing(t *testing.T, c *profile.Capture) {
	t.Helper()
	alwaysStanding(t, c,
		standing{"syscall.Syscall < syscall.Fsync < internal/poll.(*FD).Fsync < os.(*File).Sync < main.(*journal).append < main.work", 1},
		standing{"syscall.Syscall < syscall.read < syscall.Read < internal/poll.(*FD).Read < os.(*File).Read < main.console", 1})
}
