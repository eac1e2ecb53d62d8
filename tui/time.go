package tui

import tea "github.com/charmbracelet/bubbletea"

// pause holds what is shown, or goes on. Nothing is lost meanwhile: windows go
// on coming, and can be gone through afterwards.
func (m *Model) pause() tea.Cmd {
	t := m.selected
	if t.held != nil {
		return m.follow()
	}
	t.held, t.heldAt = t.newest, t.number
	return m.show()
}

// follow shows the newest window again, and each that comes.
func (m *Model) follow() tea.Cmd {
	m.selected.held = nil
	return m.show()
}

// scrub goes to the window that is by windows away.
func (m *Model) scrub(by int) tea.Cmd {
	t := m.selected
	_, from := t.shown()
	if t.held != nil {
		from = t.heldAt
	}
	number := t.history.step(from, by)
	switch {
	case number == 0 || number == from:
		return nil
	case number == t.number:
		return m.follow()
	}
	if t.held == nil {
		t.held = t.newest
	}
	t.heldAt = number
	return m.load(t, number)
}

// load asks the feed for an older window.
func (m *Model) load(t *target, number int) tea.Cmd {
	at := m.index(t)
	return func() tea.Msg {
		exam, err := m.feed.Load(at, number)
		return loadedMsg{at, number, exam, err}
	}
}

func (m *Model) index(t *target) int {
	for i := range m.targets {
		if m.targets[i] == t {
			return i
		}
	}
	return -1
}

// loaded shows the window that was asked for, unless another one has been asked
// for since.
func (m *Model) loaded(msg loadedMsg) tea.Cmd {
	t := m.targets[msg.target]
	if t.held == nil || t.heldAt != msg.number {
		return nil
	}
	if msg.err != nil {
		return m.say(saidMsg{err: msg.err})
	}
	t.held = msg.exam
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
