package analyze

import (
	"strings"
	"testing"

	"busywork/profile"
)

const (
	fieldWrite = "internal/runtime/syscall.Syscall6 < syscall.write < internal/poll.(*FD).Write < os.(*File).Write < fmt.Fprintf < main.(*Report).field < main.handle < main.work"
	byteRead   = "internal/runtime/syscall.Syscall6 < syscall.read < internal/poll.(*FD).Read < os.(*File).Read < main.readByte < main.handle < main.work"
	peerRead   = "internal/runtime/syscall.Syscall6 < syscall.read < internal/poll.(*FD).Read < net.(*conn).Read < main.(*Peer).receive < main.serve"
	peerWrite  = "internal/runtime/syscall.Syscall6 < syscall.write < internal/poll.(*FD).Write < net.(*conn).Write < main.(*Peer).send < main.serve"
)

func TestSmallIONearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"a network service with one read and one write a message": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{peerRead, 3}, stack{peerWrite, 3}, stack{pricing, 2})
			inputOutput(c, 40000, 4e6, 20000, 2e6) // the second read of each says that there is no more
			counter(c, "requests_processed_total", 20000)
			return c
		}(),
		"a dialogue of many questions a job": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{peerRead, 3}, stack{peerWrite, 3}, stack{pricing, 2})
			inputOutput(c, 40000, 4e6, 20000, 2e6)
			counter(c, "jobs_completed_total", 500)
			return c
		}(),
		"large writes": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{fieldWrite, 5}, stack{pricing, 3})
			inputOutput(c, 1000, 1e6, 20000, 20000*16384)
			counter(c, "jobs_completed_total", 500)
			return c
		}(),
		"a client of a server writes": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{"syscall.write < internal/poll.(*FD).Write < github.com/redis/go-redis/v9.(*Client).Process < main.handle < main.work", 5}, stack{pricing, 3})
			inputOutput(c, 1000, 1e6, 50000, 5e6)
			counter(c, "jobs_completed_total", 500)
			return c
		}(),
		"a log": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{logWrite, 5}, stack{pricing, 3})
			inputOutput(c, 1000, 1e6, 50000, 5e6)
			counter(c, "jobs_completed_total", 500)
			return c
		}(),
		"a file or two a job": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{fieldWrite, 5}, stack{pricing, 3})
			inputOutput(c, 1000, 1e6, 4000, 4e5)
			counter(c, "jobs_completed_total", 500)
			return c
		}(),
		"the runtime wakes its poller": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{"runtime.write1 < runtime.netpollBreak < runtime.wakeNetPoller < runtime.schedule", 5}, stack{pricing, 3})
			inputOutput(c, 50000, 4e5, 50000, 4e5)
			counter(c, "jobs_completed_total", 500)
			return c
		}(),
	} {
		if f, _ := alone(t, c, &SmallIO); f != nil {
			t.Errorf("%s: accused: %s", name, f.Message)
		}
	}
}

func TestSmallIO(t *testing.T) {
	t.Run("a report field by field", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{fieldWrite, 4.5}, stack{ackWrite, 0.5}, stack{pricing, 3})
		inputOutput(c, 2000, 1e6, 100e3, 2e6)
		counter(c, "jobs_completed_total", 500)
		f, status := alone(t, c, &SmallIO)
		wants(t, f, status, Measured, "main.(*Report).field", 0.45)
		if !strings.Contains(f.Message, "180 writes a job of at most 22 bytes") {
			t.Error(f.Message)
		}
	})
	t.Run("a file byte by byte", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{byteRead, 5}, stack{pricing, 3})
		inputOutput(c, 200e3, 2e6, 2000, 1e5)
		counter(c, "jobs_completed_total", 500)
		f, status := alone(t, c, &SmallIO)
		wants(t, f, status, Measured, "main.readByte", 0.5)
	})
	t.Run("nobody counts", func(t *testing.T) {
		f, status := alone(t, newService(t, 0.6, 0.8, stack{fieldWrite, 4.5}, stack{pricing, 3}), &SmallIO)
		wants(t, f, status, Suspected, "main.(*Report).field", 0.48)
	})
}
