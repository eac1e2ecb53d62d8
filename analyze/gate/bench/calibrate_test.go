package bench

import (
	"testing"
	"time"
)

// Calibration, against benchmarks that are known: what an execution of n
// operations costs is given by a function.
func TestNextN(t *testing.T) {
	per := func(d time.Duration) func(n int) time.Duration {
		return func(n int) time.Duration { return time.Duration(n) * d }
	}
	none := func(int) time.Duration { return 0 }
	for _, c := range []struct {
		what       string
		cpu, waits func(n int) time.Duration
		low, high  time.Duration // of CPU in the end
	}{
		{"1 ns", per(1), none, enough, tooMuch},
		{"90 ns", per(90), none, enough, tooMuch},
		{"12 µs", per(12 * time.Microsecond), none, enough, tooMuch},
		{"7 ms", per(7 * time.Millisecond), none, enough, tooMuch},
		{"one operation is enough", per(35 * time.Millisecond), none, enough, tooMuch},
		{"one operation is too much", per(9 * time.Second), none, 2 * 9 * time.Second, 2 * 9 * time.Second},
		{"quadratic", func(n int) time.Duration { return time.Duration(n) * time.Duration(n) }, none, enough, tooMuch},
		{"it waits 1 ms for 5 µs", per(5 * time.Microsecond), per(time.Millisecond), 2 * time.Millisecond, 20 * time.Millisecond},
		{"nothing", none, none, 0, 0},
	} {
		n, trials := leastN, 0
		for ; trials < mostTrials; trials++ {
			next := nextN(n, c.cpu(n-fewOperations), 10*time.Millisecond+c.cpu(n)+c.waits(n))
			if next == n {
				break
			}
			n = next
		}
		if trials == mostTrials {
			t.Errorf("%s: still searching after %d executions, at %d operations", c.what, trials, n)
		}
		if cpu := c.cpu(n - fewOperations); cpu < c.low || cpu > c.high || n < leastN || n > mostN {
			t.Errorf("%s: %d operations that cost %s, want %s to %s", c.what, n, cpu, c.low, c.high)
		}
	}
}

func TestTwoDigits(t *testing.T) {
	for v, want := range map[float64]int{0: 0, 4: 4, 99: 99, 101: 100, 12345: 12000, 999_999: 990_000, 2e10: 20_000_000_000} {
		if got := twoDigits(v); got != want {
			t.Errorf("%v: got %d, want %d", v, got, want)
		}
	}
}
