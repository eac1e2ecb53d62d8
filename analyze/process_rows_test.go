package analyze

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"busywork/profile"
)

func rowsOf(t testing.TB, name string) []ProcessRow {
	t.Helper()
	c, err := profile.Load(filepath.Join(captureDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return Examine(c, Options{}).Processes
}

// checkRows holds a table against what any must be: every process once, parents
// before their children, one deeper.
func checkRows(t *testing.T, rows []ProcessRow, processes int) {
	t.Helper()
	if len(rows) != processes {
		t.Fatalf("%d rows of %d processes", len(rows), processes)
	}
	var way []int // pids from the root to the row at hand
	for i := range rows {
		r := &rows[i]
		if r.Depth > len(way) || r.Depth > 0 && way[r.Depth-1] != r.Parent {
			t.Fatalf("row %d, %+v, stands below %v", i, *r, way)
		}
		way = append(way[:r.Depth], r.PID)
		if r.Tree < r.Cores-1e-9 && !r.Gone || r.Births < 0 || r.Deaths < 0 || math.IsNaN(r.Tree) || math.IsInf(r.Tree, 0) {
			t.Fatalf("%+v", *r)
		}
	}
}

// supervisord starts a program twice a second, which ends each time: rates from
// its log, CPU from the kernel.
func TestProcessRowsOfARespawnLoop(t *testing.T) {
	for _, r := range rowsOf(t, "beats-waste") {
		if !strings.Contains(r.Name, "supervisord") {
			continue
		}
		if !r.Target || math.Abs(r.Births-2) > 0.1 || math.Abs(r.Deaths-2) > 0.1 || r.Dead < 0.69 || r.Dead > 0.76 || r.Tree < r.Dead+0.05 {
			t.Errorf("%+v", r)
		}
		return
	}
	t.Error("no supervisord")
}

// A worker that forks for each job, some 45 a second as they come in, has its CPU
// in the dead, and births that polls saw.
func TestProcessRowsOfAForkPerJob(t *testing.T) {
	for _, r := range rowsOf(t, "forks-waste") {
		if r.Dead > 0.5 {
			if r.Births < 1 || r.Deaths < 1 || r.Births > 50 || !strings.Contains(r.Command, "rq worker") {
				t.Errorf("%+v", r)
			}
			return
		}
	}
	t.Error("no forking worker")
}

// Every recorded table is whole, and what is below the target is what the rules
// hold against it.
func TestProcessRowsOfAllCaptures(t *testing.T) {
	for _, name := range captureNames(t) {
		c, err := profile.Load(filepath.Join(captureDir, name))
		if err != nil {
			t.Fatal(err)
		}
		f := NewFacts(c)
		if f.Processes == nil {
			continue
		}
		rows := processTable(f)
		checkRows(t, rows, len(f.Processes.List))
		for _, r := range rows {
			if r.Target && math.Abs(r.Tree-f.Processes.tree(f.Target)) > 1e-9 {
				t.Errorf("%s: the target's tree has %g cores, for the rules %g", name, r.Tree, f.Processes.tree(f.Target))
			}
		}
	}
}

// table is a window over processes, each with a parent; all use a tenth of a core.
func table(parents map[int]int) *profile.Capture {
	c := &profile.Capture{Window: profile.Window{Start: epoch, End: after(window)}}
	first, last := profile.ProcessSample{At: epoch}, profile.ProcessSample{At: after(window)}
	for pid, parent := range parents {
		key := profile.ProcessKey{PID: pid, Start: 1}
		c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key, PPID: parent, Name: fmt.Sprintf("p%d", pid)})
		first.Changed = append(first.Changed, profile.Process{ProcessKey: key})
		last.Changed = append(last.Changed, profile.Process{ProcessKey: key, User: 1})
	}
	c.Processes = []profile.ProcessSample{first, last}
	return c
}

func written(rows []ProcessRow) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s%d=%.1f ", strings.Repeat(">", r.Depth), r.PID, r.Tree)
	}
	return strings.TrimSpace(b.String())
}

func TestProcessRowsWithForgedParents(t *testing.T) {
	for want, parents := range map[string]map[int]int{
		"1=0.4 >2=0.2 >>4=0.1 >3=0.1":            {1: 0, 2: 1, 3: 1, 4: 2},
		"7=0.1":                                  {7: 7},
		"7=0.1 9=0.1":                            {7: 1, 9: 8}, // parents that were not seen
		"2=0.2 >3=0.1":                           {2: 3, 3: 2},
		"2=0.5 >4=0.4 >>3=0.3 >>>5=0.1 >>>6=0.1": {2: 3, 3: 4, 4: 2, 5: 3, 6: 3},
		"1=0.1 5=0.3 >6=0.2 >>9=0.1":             {1: 1, 5: 6, 6: 5, 9: 6},
	} {
		f := NewFacts(table(parents))
		rows := processTable(f)
		checkRows(t, rows, len(parents))
		if got := written(rows); got != want {
			t.Errorf("%v: got %s, want %s", parents, got, want)
		}
	}
}

// A hundred thousand processes, as a chain and as one parent's.
func TestManyProcesses(t *testing.T) {
	const n = 100_000
	for name, parent := range map[string]func(int) int{
		"chain": func(pid int) int { return pid - 1 }, "one parent": func(int) int { return 1 }, "circle": func(pid int) int { return (pid + 1) % n },
	} {
		parents := map[int]int{}
		for pid := range n {
			parents[pid] = parent(pid)
		}
		rows := processTable(NewFacts(table(parents)))
		checkRows(t, rows, n)
		if name == "chain" && (rows[n-1].Depth != n-1 || !alike(rows[0].Tree, n/10)) {
			t.Errorf("%s: %+v … %+v", name, rows[0], rows[n-1])
		}
	}
}

// A pid that is used again does not inherit the children of the one before, and a
// process that is gone counts in what its parent reaped and not twice.
func TestProcessRowsOfTheDead(t *testing.T) {
	c := table(map[int]int{1: 0, 5: 1})
	id := func(pid, parent int, start float64) profile.ProcessKey {
		key := profile.ProcessKey{PID: pid, Start: start}
		c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key, PPID: parent, Name: "late"})
		return key
	}
	again, child := id(5, 1, 60), id(9, 5, 3)
	gone := id(8, 1, 50)
	middle := profile.ProcessSample{At: after(5), Changed: []profile.Process{{ProcessKey: again, User: 1}, {ProcessKey: child, User: 1}, {ProcessKey: gone, User: 2}}}
	last := &c.Processes[1]
	last.Gone = []profile.ProcessKey{gone}
	for i := range last.Changed {
		if last.Changed[i].PID == 1 {
			last.Changed[i].ChildUser = 2
		}
	}
	c.Processes = []profile.ProcessSample{c.Processes[0], middle, c.Processes[1]}
	rows := processTable(NewFacts(c))
	checkRows(t, rows, 5)
	if got, want := written(rows), "1=0.6 >5=0.2 >>9=0.1 >5=0.1 >8=0.2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Three were born under pid 1, the child of the older 5 among those of that.
	if r := rows[0]; r.Births != 0.2 || r.Deaths != 0.1 || !alike(r.Dead, 0.2) || rows[4].State != "" || !rows[4].Gone || !rows[4].Young {
		t.Errorf("%+v … %+v", r, rows[4])
	}
}

// A title of a megabyte with terminal escapes is a line of harmless text.
func TestHostileProcessRows(t *testing.T) {
	c := table(map[int]int{1: 0})
	evil := "x\x1b]52;c;aGk=\a\u009b2J\r\n\u202e\xff"
	c.Identities[0].Name = evil
	c.Identities[0].Command = []string{evil + strings.Repeat("é", 1<<20), evil, strings.Repeat("y ", 1<<20)}
	c.Processes[1].Changed[0].State = evil
	r := Examine(c, Options{}).Processes[0]
	if len(r.Name) > rowName || len(r.Command) > rowCommand || len(r.State) > rowState || len(r.Command) < rowCommand/2 {
		t.Errorf("%d, %d and %d bytes", len(r.Name), len(r.Command), len(r.State))
	}
	for _, char := range r.Name + r.Command + r.State {
		if unicode.IsControl(char) || unicode.Is(unicode.Cf, char) {
			t.Errorf("%q in %+v", char, r)
		}
	}
}
