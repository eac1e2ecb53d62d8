package report

import (
	"fmt"
	"io"
	"strings"

	"busywork/analyze"
)

// Explain writes one rule in full, for people: what it is, what it costs, how to
// fix it, when it is wrong, what it needs, and each of its limits with the reason
// for its number.
func Explain(w io.Writer, r *analyze.Rule, style Style) error {
	t := NewPage(w, style.Bounded(36)) // the longest name, and a word
	name := r.Name + ": "
	t.WrapFrom(t.Paint(Bold, name), len(name), "  ", r.Title)
	t.Line("")
	for paragraph := range strings.SplitSeq(r.Doc, "\n\n") {
		t.Wrap("", paragraph)
		t.Line("")
	}
	t.Wrap("", "Needs: "+r.Needs.String())
	if len(r.Explains) > 0 {
		t.Wrap("", "Explains: "+strings.Join(r.Explains, ", "))
	}
	if len(r.Limits) > 0 {
		t.Line("")
		t.Wrap("", fmt.Sprintf("Limits (--set %s.LIMIT=VALUE):", r.Name))
	}
	for _, l := range r.Limits {
		t.Wrap("  ", fmt.Sprintf("%s = %g %s", l.Key, l.Default, l.Unit))
		t.Wrap("      ", l.Why)
	}
	return t.Flush()
}
