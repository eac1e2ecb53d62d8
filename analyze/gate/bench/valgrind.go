package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"busywork/profile"
)

// Problems of counting instructions.
const (
	NoValgrind  Problem = "no-valgrind"
	NotEmulated Problem = "not-emulated" // valgrind cannot run the benchmark
)

// Valgrind is the program as it is installed here.
type Valgrind struct{ path string }

// FindValgrind looks for it on PATH. The error is an *[Error].
func FindValgrind() (Valgrind, error) {
	path, err := exec.LookPath("valgrind")
	if err != nil {
		return Valgrind{}, Errorf(NoValgrind, "install it (apt-get install valgrind), or compare CPU time, which needs none: busywork gate run",
			"valgrind is not installed: instructions cannot be counted")
	}
	return Valgrind{path}, nil
}

// arguments have callgrind count what a program executes, and write it to a file.
func (v Valgrind) arguments(file, program string, args []string) []string {
	return append([]string{
		"--command-line-only=yes", // no .valgrindrc of the package's folder, which differs between the sides
		"--tool=callgrind",
		"--callgrind-out-file=" + strings.ReplaceAll(file, "%", "%%"),
		"--dump-line=no", // the sum is all that is read: a smaller file
		program,
	}, args...)
}

// emulatedEnvironment has Go do nothing by the clock, which emulated code is too
// slow for: goroutines are not interrupted, and one CPU is all there is from the
// start.
func emulatedEnvironment(env []string) []string {
	debug := "GODEBUG=asyncpreemptoff=1"
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		if given, ok := strings.CutPrefix(entry, "GODEBUG="); ok && given != "" {
			debug = "GODEBUG=" + given + ",asyncpreemptoff=1" // the last one counts
		}
		return strings.HasPrefix(entry, "GODEBUG=") || strings.HasPrefix(entry, "GOMAXPROCS=")
	})
	return append(env, debug, "GOMAXPROCS=1")
}

// mostCounts bounds what is read of callgrind's file: that of a large service
// has some 10 MB.
const mostCounts = 256 << 20

// readTotals reads the number of instructions of a whole process from callgrind's
// file, whose last line it is.
func readTotals(path string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(io.LimitReader(f, mostCounts), 1<<16)
	for {
		line, err := in.ReadSlice('\n')
		if count, ok := strings.CutPrefix(string(line), "totals: "); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(count), 10, 63)
			return float64(n), err
		}
		// Of a line that is longer than the buffer, the rest is read as a line of its
		// own: no function's name begins like that after 64 KiB by chance.
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, fmt.Errorf("there is no total in it: %w", err)
		}
	}
}

// notEmulated says why an execution that is known to go well by itself did not
// under valgrind.
func (e ended) notEmulated(pkg string, timeout time.Duration) *Error {
	if errors.Is(e.stopped, errHung) {
		return Errorf(Hung, "give it smaller sub-benchmarks", "under valgrind, which is 50 to 80 times slower, it did not end within %s", timeout)
	}
	said := ""
	for line := range strings.Lines(e.err) {
		if said = wordsOfValgrind(line); said != "" {
			break
		}
	}
	if said == "" {
		said = e.failure(pkg, timeout).Reason
	}
	return Errorf(NotEmulated, "build without -race and for at most GOAMD64=v3: valgrind knows no AVX-512",
		"it does not run under valgrind: %s", said).saying(e.err + e.out)
}

// wordsOfValgrind are its words in a line of standard error, if they say that it
// cannot go on; "" if not. They begin "==1234== ", or "valgrind: " before the
// program has started.
func wordsOfValgrind(line string) string {
	if strings.HasPrefix(line, "valgrind: ") {
		return profile.CleanLine(line)
	}
	rest, ok := strings.CutPrefix(line, "==")
	if !ok {
		return ""
	}
	pid, words, ok := strings.Cut(rest, "== ")
	if _, err := strconv.Atoi(pid); !ok || err != nil {
		return ""
	}
	if !strings.Contains(words, "nrecognised instruction") && !strings.Contains(words, "Process terminating") {
		return ""
	}
	return profile.CleanLine(words)
}
