package tui

import (
	"cmp"
	"fmt"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
)

// A waste is what one finding accuses of a tree of calls.
type waste struct {
	finding *analyze.Finding // nil for all that are more than suspected
	kin     bool             // another finding that stands above it speaks of the same waste
	cpu     []float64        // by node, seconds
}

// wastes is what findings accuse of the tree that is drawn, and of which of them
// that is hatched.
type wastes struct {
	calls  *analyze.Calls
	opened string // the finding that was open when the list was made
	list   []waste
	at     int // the one that is hatched
	// choice is what the user has chosen, "" for nothing yet: then it is the finding
	// that is open, or else all.
	choice string
}

const (
	// mostWastes bounds what is kept: a finding has a number for each node, of which
	// the largest profiles have 170,000.
	mostWastes = 8
	// mostAsked bounds how many findings are asked. The catalogue has 34 rules.
	mostAsked = 40
	// allWastes is the choice of all findings.
	allWastes = "all"
)

// accuser names a finding from one window to the next as analyze.Calls does.
func accuser(f *analyze.Finding) string {
	if f == nil {
		return allWastes
	}
	return f.Rule + "\x00" + f.Subject
}

// show finds out what the findings accuse, and says whether another part of the
// tree is to be hatched than before.
func (w *wastes) show(c *analyze.Calls, exam *analyze.Examination, open *row) bool {
	opened := ""
	if open != nil {
		opened = accuser(open.finding)
	}
	if w.calls == c && w.opened == opened {
		return false
	}
	if w.opened != opened && w.calls != nil {
		w.choice = "" // to have opened another finding is a choice, too
	}
	w.calls, w.opened, w.list, w.at = c, opened, nil, 0
	asked := 0
	w.ask(exam, nil)
	if open != nil {
		w.ask(exam, open.finding)
	}
	each(exam.Report.Findings, func(f *analyze.Finding) {
		if asked++; asked <= mostAsked && len(w.list) < mostWastes && accuser(f) != opened {
			w.ask(exam, f)
		}
	})
	wanted := w.choice
	if wanted == "" {
		wanted = opened
	}
	w.at = max(0, slices.IndexFunc(w.list, func(x waste) bool { return accuser(x.finding) == wanted }))
	return true
}

// ask adds what a finding accuses, if that is anything. All of them together come
// first in any case: what is only suspected is not hatched unasked.
func (w *wastes) ask(exam *analyze.Examination, f *analyze.Finding) {
	if cpu := w.calls.Accused(f); f == nil || cpu[0] > 0 {
		w.list = append(w.list, waste{f, f != nil && !stands(exam, f), cpu})
	}
}

// stands says whether a finding stands in the report itself, and not beneath
// another one.
func stands(exam *analyze.Examination, f *analyze.Finding) bool {
	return slices.ContainsFunc(exam.Report.Findings, func(g analyze.Finding) bool { return accuser(&g) == accuser(f) })
}

// each goes through findings and those beneath them, most waste first.
func each(list []analyze.Finding, do func(*analyze.Finding)) {
	for i := range list {
		do(&list[i])
		each(list[i].Kin, do)
	}
}

// hatched is what is hatched, by node; nil if nothing is.
func (w *wastes) hatched() []float64 {
	if cpu := w.list[w.at].cpu; cpu[0] > 0 {
		return cpu
	}
	return nil
}

// nextWaste hatches what the next finding accuses.
func (f *flame) nextWaste() tea.Cmd {
	w := &f.wastes
	if len(w.list) == 1 {
		return says("no finding accuses any of this CPU")
	}
	w.at = (w.at + 1) % len(w.list)
	hatched := &w.list[w.at]
	w.choice = accuser(hatched.finding)
	f.redraw()
	return says(fmt.Sprintf("▒ is now what %s, %.2f cores", hatched.accuses(), f.calls.InCores(hatched.cpu[0])))
}

// name is what a waste is called on the screen.
func (w *waste) name() string {
	switch {
	case w.finding == nil:
		return "all findings"
	case w.finding.Confidence == analyze.Suspected:
		return w.finding.Rule + " (suspected)"
	case w.kin:
		return w.finding.Rule + " (same cause)"
	}
	return w.finding.Rule
}

// accuses is the same in a sentence.
func (w *waste) accuses() string {
	if w.finding == nil {
		return "any finding calls waste"
	}
	return w.name() + " calls waste"
}

// A diff is how the tree that is drawn has changed since the mark.
type diff struct {
	wanted bool // by the user
	calls  *analyze.Calls
	mark   *analyze.Calls // nil if there is none, or it is what is shown itself
	before []float64      // by node of calls, cores at the mark
	gone   []lost         // heaviest first
}

// A lost is a call that was there at the mark, and no more.
type lost struct {
	name  string
	cores float64
}

// mostLost is how many of them there is room to name.
const mostLost = 3

// show compares with the mark, and says whether there is anything else to draw.
func (d *diff) show(c *analyze.Calls, exam *analyze.Examination, s *scene) bool {
	var mark *analyze.Calls
	if s.mark != nil && s.mark != exam && s.markCalls.exam == s.mark {
		mark = s.markCalls.calls
	}
	if d.calls == c && d.mark == mark {
		return false
	}
	*d = diff{wanted: d.wanted, calls: c, mark: mark}
	if mark != nil && len(mark.Nodes) > 0 {
		d.before = c.Before(mark)
		d.gone = goneSince(c, mark)
	}
	return true
}

// cores is what the graph is to show changes against, nil if it is not to.
func (d *diff) cores() []float64 {
	if d.wanted {
		return d.before
	}
	return nil
}

// fewSamples is what a call must have had at the mark to be missed now: of a call
// that still is what it was then, fewer than that may be left out of a window by
// chance.
const fewSamples = 5

// goneSince is the heaviest calls of the mark that are in c no more, each without
// those below it.
func goneSince(c, mark *analyze.Calls) []lost {
	now := mark.Before(c) // the other way round: which of the mark's are still there
	now[0] = 1
	var list []lost
	for i := 1; i < len(mark.Nodes); i++ {
		n := &mark.Nodes[i]
		if now[i] > 0 || now[n.Parent] == 0 || n.Seconds*mark.Samples < fewSamples*mark.Seconds {
			continue
		}
		list = append(list, lost{callName(mark, int32(i)), mark.InCores(n.Seconds)})
	}
	slices.SortStableFunc(list, func(a, b lost) int { return cmp.Compare(b.cores, a.cores) })
	return list[:min(len(list), mostLost)]
}

// toggleDiff colours by change, or no more.
func (f *flame) toggleDiff() tea.Cmd {
	if f.scene.mark == nil {
		return says("there is no mark to compare with: m sets one")
	}
	f.diff.wanted = !f.diff.wanted
	f.redraw()
	return nil
}
