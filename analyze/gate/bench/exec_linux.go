package bench

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// start starts cmd as the leader of a process group, on one CPU unless that is
// unpinned. A child inherits the affinity of the thread that forks it, so the
// thread takes it on for that moment; the runtime starts no thread from one that
// is locked, so no other thread inherits it. The kernel kills the child when the
// thread dies, which is why the thread stays locked to the caller until release
// is called, after the child has ended.
func start(cmd *exec.Cmd, cpu int) (release func(), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	if cpu == unpinned {
		err = cmd.Start()
	} else {
		err = pinned(cpu, cmd.Start)
	}
	if err != nil && cmd.Process != nil {
		// Only the thread's own affinity could not be restored. It stays locked: it
		// serves nobody else, and ends with its goroutine.
		kill(cmd)
		_ = cmd.Wait()
		return nil, err
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return runtime.UnlockOSThread, nil
}

// pinned calls f while this thread, which must be locked, is on one CPU.
func pinned(cpu int, f func() error) error {
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read the CPU affinity: %w", err)
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("pin to CPU %d: %w", cpu, err)
	}
	return errors.Join(f(), unix.SchedSetaffinity(0, &before))
}

// chooseCPU is the CPU that all executions are pinned to, the last of those
// allowed: interrupts go to the first by default. It must be the same one for
// both sides, since CPUs of one machine differ in speed. It is unpinned where
// pinning is forbidden.
func chooseCPU() int {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil {
		return unpinned
	}
	last := unpinned
	for cpu, left := 0, allowed.Count(); left > 0; cpu++ {
		if allowed.IsSet(cpu) {
			last = cpu
			left--
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if last == unpinned || pinned(last, func() error { return nil }) != nil {
		return unpinned
	}
	return last
}

// wait returns when cmd has ended, and what it left in its process group is
// killed. The group is named by the leader's number, which the kernel cannot
// give to another as long as the leader is not reaped: so its end is awaited
// without reaping it, the group killed, and guard's goroutine stopped, first.
func wait(cmd *exec.Cmd, over func() bool) (stopped bool) {
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil { // a sandbox without it: then what is left behind stays
		_ = cmd.Wait()
		return over()
	}
	stopped = over()
	kill(cmd)
	_ = cmd.Wait() // how it ended is in cmd.ProcessState
	return stopped
}

func kill(cmd *exec.Cmd) { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }

func quit(cmd *exec.Cmd) { _ = unix.Kill(cmd.Process.Pid, unix.SIGQUIT) }
