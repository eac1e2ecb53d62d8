package tui

import (
	"math"
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
)

// processes is the screen of who runs: the process tree with the CPU of the
// living and of the dead, and how many are born and die a second. What has ended
// or does nothing is counted, and shown one by one when asked for.
type processes struct {
	w, h  int
	scene *scene
	list  list
	view  procView
	keys  procKeys

	of       *analyze.Examination // what the following is made of
	mark     *analyze.Examination // … and is held against
	forest   *procForest          // nil if there is nothing yet
	branches []branch             // the lines
	found    int                  // of all processes, how many are there for their own sake
	most     float64              // the largest tree, cores
	now, was procTotals           // of all
	then     []int                // by row: that of the same process at the mark, −1 if it was not there
	fields   []field[procCell]    // that there is room for
}

// procKeys are the keys of this screen.
type procKeys struct{ Order, All, Close, Open, Toggle key.Binding }

func newProcesses() screen {
	return &processes{
		scene: new(scene),
		view:  procView{closed: map[int]bool{}, opened: map[int]bool{}},
		keys: procKeys{
			Order:  bind("s", "order: tree, own, dead, births", "s"),
			All:    bind("a", "all, also the ended and quiet", "a"),
			Close:  bind("- h ←", "hide what is below", "-", "h", "left"),
			Open:   bind("+ l →", "show what is below", "+", "=", "l", "right"),
			Toggle: bind("enter", "hide, show what is below", "enter"),
		},
	}
}

func (c *processes) Keys() []key.Binding {
	return []key.Binding{c.keys.Order, c.keys.All, c.keys.Close, c.keys.Open, c.keys.Toggle}
}

func (c *processes) SetSize(w, h int) {
	c.w, c.h = w, h
	c.fit()
}

// Show takes in what has changed, and has nothing to do where that does not
// concern the processes.
func (c *processes) Show(s *scene) {
	if c.scene.of != s.of { // another target's processes have the same numbers
		clear(c.view.closed)
		clear(c.view.opened)
		c.branches = nil
	}
	at := c.place()
	c.scene = s
	window, filter := c.of != s.exam, c.view.filter != s.filter
	if window {
		c.observe(s.exam)
	}
	if window || c.mark != s.mark {
		c.compare(s.mark)
	}
	if filter {
		c.view.filter = s.filter
	}
	if window || filter {
		c.grow(at)
	}
	c.fit()
}

// observe takes in another window.
func (c *processes) observe(e *analyze.Examination) {
	c.of, c.forest, c.now, c.most = e, nil, procTotals{}, 0
	if e == nil {
		return
	}
	c.forest, c.now = forestOf(e.Processes, e.Report.Window.Seconds), totalsOf(e.Processes)
	for i := range e.Processes {
		c.most = max(c.most, e.Processes[i].Tree)
	}
}

// compare holds the window against the mark.
func (c *processes) compare(mark *analyze.Examination) {
	c.mark, c.was, c.then = mark, unmarked(), nil
	if mark != nil && c.forest != nil && len(mark.Processes) > 0 { // or they were not seen then
		c.was, c.then = totalsOf(mark.Processes), sameProcesses(c.forest.rows, mark.Processes)
	}
}

// grow makes the lines anew, with the cursor on the process that it was on.
func (c *processes) grow(at procPlace) {
	c.branches, c.found = nil, 0
	if c.forest != nil {
		c.branches, c.found = c.forest.branches(&c.view)
	}
	c.list.n = len(c.branches)
	c.list.to(c.find(at))
}

// A procPlace is where the cursor is, in terms that hold in the next window too:
// on a process, or on the fold below it. A pid may be there twice, for one that
// has ended and for one that lives.
type procPlace struct {
	index       int
	pid, parent int
	gone, fold  bool
	target      bool // on the target, whichever that is
}

// place is where the cursor is; before there is anything, on the target.
func (c *processes) place() procPlace {
	if len(c.branches) == 0 {
		return procPlace{pid: noParent, parent: noParent, target: true}
	}
	return c.placeOf(c.list.at)
}

func (c *processes) placeOf(at int) procPlace {
	p := procPlace{index: at, pid: noParent, parent: noParent}
	if c.forest == nil || at < 0 || at >= len(c.branches) {
		return p
	}
	b := &c.branches[at]
	p.fold = b.fold != nil
	if b.row >= 0 {
		r := &c.forest.rows[b.row]
		p.pid, p.gone, p.parent = r.PID, r.Gone, c.forest.pid(c.forest.parents[b.row])
	}
	return p
}

// find is the line of a place: of the same process, of one with its pid, of its
// parent, or the same line.
func (c *processes) find(at procPlace) int {
	same, parent := -1, -1
	for i := range c.branches {
		q := c.placeOf(i)
		switch {
		case at.target:
			if b := &c.branches[i]; b.row >= 0 && b.fold == nil && c.forest.rows[b.row].Target {
				return i
			}
		case q.pid == at.pid && q.fold == at.fold:
			if q.gone == at.gone {
				return i
			}
			same = i
		case q.pid == at.pid && same < 0:
			same = i
		case q.pid == at.parent && !q.fold && at.parent != noParent:
			parent = i
		}
	}
	switch {
	case same >= 0:
		return same
	case parent >= 0:
		return parent
	}
	return at.index
}

// Key does what a key says, if it is one of this screen.
func (c *processes) Key(k tea.KeyMsg) (tea.Cmd, bool) {
	is := func(b key.Binding) bool { return key.Matches(k, b) }
	switch {
	case c.list.key(k, c.scene.keys):
	case is(c.keys.Order):
		c.view.order = (c.view.order + 1) % procOrders
		c.grow(c.place())
	case is(c.keys.All):
		c.view.all = !c.view.all
		clear(c.view.opened)
		c.grow(c.place())
	case is(c.keys.Close):
		c.close()
	case is(c.keys.Open):
		c.open()
	case is(c.keys.Toggle):
		c.toggle()
	default:
		return nil, false
	}
	return nil, true
}

// current is the line that the cursor is on, nil if there is none.
func (c *processes) current() *branch {
	if c.list.at < len(c.branches) {
		return &c.branches[c.list.at]
	}
	return nil
}

// close hides what is below the cursor; where there is nothing, or it is hidden
// already, it goes up to the parent.
func (c *processes) close() {
	b := c.current()
	if b == nil || c.view.order != byTree {
		return
	}
	at := c.place()
	if below := c.list.at+1 < len(c.branches) && c.branches[c.list.at+1].depth > b.depth; below && c.view.filter == "" {
		delete(c.view.opened, at.pid)
		c.view.closed[at.pid] = true
		c.grow(at)
		return
	}
	up := slices.IndexFunc(c.branches, func(a branch) bool {
		return a.fold == nil && (b.fold != nil && a.row == b.row || b.fold == nil && a.row == c.forest.parents[b.row])
	})
	if up >= 0 {
		c.list.to(up)
	}
}

// open shows what is hidden below the cursor, or counted in it.
func (c *processes) open() {
	b := c.current()
	if b == nil || b.fold == nil && b.hidden == 0 {
		return
	}
	at := c.place()
	switch {
	case b.fold == nil:
		delete(c.view.closed, at.pid)
	case c.view.order != byTree:
		c.view.all = true
	default:
		c.view.opened[at.pid] = true
	}
	c.grow(at)
}

// toggle opens what is closed, and closes what is open.
func (c *processes) toggle() {
	if b := c.current(); b != nil && (b.fold != nil || b.hidden > 0) {
		c.open()
	} else if c.list.at+1 < len(c.branches) && b != nil && c.branches[c.list.at+1].depth > b.depth {
		c.close()
	}
}

func (c *processes) Wheel(rows int) { c.list.wheel(rows) }

// Click selects a process; a second click hides or shows what is below it.
func (c *processes) Click(_, y int) tea.Cmd {
	before := c.list.at
	if c.list.click(y-procHead) && c.list.at == before {
		c.toggle()
	}
	return nil
}

// procTotals are the figures of all processes together. Cores are those of the
// living, and of the children that they reaped.
type procTotals struct{ n, living, dead, births, deaths float64 }

// unmarked stands for what was at the mark where there is none.
func unmarked() procTotals {
	nan := math.NaN()
	return procTotals{nan, nan, nan, nan, nan}
}

// totalsOf adds up. What has ended is in the account of its parent.
func totalsOf(rows []analyze.ProcessRow) procTotals {
	t := procTotals{n: float64(len(rows))}
	for i := range rows {
		r := &rows[i]
		t.births += r.Births
		t.deaths += r.Deaths
		if !r.Gone {
			t.living += r.Cores
			t.dead += r.Dead
		}
	}
	return t
}

// sameProcesses finds each row at the mark, −1 if it was not there. After a fix
// the service is often another process: then it is the target that is the same,
// or the only one with that command line.
func sameProcesses(now, then []analyze.ProcessRow) []int {
	type who struct {
		pid  int
		name string
	}
	const several = -2
	byPID, byCommand := make(map[who]int, len(then)), make(map[string]int, len(then))
	target := -1
	for i := range then {
		r := &then[i]
		byPID[who{r.PID, r.Name}] = i
		if _, known := byCommand[r.Command]; known {
			byCommand[r.Command] = several
		} else {
			byCommand[r.Command] = i
		}
		if r.Target {
			target = i
		}
	}
	list := make([]int, len(now))
	for i := range now {
		r := &now[i]
		list[i] = -1
		if at, ok := byPID[who{r.PID, r.Name}]; ok {
			list[i] = at
		} else if r.Target && target >= 0 {
			list[i] = target
		} else if at, ok := byCommand[r.Command]; ok && at != several && r.Command != "" && !r.Gone {
			list[i] = at
		}
	}
	return list
}
