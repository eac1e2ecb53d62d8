package tui

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
)

// openHelp shows the keys over the whole terminal.
func (m *Model) openHelp() tea.Cmd {
	m.helping = true
	m.guide.scroll(-maxPagerRows)
	m.writeHelp()
	return nil
}

// helpKey scrolls the help, or closes it.
func (m *Model) helpKey(k tea.KeyMsg) tea.Cmd {
	m.helping = m.guide.key(k, m.keys)
	return nil
}

// writeHelp is made from the key maps: what it says is what the keys do.
func (m *Model) writeHelp() {
	m.guide.write(m.w, m.h, m.theme, func(p *page) {
		p.line(m.theme.title, "busywork watch: keys").end()
		groups := m.keys.groups()
		if own := m.screens[m.at].Keys(); len(own) > 0 {
			groups = append([][]key.Binding{own}, groups...)
		}
		for row := range strings.SplitSeq(m.columnsOf(groups, p.w), "\n") {
			p.put(m.theme.plain, row).end()
		}
		p.end()
		for _, text := range []string{
			"u user, s system, w iowait, t steal (taken by the hypervisor), · idle.",
			"▒ is what a finding calls waste; ▲ ▼ is the change since the mark.",
			"The mouse selects, opens and scrolls. Any other key goes back.",
		} {
			p.wrap(m.theme.faint, 0, 0, text)
		}
	})
}

// columnsOf puts the groups of keys next to each other, as many as fit.
func (m *Model) columnsOf(groups [][]key.Binding, room int) string {
	var bands []string
	for len(groups) > 0 {
		n := 1
		for n < len(groups) && lipgloss.Width(m.help.FullHelpView(groups[:n+1])) <= room {
			n++
		}
		bands = append(bands, m.help.FullHelpView(groups[:n]))
		groups = groups[n:]
	}
	return strings.Join(bands, "\n\n")
}
