package tui

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"busywork/analyze"
	"busywork/analyze/report"
	"busywork/profile"
)

// flameRooms are the rows of the parts of the flame screen, from the top.
type flameRooms struct{ title, graph, info, legend int }

// arrangeFlame shares the rows out. The graph gets half of a small room and most
// of a large one: stacks of services have twenty to sixty calls.
func arrangeFlame(h int) flameRooms {
	r := flameRooms{title: pick(h, 0, 5, 1), info: pick(h, 0, 3, 1, 7, 2, 9, 3, 30, 4), legend: pick(h, 0, 14, 1)}
	r.graph = max(0, h-r.title-r.info-r.legend)
	return r
}

// View puts together what Show and the keys have prepared.
func (f *flame) View() string {
	p := newPage(f.w, f.h)
	if f.scene == nil {
		return p.String()
	}
	if f.calls == nil || f.calls.Seconds <= 0 {
		f.without(p)
		return p.String()
	}
	t := f.scene.theme
	if f.rooms.title > 0 {
		f.title(newFlow(p, 1))
	}
	cursor := f.way.cursor()
	f.graph.draw(p, t, f.first, f.rooms.graph, func(node int32) (rune, style, bool) {
		switch {
		case node == cursor:
			return signAt, t.selected, true
		case f.same.has(f.calls, node):
			return signSame, t.match, true
		case f.search.has(f.calls, node):
			return signMatch, t.match, true
		}
		return 0, style{}, false
	})
	if f.rooms.info > 0 {
		f.info(p, cursor)
	}
	if f.rooms.legend > 0 {
		f.legend(newFlow(p, 1))
	}
	return p.String()
}

// without says why there is no graph, and what to do about it.
func (f *flame) without(p *page) {
	s, t := f.scene, f.scene.theme
	switch {
	case s.report() == nil:
		s.waiting(p)
	case f.calls != nil:
		p.wrap(t.bold, 0, 0, "The CPU profile of this window has no samples.")
		p.wrap(t.plain, 0, 0, "The target used next to no CPU: see what it waits for on the overview, and who else runs under processes.")
	case s.calls.exam == s.exam && s.calls.err != nil:
		f.unavailable(p, s.calls.err)
	case s.exam.Profile() == nil:
		_, err := s.exam.Calls() // without a profile this only says why
		f.unavailable(p, err)
	default:
		p.wrap(t.plain, 0, 0, "reading the CPU profile …")
	}
}

// unavailable is an error with its hint.
func (f *flame) unavailable(p *page, err error) {
	reason, hint := err.Error(), ""
	if why := (*profile.Unavailable)(nil); errors.As(err, &why) {
		reason, hint = why.Reason, why.Hint
	}
	p.wrap(f.scene.theme.bold, 0, 0, "There is no icicle graph: "+reason)
	if hint != "" {
		p.wrap(f.scene.theme.plain, 0, 0, "To get one: "+hint)
	}
}

// A flow is pieces of text, most important first, in as many rows as there are:
// a piece that does not fit into what is left of a row goes into the next, and
// if there is none, is left out.
type flow struct {
	p     *page
	rows  int
	begun bool // the row has a piece
}

func newFlow(p *page, rows int) *flow { return &flow{p: p, rows: rows} }

// between parts two pieces.
const between = "  "

func (f *flow) add(s style, text string) {
	if f.rows == 0 || text == "" {
		return
	}
	need := width(text)
	if f.begun {
		need += len(between)
	}
	if need > f.p.left() && f.begun {
		if f.rows == 1 {
			return
		}
		f.p.end()
		f.rows, f.begun = f.rows-1, false
	}
	if f.begun {
		f.p.put(style{}, between)
	}
	f.p.put(s, cut(text, f.p.left()))
	f.begun = true
}

// close ends the rows that are left.
func (f *flow) close() {
	for ; f.rows > 0; f.rows-- {
		f.p.end()
	}
}

// title is what the graph is of, or, more important, what was asked of it.
func (f *flame) title(line *flow) {
	t, c := f.scene.theme, f.calls
	if f.behind > 1 {
		line.add(t.problem, "of "+clock(f.exam.Report.Window.End)+", newer ones are being read")
	}
	if name := f.way.missing(); name != "" {
		line.add(t.problem, "not in this window: "+report.ShortName(name))
	}
	if f.search.filter != "" {
		line.add(t.match, "/ "+f.matches())
	}
	if name := f.same.name.Name; name != "" {
		line.add(t.match, "="+shorten(name, 32))
		line.add(t.bold, fmt.Sprintf("%s in %s", analyze.Percent(f.same.seconds/c.Seconds), counted(len(f.same.nodes), "frame")))
	}
	if top := f.way.top(); top != 0 {
		line.add(t.bold, fmt.Sprintf("zoomed to %s of the CPU", analyze.Percent(c.Nodes[top].Seconds/c.Seconds)))
	}
	line.add(t.bold, report.Figure(c.Cores, "cores"))
	if c.Samples < analyze.SampleFloor {
		line.add(t.problem, fmt.Sprintf("! only %s: shares mean little", counted(int(c.Samples), "sample")))
	}
	if w := f.wastes.list[f.wastes.at]; w.cpu[0] > 0 {
		line.add(t.hatch, fmt.Sprintf("▒ %s, %.2f", w.name(), c.InCores(w.cpu[0])))
	}
	if rows := f.graph.height(); rows > f.rooms.graph {
		line.add(t.faint, fmt.Sprintf("rows %d–%d of %d", f.first+1, f.first+f.rooms.graph, rows))
	}
	if c.Samples >= analyze.SampleFloor {
		line.add(t.faint, counted(int(c.Samples), "sample"))
	}
	line.close()
}

// matches is what the search has found.
func (f *flame) matches() string {
	s := &f.search
	if len(s.nodes) == 0 {
		return "no frame matches"
	}
	return fmt.Sprintf("matches %s of the CPU, %s", analyze.Percent(s.seconds/f.calls.Seconds), counted(len(s.nodes), "frame"))
}

// counted is a number of things.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// info is what is known of the node at the cursor: its name on the first row, and
// on the others what it costs, how much of that is waste by which rule, how it has
// changed, what it does and where it stands.
func (f *flame) info(p *page, node int32) {
	t, c, n := f.scene.theme, f.calls, &f.calls.Nodes[node]
	name := callName(c, node)
	if node == 0 {
		name = "all of the target's CPU"
	}
	if width(name) > p.w-2 {
		name = shorten(name, p.w-2)
	}
	p.put(t.bold, string(signAt)+" ").put(t.bold, name).end()
	line := newFlow(p, f.rooms.info-1)
	line.add(t.plain, report.Figure(c.InCores(n.Seconds), "cores")+", "+analyze.Percent(n.Seconds/c.Seconds))
	f.accused(line, node)
	if f.diff.before != nil {
		text, look := t.change(c.InCores(n.Seconds)-f.diff.before[node], 2, lessIsBetter)
		line.add(look, text+" cores "+f.scene.sinceMark())
	}
	if n.Self > 0 {
		line.add(t.plain, "itself "+analyze.Percent(n.Self/c.Seconds))
	}
	if node != 0 {
		line.add(t.plain, kind(n.Op))
		line.add(t.faint, f.place(n))
	}
	if n.Folded {
		line.add(t.faint, "the stack goes on deeper than is kept")
	}
	switch {
	case n.First == 0 || f.graph.index(n.First) >= 0:
	case node == f.way.top():
		line.add(t.faint, "what it calls is spread too thin to draw: / finds it")
	default:
		line.add(t.faint, "what it calls is too narrow to draw: enter zooms in")
	}
	line.close()
}

// accused says how much of a node is waste, and by which rules; that of rules
// which speak of the same waste as another one comes last.
func (f *flame) accused(line *flow, node int32) {
	const most = 2 // there is seldom more to say, and seldom room
	said := 0
	for _, kin := range []bool{false, true} {
		for i := range f.wastes.list[1:] {
			w := &f.wastes.list[1+i]
			if cpu := w.cpu[node]; cpu > 0 && w.kin == kin && said < most {
				line.add(f.scene.theme.hatch, fmt.Sprintf("▒ %.2f waste: %s", f.calls.InCores(cpu), w.name()))
				said++
			}
		}
	}
}

// kind is what an operation is, and the family that gives it its colour.
func kind(o analyze.Operation) string {
	family := familyNames[familyOf(o)]
	if o == analyze.OpNone || o.String() == family {
		return family
	}
	return family + ": " + o.String()
}

// place is where a call stands: its file without the folders, and the line.
func (f *flame) place(n *analyze.Call) string {
	file := f.calls.Functions[n.Function].File
	file = file[strings.LastIndexAny(file, `/\`)+1:]
	if file == "" || n.Line <= 0 {
		return file
	}
	return file + ":" + strconv.FormatInt(n.Line, 10)
}

// legend says what signs and colours mean, as far as they occur and there is room.
func (f *flame) legend(line *flow) {
	t := f.scene.theme
	if f.diff.cores() != nil {
		line.add(t.grown, "▲ more")
		line.add(t.shrunk, "▼ less")
		line.add(t.steady, "as at "+clock(f.scene.mark.Report.Window.End))
		word := "gone"
		if f.scene.beforeMark() {
			word = "came later"
		}
		for _, l := range f.diff.gone {
			line.add(t.good, fmt.Sprintf("%s: %s %.2f", word, shorten(l.name, 32), l.cores))
		}
	}
	if f.graph.hatched != nil {
		line.add(t.plain, "▒ waste: "+f.wastes.list[f.wastes.at].name())
	}
	if f.diff.cores() == nil {
		for _, family := range f.families() {
			line.add(t.ops[family], " "+familyNames[family]+" ")
		}
	}
	line.add(t.faint, "· too narrow")
	line.close()
}

// families are the kinds of work that are drawn, widest first.
func (f *flame) families() []opFamily {
	f.graph.lay()
	cells := &f.graph.families
	var list []opFamily
	for family := range opFamilies {
		if cells[family] > 0 {
			list = append(list, family)
		}
	}
	slices.SortStableFunc(list, func(a, b opFamily) int { return cells[b] - cells[a] })
	return list
}
