package tui

// A piece is a figure in a row of figures, and what it has changed by since the
// mark.
type piece struct {
	look   style
	text   string
	how    style
	change string // "" where there is nothing to compare with
}

// since is the piece with a change of d. digits are those behind the point.
func (q piece) since(t *theme, d float64, digits int, better sense) piece {
	q.change, q.how = t.change(d, digits, better)
	return q
}

// pieces writes those of them that there is room for as a whole, in turn: half a
// figure is worse than none.
func (p *page) pieces(list ...piece) *page {
	for _, q := range list {
		n := width(q.text)
		if q.change != "" {
			n += 1 + width(q.change)
		}
		if n > p.left() {
			continue
		}
		p.put(q.look, q.text)
		if q.change != "" {
			p.put(style{}, " ").put(q.how, q.change)
		}
	}
	return p
}
