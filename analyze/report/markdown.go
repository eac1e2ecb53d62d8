package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"busywork/analyze"
)

// Markdown writes the report for a ticket or a chat: the verdict, the findings,
// the ledger. Names from the target are escaped; no markup of theirs survives.
func Markdown(w io.Writer, r *analyze.Report) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "## busywork: %s\n\n%s.\n\n", Escape(r.Target.Name), Escape(Capital(r.Host.Sentence)))
	if len(r.Findings) == 0 {
		b.WriteString("No wasted work found.\n\n")
	}
	for _, f := range r.Findings {
		if err := Finding(b, &f, r); err != nil {
			return err
		}
	}
	if len(r.Ledger) > 0 {
		b.WriteString("| cores | where |\n|---:|---|\n")
		for _, row := range r.Ledger {
			fmt.Fprintf(b, "| %.2f | %s |\n", row.Cores, Escape(row.Name))
		}
		b.WriteString("\n")
	}
	for _, g := range r.Gaps {
		fmt.Fprintf(b, "- not seen: %s, %s\n", Escape(g.Signal), Escape(g.Reason))
	}
	return b.Flush()
}

// Finding writes one finding of a report as Markdown, to be pasted into a ticket
// or a chat.
func Finding(b io.Writer, f *analyze.Finding, r *analyze.Report) error {
	fmt.Fprintf(b, "### %s: %s (%s, %s)\n\n%s\n\n", Escape(f.Rule), Escape(f.Subject), f.Severity, f.Confidence, Escape(f.Message))
	fmt.Fprintf(b, "- **waste**: %s\n", Cost(f, r))
	if f.Location.Function != "" {
		fmt.Fprintf(b, "- **where**: %s\n", Escape(Where(f.Location)))
	}
	fmt.Fprintf(b, "- **fix**: %s\n", Escape(f.Fix))
	if f.Prediction != nil {
		fmt.Fprintf(b, "- **then**: %s %s\n", Then(f.Prediction), Load(f.Prediction))
	}
	if f.After != nil {
		fmt.Fprintf(b, "- **jobs**: %s\n", Possible(f.After))
	}
	for _, e := range f.Evidence {
		fmt.Fprintf(b, "- %s: %s (%s)\n", Escape(e.What), Figure(e.Value, e.Unit), Escape(e.Source))
	}
	if f.Settles != "" {
		fmt.Fprintf(b, "- **would settle it**: %s\n", Escape(f.Settles))
	}
	for _, x := range f.RefutedBy {
		fmt.Fprintf(b, "- **wrong if** %s\n", Escape(x))
	}
	for i := range f.Kin {
		k := &f.Kin[i]
		fmt.Fprintf(b, "- **with it** %s (%s): %s\n", Escape(k.Rule), k.Confidence, Escape(k.Message))
	}
	_, err := io.WriteString(b, "\n")
	return err
}

// markup are the characters that mean something to Markdown or HTML anywhere in
// a line.
var markup = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
	"#", `\#`, "|", `\|`, "~", `\~`, "!", `\!`, "\n", " ", "http://", "http:&#8203;//", "https://", "https:&#8203;//", "www.", "www&#46;", "@", "&#64;",
)

// Escape makes a clean string inert in Markdown, and in the HTML that is made of
// it: it reads as it is written, links nothing and mentions nobody.
func Escape(s string) string { return markup.Replace(s) }
