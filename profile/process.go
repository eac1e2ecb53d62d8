package profile

import "strings"

// Bounds on what is kept of one process: a command line may be two megabytes.
const (
	maxCommandBytes = 4 << 10
	maxArguments    = 64
	maxPathBytes    = 4 << 10
)

// maxBirths bounds the births of one window. 5,000 say what a respawn loop
// does as well as a million; how many there were is in HostSample.Forks.
const maxBirths = 5000

// hiddenHint tells how to see all processes.
const hiddenHint = "run busywork as root or as the service's user, or mount /proc without hidepid"

// commandLines makes command lines fit to keep. The births of a respawn loop
// all have the same one and cutting its secrets costs more than everything
// else about a birth, so the last ones are remembered.
type commandLines map[string][]string

// maxCommandLines bounds the memory of commandLines, at 4 KiB each.
const maxCommandLines = 1024

// keep returns the arguments in raw, which are separated by NUL as in
// /proc/PID/cmdline, bounded and with their secrets cut. The result is shared
// and must not be changed.
func (m commandLines) keep(raw []byte) []string {
	if kept, ok := m[string(raw)]; ok {
		return kept
	}
	if len(m) >= maxCommandLines {
		clear(m)
	}
	kept := redactCommand(splitArguments(raw))
	m[string(raw)] = kept
	return kept
}

// splitArguments splits at NUL. Processes that write their state over their
// arguments leave a tail of NULs, which are no arguments.
func splitArguments(raw []byte) []string {
	line := strings.TrimRight(string(raw[:min(len(raw), maxCommandBytes)]), "\x00")
	if line == "" {
		return nil
	}
	args := strings.SplitN(line, "\x00", maxArguments+1)
	return args[:min(len(args), maxArguments)]
}
