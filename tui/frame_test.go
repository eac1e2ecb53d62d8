package tui

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // times of day in frames
	os.Exit(m.Run())
}

// checkFrame fails unless what a screen has drawn is exactly as large as it
// should be and holds nothing that drives a terminal but colours.
func checkFrame(t testing.TB, view string, w, h int) {
	t.Helper()
	rows := strings.Split(view, "\n")
	if w <= 0 || h <= 0 {
		return
	}
	if len(rows) != h {
		t.Fatalf("%d×%d: %d rows\n%s", w, h, len(rows), view)
	}
	for i, row := range rows {
		bare := withoutColours(row)
		if n := ansi.StringWidth(bare); n != w && cellsOf(bare) != w {
			t.Fatalf("%d×%d: row %d has %d cells: %q", w, h, i, n, row)
		}
		for _, r := range bare {
			if cells(r) < 0 {
				t.Fatalf("%d×%d: row %d holds %U: %q", w, h, i, r, row)
			}
		}
	}
}

// cellsOf counts as terminals do that draw each letter by itself.
func cellsOf(row string) int {
	n := 0
	for _, r := range row {
		n += max(0, cells(r))
	}
	return n
}

// withoutColours takes out the sequences that set colours, and no others.
func withoutColours(s string) string {
	var b strings.Builder
	for s != "" {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			break
		}
		if end := strings.IndexFunc(after, func(r rune) bool { return r != ';' && r != ':' && (r < '0' || r > '9') }); end >= 0 && after[end] == 'm' {
			s = after[end+1:]
			continue
		}
		b.WriteString("\x1b[") // something else: for the caller to find
		s = after
	}
	return b.String()
}
