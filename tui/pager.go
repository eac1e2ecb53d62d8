package tui

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// A pager is a text that may be longer than there is room for. It is written
// once, as rows; to scroll is to show others of them.
type pager struct {
	theme     *theme
	rows      []string // of w−barWidth cells each
	w, h, top int
}

const (
	// barWidth is the cells beside a text for the bar that says where one is.
	barWidth = 2
	// maxPagerRows bounds what names from outside can make of a text: the longest
	// finding of the recorded incidents takes 90 rows on the narrowest screen.
	maxPagerRows = 2000
)

// write makes the text anew, and stays where it was scrolled to.
func (g *pager) write(w, h int, t *theme, text func(p *page)) {
	p := &page{w: max(0, w-barWidth), h: maxPagerRows}
	text(p)
	g.theme, g.w, g.h = t, max(0, w), max(0, h)
	g.rows = p.written()
	g.scroll(0)
}

// written is the rows of a page that have been ended.
func (p *page) written() []string {
	if p.y == 0 {
		return nil
	}
	return strings.Split(string(p.b), "\n")[:p.y]
}

// scroll moves by rows, as far as there are any.
func (g *pager) scroll(by int) { g.top = max(0, min(g.top+by, len(g.rows)-g.h)) }

// key scrolls, if the key is one that does.
func (g *pager) key(k tea.KeyMsg, keys *keyMap) bool {
	page := max(1, g.h-1)
	switch {
	case key.Matches(k, keys.Up):
		g.scroll(-1)
	case key.Matches(k, keys.Down):
		g.scroll(1)
	case key.Matches(k, keys.PageUp):
		g.scroll(-page)
	case key.Matches(k, keys.PageDown):
		g.scroll(page)
	case key.Matches(k, keys.Home):
		g.scroll(-len(g.rows))
	case key.Matches(k, keys.End):
		g.scroll(len(g.rows))
	default:
		return false
	}
	return true
}

// View is the rows to be seen, with a bar beside them where there are more.
func (g *pager) View() string {
	if len(g.rows) == 0 || g.w < barWidth {
		return newPage(g.w, g.h).String()
	}
	from, to := g.thumb()
	blank := strings.Repeat(" ", g.w-barWidth)
	b := make([]byte, 0, bytesPerCell*g.w*g.h)
	for y := range g.h {
		if y > 0 {
			b = append(b, '\n')
		}
		row := blank
		if at := g.top + y; at < len(g.rows) {
			row = g.rows[at]
		}
		b = append(b, row...)
		switch {
		case len(g.rows) <= g.h:
			b = append(b, "  "...)
		case y >= from && y < to:
			b = append(b, " ┃"...)
		default:
			b = append(append(append(b, ' '), g.theme.faint.on...), "│"...)
			b = append(b, g.theme.faint.off...)
		}
	}
	return string(b)
}

// thumb is the part of the bar that stands for the rows that are seen. It only
// reaches an end of the bar where the text has been scrolled to that end.
func (g *pager) thumb() (from, to int) {
	n := len(g.rows)
	if n <= g.h {
		return 0, g.h
	}
	size := max(1, g.h*g.h/n)
	from = g.top * (g.h - size) / (n - g.h)
	if g.top > 0 && g.h > size {
		from = max(1, from)
	}
	return from, from + size
}
