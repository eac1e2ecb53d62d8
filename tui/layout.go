package tui

// A rect is a part of the terminal, in cells from its upper left corner.
type rect struct{ X, Y, W, H int }

// contains says whether a cell is in the rectangle.
func (r rect) contains(x, y int) bool {
	return x >= r.X && x < r.X+r.W && y >= r.Y && y < r.Y+r.H
}

// below is the part of a rectangle of that height at its top, and the rest.
func (r rect) below(h int) (top, rest rect) {
	h = max(0, min(h, r.H))
	return rect{r.X, r.Y, r.W, h}, rect{r.X, r.Y + h, r.W, r.H - h}
}

// A layout says where on the terminal everything goes. Parts that there is no
// room for are empty.
type layout struct {
	Small   bool // nothing fits
	Header  rect // what is watched, and how it stands
	Tabs    rect // the screens; in the header's row where there is no room
	Targets rect // the list of targets, where there are several
	Body    rect // the screen
	Footer  rect // keys, or what has just happened
}

// An overviewLayout says where the parts of the overview go, from the body's upper
// left corner.
type overviewLayout struct {
	Verdict  rect // the host in one sentence
	Host     rect // its CPU time as one bar, and in figures
	History  rect // … over the windows
	Queue    rect // the backlog in one line
	Depths   rect // … over the windows
	Findings rect
	Ledger   rect
}

const (
	// leastWidth and leastHeight are what a finding's headline and the host's bar
	// can be read in.
	leastWidth, leastHeight = 40, 12
	// targetsFrom is the width from which a list of targets fits beside a screen of
	// 60 columns.
	targetsFrom = 80
	// wide is the width from which two things fit side by side, 50 columns each.
	wide = 100
)

// arrange is all of the arithmetic of the screen: what goes where on a terminal
// of that size with that many targets.
func arrange(w, h, targets int) layout {
	var l layout
	if l.Small = w < leastWidth || h < leastHeight; l.Small {
		return l
	}
	rest := rect{0, 0, w, h}
	l.Header, rest = rest.below(1)
	if h >= 20 {
		l.Tabs, rest = rest.below(1)
	}
	rest, l.Footer = rest.below(rest.H - 1)
	if targets > 1 && w >= targetsFrom {
		list := min(32, w/4)
		l.Targets, rest = rect{rest.X, rest.Y, list, rest.H}, rect{rest.X + list, rest.Y, rest.W - list, rest.H}
	}
	l.Body = rest
	return l
}

// An overviewContent is what there is to show that need not be there.
type overviewContent struct {
	marked bool // there is a mark, since which there is more to say
	host   bool // the host was seen, in one of the windows at least
	depths bool // a queue was
}

// arrangeOverview: the verdict, the host's bar and the findings are there in any
// case; the more room there is, the more of the history, the backlog and the
// ledger is beside or between them. Findings get what is left, about half. Where
// one of the two charts has nothing to show, the other one has its room.
func arrangeOverview(w, h int, c overviewContent) overviewLayout {
	var o overviewLayout
	rest := rect{0, 0, w, h}
	verdict := pick(h, 1, 16, 2)
	if c.marked {
		verdict = pick(h, 1, 16, 3, 30, 4)
	}
	o.Verdict, rest = rest.below(verdict)
	o.Host, rest = rest.below(2)
	o.Queue, rest = rest.below(1)
	band := pick(h, 0, 19, 4, 26, 5, 34, 8, 50, 12)
	switch {
	case !c.host && !c.depths:
		band = 0
	case w < wide && h >= 30: // one above the other
		band *= 2
	}
	charts, rest := rest.below(band)
	switch {
	case !c.depths:
		o.History = charts
	case !c.host:
		o.Depths = charts
	case w >= wide: // side by side, and as wide as each other: both are of the same windows
		o.History, o.Depths = charts, charts
		o.History.W = w / 2
		o.Depths.X, o.Depths.W = w/2, w-w/2
	case h >= 30:
		o.History, o.Depths = charts.below(band / 2)
	default:
		o.History = charts
	}
	if w >= wide {
		o.Findings, o.Ledger = rest.split()
		return o
	}
	ledger := pick(h, 0, 19, 5, 26, 6, 50, 12)
	o.Findings, o.Ledger = rest.below(rest.H - ledger)
	return o
}

// split is the two halves of a rectangle, the left one a little wider.
func (r rect) split() (left, right rect) {
	w := r.W * 55 / 100
	return rect{r.X, r.Y, w, r.H}, rect{r.X + w, r.Y, r.W - w, r.H}
}

// pick is the last of the values whose bound h reaches: value, then bound and
// value in turn.
func pick(h, value int, steps ...int) int {
	for i := 0; i+1 < len(steps); i += 2 {
		if h >= steps[i] {
			value = steps[i+1]
		}
	}
	return value
}
