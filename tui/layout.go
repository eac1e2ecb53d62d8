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
	targetsFrom = 84
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

// arrangeOverview: the verdict, the host's bar and the findings are there in any
// case; the more room there is, the more of the history, the backlog and the
// ledger is beside or between them. Findings get what is left, about half. Since a
// mark there is more to say; where no queue is known, the history has the room of
// its depths.
func arrangeOverview(w, h int, marked, depths bool) overviewLayout {
	var o overviewLayout
	rest := rect{0, 0, w, h}
	verdict := pick(h, 1, 16, 2)
	if marked {
		verdict = pick(h, 1, 16, 2, 30, 4)
	}
	o.Verdict, rest = rest.below(verdict)
	o.Host, rest = rest.below(2)
	history := pick(h, 0, 19, 4, 26, 5, 34, 8, 50, 12)
	o.Queue, rest = rest.below(1)
	if w >= wide {
		o.History, rest = rest.below(history)
		if depths {
			half := w / 2 // so that both charts are of the same windows
			o.History.W, o.Depths = half, rect{half, o.History.Y, w - half, o.History.H}
		}
		o.Findings, o.Ledger = rest.split()
		return o
	}
	o.History, rest = rest.below(history)
	if h >= 30 {
		o.Depths, rest = rest.below(history)
		if !depths {
			o.History.H, o.Depths = o.History.H+o.Depths.H, rect{}
		}
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
