package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
)

// The list of targets, where there are several: most waste first, and each by a name
// that tells it from the others.

// targetsView is the list of targets, most waste first.
func (m *Model) targetsView() string {
	r := m.layout.Targets
	p := newPage(r.W-1, r.H)
	p.line(m.theme.bold, "targets by waste")
	from, to := m.list.seen()
	for i := from; i < to; i++ {
		t := m.ranked[i]
		look, sign := m.theme.plain, "  "
		if t == m.selected {
			look, sign = m.theme.selected, "▸ "
		}
		figure := " " + t.figure()
		name := cut(m.title(t), p.w-width(sign)-width(figure))
		p.put(look, sign+name).tab(p.w-width(figure)).put(look, figure).end()
	}
	return beside(p.String(), strings.Repeat("│\n", r.H-1)+"│")
}

// rank puts most waste first. Like findings, targets that are close keep their
// places.
func (m *Model) rank() {
	settle(m.ranked, (*target).overtakes)
	m.list.to(slices.Index(m.ranked, m.selected))
}

// selectTarget shows another target.
func (m *Model) selectTarget(i int) tea.Cmd {
	if i < 0 || i >= len(m.ranked) {
		return nil
	}
	m.selected = m.ranked[i]
	m.list.to(i)
	if m.at == atFinding && m.selected.openID == "" {
		m.at = m.before // what was open is another target's
	}
	return m.show()
}

// stepTarget shows the target that is by places further down the list, which begins
// anew at its end.
func (m *Model) stepTarget(by int) tea.Cmd {
	return m.selectTarget((slices.Index(m.ranked, m.selected) + by) % len(m.ranked))
}

// wasted is what a list of targets is ranked by: cores in the newest window.
func (t *target) wasted() float64 {
	if t.newest == nil {
		return 0
	}
	return wasted(t.newest.Report)
}

// overtakes says whether the target belongs before another one. With its first
// window it has no place yet.
func (t *target) overtakes(other *target) bool {
	ratio := overtakeRatio
	if t.news <= 1 {
		ratio = 1
	}
	a, b := t.wasted(), other.wasted()
	if max(a, b) < noCore { // then by what waits
		a, b = t.waits(), other.waits()
	}
	return a > ratio*b
}

// noCore is what rounds to none.
const noCore = 0.005

// waits is how many jobs wait because of the worst finding of the newest window.
func (t *target) waits() (most float64) {
	if t.newest == nil {
		return 0
	}
	for i := range t.newest.Report.Findings {
		if f := &t.newest.Report.Findings[i]; f.Confidence != analyze.Suspected {
			most = max(most, waiting(f))
		}
	}
	return most
}

// figure is what the list of targets says of it.
func (t *target) figure() string {
	switch {
	case t.err != nil:
		return "!"
	case t.newest == nil:
		return "…"
	case t.wasted() < noCore && t.waits() > 0:
		return compact(t.waits()) + " wait"
	}
	return fmt.Sprintf("%.2f", t.wasted())
}

// title is what a target calls itself. Where that tells it from no other, as the
// recordings of a service or its instances, what it was given as comes first.
func (m *Model) title(t *target) string {
	name := t.ownName()
	same := func(other *target) bool { return other != t && other.ownName() == name }
	if name == t.name || m.feed.Live() && !slices.ContainsFunc(m.targets, same) {
		return name
	}
	return t.name + ": " + name
}

// ownName is what the service calls itself, if that is known.
func (t *target) ownName() string {
	if exam, _ := t.shown(); exam != nil && exam.Report.Target.Name != "" {
		return exam.Report.Target.Name
	}
	return t.name
}
