package bench

import (
	"fmt"
	"slices"
	"strings"

	"busywork/profile"
)

// A Side is one of the two programs that are compared.
type Side string

const (
	Base Side = "base" // the git ref that a change is measured against
	Head Side = "head" // the work tree as it is
)

// A Problem is why something could not be judged. Callers tell the reasons
// apart by it; its text is stable.
type Problem string

// Problems of the whole run: [Prepare] returns them.
const (
	NoGit        Problem = "no-git"
	NoRepository Problem = "no-repository"
	UnknownRef   Problem = "unknown-ref"
	ShallowClone Problem = "shallow-clone" // the ref may exist, but not in this clone
	NoCheckout   Problem = "no-checkout"   // git could not make the work tree of base
	NoGo         Problem = "no-go"
	NoModule     Problem = "no-module"
	BadOption    Problem = "bad-option"
	DoesNotBuild Problem = "does-not-build" // Error.Side says which
	NoBenchmarks Problem = "no-benchmarks"  // none matches on both sides
)

// Problems of one benchmark: in [Bench.NotCompared], or returned by what runs
// it.
const (
	OneSided     Problem = "one-sided" // a caveat
	Skipped      Problem = "skipped"   // a caveat
	Failed       Problem = "failed"    // b.Fatal, b.Error
	Panicked     Problem = "panicked"
	Hung         Problem = "hung"
	Exited       Problem = "exited" // it, or TestMain, ended the process; or the kernel did
	Garbled      Problem = "garbled"
	Flooded      Problem = "flooded"
	Unmeasurable Problem = "unmeasurable" // its CPU time does not grow with b.N
)

// Caveat says whether a report only mentions the problem. With every other one
// the gate could not judge what it was asked to.
func (p Problem) Caveat() bool { return p == OneSided || p == Skipped }

// An Error is a problem, where it is, and what to do about it. All its text is
// clean: it may be shown on a terminal. It unwraps to a [profile.Unavailable].
type Error struct {
	Problem   Problem
	Side      Side      // "" where it is of neither or of both
	Benchmark Benchmark // without a name for the whole run
	Reason    string    // one line, lower case; it names neither the benchmark nor the side
	Hint      string    // may be ""
	// Output is what the compiler or the benchmark said about it, a few lines.
	Output []string
}

// Error is the reason and, for a benchmark, which and on which side.
func (e *Error) Error() string {
	switch sided := e.Sided(); {
	case e.Benchmark.Name == "":
		return e.Reason
	case sided == e.Reason:
		return e.Benchmark.String() + ": " + e.Reason
	default:
		return e.Benchmark.String() + " " + sided
	}
}

// Sided is the reason, and on which side it is so.
func (e *Error) Sided() string {
	if e.Side == "" || e.Problem == OneSided { // which says so itself
		return e.Reason
	}
	return fmt.Sprintf("in %s: %s", e.Side, e.Reason)
}

func (e *Error) Unwrap() error { return &profile.Unavailable{Reason: e.Error(), Hint: e.Hint} }

// Errorf is an error of neither side. The hint may be "".
func Errorf(p Problem, hint, format string, args ...any) *Error {
	return &Error{Problem: p, Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// on says on which side it is.
func (e *Error) on(side Side) *Error {
	e.Side = side
	return e
}

// of says of which benchmark it is, and on which side.
func (e *Error) of(bm Benchmark, side Side) *Error {
	e.Benchmark, e.Side = bm, side
	return e
}

// saying adds what a program wrote about it.
func (e *Error) saying(text string) *Error {
	e.Output = firstLines(text)
	return e
}

const (
	// shownLines of a compiler's or benchmark's output say what is wrong; the
	// compiler itself stops after ten errors.
	shownLines = 12
)

// firstLines are the first lines of a text that say something, fit to be shown.
func firstLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = profile.CleanLine(line); line != "" {
			lines = append(lines, line)
		}
		if len(lines) == shownLines {
			break
		}
	}
	return lines
}

// lastLine is the last line of a text that says something; "" if none does.
func lastLine(text string) string {
	for _, line := range slices.Backward(strings.Split(text, "\n")) {
		if line = profile.CleanLine(line); line != "" {
			return line
		}
	}
	return ""
}
