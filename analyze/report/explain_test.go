package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"busywork/analyze"
)

// Every rule is explained in full, and in the width that was asked for.
func TestExplain(t *testing.T) {
	for _, r := range analyze.Catalogue {
		for _, width := range []int{0, 36, 38, 80, 120} {
			var b bytes.Buffer
			if err := Explain(&b, r, Style{Width: width}); err != nil {
				t.Fatal(err)
			}
			want := []string{r.Name + ": " + r.Title, r.Doc, "Needs: " + r.Needs.String()}
			for _, l := range r.Limits {
				want = append(want, l.Key+" = ", l.Why)
			}
			text := strings.Join(strings.Fields(b.String()), " ")
			for _, part := range append(want, r.Explains...) {
				if part = strings.Join(strings.Fields(part), " "); !strings.Contains(text, part) {
					t.Errorf("%s, %d columns: no %q in\n%s", r.Name, width, part, b.String())
				}
			}
			if width == 0 {
				width = 80
			}
			for row := range strings.SplitSeq(b.String(), "\n") {
				if words := strings.Fields(row); len(words) > 1 && utf8.RuneCountInString(row) > width {
					t.Errorf("%s: more than %d columns: %q", r.Name, width, row)
				}
			}
		}
	}
	var b bytes.Buffer
	if err := Explain(&b, &analyze.RefusedWork, Style{Color: true}); err != nil || !strings.HasPrefix(b.String(), "\x1b[1mrefused-work: \x1b[0m") {
		t.Errorf("got %q, %v", b.String()[:40], err)
	}
}
