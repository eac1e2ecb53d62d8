package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// A list is the arithmetic of a list that does not fit: which of its rows the
// cursor is on, and which are to be seen. It holds no rows itself, so that only
// those to be seen are ever drawn.
type list struct {
	n    int // rows there are
	room int // rows there is room for
	at   int // the row that the cursor is on
	top  int // the first row to be seen
}

// resize tells the list how many rows there are, and how many fit.
func (l *list) resize(n, room int) {
	l.n, l.room = max(0, n), max(0, room)
	l.to(l.at)
}

// to puts the cursor on a row, or the nearest there is.
func (l *list) to(at int) {
	l.at = max(0, min(at, l.n-1))
	l.top = max(0, min(l.top, l.at, l.n-l.room))
	if l.room > 0 && l.at >= l.top+l.room {
		l.top = l.at - l.room + 1
	}
}

// seen is the range of rows to be seen.
func (l *list) seen() (from, to int) { return l.top, min(l.n, l.top+l.room) }

// key moves the cursor, if the key is one that does.
func (l *list) key(k tea.KeyMsg, keys *keyMap) bool {
	switch {
	case key.Matches(k, keys.Up):
		l.to(l.at - 1)
	case key.Matches(k, keys.Down):
		l.to(l.at + 1)
	case key.Matches(k, keys.PageUp):
		l.to(l.at - max(1, l.room-1))
	case key.Matches(k, keys.PageDown):
		l.to(l.at + max(1, l.room-1))
	case key.Matches(k, keys.Home):
		l.to(0)
	case key.Matches(k, keys.End):
		l.to(l.n - 1)
	default:
		return false
	}
	return true
}

// wheel scrolls by rows.
func (l *list) wheel(rows int) { l.to(l.at + rows) }

// click puts the cursor on the row that is seen y rows below the top; false if
// there is none.
func (l *list) click(y int) bool {
	if y < 0 || y >= l.room || l.top+y >= l.n {
		return false
	}
	l.at = l.top + y
	return true
}
