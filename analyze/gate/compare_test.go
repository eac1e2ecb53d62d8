package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"busywork/analyze/gate/bench"
)

const machineLines = "goos: linux\ngoarch: amd64\npkg: example.com/queue\ncpu: Some CPU @ 2 GHz\n"

func file(name, text string) File { return File{Name: name, Data: strings.NewReader(text)} }

// benchText is the output for one benchmark, a line a figure.
func benchText(name string, ns []float64, rest string) string {
	var b strings.Builder
	b.WriteString(machineLines)
	for _, v := range ns {
		fmt.Fprintf(&b, "%s-2   \t1000\t%.4f ns/op%s\n", name, v, rest)
	}
	return b.String() + "PASS\nok  \texample.com/queue\t1.2s\n"
}

func outputFile(t *testing.T, name string) File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "bench", name))
	if err != nil {
		t.Fatal(err)
	}
	return File{Name: name, Data: bytes.NewReader(data)}
}

func compared(t *testing.T, base, head File) *Result {
	t.Helper()
	r, err := Compare(base, head, CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func figureRow(t *testing.T, r *Result, name, metric string) Row {
	t.Helper()
	for _, row := range r.Rows {
		if row.Name == name && row.Metric == metric {
			return row
		}
	}
	t.Fatalf("no %s of %s in %+v", metric, name, r.Rows)
	return Row{}
}

func caveat(r *Result, part string) bool {
	return strings.Contains(strings.Join(r.Caveats, "\n"), part)
}

// The files are what go test wrote for a queue that finds jobs by a map, again for
// the same, and for one that looks at all of them.
func TestCompareRecorded(t *testing.T) {
	r := compared(t, outputFile(t, "map.txt"), outputFile(t, "scan.txt"))
	if r.Outcome != Regression || r.Problem != "" || len(r.Rows) != 6*3 {
		t.Fatalf("%s, problem %q, %d rows", r.Outcome, r.Problem, len(r.Rows))
	}
	row := figureRow(t, r, "BenchmarkCancel/depth=10000", "time")
	if row.Verdict != Slower || row.Effect.Value < 10 || row.Runs != 8 || row.Package != "example.com/queue" || row.Unit != "s/op" {
		t.Errorf("%+v", row)
	}
	if *row.Base < 50e-9 || *row.Base > 1e-6 || *row.Head < 2e-6 {
		t.Errorf("from %v to %v seconds", *row.Base, *row.Head)
	}
	if row := figureRow(t, r, "BenchmarkEncode", "allocs"); row.Verdict != Same || *row.Base != 8 {
		t.Errorf("%+v", row)
	}
	if !caveat(r, "Weaker than gate run") || !caveat(r, "did not run next to base") {
		t.Errorf("does not say how it is weaker: %q", r.Caveats)
	}
	for _, row := range compared(t, outputFile(t, "map.txt"), outputFile(t, "map.txt")).Rows {
		if row.Verdict == Slower || row.Verdict == Faster {
			t.Errorf("a file against itself: %+v", row)
		}
	}
	if r := compared(t, outputFile(t, "map.txt"), outputFile(t, "map.txt")); !caveat(r, "the same content") {
		t.Errorf("%q", r.Caveats)
	}
}

func TestCompareCounts(t *testing.T) {
	steady := around(8, 100, 0.001)
	for _, c := range []struct {
		base, head string
		metric     string
		verdict    Verdict
		why        string
	}{
		{"\t64 B/op\t2 allocs/op", "\t64 B/op\t3 allocs/op", "allocs", Slower, "from 2 to 3"},
		{"\t64 B/op\t0 allocs/op", "\t64 B/op\t1 allocs/op", "allocs", Slower, "from 0 to 1"},
		{"\t64 B/op\t3 allocs/op", "\t64 B/op\t2 allocs/op", "allocs", Faster, "from 3 to 2"},
		{"\t64 B/op\t2 allocs/op", "\t96 B/op\t2 allocs/op", "bytes", Slower, "+50.0 %"},
		{"\t10000 B/op\t2 allocs/op", "\t10001 B/op\t2 allocs/op", "bytes", Same, ""},
		{"\t64 B/op\t2 allocs/op", "", "allocs", Inconclusive, "one side has no allocs/op: run both with -benchmem"},
		{"\t64 B/op\tNaN allocs/op", "\t64 B/op\t2 allocs/op", "allocs", Inconclusive, "NaN is not a count"},
		{"\t64 B/op\t2 allocs/op", "\t64 B/op\tInf allocs/op", "allocs", Inconclusive, "+Inf is not a count"},
	} {
		r := compared(t, file("old", benchText("BenchmarkX", steady, c.base)), file("new", benchText("BenchmarkX", steady, c.head)))
		if row := figureRow(t, r, "BenchmarkX", c.metric); row.Verdict != c.verdict || !strings.Contains(row.Why, c.why) {
			t.Errorf("%q against %q: %s, because %q", c.base, c.head, row.Verdict, row.Why)
		}
	}
	plain := benchText("BenchmarkX", steady, "")
	if r := compared(t, file("old", plain), file("new", plain)); len(r.Rows) != 1 || !caveat(r, "with -benchmem") {
		t.Errorf("%+v", r)
	}
}

// What a benchmark allocates once falls on more or fewer operations.
func TestCompareCountsOfOtherIterations(t *testing.T) {
	text := func(iterations, bytes int) string {
		return machineLines + strings.Repeat(fmt.Sprintf("BenchmarkX \t%d\t100 ns/op\t%d B/op\t2 allocs/op\n", iterations, bytes), 5)
	}
	for _, c := range []struct {
		iterations, bytes int
		verdict           Verdict
	}{{1000, 10050, Slower}, {900, 10050, Inconclusive}, {900, 10500, Slower}} {
		r := compared(t, file("old", text(1000, 10000)), file("new", text(c.iterations, c.bytes)))
		row := figureRow(t, r, "BenchmarkX", "bytes")
		if row.Verdict != c.verdict || strings.Contains(row.Why, "1000 operations on base and 900 on head") != (c.verdict == Inconclusive) {
			t.Errorf("%+v: %s, because %q", c, row.Verdict, row.Why)
		}
	}
}

func TestCompareTimes(t *testing.T) {
	for _, c := range []struct {
		name       string
		base, head []float64
		verdict    Verdict
		why        string
	}{
		{"more", around(10, 100, 0.01), around(10, 110, 0.01), Slower, "+10.0 %"},
		{"less", around(10, 110, 0.01), around(10, 100, 0.01), Faster, ""},
		{"equal", around(10, 100, 0.01), around(10, 100, 0.01), Same, ""},
		{"few", around(3, 100, 0.01), around(10, 110, 0.01), Inconclusive, "3 runs a side are too few"},
		{"none", around(10, 0, 0), around(10, 110, 0.01), Inconclusive, "cannot be a cost"},
		{"too many", around(5000, 100, 0.01), around(10, 110, 0.01), Inconclusive, "at most 400"},
	} {
		r := compared(t, file("old", benchText("BenchmarkX", c.base, "")), file("new", benchText("BenchmarkX", c.head, "")))
		if row := figureRow(t, r, "BenchmarkX", "time"); row.Verdict != c.verdict || !strings.Contains(row.Why, c.why) {
			t.Errorf("%s: %s, because %q", c.name, row.Verdict, row.Why)
		}
	}
}

func TestCompareDifferentMachines(t *testing.T) {
	text := benchText("BenchmarkX", around(8, 100, 0.001), "\t64 B/op\t2 allocs/op")
	more := benchText("BenchmarkX", around(8, 200, 0.001), "\t64 B/op\t9 allocs/op")
	for what, head := range map[string]string{
		"goos is linux in old and darwin in new":   strings.Replace(more, "goos: linux", "goos: darwin", 1),
		"goarch is amd64 in old and arm64 in new":  strings.Replace(more, "goarch: amd64", "goarch: arm64", 1),
		"cpu is Some CPU @ 2 GHz in old and Other": strings.Replace(more, "cpu: Some CPU @ 2 GHz", "cpu: Other", 1),
		"and Some CPU @ 2 GHz or Other in new":     more + "cpu: Other\n" + "BenchmarkX-2 \t1000\t100 ns/op\n",
	} {
		r := compared(t, file("old", text), file("new", head))
		if r.Problem != DifferentMachines || r.Outcome != Unsure || !caveat(r, what) {
			t.Errorf("%s: problem %q, %s, %q", what, r.Problem, r.Outcome, r.Caveats)
		}
		for _, row := range r.Rows {
			if row.Verdict != Inconclusive || row.Effect != nil || !strings.Contains(row.Why, what) {
				t.Errorf("%s: %+v", what, row)
			}
		}
	}
	r := compared(t, file("old", text), file("new", strings.Replace(more, "cpu: Some CPU @ 2 GHz\n", "", 1)))
	if r.Problem != "" || r.Outcome != Regression || !caveat(r, "new does not say its cpu") {
		t.Errorf("without a cpu line: %q, %s, %q", r.Problem, r.Outcome, r.Caveats)
	}
}

func TestCompareNothing(t *testing.T) {
	text := benchText("BenchmarkX", around(8, 100, 0.01), "")
	for _, c := range []struct {
		what, head string
		problem    bench.Problem
		hint       string
	}{
		{"empty", "", NoResults, "want the output of go test"},
		{"one byte", "B", NoResults, "want the output"},
		{"garbage", strings.Repeat("\x00\xff\x1b[31mBench", 9999), NoResults, "want the output"},
		{"no results", "PASS\nok  \tx\t0.1s\n", NoResults, "want the output"},
		{"json", `{"Action":"output","Output":"BenchmarkX-2 1000 100 ns/op\n"}`, NoResults, "go test -json"},
		{"PowerShell's", "\xff\xfeB\x00e\x00n\x00c\x00h\x00", NoResults, "UTF-16"},
		{"gzip", "\x1f\x8b\x08\x00", NoResults, "unpack"},
		{"only broken lines", "BenchmarkX-2 \tlog\nBenchmarkY 12\nBenchmarkZ 12 3\n", NoResults, ""},
		{"other GOMAXPROCS", strings.ReplaceAll(text, "X-2", "X-8"), bench.NoBenchmarks, "GOMAXPROCS"},
		{"other package", strings.Replace(text, "pkg: example.com/queue", "pkg: example.com/queue/v2", 1), bench.NoBenchmarks, `"example.com/queue/v2"`},
		{"other names", strings.ReplaceAll(text, "BenchmarkX", "BenchmarkY"), bench.NoBenchmarks, "the same benchmarks"},
	} {
		_, err := Compare(file("old", text), file("new\x1b[2J", c.head), CompareOptions{})
		e, ok := errors.AsType[*bench.Error](err)
		if !ok || e.Problem != c.problem || !strings.Contains(e.Hint, c.hint) || strings.Contains(e.Error(), "\x1b") {
			t.Errorf("%s: %#v", c.what, err)
		}
	}
}

func TestCompareCaveats(t *testing.T) {
	x, y := around(8, 100, 0.01), around(8, 200, 0.01)
	text := benchText("BenchmarkX", x, "\t64 B/op\t2 allocs/op")
	other := benchText("BenchmarkY", y, "\t64 B/op\t2 allocs/op")
	for _, c := range []struct{ base, head, want string }{
		{text + other, text, "Only in old, and not compared: BenchmarkY."},
		{text, text + other, "Only in new, and not compared: BenchmarkY."},
		{text + manyNames(7), text, "Only in old, and not compared: BenchmarkMany/0, BenchmarkMany/1, BenchmarkMany/2, BenchmarkMany/3, BenchmarkMany/4 and 2 more."},
		{text, text + "BenchmarkX-2 \tprinted\n", "new has lines that begin like a result and are none, 1 of them, the first is line 15"},
		{text, text + "--- FAIL: BenchmarkZ\n", "new says that a test or benchmark failed"},
		{text, text + "panic: no\n", "new says that a test or benchmark failed"},
		{text, text + "FAIL\n", "new says that a test or benchmark failed"},
		{text, text + strings.Repeat("x", 1<<20) + "\nBenchmarkX-2 1000 100 ns/op\n", "new has lines of more than 32 KiB"},
		{text, text + "BenchmarkX-2 \t1000\t100 ns/op\t6", "new ends within a result"},
		{text, text + "BenchmarkX-2 \t1000\t100 ns/op\n", "Some runs lack a figure"},
		{text, text + text, "new has every result in it more than once"},
	} {
		if r := compared(t, file("old", c.base), file("new", c.head)); !caveat(r, c.want) {
			t.Errorf("want %q, got %q", c.want, r.Caveats)
		}
	}
	if r := compared(t, file("old", text), file("new", text[:len(text)-1])); caveat(r, "ends within") || caveat(r, "more than once") {
		t.Errorf("a whole file: %q", r.Caveats)
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "BenchmarkMany/%d-2 1 1 ns/op\n", i)
	}
	return b.String()
}

func TestCompareWithoutTimes(t *testing.T) {
	text := benchText("BenchmarkX", around(8, 100, 0.01), "\t64 B/op\t2 allocs/op")
	r := compared(t, file("old", text), file("new", machineLines+strings.Repeat("BenchmarkX-2 1000 64 B/op 2 allocs/op\n", 8)))
	if row := figureRow(t, r, "BenchmarkX", "time"); row.Verdict != Inconclusive || row.Why != "one side has no ns/op" || row.Head != nil {
		t.Errorf("%+v", row)
	}
	if row := figureRow(t, r, "BenchmarkX", "allocs"); row.Verdict != Same {
		t.Errorf("%+v", row)
	}
}

// Names come from whoever wrote the program.
func TestCompareHostileNames(t *testing.T) {
	name := "BenchmarkX/\x1b]0;title\x07\u202e<script>"
	text := strings.Replace(benchText(name, around(8, 100, 0.01), ""), "pkg: example.com/queue", "pkg: \x1b[31mred", 1)
	text = strings.ReplaceAll(text, "\n", "\r\n")
	r := compared(t, file("old\x1b[2J", text), file("new", text+"BenchmarkY/\x1b[5m 1 1 ns/op\n"))
	all, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(all, []byte(`\u001b`)) || bytes.Contains(all, []byte(`\u0007`)) || bytes.Contains(all, []byte("\u202e")) || bytes.Contains(all, []byte(`\r`)) {
		t.Errorf("%s", all)
	}
}

// A file that does not end is cut off, and one of nothing but names too.
func TestCompareBounds(t *testing.T) {
	line := strings.Repeat("time: level=info msg=\"a log\"\nk1: v\n", 1000)
	endless := io.MultiReader(strings.NewReader(benchText("BenchmarkX", around(8, 1, 0), "")), &repeater{text: line})
	_, err := Compare(file("old", benchText("BenchmarkX", around(8, 1, 0), "")), File{Name: "new", Data: endless}, CompareOptions{})
	if e, ok := errors.AsType[*bench.Error](err); !ok || e.Problem != NoResults || !strings.Contains(e.Reason, "new has more than 64 MiB") {
		t.Errorf("endless: %v", err)
	}
	var names strings.Builder
	for i := range mostBenchmarks + 1 {
		fmt.Fprintf(&names, "BenchmarkX/%d 1 1 ns/op\n", i)
	}
	_, err = Compare(file("old", names.String()), file("new", ""), CompareOptions{})
	if e, ok := errors.AsType[*bench.Error](err); !ok || !strings.Contains(e.Reason, "more than 10000 benchmarks") {
		t.Errorf("names: %v", err)
	}
	_, err = Compare(File{Name: "old", Data: failing{}}, file("new", ""), CompareOptions{})
	if !errors.Is(err, io.ErrNoProgress) || !strings.Contains(err.Error(), "read old") {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

type repeater struct {
	text string
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

func TestCompareSettings(t *testing.T) {
	text := benchText("BenchmarkX", around(8, 100, 0.01), "")
	s := DefaultSettings()
	s.Threshold = -1
	if _, err := Compare(file("old", text), file("new", text), CompareOptions{Settings: s}); err == nil {
		t.Error("takes a threshold of -1")
	}
}

// A file of 10,000 results: what a stored history of a large package has.
func BenchmarkReadOutput(b *testing.B) {
	text := []byte(strings.Repeat(benchText("BenchmarkX", around(100, 100, 0.01), "\t64 B/op\t2 allocs/op"), 100))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		in, err := newOutputs()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := in.read(File{Name: "x", Data: bytes.NewReader(text)}); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzCompare(f *testing.F) {
	text := benchText("BenchmarkX/n=10", around(5, 100, 0.01), "\t64 B/op\t2 allocs/op")
	f.Add([]byte(text), []byte(text))
	f.Add([]byte("BenchmarkX 1 1e309 ns/op\n"), []byte("BenchmarkX 1 -0 ns/op NaN B/op\nFAIL"))
	f.Fuzz(func(t *testing.T, base, head []byte) {
		a, b := File{"old", bytes.NewReader(base)}, File{"new", bytes.NewReader(head)}
		if r, err := Compare(a, b, CompareOptions{}); err == nil {
			if _, err := json.Marshal(r); err != nil {
				t.Fatal(err)
			}
		}
		a, b = File{"old", bytes.NewReader(base)}, File{"new", bytes.NewReader(head)}
		if r, err := GrowthFiles(&a, b, GrowthOptions{}); err == nil {
			if _, err := json.Marshal(r); err != nil {
				t.Fatal(err)
			}
		}
	})
}
