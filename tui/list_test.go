package tui

import (
	"math/rand/v2"
	"testing"
)

// Wherever it is sent and however it shrinks, the cursor is on a row that is
// there and is seen, and no room is left empty that a row could fill.
func TestListCursorIsSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var l list
	for range 100_000 {
		switch r.IntN(4) {
		case 0:
			l.resize(r.IntN(50), r.IntN(12))
		case 1:
			l.to(r.IntN(100) - 25)
		case 2:
			l.wheel(r.IntN(7) - 3)
		case 3:
			l.click(r.IntN(14) - 1)
		}
		from, to := l.seen()
		if from < 0 || to > l.n || to-from > l.room || l.n > 0 && l.room > 0 && (l.at < from || l.at >= to) || to-from < min(l.n, l.room) {
			t.Fatalf("%+v shows %d to %d", l, from, to)
		}
	}
}
