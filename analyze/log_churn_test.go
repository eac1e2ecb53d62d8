package analyze

import (
	"strings"
	"testing"

	"busywork/profile"
)

const (
	logFormat = "log/slog.(*handleState).appendAttr < log/slog.(*TextHandler).Handle < log/slog.(*Logger).Debug < main.debugf < main.handle < main.work"
	logWrite  = "internal/runtime/syscall.Syscall6 < syscall.write < internal/poll.(*FD).Write < os.(*File).Write < log/slog.(*TextHandler).Handle < log/slog.(*Logger).Debug < main.debugf < main.handle < main.work"
	ackWrite  = "internal/runtime/syscall.Syscall6 < syscall.write < internal/poll.(*FD).Write < net.(*conn).Write < github.com/nats-io/nats.go.(*Conn).flush"
)

func TestLogChurnNearMisses(t *testing.T) {
	loud := []stack{{logFormat, 2}, {logWrite, 1}, {ackWrite, 1}, {pricing, 4}}
	for name, c := range map[string]*profile.Capture{
		"a few lines a job, in a service that does little else": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, loud...)
			inputOutput(c, 9000, 9e6, 6000, 1e6) // half of 6,000 writes for 500 jobs
			counter(c, "jobs_completed_total", 500)
			return c
		}(),
		"its own counter of lines": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, loud...)
			inputOutput(c, 9000, 9e6, 60000, 1e6)
			counter(c, "jobs_completed_total", 500)
			counter(c, "log_lines_total", 1500)
			return c
		}(),
		"many lines that cost little": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{logFormat, 0.3}, stack{logWrite, 0.3}, stack{pricing, 7})
			inputOutput(c, 900, 9e5, 50000, 5e6)
			counter(c, "jobs_completed_total", 500)
			return c
		}(),
		"formatting that is no logging": newService(t, 0.6, 0.8, stack{"fmt.Sprintf < main.label < main.handle < main.work", 4}, stack{pricing, 4}),
	} {
		if f, _ := alone(t, c, &LogChurn); f != nil {
			t.Errorf("%s: accused: %s", name, f.Message)
		}
	}
}

func TestLogChurn(t *testing.T) {
	stacks := []stack{{logFormat, 3}, {logWrite, 1.5}, {ackWrite, 0.1}, {pricing, 3.4}}
	t.Run("the kernel counts the lines", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stacks...)
		inputOutput(c, 900, 9e5, 32000, 5e6) // 30,000 of them lines, for 500 jobs
		counter(c, "jobs_completed_total", 500)
		f, status := alone(t, c, &LogChurn)
		wants(t, f, status, Inferred, "main.debugf", 0.45*58/60)
		if !strings.Contains(f.Message, "60 lines a job") {
			t.Error(f.Message)
		}
	})
	t.Run("the service counts the lines", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stacks...)
		counter(c, "jobs_completed_total", 500)
		counter(c, `log_messages_total{level="debug"}`, 10000)
		f, status := alone(t, c, &LogChurn)
		wants(t, f, status, Measured, "main.debugf", 0.45*0.9)
	})
	t.Run("nobody counts", func(t *testing.T) {
		f, status := alone(t, newService(t, 0.6, 0.8, stacks...), &LogChurn)
		wants(t, f, status, Suspected, "main.debugf", 0.45)
	})
	t.Run("formatted and dropped", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{logFormat, 5}, stack{ackWrite, 0.5}, stack{pricing, 2.5})
		inputOutput(c, 900, 9e5, 1000, 5e4)
		counter(c, "jobs_completed_total", 500)
		f, status := alone(t, c, &LogChurn)
		wants(t, f, status, Suspected, "main.debugf", 0.5)
		if !strings.Contains(f.Message, "dropped") {
			t.Error(f.Message)
		}
	})
}
