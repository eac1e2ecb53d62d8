package tui

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
	"busywork/profile"
)

// A screen is one view of what is watched: a plain struct that is told its size
// and what there is to show, and says what it looks like. It asks for things by
// the messages of messages.go, and by what the scene has for it.
type screen interface {
	SetSize(w, h int)
	Show(s *scene)                    // something has changed; s is not kept up to date otherwise
	Keys() []key.Binding              // its own, for help
	Key(k tea.KeyMsg) (tea.Cmd, bool) // false if the key means nothing to it
	Click(x, y int) tea.Cmd           // from its upper left corner
	Wheel(rows int)
	View() string // exactly as large as SetSize said
}

// A scene is all that there is to show of the target that is selected: one of its
// windows, and how it came to that.
type scene struct {
	theme *theme
	keys  *keyMap

	of     *target              // which one, whatever it is called
	target string               // what it is called
	live   bool                 // of a running service, and not of a recording
	err    error                // why there is no window
	exam   *analyze.Examination // the window that is shown; nil if there is none yet
	number int                  // its number
	newest bool                 // it is the last one

	history *history
	rows    []*row // findings that the filter leaves
	all     int    // findings there are
	open    *row   // the finding that was opened last; nil if none was
	filter  string

	// opens goes to the finding of a row, at once: what is pressed next is meant
	// for that.
	opens func(id string) tea.Cmd

	mark   *analyze.Examination // nil if there is no mark
	change *analyze.Comparison  // from the mark to what is shown; nil without

	calls     callsMsg // of the window shown (calls.exam == exam), or of an earlier one while that is being made; calls.calls is nil where there is none
	markCalls callsMsg // of the mark
}

// report is what is shown, nil if there is nothing yet.
func (s *scene) report() *analyze.Report {
	if s == nil || s.exam == nil {
		return nil
	}
	return s.exam.Report
}

// span is the windows that a chart of n columns shows: of a recording all, of
// what is live the last ones; and the one that is shown is always among them.
func (s *scene) span(n int) (first, last int) {
	first, last = s.history.oldest(), s.history.newest()
	if s.live {
		if s.number > 0 && s.number <= last-n {
			last = min(last, s.number+n/2)
		}
		first = max(first, last-n+1)
	}
	return first, last
}

// waiting writes why there is nothing to show, and what can be done about it.
func (s *scene) waiting(p *page) {
	switch {
	case s.err != nil:
		p.wrap(s.theme.bold, 0, 0, s.err.Error())
		if u, ok := errors.AsType[*profile.Unavailable](s.err); ok && u.Hint != "" {
			p.wrap(s.theme.plain, 0, 0, "hint: "+u.Hint)
		}
		if s.live {
			p.wrap(s.theme.faint, 0, 0, "It is looked for again before every window.")
		}
	case s.live:
		p.wrap(s.theme.bold, 0, 0, "observing "+s.target+" …")
	default:
		p.wrap(s.theme.bold, 0, 0, "reading "+s.target+" …")
	}
}

// when is the end of the window that is shown; of a recording, which may be of any
// day, with the day.
func (s *scene) when() string {
	end := s.exam.Report.Window.End
	if s.live {
		return clock(end)
	}
	return end.Local().Format("2 Jan 15:04:05")
}

// sinceMark says which way time goes from the mark to what is shown: a window from
// before the mark has not become what it is since.
func (s *scene) sinceMark() string {
	if s.beforeMark() {
		return "against " + clock(s.mark.Report.Window.End)
	}
	return "since " + clock(s.mark.Report.Window.End)
}

func (s *scene) beforeMark() bool {
	return s.exam.Report.Window.End.Before(s.mark.Report.Window.End)
}

// A sense says which way a figure is better.
type sense int

const (
	lessIsBetter sense = -1
	neutral      sense = 0
	moreIsBetter sense = 1
)

// delta writes how a figure has changed since the mark, behind a space; nothing
// where there is no mark. digits are those behind the point.
func (s *scene) delta(p *page, now float64, at func(*analyze.Report) float64, digits int, better sense) {
	if s.mark == nil {
		return
	}
	if text, look := s.theme.change(now-at(s.mark.Report), digits, better); width(text) < p.left() {
		p.put(style{}, " ").put(look, text)
	}
}

// change is a difference in words and signs: ▲ more, ▼ less, = the same.
func (t *theme) change(d float64, digits int, better sense) (string, style) {
	text := fmt.Sprintf("%.*f", digits, math.Abs(d))
	if zero := fmt.Sprintf("%.*f", digits, 0.0); text == zero {
		return "=", t.faint
	}
	sign, way := "▲", moreIsBetter
	if d < 0 {
		sign, way = "▼", lessIsBetter
	}
	switch {
	case better == neutral:
		return sign + text, t.bold
	case way == better:
		return sign + text, t.good
	}
	return sign + text, t.bad
}

// percent is a fraction as a reader of a narrow screen wants it: "56%".
func percent(v float64) string { return fmt.Sprintf("%.0f%%", 100*v) }

// clock is a time of day.
func clock(t time.Time) string { return t.Local().Format("15:04:05") }
