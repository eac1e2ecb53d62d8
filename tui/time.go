package tui

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
)

// pause holds what is shown, or goes on. Nothing is lost meanwhile: windows go
// on coming, and can be gone through afterwards.
func (m *Model) pause() tea.Cmd {
	t := m.selected
	switch {
	case !m.feed.Live():
		return m.say(saidMsg{text: "a recording stands still: [ and ] go through it"})
	case t.held != nil:
		return m.follow()
	}
	t.held, t.heldAt, t.wanted = t.newest, t.number, 0
	return m.show()
}

// follow shows the newest window again, and each that comes.
func (m *Model) follow() tea.Cmd {
	m.selected.held, m.selected.wanted = nil, 0
	return m.show()
}

// scrub goes to the window that is by windows away from the one that is shown, or
// that was asked for last.
func (m *Model) scrub(by int) tea.Cmd {
	t := m.selected
	_, from := t.shown()
	if t.wanted != 0 {
		from = t.wanted
	}
	number := t.history.step(from, by)
	switch {
	case number == 0:
		return nil
	case number == from && by < 0:
		return m.say(saidMsg{text: "this is the oldest window"})
	case number == from:
		return m.say(saidMsg{text: "this is the newest window"})
	case number == t.number:
		return m.follow()
	}
	return m.load(t, number)
}

// oldest goes to the oldest window that can still be looked at: of a running service
// more is known for its figures than is held, or recorded.
func (m *Model) oldest() tea.Cmd {
	t := m.selected
	_, shown := t.shown()
	numbers := t.history.before(shown)
	if len(numbers) == 0 {
		return m.say(saidMsg{text: "this is the oldest window"})
	}
	return m.load(t, numbers...)
}

// load asks the feed for the first of several older windows that there is. Until it
// comes, what is shown stays.
func (m *Model) load(t *target, numbers ...int) tea.Cmd {
	at := slices.Index(m.targets, t)
	t.wanted = numbers[0]
	return func() tea.Msg {
		var exam *analyze.Examination
		var err error
		for _, number := range numbers {
			if exam, err = m.feed.Load(at, number); err == nil {
				return loadedMsg{at, numbers[0], number, exam, nil}
			}
		}
		return loadedMsg{at, numbers[0], 0, nil, err}
	}
}

// loaded shows the window that was asked for, unless another one has been asked
// for since.
func (m *Model) loaded(msg loadedMsg) tea.Cmd {
	t := m.targets[msg.target]
	if t.wanted != msg.asked {
		return nil
	}
	t.wanted = 0
	if msg.err != nil {
		return m.say(saidMsg{err: msg.err})
	}
	t.held, t.heldAt = msg.exam, msg.number
	return m.show()
}

// setMark marks what is shown: from now on every figure shows its change since.
// The mark is taken away where it was set.
func (m *Model) setMark() tea.Cmd {
	t := m.selected
	exam, _ := t.shown()
	if exam == nil {
		return nil
	}
	if t.mark == exam {
		t.mark = nil
		return tea.Batch(m.say(saidMsg{text: "the mark is gone"}), m.show())
	}
	t.mark = exam
	if t.calls.exam == exam {
		t.markCalls = t.calls
	}
	return tea.Batch(m.say(saidMsg{text: "marked: figures now show their change since " + clock(exam.Report.Window.End)}), m.show())
}
