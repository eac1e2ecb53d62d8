package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
	"busywork/analyze/report"
)

// rules is the screen of all rules: what each of them did in this window, and why
// those that could not look could not. Silence is not to be taken for a
// measurement. A rule opens in place: its documentation.
type rules struct {
	w, h   int
	s      *scene
	rows   []ruleRow
	lines  []ruleLine
	left   int // rules that the filter leaves
	list   list
	name   string // of the rule that the cursor is on
	chosen bool   // by the user

	doc    pager
	opened string // the rule whose documentation is open; "" if none is
	enter  key.Binding
	leave  key.Binding
}

func newRules() screen {
	return &rules{
		enter: bind("enter", "open the rule's documentation", "enter"),
		leave: bind("esc", "back to all rules", "esc", "backspace"),
	}
}

// detailRows is what is kept below the list for the rule that the cursor is on,
// where there is room: a line that parts it, and its text.
func (r *rules) detailRows() int { return pick(r.h, 0, 16, 4, 30, 5) }

func (r *rules) SetSize(w, h int) {
	if r.w == w && r.h == h {
		return
	}
	r.w, r.h = w, h
	r.place()
	r.explain()
}

func (r *rules) Show(s *scene) {
	r.s, r.rows, r.lines, r.left = s, nil, nil, 0
	if now := s.report(); now != nil {
		var mark *analyze.Report
		if s.mark != nil {
			mark = s.mark.Report
		}
		r.rows = ruleRows(now, mark)
		r.lines, r.left = ruleLines(r.rows, now, s.filter)
	}
	r.place()
	r.explain()
}

// place puts the cursor on the rule that it was on, or near where that was.
func (r *rules) place() {
	r.list.resize(len(r.lines), r.h-1-r.detailRows())
	at := slices.IndexFunc(r.lines, func(l ruleLine) bool { return l.rule >= 0 && r.rows[l.rule].name == r.name })
	switch {
	case !r.chosen: // nobody has moved the cursor: it is on what was found
		r.list.to(0)
	case at >= 0:
		r.list.to(at)
	}
	r.settle(1)
}

// settle leaves headings to the next rule in the direction that the cursor goes,
// or else in the other one, and shows the headings above a group's first rule.
func (r *rules) settle(direction int) {
	for range 2 {
		at := r.list.at
		for at >= 0 && at < len(r.lines) && r.lines[at].rule < 0 {
			at += direction
		}
		if at >= 0 && at < len(r.lines) {
			r.list.to(at)
			break
		}
		direction = -direction
	}
	if row := r.row(); row != nil {
		r.name = row.name
	}
	for l := &r.list; l.top > 0 && l.at-l.top+1 < l.room && r.allHeadings(l.top-1, l.at); {
		l.top--
	}
}

// allHeadings says whether nothing but headings stands in lines from to to.
func (r *rules) allHeadings(from, to int) bool {
	return !slices.ContainsFunc(r.lines[from:to], func(l ruleLine) bool { return l.rule >= 0 })
}

// row is the rule that the cursor is on; nil if there is none.
func (r *rules) row() *ruleRow {
	if r.list.at >= len(r.lines) || r.lines[r.list.at].rule < 0 {
		return nil
	}
	return &r.rows[r.lines[r.list.at].rule]
}

func (r *rules) Keys() []key.Binding {
	if r.opened != "" {
		return []key.Binding{r.leave}
	}
	return []key.Binding{r.enter}
}

func (r *rules) Key(k tea.KeyMsg) (tea.Cmd, bool) {
	switch {
	case r.s == nil:
		return nil, false
	case r.opened != "":
		if key.Matches(k, r.leave) {
			r.opened = ""
			return nil, true
		}
		return nil, r.doc.key(k, r.s.keys)
	case key.Matches(k, r.enter):
		r.open()
		return nil, true
	}
	before := r.list.at
	if !r.list.key(k, r.s.keys) {
		return nil, false
	}
	r.moved(before)
	return nil, true
}

// moved settles the cursor after it has moved.
func (r *rules) moved(before int) {
	r.chosen = true
	if r.list.at < before {
		r.settle(-1)
	} else {
		r.settle(1)
	}
}

// open opens the documentation of the rule that the cursor is on.
func (r *rules) open() {
	if row := r.row(); row != nil {
		r.opened, r.doc.top = row.name, 0
		r.explain()
	}
}

func (r *rules) Click(_, y int) tea.Cmd {
	before := r.list.at
	if r.opened != "" || !r.list.click(y-1) {
		return nil
	}
	if r.list.at == before {
		r.open()
	}
	r.chosen = true
	r.settle(1)
	return nil
}

func (r *rules) Wheel(rows int) {
	if r.opened != "" {
		r.doc.scroll(rows)
		return
	}
	before := r.list.at
	r.list.wheel(rows)
	r.moved(before)
}

// explain writes the documentation that is open: what the rule did in this
// window, and then what `busywork explain` prints.
func (r *rules) explain() {
	rule := analyze.FindRule(r.opened)
	if rule == nil || r.s == nil {
		r.opened = ""
		return
	}
	t := r.s.theme
	r.doc.write(r.w, r.h, t, func(p *page) {
		if i := slices.IndexFunc(r.rows, func(row ruleRow) bool { return row.name == r.opened }); i >= 0 {
			r.now(p, &r.rows[i])
			p.end()
		}
		var text strings.Builder
		if err := report.Explain(&text, rule, report.Style{Width: p.w}); err != nil {
			p.line(t.problem, err.Error())
		}
		look := t.bold // of the first line, the title
		for row := range strings.SplitSeq(text.String(), "\n") {
			p.line(look, row)
			look = t.plain
		}
	})
}

// now is what a rule did in this window, in full.
func (r *rules) now(p *page, row *ruleRow) {
	t := r.s.theme
	p.put(t.rule(row.state), ruleWords[row.state]).put(t.plain, " ")
	switch row.state {
	case ruleSkipped:
		p.wrap(t.plain, 2, 0, row.reason)
		if rule := analyze.FindRule(row.name); rule != nil {
			now := r.s.report()
			for _, g := range now.Unseen(now.Missing(rule.Needs)) {
				p.tab(2).wrap(t.plain, 4, 0, gapText(g))
			}
		}
	default:
		p.wrap(t.plain, 2, 0, row.text)
	}
	if row.change != "" {
		p.line(t.bold, "  "+r.s.sinceMark()+": "+row.change)
	}
}

// rule is the look of a state.
func (t *theme) rule(s ruleState) style {
	switch s {
	case ruleFailed:
		return t.problem
	case ruleFound:
		return t.medium
	case ruleSkipped:
		return t.notice
	}
	return t.good
}

func (r *rules) View() string {
	if r.opened != "" {
		return r.doc.View()
	}
	p := newPage(r.w, r.h)
	if r.s.report() == nil {
		if r.s != nil {
			r.s.waiting(p)
		}
		return p.String()
	}
	r.title(p)
	if r.left == 0 {
		p.line(r.s.theme.plain, "No rule matches the filter; esc takes it away.")
	}
	from, to := r.list.seen()
	for i := from; i < to; i++ {
		r.line(p, i)
	}
	r.detail(p)
	return p.String()
}

// title counts the rules by what they did.
func (r *rules) title(p *page) {
	t := r.s.theme
	var n [ruleStates]int
	for i := range r.rows {
		n[r.rows[i].state]++
	}
	p.put(t.bold, fmt.Sprintf("%d rules:", len(r.rows)))
	separator := " "
	for s, count := range n {
		if count > 0 || ruleState(s) == ruleFound {
			p.put(t.plain, separator).put(t.rule(ruleState(s)), fmt.Sprintf("%d %s", count, ruleWords[s]))
			separator = ", "
		}
	}
	if r.s.filter != "" {
		p.right(t.match, fmt.Sprintf(" %d of %d match ", r.left, len(r.rows)))
	}
	p.end()
}

// nameWidth is that of the longest name of a rule, and a space.
const nameWidth = 25

// line is a rule or a heading.
func (r *rules) line(p *page, i int) {
	t, l := r.s.theme, r.lines[i]
	if l.rule < 0 {
		p.line(t.rule(l.state), l.heading)
		return
	}
	row := &r.rows[l.rule]
	look, sign := t.plain, "  "
	if i == r.list.at {
		look, sign = t.selected, "▸ "
	}
	state := look
	if i != r.list.at {
		state = t.rule(row.state)
	}
	p.put(look, sign)
	word := ruleLetters[row.state]
	if p.w >= narrow {
		word = ruleWords[row.state]
	}
	rest := pick(p.w, 2, narrow, 8) - len(word)
	p.put(state, word)
	p.pad(look, p.x+rest)
	column := p.x + nameWidth
	p.put(look, row.name).pad(look, column)
	if row.change != "" {
		p.put(look, row.change+"  ")
	}
	p.put(look, cut(row.text, p.left())).pad(look, p.w).end()
}

// detail is the rule that the cursor is on, with all of its text, as far as there
// is room for it.
func (r *rules) detail(p *page) {
	row, rows := r.row(), r.detailRows()
	if rows == 0 || row == nil || p.rows() < rows {
		return
	}
	for p.rows() > rows {
		p.end()
	}
	t := r.s.theme
	p.put(t.faint, "── ").put(t.bold, row.name).put(t.plain, ": ").put(t.plain, cut(row.title, p.left())).end()
	r.now(p, row)
}
