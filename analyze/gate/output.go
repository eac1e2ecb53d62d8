package gate

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"busywork/analyze/report"
)

// A Renderer writes a result in one form. The result must be settled: that is
// where its strings are made clean and its rows put in order. The same result
// gives the same bytes.
type Renderer func(io.Writer, *Result) error

// Forms are the names that ByName knows.
var Forms = []string{"text", "json", "markdown", "junit", "sarif", "gitlab"}

// ByName is the renderer of that name. style is for the one that writes to a
// terminal.
func ByName(name string, style report.Style) (Renderer, error) {
	switch name {
	case "text":
		return settled(Text(style)), nil
	case "json":
		return settled(JSON), nil
	case "markdown":
		return settled(Markdown), nil
	case "junit":
		return settled(JUnit), nil
	case "sarif":
		return settled(SARIF), nil
	case "gitlab":
		return settled(GitLab), nil
	}
	return nil, fmt.Errorf("no output form %q; there are %s", name, strings.Join(Forms, ", "))
}

// settled refuses a result that nobody has settled, whose names could still
// drive a terminal.
func settled(f Renderer) Renderer {
	return func(w io.Writer, r *Result) error {
		if r.Outcome == "" {
			return errors.New("the result has no outcome: it was not settled")
		}
		return f(w, r)
	}
}
