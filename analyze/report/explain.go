package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"busywork/analyze"
)

// Explain writes one rule in full, for people: what it is, what it costs, how to
// fix it, when it is wrong, what it needs, and each of its limits with the reason
// for its number.
func Explain(w io.Writer, r *analyze.Rule, style Style) error {
	t := &text{Writer: bufio.NewWriter(w), Style: style.bounded(36)} // the longest name, and a word
	name := r.Name + ": "
	t.wrapFrom(t.paint(bold, name), len(name), "  ", r.Title)
	t.line("")
	for paragraph := range strings.SplitSeq(r.Doc, "\n\n") {
		t.wrap("", paragraph)
		t.line("")
	}
	t.wrap("", "Needs: "+r.Needs.String())
	if len(r.Explains) > 0 {
		t.wrap("", "Explains: "+strings.Join(r.Explains, ", "))
	}
	if len(r.Limits) > 0 {
		t.line("")
		t.wrap("", fmt.Sprintf("Limits (--set %s.LIMIT=VALUE):", r.Name))
	}
	for _, l := range r.Limits {
		t.wrap("  ", fmt.Sprintf("%s = %g %s", l.Key, l.Default, l.Unit))
		t.wrap("      ", l.Why)
	}
	return t.Flush()
}
