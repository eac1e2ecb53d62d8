// Package report renders an [analyze.Report], one file a form: each form is a
// func(io.Writer, *analyze.Report) error. The same report gives the same bytes.
//
// Strings in a Report hold no control characters (analyze takes them out), so a
// form only escapes what its own syntax asks for.
package report

import (
	"fmt"
	"io"
	"strings"

	"busywork/analyze"
)

// A Renderer writes a report in one form.
type Renderer func(io.Writer, *analyze.Report) error

// Forms are the names that ByName knows.
var Forms = []string{"text", "json", "markdown"}

// ByName is the renderer of that name. style is for those that write to a
// terminal.
func ByName(name string, style Style) (Renderer, error) {
	switch name {
	case "text":
		return Text(style), nil
	case "json":
		return JSON, nil
	case "markdown":
		return Markdown, nil
	}
	return nil, fmt.Errorf("no output form %q; there are %s", name, strings.Join(Forms, ", "))
}
