package tui

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"busywork/analyze"
)

// outline is a forest in short: "pid+depth", folds as "(text)".
func outline(f *procForest, list []branch) string {
	var parts []string
	for _, b := range list {
		text := strings.Repeat(">", b.depth)
		switch {
		case b.fold != nil:
			text += "(" + b.fold.text() + ")"
		default:
			text += fmt.Sprint(f.rows[b.row].PID)
		}
		if b.hidden > 0 {
			text += fmt.Sprintf("[%d]", b.hidden)
		}
		if b.faint {
			text += "~"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// family is a supervisor with a service that forks, a quiet one, and the kernel's
// threads.
func family() []analyze.ProcessRow {
	return []analyze.ProcessRow{
		{PID: 1, Name: "init", Tree: 1.5},
		{PID: 10, Parent: 1, Depth: 1, Name: "supervisord", Cores: 0.01, Dead: 0.7, Tree: 0.85, Births: 2, Deaths: 2},
		{PID: 11, Parent: 10, Depth: 2, Name: "worker", Cores: 0.2, Tree: 0.2, Target: true},
		{PID: 12, Parent: 10, Depth: 2, Name: "beat", Cores: 0.1, Gone: true, Young: true},
		{PID: 13, Parent: 10, Depth: 2, Name: "beat", Cores: 0.1, Gone: true, Young: true},
		{PID: 20, Parent: 1, Depth: 1, Name: "cron"},
		{PID: 21, Parent: 20, Depth: 2, Name: "job", Command: "/bin/job --nightly"},
		{PID: 30, Parent: 1, Depth: 1, Name: "database", Cores: 0.4, Tree: 0.4},
		{PID: 2, Name: "kthreadd"},
		{PID: 3, Parent: 2, Depth: 1, Name: "kworker"},
	}
}

func TestBranches(t *testing.T) {
	for _, c := range []struct {
		name string
		view procView
		want string
		n    int
	}{
		{"the ended and the quiet are counted", procView{},
			"1 >10 >>11 >>(+ ~20 ended, 0.70 cores) >30 >(+ 2 quiet) (+ 2 quiet)", 3},
		{"all", procView{all: true}, "1 >10 >>11 >>12 >>13 >20 >>21 >30 2 >3", 10},
		{"one fold is opened", procView{opened: map[int]bool{10: true}}, "1 >10 >>11 >>12 >>13 >30 >(+ 2 quiet) (+ 2 quiet)", 5},
		{"the fold of the roots is opened", procView{opened: map[int]bool{noParent: true}}, "1 >10 >>11 >>(+ ~20 ended, 0.70 cores) >30 >(+ 2 quiet) 2 >(+ 1 quiet)", 5},
		{"closed", procView{closed: map[int]bool{10: true}}, "1 >10[3] >30 >(+ 2 quiet) (+ 2 quiet)", 3},
		{"a filter keeps those above its matches", procView{filter: "BEAT"}, "1~ >10~ >>12 >>13", 2},
		{"a filter finds commands", procView{filter: "nightly"}, "1~ >20~ >>21", 1},
		{"a filter finds pids, also in what is closed", procView{filter: "11", closed: map[int]bool{1: true}}, "1~ >10~ >>11", 1},
		{"no match", procView{filter: "nobody"}, "", 0},
		{"by cores", procView{order: byCores}, "30 11 10 (+ 2 ended, 0.20 cores · 5 quiet)", 3},
		{"by dead", procView{order: byDead}, "10 11 30 (+ 2 ended, 0.20 cores · 5 quiet)", 3},
		{"by births, of a filter", procView{order: byBirths, filter: "or"}, "10 11 3", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := forestOf(family(), 10)
			list, n := f.branches(&c.view)
			if got := outline(f, list); got != c.want || n != c.n {
				t.Errorf("got  %s, %d\nwant %s, %d", got, n, c.want, c.n)
			}
		})
	}
}

// TestFoldOfUnseen: a process whose children live too shortly to be seen has
// their CPU all the same.
func TestFoldOfUnseen(t *testing.T) {
	f := forestOf([]analyze.ProcessRow{{PID: 5, Name: "sh", Cores: 0.1, Dead: 0.3}}, 10)
	list, _ := f.branches(&procView{})
	if got, want := outline(f, list), "5 >(+ ended unseen, 0.30 cores)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestGoneParentStaysAboveTheLiving: what has ended is shown where something that
// is worth a line stands below it.
func TestGoneParentStaysAboveTheLiving(t *testing.T) {
	f := forestOf([]analyze.ProcessRow{
		{PID: 1}, {PID: 7, Parent: 1, Depth: 1, Gone: true}, {PID: 8, Parent: 7, Depth: 2, Cores: 0.5},
	}, 10)
	list, _ := f.branches(&procView{})
	if got, want := outline(f, list), "1 >7 >>8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestGuides draws the tree and looks at its lines.
func TestGuides(t *testing.T) {
	f := forestOf(family(), 10)
	list, _ := f.branches(&procView{})
	var got []string
	for i := range list {
		p := newPage(8, 1)
		list[i].indent(p, style{}, 40)
		got = append(got, strings.TrimRight(p.String(), " "))
	}
	if want := ",├,│ ├,│ └,├,└,"; strings.Join(got, ",") != want {
		t.Errorf("got %q, want %q", strings.Join(got, ","), want)
	}
}

// TestEveryProcessIsThereOnce: shown, hidden or folded, in any view, each process
// is counted once.
func TestEveryProcessIsThereOnce(t *testing.T) {
	rows := bush(3000)
	for order := range procOrders {
		for _, all := range []bool{false, true} {
			f := forestOf(rows, 10)
			list, _ := f.branches(&procView{order: order, all: all, closed: map[int]bool{100: true, 7: true}, opened: map[int]bool{30: true}})
			n := 0
			for _, b := range list {
				switch {
				case b.fold == nil:
					n += 1 + b.hidden
				default:
					n += b.fold.ended + b.fold.quiet
				}
			}
			if n != len(rows) {
				t.Errorf("order %d, all %v: %d of %d processes", order, all, n, len(rows))
			}
		}
	}
}

// bush is a process tree of n, some of them ended, most quiet.
func bush(n int) []analyze.ProcessRow {
	rows := make([]analyze.ProcessRow, n)
	depth := 0
	for i := range rows {
		depth = min(depth+1, (i*i*7+i)%9) // up by one at most, down by any
		rows[i] = analyze.ProcessRow{
			PID: i + 1, Depth: depth, Name: fmt.Sprintf("worker-%d", i), Command: fmt.Sprintf("/usr/bin/worker --number %d --of %d", i, n),
			Cores: float64(i%10) / 20, Tree: float64(i%10) / 10, State: "S", RSS: 30 << 20, Threads: 4, Gone: i%6 == 5,
		}
		if i == 0 {
			rows[i].Depth, depth = 0, 0
		}
	}
	return rows
}

// TestDeepChain: 100,000 processes one below the other, which a forged table may
// hold, take a pass and no recursion.
func TestDeepChain(t *testing.T) {
	rows := make([]analyze.ProcessRow, 100_000)
	for i := range rows {
		rows[i] = analyze.ProcessRow{PID: i + 1, Parent: i, Depth: i, Cores: 0.1}
	}
	f := forestOf(rows, 10)
	list, _ := f.branches(&procView{})
	if len(list) != len(rows) || list[len(rows)-1].depth != len(rows)-1 {
		t.Fatalf("%d lines", len(list))
	}
	p := newPage(40, 1)
	list[len(rows)-1].indent(p, style{}, 30)
	if p.x > 30-nameRoom+2 {
		t.Errorf("the indentation takes %d of 30 cells", p.x)
	}
}

func TestSameProcesses(t *testing.T) {
	then := []analyze.ProcessRow{
		{PID: 1, Name: "init", Command: "init"}, {PID: 10, Name: "dispatchd", Command: "dispatchd", Target: true},
		{PID: 20, Name: "redis", Command: "redis *:6379"}, {PID: 30, Name: "rq", Command: "rq"}, {PID: 31, Name: "rq", Command: "rq"},
	}
	now := []analyze.ProcessRow{
		{PID: 1, Name: "init", Command: "init"}, {PID: 90, Name: "dispatchd", Command: "dispatchd -fixed", Target: true},
		{PID: 91, Name: "redis", Command: "redis *:6379"}, {PID: 92, Name: "rq", Command: "rq"}, {PID: 20, Name: "other", Command: "other"},
	}
	want := []int{0, 1, 2, -1, -1}
	if got := sameProcesses(now, then); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		v, whole float64
		want     int
	}{{1, 2, 5}, {2, 2, 10}, {3, 2, 10}, {0, 2, 0}, {-1, 2, 0}, {1, 0, 10}, {0, 0, 0}, {math.NaN(), 2, 0}, {1, math.NaN(), 0}, {math.Inf(1), 2, 10}, {math.Inf(-1), 2, 0}} {
		if got := share(c.v, c.whole, 10); got != c.want {
			t.Errorf("share(%g, %g, 10) = %d, want %d", c.v, c.whole, got, c.want)
		}
	}
}
