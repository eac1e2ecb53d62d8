package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// pressed takes in what came from the keyboard. Letters that were typed faster than they were
// read come together, and are keys one after the other all the same. What was
// pasted is text: it belongs into the prompt, or nowhere.
func (m *Model) pressed(k tea.KeyMsg) tea.Cmd {
	if m.filtering || k.Type != tea.KeyRunes || len(k.Runes) == 1 {
		return m.key(k)
	}
	var cmds []tea.Cmd
	for _, r := range k.Runes {
		if !k.Paste {
			cmds = append(cmds, m.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}, Alt: k.Alt}))
		}
	}
	return tea.Batch(cmds...)
}

// key says what a key does: to the prompt, if that is open; everywhere; or to
// the screen.
func (m *Model) key(k tea.KeyMsg) tea.Cmd {
	switch {
	case k.Type == tea.KeyCtrlC:
		return tea.Quit
	case m.filtering:
		return m.promptKey(k)
	case m.helping:
		return m.helpKey(k)
	}
	m.said = saidMsg{}
	if cmd, done := m.screens[m.at].Key(k); done {
		return cmd
	}
	return m.globalKey(k)
}

// globalKey is a key that means the same on every screen.
func (m *Model) globalKey(k tea.KeyMsg) tea.Cmd {
	is := func(b key.Binding) bool { return key.Matches(k, b) }
	switch keys := m.keys; {
	case is(keys.Quit):
		return tea.Quit
	case is(keys.Help):
		return m.openHelp()
	case is(keys.Back):
		return m.back()
	case is(keys.Next):
		return m.goTo((m.at%tabs + 1) % tabs)
	case is(keys.Previous):
		return m.goTo((m.at%tabs + tabs - 1) % tabs)
	case is(keys.Screen):
		return m.goTo(int(k.Runes[0] - '1'))
	case is(keys.Target):
		return m.stepTarget(1)
	case is(keys.TargetBefore):
		return m.stepTarget(len(m.ranked) - 1)
	case is(keys.Filter):
		m.filtering = true
		m.prompt.SetValue(m.filter)
		return m.prompt.Focus()
	case is(keys.Pause):
		return m.pause()
	case is(keys.Older):
		return m.scrub(-1)
	case is(keys.Newer):
		return m.scrub(1)
	case is(keys.Oldest):
		return m.oldest()
	case is(keys.Newest):
		return m.follow()
	case is(keys.Mark):
		return m.setMark()
	case is(keys.Record):
		return m.record()
	case is(keys.Copy):
		return m.copy()
	case is(keys.Export):
		return m.export()
	case is(keys.Web):
		return m.web()
	}
	return nil
}

// promptKey edits the filter; every letter of it counts at once.
func (m *Model) promptKey(k tea.KeyMsg) tea.Cmd {
	switch k.Type {
	case tea.KeyEnter:
		m.filtering = false
		return nil
	case tea.KeyEsc:
		m.filtering = false
		return m.setFilter("")
	}
	var cmd tea.Cmd
	m.prompt, cmd = m.prompt.Update(k)
	return tea.Batch(cmd, m.setFilter(m.prompt.Value()))
}

func (m *Model) setFilter(filter string) tea.Cmd {
	m.filter = filter
	return m.show()
}

// back undoes the last step: the filter, the finding, the screen, the look into
// the past.
func (m *Model) back() tea.Cmd {
	switch {
	case m.filter != "":
		return m.setFilter("")
	case m.at == atFinding:
		return m.goTo(m.before)
	case m.at != atOverview:
		return m.goTo(atOverview)
	case m.selected.held != nil:
		return m.follow()
	}
	return nil
}

// wheelRows is what one notch of a mouse wheel scrolls.
const wheelRows = 3

// mouse says what the mouse does: the wheel scrolls, a click selects.
func (m *Model) mouse(e tea.MouseMsg) tea.Cmd {
	if m.layout.Small {
		return nil
	}
	body, wheel := m.layout.Body, 0
	switch e.Button {
	case tea.MouseButtonWheelUp:
		wheel = -1
	case tea.MouseButtonWheelDown:
		wheel = 1
	}
	switch {
	case m.helping && wheel != 0:
		m.guide.scroll(wheel * wheelRows)
	case m.helping:
		m.helping = e.Action != tea.MouseActionPress
	case wheel != 0 && m.layout.Targets.contains(e.X, e.Y):
		return m.selectTarget(m.list.at + wheel)
	case wheel != 0:
		m.screens[m.at].Wheel(wheel * wheelRows)
	case e.Action != tea.MouseActionPress || e.Button != tea.MouseButtonLeft:
	case m.layout.Tabs.contains(e.X, e.Y):
		if at := tabAt(e.X); at >= 0 {
			return m.goTo(at)
		}
	case m.layout.Targets.contains(e.X, e.Y):
		if m.list.click(e.Y - m.layout.Targets.Y - 1) {
			return m.selectTarget(m.list.at)
		}
	case body.contains(e.X, e.Y):
		return m.screens[m.at].Click(e.X-body.X, e.Y-body.Y)
	}
	return nil
}
