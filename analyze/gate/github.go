package gate

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"busywork/analyze/report"
)

// mostAnnotations is how many of each kind GitHub shows for one step.
const mostAnnotations = 10

// Annotations writes the result as workflow commands of GitHub Actions: an error
// for each regression that nobody has accepted, at the line it comes from, a
// warning for what could not be judged, a notice for what is accepted and for
// each caveat.
func Annotations(w io.Writer, r *Result) error {
	titles := r.titles()
	kinds := map[string][]annotation{}
	for i := range r.Rows {
		row := &r.Rows[i]
		a := annotation{file: local(row.File), line: row.Line, title: strings.TrimSpace(titles[i] + " " + row.change()), text: row.explanation()}
		switch {
		case row.fails():
			kinds["error"] = append(kinds["error"], a)
		case row.forgiven():
			kinds["notice"] = append(kinds["notice"], a)
		case row.Verdict == Inconclusive:
			kinds["warning"] = append(kinds["warning"], a)
		}
	}
	for _, c := range r.Caveats {
		kinds["notice"] = append(kinds["notice"], annotation{title: "busywork gate " + r.Gate, text: c})
	}
	b := bufio.NewWriter(w)
	for _, kind := range []string{"error", "warning", "notice"} {
		list := kinds[kind]
		if more := len(list) - mostAnnotations + 1; more > 1 {
			list = append(list[:mostAnnotations-1], annotation{title: "busywork gate " + r.Gate, text: fmt.Sprintf("and %d more, which the summary has", more)})
		}
		for _, a := range list {
			a.write(b, kind)
		}
	}
	return b.Flush()
}

// headline is the row in one line: title, change, why and causes.
func (r *Row) headline(title string) string {
	lines := strings.Split(r.explanation(), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(report.Capital(lines[i]), ".")
	}
	return strings.TrimSpace(title+" "+r.change()) + ": " + strings.Join(lines, ". ")
}

// An annotation is a message at a line, or at none.
type annotation struct {
	file, title, text string
	line              int64
}

func (a annotation) write(b *bufio.Writer, kind string) {
	b.WriteString("::" + kind + " ")
	if a.file != "" {
		b.WriteString("file=" + property(a.file) + ",")
		if a.line > 0 {
			fmt.Fprintf(b, "line=%d,", a.line)
		}
	}
	b.WriteString("title=" + property(a.title) + "::" + data(a.text) + "\n")
}

// data and property escape as the runner unescapes.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
