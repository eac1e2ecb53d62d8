package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"busywork/analyze"
)

// Text writes the report for people: the verdict, then the findings, most waste
// first, then where the CPU went, what would help, and what was not seen.
func Text(style Style) Renderer {
	style = style.Bounded(40)
	return func(w io.Writer, r *analyze.Report) error {
		t := &text{Page: NewPage(w, style), r: r}
		t.head()
		t.findings()
		t.ledger()
		t.levers()
		t.rules()
		t.foot()
		return t.Flush()
	}
}

type text struct {
	Page
	r *analyze.Report
}

func (t *text) head() {
	r := t.r
	parts := []string{fmt.Sprintf("%.1f s", r.Window.Seconds)}
	if r.Target.PID != 0 {
		parts = append(parts, fmt.Sprintf("pid %d", r.Target.PID))
	}
	if r.Target.URL != "" {
		parts = append(parts, r.Target.URL)
	}
	if r.Target.GoVersion != "" {
		parts = append(parts, r.Target.GoVersion)
	}
	t.WrapFrom(t.Paint(Bold, r.Target.Name)+"  ", utf8.RuneCountInString(r.Target.Name)+2, "  ", strings.Join(parts, " · "))
	t.Wrap("", Capital(r.Host.Sentence)+".")
	if b := t.backlog(); b != "" {
		t.Wrap("", b)
	}
	t.Line("")
}

// backlog is one line on the deepest queue in which work waits, and when it will
// be empty; where none does, on the deepest there is.
func (t *text) backlog() string {
	if b := t.r.Backlog; b != nil {
		s := fmt.Sprintf("Waiting: %.0f in %s, %+.1f a second; empty %s", b.Depth, b.Queue, b.In-b.Out, b.Now)
		if b.AfterFix.Known {
			s += fmt.Sprintf(", after the first fix %s", b.AfterFix)
		}
		return s + "."
	}
	var deepest *analyze.ReportQueue
	for i := range t.r.Queues {
		if q := &t.r.Queues[i]; q.Depth >= 1 && (deepest == nil || q.Depth > deepest.Depth) {
			deepest = q
		}
	}
	if deepest == nil {
		return ""
	}
	return fmt.Sprintf("Deepest queue: %.0f in %s, %+.1f a second.", deepest.Depth, deepest.Name, deepest.Growth)
}

func (t *text) findings() {
	if len(t.r.Findings) == 0 {
		t.Line("%s", t.nothing())
		t.Line("")
	}
	for i := range t.r.Findings {
		t.finding(&t.r.Findings[i])
	}
}

// nothing is Nothing, in a colour where no rule was blind.
func (t *text) nothing() string {
	if blind(t.r) == 0 {
		return t.Paint(Green, Nothing(t.r))
	}
	return Nothing(t.r)
}

// Nothing says that nothing was found, and by how many rules: silence is not to
// be taken for a measurement.
func Nothing(r *analyze.Report) string {
	n := blind(r)
	if n == 0 {
		return "No wasted work found."
	}
	return fmt.Sprintf("No wasted work found by %d of %d rules; the others could not look (see Rules).", len(r.Rules)-n, len(r.Rules))
}

// blind is how many rules could not look.
func blind(r *analyze.Report) (n int) {
	for _, s := range r.Rules {
		if s.Status != "clean" {
			n++
		}
	}
	return n
}

func (t *text) finding(f *analyze.Finding) {
	t.WrapFrom(t.severity(f.Severity)+" "+t.Paint(Bold, f.Rule)+" ", 8+utf8.RuneCountInString(f.Rule), strings.Repeat(" ", 7),
		"· "+string(f.Confidence)+" · "+Cost(f, t.r))
	t.Wrap("  ", f.Message)
	if l := f.Location; l.Function != "" {
		t.field("where", Where(l))
	}
	t.field("fix", f.Fix)
	if f.Prediction != nil {
		t.field("then", Then(f.Prediction)+" "+Load(f.Prediction))
	}
	if f.After != nil {
		t.field("jobs", Possible(f.After))
	}
	t.evidence(f.Evidence)
	if f.Settles != "" {
		t.field("settles", f.Settles)
	}
	t.field("wrong if", strings.Join(f.RefutedBy, "; or "))
	for i := range f.Kin {
		k := &f.Kin[i]
		t.field("with it", fmt.Sprintf("%s · %s · %s. %s", k.Rule, k.Confidence, Cost(k, t.r), k.Message))
	}
	t.Line("")
}

// Then is what the host will look like after a fix, at the load that Load says.
func Then(p *analyze.Prediction) string {
	return fmt.Sprintf("host busy %s → %s (%s to %s)",
		analyze.Percent(p.Before), analyze.Percent(p.After), analyze.Percent(p.Low), analyze.Percent(p.High))
}

// Load is at what load a prediction holds: where the host will be busier, more
// work gets done.
func Load(p *analyze.Prediction) string {
	if p.After > p.Before {
		return "with the work then done"
	}
	return "at the same load"
}

// Possible is how many jobs a fix makes possible.
func Possible(a *analyze.Interval) string {
	return fmt.Sprintf("%s a second (%s to %s) will be possible", Figure(a.Value, "1"), Figure(a.Low, "1"), Figure(a.High, "1"))
}

// Cost is what a finding costs: cores and their price, or waiting. Where the host
// was not observed, shares are of the target.
func Cost(f *analyze.Finding, r *analyze.Report) string {
	var parts []string
	word := "wasted"
	if f.Confidence == analyze.Suspected {
		word = "at stake" // whether it is waste is not known
	}
	whole := "this host"
	if !r.Host.Known {
		whole = "the target"
	}
	if w := f.Waste; w.Cores > 0 || f.Delay == nil {
		parts = append(parts, fmt.Sprintf("%.2f cores %s (%.2f to %.2f), %s of %s", w.Cores, word, w.Low, w.High, analyze.Percent(w.ShareOfHost), whole))
		if w.Price >= 1 {
			parts = append(parts, fmt.Sprintf("%.0f USD a month", w.Price))
		}
	}
	if d := f.Delay; d != nil && d.JobHours > 0 {
		parts = append(parts, fmt.Sprintf("%s job-hours of waiting an hour", Figure(d.JobHours, "1")))
	}
	return strings.Join(parts, ", ")
}

func (t *text) severity(s analyze.Severity) string {
	word := fmt.Sprintf("%-6s", strings.ToUpper(s.String()))
	switch s {
	case analyze.SeverityHigh:
		return t.Paint(Red, word)
	case analyze.SeverityMedium:
		return t.Paint(Amber, word)
	}
	return t.Paint(Blue, word)
}

// Where is a location with the way to it: "offer (intake.go:41) ← handle ← Run".
func Where(l analyze.Location) string {
	s := ShortName(l.Function)
	if l.File != "" {
		s += " (" + l.File
		if l.Line > 0 {
			s += fmt.Sprintf(":%d", l.Line)
		}
		s += ")"
	}
	for i, p := range l.Path {
		if i > 0 && i < 4 {
			s += " ← " + ShortName(p)
		}
	}
	return s
}

// ShortName is a function's name without the directory of its package, and
// without its type arguments, which may be whole structs.
func ShortName(name string) string {
	first, last := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']')
	if first >= 0 && last > first {
		name = name[:first] + "[…]" + name[last+1:]
	}
	return name[strings.LastIndexByte(name, '/')+1:]
}

// fieldIndent is the column at which the text of a finding's fields begins.
const fieldIndent = 12

func (t *text) field(name, value string) {
	label := fmt.Sprintf("  %-*s", fieldIndent-2, name)
	t.WrapFrom(t.Paint(Faint, label), fieldIndent, strings.Repeat(" ", fieldIndent), value)
}

func (t *text) evidence(list []analyze.Evidence) {
	for i, e := range list {
		name := ""
		if i == 0 {
			name = "evidence"
		}
		value := Figure(e.Value, e.Unit)
		if e.Limit != nil {
			value += ", limit " + Figure(*e.Limit, e.Unit)
		}
		t.field(name, fmt.Sprintf("%s: %s  [%s]", e.What, value, e.Source))
	}
}

// Figure is a value with its unit, in as many digits as carry meaning.
func Figure(v float64, unit string) string {
	if of, ok := strings.CutPrefix(unit, "fraction"); ok { // "fraction of the target's CPU"
		return analyze.Percent(v) + of
	}
	if unit == "1" {
		unit = ""
	} else {
		unit = " " + unit
	}
	switch a := math.Abs(v); {
	case a >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f%s", v, unit)
	case a >= 10:
		return fmt.Sprintf("%.1f%s", v, unit)
	case a >= 0.1:
		return fmt.Sprintf("%.2f%s", v, unit)
	}
	return fmt.Sprintf("%.3f%s", v, unit)
}

// ledgerRows bounds the ledger on a screen; the rest is in the JSON.
const ledgerRows = 12

func (t *text) ledger() {
	var total, rest float64
	for _, r := range t.r.Ledger {
		total += r.Cores
	}
	if total == 0 {
		return
	}
	t.Line("%s", t.Paint(Bold, fmt.Sprintf("Where %.2f cores went", total)))
	bar := max(10, t.Width/4)
	shown := 0
	for _, r := range t.r.Ledger {
		if shown >= ledgerRows && r.Kind != analyze.LedgerIdle && r.Kind != analyze.LedgerUnattributed {
			rest += r.Cores
			continue
		}
		shown++
		t.ledgerRow(r.Name, r.Cores, total, bar)
	}
	if rest > 0 {
		t.ledgerRow("all else (in --json)", rest, total, bar)
	}
	t.Line("")
}

func (t *text) ledgerRow(name string, cores, total float64, bar int) {
	n := int(math.Round(cores / total * float64(bar)))
	t.Line("  %5.2f  %5s  %s%s  %s", cores, analyze.Percent(cores/total),
		strings.Repeat("█", n), strings.Repeat("·", bar-n), truncate(name, max(10, t.Width-bar-20)))
}

// levers has a row for each lever that is answered, and one paragraph for those
// that are not.
func (t *text) levers() {
	if len(t.r.Levers) == 0 {
		return
	}
	t.Line("%s", t.Paint(Bold, "Would it help?"))
	var unknown []string
	for _, l := range t.r.Levers {
		if l.Helps == "unknown" {
			unknown = append(unknown, l.Lever+" ("+l.Why+")")
			continue
		}
		t.WrapFrom(fmt.Sprintf("  %-26s %-4s", l.Lever, l.Helps), 33, strings.Repeat(" ", 33), l.Why)
	}
	if len(unknown) > 0 {
		t.Wrap("  ", "unknown: "+strings.Join(unknown, "; "))
	}
	t.Line("")
}

// rules says what every rule did: those that found something are above; those
// that could not look are grouped by what they would need.
func (t *text) rules() {
	var clean, needs []string
	count := map[string]int{}
	blind := map[string][]string{}
	for _, s := range t.r.Rules {
		count[s.Status]++
		switch s.Status {
		case "clean":
			clean = append(clean, s.Rule)
		case "skipped", "failed":
			why := s.Status + ": " + s.Reason
			if blind[why] == nil {
				needs = append(needs, why)
			}
			blind[why] = append(blind[why], s.Rule)
		}
	}
	t.Line("%s", t.Paint(Bold, fmt.Sprintf("Rules: %d found something, %d are clean, %d could not look", count["found"], count["clean"], count["skipped"]+count["failed"])))
	if len(clean) > 0 {
		t.Wrap("  ", "clean: "+strings.Join(clean, ", "))
	}
	for _, why := range needs {
		t.Wrap("  ", why+": "+strings.Join(blind[why], ", "))
	}
	t.Line("")
}

func (t *text) foot() {
	r := t.r
	if len(r.Gaps) > 0 {
		t.Line("%s", t.Paint(Bold, "Not seen"))
		for _, g := range r.Gaps {
			value := g.Reason
			if g.Hint != "" {
				value += " → " + g.Hint
			}
			t.WrapFrom(fmt.Sprintf("  %-14s", g.Signal), 16, strings.Repeat(" ", 16), value)
		}
		t.Line("")
	}
	for _, d := range r.Discovery {
		t.WrapFrom(t.Paint(Faint, fmt.Sprintf("found %-11s", d.What)), 17, strings.Repeat(" ", 17), d.Is+" ("+d.How+")")
	}
	if d := r.Done; d != nil {
		t.Wrap("", fmt.Sprintf("%s: %s a second by %s; %s ms of the target's CPU for each", d.What, Figure(d.PerSecond, "1"), d.Source, Figure(d.TargetCPU, "1")))
	}
	if r.Host.Known {
		t.Wrap("", fmt.Sprintf("prices at %.4g USD a core-hour (--core-cost)", r.CorePrice))
	}
	t.Wrap("", fmt.Sprintf("busywork itself: %.1f %% of a core, %d requests to the target, %d to brokers",
		100*r.Cost.Cores, r.Cost.TargetRequests, r.Cost.BrokerRequests))
}

func truncate(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// Capital is a sentence as it begins a line.
func Capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return strings.ToUpper(string(r)) + s[n:]
}
