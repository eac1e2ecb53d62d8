package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Style is how text meets a terminal.
type Style struct {
	Color bool
	Width int // columns; 0 means 80
}

// Bounded is the style with a width that text can be read in: at least least,
// and at most 120 columns, beyond which the eye loses its line.
func (s Style) Bounded(least int) Style {
	if s.Width <= 0 {
		s.Width = 80
	}
	s.Width = min(max(s.Width, least), 120)
	return s
}

// The colours of Paint, as the parameters of an SGR sequence.
const (
	Bold  = "1"
	Faint = "2"
	Red   = "1;31"
	Amber = "1;33"
	Blue  = "1;34"
	Green = "1;32"
)

// A Page is text on its way to a terminal: lines, colours where they are wanted,
// and paragraphs that fit the width. Errors of the writer below show at Flush.
type Page struct {
	*bufio.Writer
	Style
}

// NewPage writes to w.
func NewPage(w io.Writer, style Style) Page { return Page{bufio.NewWriter(w), style} }

// Line writes one line.
func (p Page) Line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// Paint wraps s in an SGR sequence where colours are wanted.
func (p Page) Paint(sgr, s string) string {
	if !p.Color {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// Wrap writes a paragraph, each line behind the same indent.
func (p Page) Wrap(indent, s string) { p.WrapFrom(indent, len(indent), indent, s) }

// WrapFrom writes a paragraph whose first line begins behind a label that is
// already at the given column.
func (p Page) WrapFrom(label string, column int, indent, s string) {
	p.WriteString(label)
	at := column
	for i, word := range strings.Fields(s) {
		n := ansi.StringWidth(word)
		if i > 0 && at+1+n > p.Width {
			p.WriteString("\n" + indent)
			at = len(indent)
		} else if i > 0 {
			p.WriteByte(' ')
			at++
		}
		p.WriteString(word)
		at += n
	}
	p.WriteByte('\n')
}
