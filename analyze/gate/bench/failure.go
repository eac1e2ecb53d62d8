package bench

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"busywork/profile"
)

// failure says why an execution gave no result. Whose it was is added by the
// caller: pkg is the package, whose frame in a stack is the one to show.
func (e ended) failure(pkg string, timeout time.Duration) *Error {
	all := e.err + "\n" + e.out
	switch message, panicked := panicMessage(all); {
	case e.stopped == errHung:
		where := hangSite(all, pkg)
		return Errorf(Hung, "does it wait for a server that is not here?", "it did not end within %s%s", timeout, where)
	case e.stopped == errFlooded:
		return Errorf(Flooded, "have it write to io.Discard", "it wrote more than %d MiB", mostOutput>>20).saying(e.out)
	case panicked:
		where := stackSite(all, pkg)
		if strings.HasPrefix(message, "fatal error: all goroutines are asleep") {
			where = hangSite(all, pkg) // the first is not the one to blame
		}
		return Errorf(Panicked, "", "%s", message+where).saying(fromPanic(all))
	case strings.Contains(e.out, "--- FAIL: "):
		return Errorf(Failed, "", "it failed%s", quoted(afterFail(e.out))).saying(e.out)
	case killedBy(e.state) != "":
		return Errorf(Exited, "did the kernel end it because memory ran out?", "it was ended by a signal: %s", killedBy(e.state)).saying(all)
	case !e.state.Success():
		return Errorf(Exited, "does TestMain, or log.Fatal, end it when something is not there?",
			"it ended its process with code %d%s", e.state.ExitCode(), quoted(lastLine(e.err+"\n"+e.out))).saying(all)
	}
	return Errorf(Garbled, "does TestMain call m.Run?", "it ended well, but wrote no result").saying(all)
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// killedBy is the signal that ended a process; "" if none did.
func killedBy(state *os.ProcessState) string {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal().String()
	}
	return ""
}

// afterFail is what a benchmark that failed said last: the line behind the one
// that says so, or, where all is written as it comes, the line before.
func afterFail(out string) string {
	before, after, _ := strings.Cut(out, "--- FAIL: ")
	_, after, _ = strings.Cut(after, "\n")
	if strings.HasPrefix(after, " ") {
		line, _, _ := strings.Cut(after, "\n")
		return profile.CleanLine(line)
	}
	return lastLine(before)
}

// panicMessage is the line with which the runtime begins to tell of a panic or a
// fatal error.
func panicMessage(text string) (message string, panicked bool) {
	line, _, _ := strings.Cut(fromPanic(text), "\n")
	return profile.CleanLine(line), line != ""
}

// fromPanic is the text from there on; "" if there was no panic. That stacks
// follow tells the runtime's words from a benchmark's own.
func fromPanic(text string) string {
	for rest := text; rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		if (strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")) && strings.Contains(after, "\ngoroutine ") {
			return rest
		}
		rest = after
	}
	return ""
}

// A frame is a function in a stack, and where: "queue/queue_test.go:12".
type frame struct{ function, at string }

// framesOf are the frames of a goroutine's stack as the runtime writes it: two
// lines each.
func framesOf(stack string) (list []frame) {
	lines := strings.Split(stack, "\n")
	for i := 1; i < len(lines); i++ {
		at, indented := strings.CutPrefix(lines[i], "\t")
		end := strings.LastIndexByte(lines[i-1], '(')
		if !indented || end <= 0 {
			continue
		}
		at, _, _ = strings.Cut(at, " ")
		list = append(list, frame{function: lines[i-1][:end], at: at})
	}
	return list
}

// of says whether the frame is of a package or its external tests.
func (f frame) of(pkg string) bool { return pkg != "" && strings.HasPrefix(f.function, pkg) }

func (f frame) ofTesting() bool { return strings.HasPrefix(f.function, "testing.") }

func (f frame) ofRuntime() bool {
	return f.function == "panic" || strings.HasPrefix(f.function, "runtime.")
}

func (f frame) String() string {
	return profile.CleanLine(fmt.Sprintf("%s (%s)", f.function[strings.LastIndexByte(f.function, '/')+1:], f.at))
}

// stackSite is the first frame behind a panic that is the package's own, or else
// one that is not the runtime's: " in queue.BenchmarkX (queue/queue_test.go:12)";
// "" if there is none.
func stackSite(text, pkg string) string {
	for stack := range goroutines(fromPanic(text)) {
		var other *frame
		for _, f := range framesOf(stack) {
			if f.of(pkg) {
				return " in " + f.String()
			}
			if other == nil && !f.ofRuntime() && !f.ofTesting() {
				other = &f
			}
		}
		if other != nil {
			return " in " + other.String()
		}
		return "" // only the first goroutine is the one that panicked
	}
	return ""
}

// hangSite is where the benchmark that hangs is, by the stacks that SIGQUIT has
// the runtime write: in the goroutine that is in the package's code, and not, as
// those of the benchmarks around it, in package testing again.
func hangSite(text, pkg string) string {
	for stack := range goroutines(text) {
		var own *frame
		for _, f := range framesOf(stack) {
			if own == nil && f.of(pkg) {
				own = &f
			}
			if !f.ofTesting() {
				continue
			}
			if own == nil {
				break
			}
			_, state, _ := strings.Cut(stack, "[")
			state, _, _ = strings.Cut(state, "]")
			return fmt.Sprintf(": %s in %s", profile.CleanLine(state), own)
		}
	}
	return ""
}

// goroutines are the stacks in what the runtime writes when it ends.
func goroutines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, block := range strings.Split(text, "\n\n") {
			if strings.HasPrefix(strings.TrimLeft(block, "\n"), "goroutine ") && !yield(block) {
				return
			}
		}
	}
}
