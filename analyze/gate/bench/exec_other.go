//go:build !linux

package bench

import (
	"os/exec"
)

// Elsewhere than on Linux there is no portable way to pin a process to a CPU or
// to end its children with it.

func start(cmd *exec.Cmd, _ int) (release func(), err error) {
	return func() {}, cmd.Start()
}

func chooseCPU() int { return unpinned }

func wait(cmd *exec.Cmd, over func() bool) (stopped bool) {
	_ = cmd.Wait() // how it ended is in cmd.ProcessState
	return over()
}

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func quit(cmd *exec.Cmd) { kill(cmd) }
