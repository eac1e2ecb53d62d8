package tui

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/muesli/termenv"

	"busywork/analyze"
)

// Cells are shared out whole, all of them, and nobody is out by one.
func TestHostCells(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		var shares [hostModes]float64
		total := 0.0
		for mode := range shares {
			if r.IntN(3) > 0 {
				shares[mode] = r.ExpFloat64()
			}
			total += shares[mode]
		}
		n, sum := r.IntN(200), 0
		for mode, cells := range hostCells(shares, n) {
			if exact := shares[mode] / total * float64(n); total > 0 && math.Abs(float64(cells)-exact) >= 1 || cells > 0 && shares[mode] == 0 {
				t.Fatalf("%v in %d cells: %s has %d of %g", shares, n, hostWords[mode], cells, exact)
			}
			sum += cells
		}
		if total > 0 && sum != n || total == 0 && sum != 0 {
			t.Fatalf("%v: %d of %d cells", shares, sum, n)
		}
	}
	if got := hostCells([hostModes]float64{math.NaN(), math.Inf(1), -2, 0.25, 0.75}, 8); got != [hostModes]int{0, 0, 0, 2, 6} {
		t.Errorf("what is no number has a share: %v", got)
	}
	if got := hostCells([hostModes]float64{0.5, 0.5}, -1); got != [hostModes]int{} {
		t.Errorf("%v of no cells", got)
	}
}

// letters is a column from top to bottom, as it is drawn without colours.
func letters(v drawing, cells []historyCell) string {
	p := newPage(len(cells), 1)
	for _, c := range cells {
		v.cell(p, c, 1)
	}
	return p.String()
}

func TestHistoryColumn(t *testing.T) {
	v := drawing{t: newTheme(termenv.Ascii, true), r: many(0)} // 4 cores
	for _, c := range []struct {
		column column
		want   string
	}{
		{column{known: true, host: [hostModes]float64{0.5, 0.2, 0, 0, 0.3}}, "···ssuuuuu"},
		{column{known: true, host: [hostModes]float64{0.5, 0.2, 0, 0, 0.3}, wasted: 0.8}, "···ssuuu▒▒"},
		{column{known: true, host: [hostModes]float64{0.2, 0.1, 0.1, 0.1, 0.5}, wasted: 4}, "·····tw▒▒▒"}, // no more than was busy
		{column{known: true, host: [hostModes]float64{0, 0, 1, 0, 0}, wasted: 4}, "wwwwwwwwww"},
		{column{known: true, host: [hostModes]float64{1, 0, 0, 0, 0}, wasted: math.NaN()}, "uuuuuuuuuu"},
		{column{host: [hostModes]float64{1}, wasted: 2}, "          "},
		{column{known: true}, "          "},
	} {
		if got := letters(v, v.historyColumn(c.column, 10)); got != c.want {
			t.Errorf("%+v: %q, want %q", c.column, got, c.want)
		}
	}
}

func TestHistoryShowsHolesAndTheCaret(t *testing.T) {
	r := many(0)
	list := scenes(r, r, window(), r, r)
	s := list[4]
	s.number, s.newest = 4, false
	v := drawing{s: s, t: s.theme, r: r}
	want := strings.Join([]string{
		" 100%│   ·· ··",
		"     │   us us",
		"     │   uu uu",
		"   0%│   uu uu",
		"            ▲ ",
	}, "\n")
	r.Host.System = 0.12 // so that it has a cell of the five modes' four in every other column
	got := v.history(rect{W: chartAxis + 8, H: 5})
	if got = strings.ReplaceAll(got, "s", "u"); got != strings.ReplaceAll(want, "s", "u") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// However few the rows, nothing is lost of the ledger, and what is idle is last.
func TestLedgerRows(t *testing.T) {
	r := many(0)
	for i := range 20 {
		r.Ledger = append(r.Ledger, analyze.LedgerRow{Name: fmt.Sprint("p", i), Kind: analyze.LedgerProcess, Cores: 0.1 * float64(i%7)})
	}
	r.Ledger = append(r.Ledger, analyze.LedgerRow{Name: "taken by the hypervisor", Kind: analyze.LedgerSteal, Cores: 3},
		analyze.LedgerRow{Name: "idle", Kind: analyze.LedgerIdle, Cores: 9})
	total := sumOf(r.Ledger)
	v := drawing{r: r}
	for n := 2; n < 30; n++ {
		rows := v.ledgerRows(n)
		if len(rows) != min(n, len(r.Ledger)) || !near(sumOf(rows), total) || rows[len(rows)-1].Kind != analyze.LedgerIdle {
			t.Fatalf("%d rows: %+v", n, rows)
		}
		if n > 2 && rows[0].Kind != analyze.LedgerSteal {
			t.Fatalf("what takes most is not first: %+v", rows)
		}
		if rest := rows[len(rows)-2]; n < len(r.Ledger) && rest.Name != fmt.Sprintf("all else (%d)", len(r.Ledger)-n+1) {
			t.Fatalf("%d rows: %+v", n, rest)
		}
	}
}

func sumOf(rows []analyze.LedgerRow) (sum float64) {
	for _, row := range rows {
		sum += row.Cores
	}
	return sum
}

func TestEighths(t *testing.T) {
	for _, c := range []struct {
		share float64
		want  string
	}{{0, ""}, {0.001, ""}, {0.0125, "▏"}, {0.1, "█"}, {0.25, "██▌"}, {0.9875, "█████████▉"}, {1, "██████████"}, {7, "██████████"}, {-1, ""}, {math.NaN(), ""}, {math.Inf(1), "██████████"}} {
		full, part := eighths(c.share, 10)
		if got := strings.TrimRight(strings.Repeat("█", full)+string(part), " "); got != c.want {
			t.Errorf("%g: %q, want %q", c.share, got, c.want)
		}
	}
}

func TestDeepestQueue(t *testing.T) {
	r := &analyze.Report{Queues: []analyze.ReportQueue{{Name: "later", Depth: 9000}, {Name: "jobs", Depth: 70}, {Name: "mail", Depth: 3}}}
	if q := deepestQueue(r, ""); q.Name != "later" {
		t.Errorf("the deepest is %s", q.Name)
	}
	r.Backlog = &analyze.ReportBacklog{Queue: "jobs"}
	if q := deepestQueue(r, ""); q.Name != "jobs" {
		t.Errorf("work waits in jobs, not in %s", q.Name)
	}
	r = &analyze.Report{Queues: []analyze.ReportQueue{{Name: "a", Depth: 101}, {Name: "b", Depth: 102}, {Name: "c", Depth: 50}}}
	for before, want := range map[string]string{"a": "a", "b": "b", "c": "b", "gone": "b"} {
		if q := deepestQueue(r, before); q.Name != want { // what is as good as equal does not flap
			t.Errorf("%s is shown after %s", q.Name, before)
		}
	}
	if deepestQueue(new(analyze.Report), "") != nil || deepestQueue(nil, "a") != nil {
		t.Error("there is no queue")
	}
}

// Where there are few rows, a finding's figures, prediction and fix all begin; where
// there are many, nothing is cut.
func TestBlurbWithin(t *testing.T) {
	b := blurb{message: make([]string, 5), then: "then: …", fix: make([]string, 6)}
	for n, want := range map[int][3]int{
		0: {0, 0, 0}, 1: {1, 0, 0}, 3: {3, 0, 0}, 4: {3, 1, 0}, 5: {3, 1, 1}, 7: {3, 1, 3}, 8: {4, 1, 3}, 10: {5, 1, 4}, 12: {5, 1, 6}, 40: {5, 1, 6},
	} {
		message, then, fix := b.within(n)
		if got := [3]int{message, then, fix}; got != want {
			t.Errorf("%d rows: %v, want %v", n, got, want)
		}
	}
	if b.rows() != 12 {
		t.Errorf("%d rows in all, want 12", b.rows())
	}
}
