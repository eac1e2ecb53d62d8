package tui

import (
	"fmt"
	"math"

	"busywork/analyze"
	"busywork/analyze/report"
)

// A findingText writes all that is known of a finding, what matters most first.
type findingText struct {
	*page
	theme  *theme
	s      *scene
	slice  *slice
	row    *row
	f      *analyze.Finding
	was    *analyze.Finding // the same at the mark; nil if it was not found there, or there is no mark
	report *analyze.Report
	indent int // where the text of a field begins
	seen   int // rows of a page
}

// narrow is the width below which labels have no column of their own, and tables
// none at all.
const narrow = 60

// indentIn is where the text of a field begins in that width.
func indentIn(w int) int {
	if w < narrow {
		return 2
	}
	return 10
}

// A section is one part of the text.
type section func(*findingText)

// write writes everything. Where sentence and fix do not end on the first page,
// they are cut for it and there in full behind it.
func (x *findingText) write() {
	x.head()
	first := []section{(*findingText).sentence, (*findingText).settles, (*findingText).prediction, (*findingText).fix}
	if room := x.seen - x.y; x.rowsOf(first...) <= room {
		x.sections(first...)
	} else {
		x.brief(room)
		x.sections((*findingText).settles, (*findingText).prediction)
	}
	x.sections((*findingText).inCode, (*findingText).evidence, (*findingText).refuters, (*findingText).unseen, (*findingText).kin, (*findingText).levers)
}

func (x *findingText) sections(list ...section) {
	for _, s := range list {
		s(x)
	}
}

// rowsOf is how many rows sections take.
func (x *findingText) rowsOf(list ...section) int { return len(x.rowsIn(x.w, list...)) }

// rowsIn is sections as rows of that width.
func (x *findingText) rowsIn(w int, list ...section) []string {
	part := *x
	part.page = &page{w: w, h: maxPagerRows}
	part.indent = indentIn(w)
	part.sections(list...)
	return part.written()
}

// brief is sentence and fix in so many rows, half of them each if both are long;
// and then in full what was cut.
func (x *findingText) brief(room int) {
	sentence, fix := x.rowsOf((*findingText).sentence), x.rowsOf((*findingText).fix)
	forFix := min(fix, max(room-sentence, room/2, 1))
	forSentence := min(sentence, max(room-forFix, 1))
	x.wrap(x.theme.plain, 0, forSentence, x.f.Message)
	x.label("fix").wrap(x.theme.plain, x.indent, forFix, x.f.Fix)
	if forSentence < sentence || forFix < fix {
		x.end().line(x.theme.faint, "in full")
		x.sections((*findingText).sentence, (*findingText).fix)
	}
}

// label writes the name of a field, and goes to where its text begins.
func (x *findingText) label(name string) *page {
	if name != "" {
		x.put(x.theme.faint, name).put(x.theme.plain, " ")
	}
	return x.tab(x.indent)
}

// field is a name and a paragraph; nothing where there is no text.
func (x *findingText) field(name, text string) {
	if text != "" {
		x.label(name).wrap(x.theme.plain, x.indent, 0, text)
	}
}

// head is the severity, the rule and the cost, then how the finding stands now
// and how it stood at the mark.
func (x *findingText) head() {
	look, word := x.theme.severity(x.f.Severity)
	x.put(look, word).put(x.theme.bold, " "+x.f.Rule)
	cost, sure := report.Cost(x.f, x.report), " · "+string(x.f.Confidence)
	if width(sure) <= x.left() {
		x.put(x.theme.plain, sure).right(x.theme.faint, x.place())
	} else {
		cost = string(x.f.Confidence) + " · " + cost
	}
	x.end().wrap(x.theme.bold, 0, 0, cost)
	if state := x.state(); state != "" {
		x.wrap(x.theme.notice, 0, 0, state)
	}
	x.sinceMark()
}

// place is where the finding stands among the others.
func (x *findingText) place() string {
	of := fmt.Sprint(x.s.all)
	if x.s.filter != "" {
		of = fmt.Sprintf("%d that the filter leaves of %d", len(x.s.rows), x.s.all)
	}
	if i := x.s.place(); i >= 0 {
		return fmt.Sprintf("finding %d of %s", i+1, of)
	}
	return "not one of " + of
}

// state is how the finding stands, in words; "" where it was found in the window
// that is shown, as in others.
func (x *findingText) state() string {
	asSeen := "; the figures are as it was last seen"
	if !x.s.newest {
		asSeen = "; the figures are of another window"
	}
	switch x.row.state {
	case rowNew:
		return "new: found for the first time in the last few windows"
	case rowQuiet:
		return "not found in the last window, which may be chance" + asSeen
	case rowBlind:
		return "not looked for in the last window: " + reasonOf(x.report, x.f.Rule) + asSeen
	case rowGone:
		if x.row.missed > 0 {
			return fmt.Sprintf("gone: not found in the last %d windows%s", x.row.missed, asSeen)
		}
		return "not found in this window" + asSeen
	}
	return ""
}

// reasonOf is why a rule found what it found, or could not look.
func reasonOf(r *analyze.Report, rule string) string {
	for _, s := range r.Rules {
		if s.Rule == rule {
			return s.Reason
		}
	}
	return ""
}

// sentence is what was measured.
func (x *findingText) sentence() { x.wrap(x.theme.plain, 0, 0, x.f.Message) }

func (x *findingText) fix() { x.field("fix", x.f.Fix) }

// settles is what would make a suspicion a finding, or a finding surer. It stands
// high up: whoever acts on a suspicion should know that it is one.
func (x *findingText) settles() {
	switch {
	case x.f.Settles == "":
	case x.f.Confidence == analyze.Suspected:
		x.put(x.theme.medium, "? ").put(x.theme.bold, "only suspected; ").wrap(x.theme.bold, 2, 0, "what would settle it: "+x.f.Settles)
	default:
		x.put(x.theme.medium, "? ").wrap(x.theme.plain, 2, 0, string(x.f.Confidence)+"; what would make it sure: "+x.f.Settles)
	}
}

// prediction is the host before and after the fix as two bars, and the jobs that
// will then be possible.
func (x *findingText) prediction() {
	if p := x.f.Prediction; p != nil {
		x.label("host busy")
		column := x.x
		x.busy(p.Before, "now", p.Before, p.Before, column, "")
		x.tab(column)
		x.busy(p.After, "then", p.Low, p.High, column,
			fmt.Sprintf("%s to %s %s", analyze.Percent(p.Low), analyze.Percent(p.High), report.Load(p)))
	} else if !x.report.Host.Known {
		x.field("then", "no prediction: the host was not observed")
	}
	if a := x.f.After; a != nil {
		x.field("jobs", report.Possible(a))
	}
}

const (
	// mostBar is the longest bar: finer than 3 % no prediction is.
	mostBar = 30
	// besideBar is the room for what stands beside a bar: an interval and its load.
	besideBar = 38
)

// busy is one bar: █ up to the lower bound, ▒ from there to the upper one.
func (x *findingText) busy(v float64, when string, low, high float64, column int, beside string) {
	x.put(x.theme.bold, fmt.Sprintf("%5s", analyze.Percent(v))).put(x.theme.plain, fmt.Sprintf(" %-5s", when))
	n := min(mostBar, x.left())
	fits := x.left() >= besideBar+8 // a bar of eight cells still tells more than the figures alone
	if fits {
		n = min(n, x.left()-besideBar)
	}
	sure, maybe := barCells(low, n), barCells(high, n)
	x.fill(x.theme.bar, '█', sure).fill(x.theme.hatch, '▒', maybe-sure).fill(x.theme.faint, '·', n-max(sure, maybe))
	switch {
	case beside == "":
		x.end()
	case fits:
		x.put(x.theme.plain, " ").wrap(x.theme.plain, column, 0, beside)
	default:
		x.end().tab(column).wrap(x.theme.plain, column, 0, beside)
	}
}

// barCells is a fraction in cells of a bar of n.
func barCells(v float64, n int) int {
	if !(v > 0) { // or not a number
		return 0
	}
	return int(math.Round(min(v, 1) * float64(n)))
}

// refuters are what would prove the finding wrong.
func (x *findingText) refuters() {
	for i, r := range x.f.RefutedBy {
		name, or := "wrong if", ""
		if i > 0 {
			name, or = "", "or "
		}
		x.field(name, or+r)
	}
}

// unseen is the evidence that the rule could have used and did not have.
func (x *findingText) unseen() {
	rule := analyze.FindRule(x.f.Rule)
	if rule == nil {
		return
	}
	name := "not seen"
	for _, g := range x.report.Unseen(rule.Needs) {
		x.field(name, gapText(g))
		name = ""
	}
}

// gapText is what was not seen, why, and how to get it.
func gapText(g analyze.ReportGap) string {
	text := g.Signal + ": " + g.Reason
	if g.Hint != "" {
		text += " → " + g.Hint
	}
	return text
}

// kin is what other rules say of the same cause.
func (x *findingText) kin() {
	for i := range x.f.Kin {
		k := &x.f.Kin[i]
		x.label("with it").put(x.theme.bold, k.Rule).put(x.theme.plain, " ")
		x.wrap(x.theme.plain, x.indent, 0, fmt.Sprintf("· %s · %s", k.Confidence, report.Cost(k, x.report)))
		x.tab(x.indent).wrap(x.theme.plain, x.indent, 0, k.Message)
	}
}

// levers says of what people may reach for in place of the fix whether it would
// help.
func (x *findingText) levers() {
	for i, l := range leversOf(x.report) {
		if i == 0 {
			x.line(x.theme.faint, leversTitle)
		}
		look, word := x.theme.answer(l)
		x.tab(2).put(look, word).put(x.theme.bold, l.Lever).put(x.theme.plain, "  ")
		x.wrap(x.theme.plain, x.indent, 0, l.Why)
	}
}
