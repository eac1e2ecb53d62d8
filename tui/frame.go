package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
)

// View is the whole terminal: the frame, and in it the screen.
func (m *Model) View() string {
	switch {
	case m.w <= 0 || m.h <= 0:
		return ""
	case m.layout.Small:
		p := newPage(m.w, m.h)
		p.wrap(m.theme.bold, 0, m.h, fmt.Sprintf("%d×%d is too small for busywork watch.", m.w, m.h))
		p.wrap(m.theme.plain, 0, 0, fmt.Sprintf("It needs %d×%d; q quits.", leastWidth, leastHeight))
		return p.String()
	case m.helping:
		return m.guide.View()
	}
	parts := []string{m.headerView()}
	if m.layout.Tabs.H > 0 {
		parts = append(parts, m.tabsView())
	}
	body := m.screens[m.at].View()
	if m.layout.Targets.W > 0 {
		body = beside(m.targetsView(), body)
	}
	return strings.Join(append(parts, body, m.footerView()), "\n")
}

// headerView is what is watched and how it stands: the window shown, whether
// that is the newest, what is recorded and what is marked. How it stands matters
// more than what it is called.
func (m *Model) headerView() string {
	t, s, states := m.theme, m.scene, m.states()
	p := newPage(m.layout.Header.W, 1)
	for len(states) > 1 && width(strings.Join(states, stateGap))+leastName > p.w {
		states = states[1:]
	}
	state := strings.Join(states, stateGap)
	room := func(text string) string { return cut(text, p.left()-width(state)-1) }
	if m.w >= wide {
		p.put(t.title, "busywork ")
	}
	p.put(t.bold, room(s.target))
	if n := len(m.targets); n > 1 {
		p.put(t.faint, room(fmt.Sprintf(" (%d of %d)", slices.Index(m.ranked, m.selected)+1, n)))
	}
	if m.layout.Tabs.H == 0 {
		p.put(t.faint, room(" · "+screenNames[m.at]))
	}
	if m.filter != "" {
		p.put(t.plain, room(" ")).put(t.match, room("/"+m.filter))
	}
	if r := s.report(); r != nil && m.w >= wide {
		p.put(t.faint, room(fmt.Sprintf(" · %s, %.0f s", s.when(), r.Window.Seconds)))
	}
	return p.right(t.bold, state).String()
}

// leastName is the room that a target's name is left in the header, before it is
// said how everything stands.
const leastName = 8

// stateGap stands between the words of how things stand.
const stateGap = " · "

// states is how time stands, in words, most important last.
func (m *Model) states() []string {
	var list []string
	if s := m.scene; s.mark != nil {
		list = append(list, s.sinceMark())
	}
	t := m.selected
	if past := t.held != nil || !m.feed.Live(); past && m.w < wide && m.scene.report() != nil {
		list = append(list, m.scene.when()) // wider ones have it at the left
	}
	if m.recording != "" {
		list = append(list, "● REC")
	}
	switch {
	case t.held != nil && m.feed.Live():
		list = append(list, fmt.Sprintf("‖ PAUSED, %d behind", max(0, t.number-t.heldAt)))
	case t.held != nil || !m.feed.Live():
		_, number := t.shown()
		list = append(list, fmt.Sprintf("window %d/%d", number, max(number, t.history.newest())))
	case m.ended:
		list = append(list, "ended")
	case t.newest != nil:
		list = append(list, fmt.Sprintf("LIVE, %.0f s ago", max(0, m.now.Sub(t.at).Seconds())))
	default:
		list = append(list, "LIVE")
	}
	return list
}

// tabText is what a tab looks like.
func tabText(i int) string { return fmt.Sprintf(" %d %s ", i+1, screenNames[i]) }

// tabAt is the screen whose tab is in that column, −1 if there is none.
func tabAt(x int) int {
	for i := range tabs {
		n := width(tabText(i)) + 1
		if x < n {
			return i
		}
		x -= n
	}
	return -1
}

func (m *Model) tabsView() string {
	p := newPage(m.layout.Tabs.W, 1)
	for i := range tabs {
		look, text := m.theme.faint, tabText(i)
		if i == m.at || m.at == atFinding && i == m.before {
			look, text = m.theme.selected, "▸"+text[1:]
		}
		p.put(look, text).put(m.theme.plain, " ")
	}
	if m.at == atFinding {
		p.put(m.theme.bold, "› finding")
	}
	return p.String()
}

// footerView is the prompt, what has just happened, or the keys that matter
// here.
func (m *Model) footerView() string {
	p := newPage(m.layout.Footer.W, 1)
	switch {
	case m.filtering:
		m.promptView(p)
		p.right(m.theme.faint, "enter keeps, esc clears")
	case m.said.err != nil:
		p.put(m.theme.problem, "! ").put(m.theme.plain, cut(m.said.err.Error(), p.left()))
	case m.said.text != "":
		p.put(m.theme.notice, cut(m.said.text, p.left()))
	default:
		m.hints(p)
	}
	return p.String()
}

// promptView is what has been typed, with the cursor where the next letter goes. Of
// what is longer than the row the part about the cursor is seen.
func (m *Model) promptView(p *page) {
	text, at := []rune(m.prompt.Value()), m.prompt.Position()
	from := 0
	for from < at && width(string(text[from:at]))+len("/ ") > p.left() {
		from++
	}
	under := " "
	if at < len(text) {
		under = string(text[at])
	}
	p.put(m.theme.bold, "/"+string(text[from:at])).put(m.theme.selected, under)
	if at < len(text) {
		p.put(m.theme.bold, string(text[at+1:]))
	}
}

// hints writes the keys of the screen, then those of all screens, as far as there
// is room.
func (m *Model) hints(p *page) {
	k := m.keys
	list := append(slices.Clone(m.screens[m.at].Keys()), k.Next, k.Filter, k.Mark, k.Pause, k.Older, k.Newer, k.Copy, k.Record, k.Export, k.Web)
	for _, b := range append([]key.Binding{k.Help, k.Quit}, list...) {
		h := b.Help()
		what, _, _ := strings.Cut(h.Desc, ":")
		what, _, _ = strings.Cut(what, ",")
		if width(h.Key)+width(what)+3 > p.left() {
			return
		}
		p.put(m.theme.key, h.Key).put(m.theme.faint, " "+what).put(m.theme.plain, "  ")
	}
}
