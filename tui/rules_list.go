package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"busywork/analyze"
	"busywork/analyze/report"
)

// A ruleState is what a rule did, in the order in which the screen has them: a
// rule that broke is a fault of ours, what was found matters most, and what could
// not be looked for may be changed.
type ruleState uint8

const (
	ruleFailed ruleState = iota
	ruleFound
	ruleSkipped
	ruleClean
	ruleStates
)

var (
	ruleWords   = [ruleStates]string{"failed", "found", "skipped", "clean"}
	ruleLetters = [ruleStates]string{"!", "F", "S", "c"}
)

func ruleStateOf(status string) ruleState {
	if i := slices.Index(ruleWords[:], status); i >= 0 {
		return ruleState(i)
	}
	return ruleFailed // what is not known is not fine
}

// A ruleRow is one rule and what it did.
type ruleRow struct {
	name, title string
	state       ruleState
	reason      string  // as the report has it
	cores       float64 // of what it found
	text        string  // what it found, by what figure it is clean, or what it is for
	change      string  // since the mark; "" if it did the same then
}

// A ruleLine is one line of the list: a rule, or a heading above several.
type ruleLine struct {
	rule    int // −1 of a heading
	heading string
	state   ruleState
}

// ruleRows is every rule of a report, in the order of the screen: by state, what
// was found by cores, what was skipped by what is missing, most rules first.
func ruleRows(r *analyze.Report, mark *analyze.Report) []ruleRow {
	rows := make([]ruleRow, 0, len(r.Rules))
	known := statesOf(mark)
	group := map[string]int{} // how many rules miss the same
	for _, s := range r.Rules {
		row := ruleRow{name: s.Rule, state: ruleStateOf(s.Status), reason: s.Reason, text: s.Reason}
		if rule := analyze.FindRule(s.Rule); rule != nil {
			row.title = rule.Title
		}
		switch row.state {
		case ruleFound:
			row.cores, row.text = costOf(r, s.Rule)
		case ruleSkipped:
			row.text = row.title
			group[s.Reason]++
		}
		row.change = row.since(mark, known)
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b ruleRow) int {
		return cmp.Or(
			cmp.Compare(a.state, b.state),
			cmp.Compare(b.cores, a.cores),
			cmp.Compare(group[b.reason], group[a.reason]),
			strings.Compare(missingOf(a), missingOf(b)),
		)
	})
	return rows
}

// missingOf is what a skipped rule misses, "" of others: those keep their order.
func missingOf(r ruleRow) string {
	if r.state == ruleSkipped {
		return r.reason
	}
	return ""
}

// costOf is what the findings of a rule come to: in cores, and in words.
func costOf(r *analyze.Report, rule string) (cores float64, text string) {
	list := foundBy(rule, r.Findings, nil)
	for _, f := range list {
		cores += f.Waste.Cores
	}
	switch len(list) {
	case 0:
		return 0, "" // a report that says so of itself is not ours
	case 1:
		return cores, report.Cost(list[0], r)
	}
	return cores, fmt.Sprintf("%d findings, %.2f cores; the first: %s", len(list), cores, report.Cost(list[0], r))
}

// foundBy adds the findings of a rule to a list, kin included.
func foundBy(rule string, findings []analyze.Finding, list []*analyze.Finding) []*analyze.Finding {
	for i := range findings {
		if f := &findings[i]; f.Rule == rule {
			list = append(list, f)
		}
		list = foundBy(rule, findings[i].Kin, list)
	}
	return list
}

// since is how what the rule did differs from what it did at the mark; known are
// the states of all rules there.
func (r *ruleRow) since(mark *analyze.Report, known map[string]ruleState) string {
	switch was, ok := known[r.name]; {
	case !ok:
	case was != r.state:
		return "was " + ruleWords[was]
	case was == ruleFound:
		cores, _ := costOf(mark, r.name)
		text, _ := new(theme).change(r.cores-cores, 2, lessIsBetter)
		return text
	}
	return ""
}

// statesOf is what every rule of a report did; mark is nil where there is no mark.
func statesOf(mark *analyze.Report) map[string]ruleState {
	if mark == nil {
		return nil
	}
	list := make(map[string]ruleState, len(mark.Rules))
	for _, s := range mark.Rules {
		list[s.Rule] = ruleStateOf(s.Status)
	}
	return list
}

// ruleLines puts headings above the rules that the filter leaves, and n says how
// many those are. Above what was skipped stands what is missing, and how to get
// it.
func ruleLines(rows []ruleRow, r *analyze.Report, filter string) (lines []ruleLine, n int) {
	last := -1
	for i := range rows {
		row := &rows[i]
		if filter != "" && !contains(filter, row.name, row.title, ruleWords[row.state], row.reason, row.text) {
			continue
		}
		if last < 0 || rows[last].state != row.state || missingOf(rows[last]) != missingOf(*row) {
			for _, h := range headingsOf(row, r) {
				lines = append(lines, ruleLine{rule: -1, heading: h, state: row.state})
			}
		}
		lines = append(lines, ruleLine{rule: i, state: row.state})
		last = i
		n++
	}
	return lines, n
}

// headingsOf is what stands above a group of rules, a line each.
func headingsOf(row *ruleRow, r *analyze.Report) []string {
	switch row.state {
	case ruleFailed:
		return []string{"failed: a fault of busywork, not of the service"}
	case ruleFound:
		return []string{"found something"}
	case ruleClean:
		return []string{"clean: looked, and found nothing"}
	}
	list := []string{"could not look: " + row.reason}
	if rule := analyze.FindRule(row.name); rule != nil {
		for _, g := range r.Unseen(r.Missing(rule.Needs)) {
			list = append(list, "  "+gapText(g))
		}
	}
	return list
}
