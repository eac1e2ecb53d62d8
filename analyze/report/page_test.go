package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// Lines are as wide as a terminal shows them: characters of two columns, or of
// none, do not break them too late or too early.
func TestWrapCountsColumns(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("日本 ", 4):                         "  日本 日本\n  日本 日本\n",
		strings.Repeat("e\u0301e\u0301 ", 4):             "  e\u0301e\u0301 e\u0301e\u0301 e\u0301e\u0301\n  e\u0301e\u0301\n",
		"\x1b[1mab\x1b[0m \x1b[1mcd\x1b[0m ef gh":        "  \x1b[1mab\x1b[0m \x1b[1mcd\x1b[0m ef\n  gh\n",
		"unbreakably-long is where a line sticks out is": "  unbreakably-long\n  is where\n  a line\n  sticks\n  out is\n",
	} {
		var b bytes.Buffer
		p := NewPage(&b, Style{Width: 11})
		p.Wrap("  ", text)
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != want {
			t.Errorf("%q: got %q, want %q; widths %d", text, got, want, ansi.StringWidth(got))
		}
	}
}
