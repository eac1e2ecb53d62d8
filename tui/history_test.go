package tui

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"busywork/analyze"
)

// busyReport is a window with that share of user time and that deep a queue.
func busyReport(user, depth float64) *analyze.Report {
	return &analyze.Report{
		Host:   analyze.ReportHost{Known: true, Cores: 2, User: user, Idle: 1 - user},
		Queues: []analyze.ReportQueue{{Name: "JOBS", Depth: depth}},
	}
}

func TestHistoryTakesWindowsInAnyOrder(t *testing.T) {
	var h history
	for _, n := range rand.Perm(100) {
		h.add(n+1, time.Unix(int64(n), 0), busyReport(float64(n)/100, float64(n)))
	}
	if h.oldest() != 1 || h.newest() != 100 || len(h.list) != 100 {
		t.Fatalf("%d to %d, %d moments", h.oldest(), h.newest(), len(h.list))
	}
	for n := 1; n <= 100; n++ {
		if m := h.list[n-1]; m.number != n || m.depths[0] != float32(n-1) {
			t.Fatalf("moment %d: %+v", n, m)
		}
	}
	if h.step(50, -1) != 49 || h.step(50, 1) != 51 || h.step(1, -1) != 1 || h.step(100, 1) != 100 || h.step(50, -maxMoments) != 1 {
		t.Error("step leads elsewhere")
	}
}

func TestHistorySteps(t *testing.T) {
	var h history
	if h.step(1, -1) != 0 || h.newest() != 0 {
		t.Error("an empty history has no windows")
	}
	for _, n := range []int{10, 20, 30} { // between them, some were removed
		h.add(n, time.Unix(int64(n), 0), busyReport(0, 0))
	}
	if h.step(20, -1) != 10 || h.step(20, 1) != 30 {
		t.Error("step does not go over what is missing")
	}
}

func TestHistoryColumns(t *testing.T) {
	var h history
	for n := 1; n <= 10; n++ {
		h.add(n, time.Unix(int64(n), 0), busyReport(float64(n)/10, float64(n)))
	}
	few := h.columns(20, 1, 10)
	for i, c := range few {
		if want := max(0, i-9); want == 0 && c.n != 0 || want > 0 && !near(c.host[modeUser], float64(want)/10) {
			t.Errorf("column %d: %+v", i, c)
		}
	}
	many := h.columns(5, 1, 10)
	for i, c := range many {
		if c.n != 2 || !near(c.host[modeUser], (float64(2*i)+1.5)/10) {
			t.Errorf("column %d: %+v", i, c)
		}
	}
	if got := h.depths("JOBS", 5, 1, 10); !slices.Equal(got, []float64{2, 4, 6, 8, 10}) {
		t.Errorf("depths %v", got)
	}
	if got := h.depths("OTHER", 2, 1, 10); !slices.Equal(got, []float64{-1, -1}) {
		t.Errorf("depths of a queue that is not there: %v", got)
	}
}

func near(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }

// The window that is shown has a column in what its chart shows, wherever it is.
func TestSpanHoldsWhatIsShown(t *testing.T) {
	var h history
	for n := 1; n <= 1000; n++ {
		h.add(n, time.Unix(int64(n), 0), busyReport(0, 0))
	}
	for _, live := range []bool{true, false} {
		for number := 1; number <= 1000; number++ {
			for _, n := range []int{1, 2, 50, 119, 1000, 2000} {
				s := &scene{history: &h, live: live, number: number}
				first, last := s.span(n)
				if c := columnOf(number, n, first, last); number < first || number > last || c < 0 || c >= n {
					t.Fatalf("live %v, window %d, %d columns: %d to %d, column %d", live, number, n, first, last, c)
				}
			}
		}
	}
}

// A day and more of windows is no reason to grow.
func TestHistoryIsBounded(t *testing.T) {
	var h history
	for n := 1; n <= 3*maxMoments/2; n++ {
		h.add(n, time.Unix(int64(n), 0), busyReport(0, float64(n)))
	}
	if len(h.list) != maxMoments || h.newest() != 3*maxMoments/2 || cap(h.list) > 3*maxMoments {
		t.Errorf("%d moments, room for %d, newest %d", len(h.list), cap(h.list), h.newest())
	}
	for q := range 2 * maxQueues {
		r := busyReport(0, 0)
		r.Queues[0].Name = fmt.Sprint("queue ", q)
		h.add(h.newest()+1, time.Unix(0, 0), r)
	}
	if len(h.queues) != maxQueues {
		t.Errorf("%d queues", len(h.queues))
	}
}

// The histories of many targets take no more together than those of five.
func TestMomentsOf(t *testing.T) {
	for targets, want := range map[int]int{0: maxMoments, 1: maxMoments, 5: maxMoments, 20: 5000, 200: leastMoments} {
		if got := momentsOf(targets); got != want {
			t.Errorf("%d targets: %d moments each, want %d", targets, got, want)
		}
	}
	h := history{most: 3}
	for n := 1; n <= 9; n++ {
		h.add(n, time.Time{}, new(analyze.Report))
	}
	if h.oldest() != 7 || h.newest() != 9 {
		t.Errorf("windows %d to %d are kept", h.oldest(), h.newest())
	}
}
