package gate

import (
	"fmt"
	"io"
	"strings"

	"busywork/analyze/report"
)

const (
	// GitHub takes comments of up to 65,536 characters, GitLab more. The rest is
	// for what somebody may put around it.
	mostComment = 60_000
	// GitHub refuses the summary of a step above 1 MiB, all of it.
	mostSummary = 1 << 20
)

// Markdown writes the result for a pull request: the outcome, a table, why and
// where from. It fits a comment; what does not is counted at the end. Names are
// escaped; no markup of theirs survives.
func Markdown(w io.Writer, r *Result) error { return markdown(w, r, mostComment) }

// StepSummary writes the result as a summary of a step of GitHub Actions, to be
// appended to the file that GITHUB_STEP_SUMMARY names.
func StepSummary(w io.Writer, r *Result) error { return markdown(w, r, mostSummary) }

func markdown(w io.Writer, r *Result, most int) error {
	p := pages{most: most / 2} // the table must leave room for why
	p.put(fmt.Sprintf("## busywork gate %s: %s\n\n%s.\n\n", report.Escape(r.Gate), r.Outcome, report.Escape(report.Capital(r.sentence()))))
	r = r.run()
	titles := r.titles()
	if s := r.sides(); s != "" {
		p.put(report.Escape(report.Capital(s)) + "\n\n")
	}
	if len(r.Rows) > 0 {
		p.put(fmt.Sprintf("| verdict | figure | base | head | limit | %s | 95 %% interval |\n|---|---|---:|---:|---:|---:|---:|\n", r.against()))
	}
	for i := range r.Rows {
		p.put(tableRow(&r.Rows[i], titles[i]))
	}
	p.WriteString("\n")
	p.most = most - 200 // for the line on what is left out
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Verdict == Slower || row.Verdict == Inconclusive {
			p.put(detail(row, titles[i]))
		}
	}
	for _, c := range r.Caveats {
		p.put("- caveat: " + report.Escape(c) + "\n")
	}
	if p.left > 0 {
		fmt.Fprintf(&p, "\n%d lines or paragraphs more are left out here; the JSON has them.\n", p.left)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// pages is text of limited length. What does not fit is left out whole, so that
// no markup is cut in two.
type pages struct {
	strings.Builder
	most int // bytes
	left int // blocks that did not fit
}

func (p *pages) put(block string) {
	if p.Len()+len(block) > p.most {
		p.left++
		return
	}
	p.WriteString(block)
}

func tableRow(row *Row, title string) string {
	word := row.word()
	if row.fails() {
		word = "**" + word + "**"
	}
	cells := []string{word, report.Escape(title), row.quantity(row.Base), row.measured(), row.quantity(row.Limit), row.change(), row.between()}
	for i := 2; i < len(cells); i++ {
		cells[i] = report.Escape(cells[i]) // units may come from a file
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// detail is why of a row, and where it comes from.
func detail(row *Row, title string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %s: %s\n\n", report.Escape(title), row.word(), report.Escape(row.Why))
	for i := range row.Causes {
		c := &row.Causes[i]
		b.WriteString("- " + report.Escape(causeSentence(c)))
		if c.Why != "" {
			b.WriteString(". " + report.Escape(report.Capital(c.Why)))
		}
		b.WriteString("\n")
	}
	if s := row.acceptance(); s != "" {
		b.WriteString("- " + report.Escape(s) + "\n")
	}
	if len(row.Causes) > 0 || row.acceptance() != "" {
		b.WriteString("\n")
	}
	return b.String()
}
