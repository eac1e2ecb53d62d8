package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// errHung ends a process that takes too long.
var errHung = errors.New("took too long")

const (
	// mostOutput of a process is read; a benchmark that writes a line of 100
	// bytes in each of 100,000 operations stays far below.
	mostOutput = 64 << 20
	// edge is kept of the beginning and of the end of an output: some hundred
	// lines of stacks.
	edge = 64 << 10
	// lastWords is the time to write the stacks of all goroutines, after SIGQUIT.
	lastWords = 2 * time.Second
	// unpinned stands for a process that may run on every CPU.
	unpinned = -1
)

// A process is something to be run: a test binary, git or the go command.
type process struct {
	path    string
	args    []string
	dir     string
	env     []string
	cpu     int           // the CPU that it is pinned to, or unpinned
	timeout time.Duration // 0 for none but the context's
	keep    int           // bytes kept of the beginning of its standard output
}

// An ended is what is known of a process that has ended.
type ended struct {
	state    *os.ProcessState
	cpu      time.Duration // user and system time of it and of the children it waited for
	wall     time.Duration
	out, err string // what it wrote, bounded
	stopped  error  // errHung or errFlooded if it had to be stopped
}

// run runs the process in a process group of its own and ends what it leaves
// behind. An error means that it could not be started, or that ctx is done; how
// the process ended is not an error here.
func (p process) run(parent context.Context) (ended, error) {
	if err := context.Cause(parent); err != nil {
		return ended{}, err
	}
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, errs, err := attach(cmd, p.keep)
	if err != nil {
		return ended{}, err
	}
	ctx, end := context.WithCancelCause(parent)
	defer end(nil)
	began := time.Now()
	release, err := start(cmd, p.cpu)
	if err != nil {
		out.abandon()
		errs.abandon()
		return ended{}, fmt.Errorf("start %s: %w", filepath.Base(p.path), err)
	}
	defer release()
	if p.timeout > 0 {
		defer time.AfterFunc(p.timeout, func() { end(errHung) }).Stop()
	}
	out.read(func() { end(errFlooded) })
	errs.read(func() { end(errFlooded) })
	stopped := wait(cmd, guard(ctx, cmd))
	e := ended{
		state: cmd.ProcessState,
		cpu:   cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		wall:  time.Since(began),
		out:   out.finish(),
		err:   errs.finish(),
	}
	if stopped {
		if err := context.Cause(parent); err != nil {
			return ended{}, err
		}
		e.stopped = context.Cause(ctx)
	}
	return e, nil
}

// attach gives a process its two outputs.
func attach(cmd *exec.Cmd, keep int) (out, errs *stream, err error) {
	if out, err = newStream(capture{first: max(keep, edge), last: edge, most: mostOutput}); err != nil {
		return nil, nil, err
	}
	if errs, err = newStream(capture{first: edge, last: edge, most: mostOutput}); err != nil {
		out.abandon()
		return nil, nil, err
	}
	cmd.Stdout, cmd.Stderr = out.w, errs.w
	return out, errs, nil
}

// guard stops the process when ctx is done. What it returns must be called when
// the process has ended, and says whether it was stopped. A process that hangs
// is first asked where: Go answers SIGQUIT with the stacks of its goroutines.
func guard(ctx context.Context, cmd *exec.Cmd) func() (stopped bool) {
	over, gone := make(chan struct{}), make(chan bool, 1)
	go func() {
		select {
		case <-over:
			gone <- false
			return
		case <-ctx.Done():
		}
		if errors.Is(context.Cause(ctx), errHung) {
			quit(cmd)
			select {
			case <-over:
			case <-time.After(lastWords):
			}
		}
		select {
		case <-over:
		default:
			kill(cmd)
		}
		gone <- true
	}()
	return func() bool {
		close(over)
		return <-gone
	}
}
