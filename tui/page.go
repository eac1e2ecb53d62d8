package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// A page is a rectangle of the screen while it is being written, from its upper
// left corner on. All that a screen shows goes through put, which is the one
// place where names from outside are made harmless and cut to size; what comes
// out is exactly w cells wide and h rows high, whatever was written.
//
// It exists for speed, too: a frame has some two hundred pieces of coloured text,
// and a page writes them all into one buffer.
type page struct {
	b    []byte
	w, h int
	x, y int // where the next cell goes
}

// bytesPerCell is what a cell takes with the colours around it, roughly.
const bytesPerCell = 3

func newPage(w, h int) *page {
	w, h = max(w, 0), max(h, 0)
	return &page{b: make([]byte, 0, bytesPerCell*w*h+64), w: w, h: h}
}

// left is how many cells there are to the end of the row.
func (p *page) left() int { return p.w - p.x }

// rows is how many rows are left, the current one included.
func (p *page) rows() int { return p.h - p.y }

// put writes text in a style, as far as the row goes.
func (p *page) put(s style, text string) *page {
	if p.rows() <= 0 || p.left() <= 0 || text == "" {
		return p
	}
	p.b = append(p.b, s.on...)
	if n := plainPrefix(text); n == len(text) && n <= p.left() {
		p.b = append(p.b, text...)
		p.x += n
	} else {
		p.runes(text)
	}
	p.b = append(p.b, s.off...)
	return p
}

// plainPrefix is the length of the printable ASCII that text begins with.
func plainPrefix(text string) int {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < 0x20 || c > 0x7e {
			return i
		}
	}
	return len(text)
}

// maxMarks is how many combining marks may follow a letter: living languages
// need two or three; a hundred of them climb over the rows above.
const maxMarks = 3

// runes writes text that may hold anything.
func (p *page) runes(text string) {
	marks := maxMarks // none before the first letter
	for _, r := range text {
		n := cells(r)
		switch {
		case n < 0:
			continue
		case n == 0:
			if marks++; marks > maxMarks {
				continue
			}
		case n > p.left():
			return
		default:
			marks = 0
		}
		p.b = utf8.AppendRune(p.b, r)
		p.x += n
	}
}

// cells is how wide a character is on a terminal, −1 if it must not get there:
// controls, which could drive the terminal; formats, which could turn the
// direction of what follows; selectors and joiners, whose width depends on the
// terminal.
func cells(r rune) int {
	switch {
	case r >= 0x20 && r < 0x7f:
		return 1
	case r < 0xa0, r == utf8.RuneError, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs, unicode.Variation_Selector):
		return -1
	case r >= 0x1f3fb && r <= 0x1f3ff: // colours of the emoji before them
		return -1
	case unicode.In(r, unicode.Mn, unicode.Me), r >= 0x1160 && r <= 0x11ff, r >= 0xd7b0 && r <= 0xd7ff: // also vowels and ends of Hangul syllables
		return 0
	}
	return widths.RuneWidth(r)
}

// widths counts what is ambiguous as narrow, whatever the locale says: that is
// what terminals do.
var widths = &runewidth.Condition{StrictEmojiNeutral: true}

// width is how many cells put would take for text, with room enough.
func width(text string) int {
	n := plainPrefix(text)
	for _, r := range text[n:] {
		n += max(0, cells(r))
	}
	return n
}

// cut is text in at most n cells, with an ellipsis where something is missing.
func cut(text string, n int) string {
	if n <= 0 {
		return ""
	}
	if len(text) <= n && plainPrefix(text) == len(text) || width(text) <= n {
		return text
	}
	at := 0
	for i, r := range text {
		if at += max(0, cells(r)); at > n-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// fill writes a character n times.
func (p *page) fill(s style, r rune, n int) *page {
	n = min(n, p.left())
	if n <= 0 || p.rows() <= 0 {
		return p
	}
	p.b = append(p.b, s.on...)
	for range n {
		p.b = utf8.AppendRune(p.b, r)
	}
	p.b = append(p.b, s.off...)
	p.x += n
	return p
}

// raw writes a drawing of n cells as it is, colours and all, if there is room for
// it. It is for our own drawing only: nothing in it may have come from outside.
func (p *page) raw(drawing string, n int) *page {
	if n < 0 || n > p.left() || p.rows() <= 0 {
		return p
	}
	p.b = append(p.b, drawing...)
	p.x += n
	return p
}

// begin and finish put a style around several pieces that are written without
// one: a piece of a graph is a sign, a name and a fill, and one pair of sequences
// does for them.
func (p *page) begin(s style)  { p.b = append(p.b, s.on...) }
func (p *page) finish(s style) { p.b = append(p.b, s.off...) }

// tab moves on to a column; it never goes back.
func (p *page) tab(column int) *page { return p.fill(style{}, ' ', column-p.x) }

// right writes text so that it ends with the row, if there is room for it and a
// space before it.
func (p *page) right(s style, text string) *page {
	if n := width(text); n < p.left() {
		p.tab(p.w-n).put(s, text)
	}
	return p
}

// end ends the row.
func (p *page) end() *page {
	if p.rows() <= 0 {
		return p
	}
	p.tab(p.w)
	if p.y++; p.y < p.h {
		p.b = append(p.b, '\n')
	}
	p.x = 0
	return p
}

// line is a row of text in one style.
func (p *page) line(s style, text string) *page { return p.put(s, cut(text, p.left())).end() }

// String is the page with what is left of it empty.
func (p *page) String() string {
	for p.rows() > 0 {
		p.end()
	}
	return string(p.b)
}

// beside puts pages of the same height next to each other.
func beside(left, right string) string {
	b := make([]byte, 0, len(left)+len(right)+1)
	for left != "" || right != "" {
		var l, r string
		l, left, _ = strings.Cut(left, "\n")
		r, right, _ = strings.Cut(right, "\n")
		b = append(append(b, l...), r...)
		if left != "" || right != "" {
			b = append(b, '\n')
		}
	}
	return string(b)
}
