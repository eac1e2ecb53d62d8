package tui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/tui/feed"
)

// Snapshot is what a terminal of that size shows after windows have come and
// keys were pressed ("enter", "tab", "j" …): the same program without a terminal,
// for pictures and for tests.
func Snapshot(f feed.Feed, o Options, w, h int, windows []feed.Arrival, keys ...string) string {
	m := New(f, o)
	m.fold(tea.WindowSizeMsg{Width: w, Height: h})
	for _, a := range windows {
		m.fold(arrivalMsg{a})
	}
	for _, k := range keys {
		m.fold(keyMsg(k))
	}
	return m.View()
}

// fold takes a message in, and then those of the commands that it leads to, until
// nothing more follows.
func (m *Model) fold(msg tea.Msg) {
	_, cmd := m.Update(msg)
	m.follows(cmd)
}

func (m *Model) follows(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, cmd := range msg {
			m.follows(cmd)
		}
	default:
		m.fold(msg)
	}
}

// keyMsg is the message of a key by its name.
func keyMsg(name string) tea.KeyMsg {
	for t := tea.KeyType(-100); t < 128; t++ {
		if k := (tea.KeyMsg{Type: t}); t != tea.KeyRunes && k.String() == name {
			return k
		}
	}
	if name == " " {
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
	}
	if alt, is := strings.CutPrefix(name, "alt+"); is {
		return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(alt), Alt: true}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}
