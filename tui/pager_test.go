package tui

import (
	"strconv"
	"testing"
)

// Wherever a text is scrolled to, its bar is in sight, at an end only where the
// text is at that end, and the last row is never above the last of the screen.
func TestPagerScrolls(t *testing.T) {
	theme, keys := newTheme(0, true), newKeyMap()
	for n := range 60 {
		for h := range 12 {
			var g pager
			g.write(20, h, theme, func(p *page) {
				for i := range n {
					p.line(theme.plain, "row "+strconv.Itoa(i))
				}
			})
			if len(g.rows) != n {
				t.Fatalf("%d rows of %d", len(g.rows), n)
			}
			for _, k := range []string{"j", "j", "k", "pgdown", "G", "pgup", "G", "j", "g", "k", "down"} {
				if !g.key(keyMsg(k), keys) {
					t.Fatalf("%s does not scroll", k)
				}
				checkFrame(t, g.View(), 20, h)
				from, to := g.thumb()
				atTop, atEnd := g.top == 0, g.top == max(0, n-h)
				switch {
				case g.top < 0 || g.top > max(0, n-h):
					t.Fatalf("%d rows, %d seen: at %d", n, h, g.top)
				case h == 0:
				case from < 0 || to > h || from >= to:
					t.Fatalf("%d rows, %d seen, at %d: bar from %d to %d", n, h, g.top, from, to)
				case h > 2 && ((from == 0) != atTop || (to == h) != atEnd):
					t.Fatalf("%d rows, %d seen, at %d: bar from %d to %d of %d", n, h, g.top, from, to, h)
				}
			}
			if g.key(keyMsg("x"), keys) {
				t.Error("x scrolls")
			}
		}
	}
}
