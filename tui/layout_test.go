package tui

import "testing"

// At any size, no part lies outside of the terminal, no two parts share a cell,
// and what must be there is.
func TestArrange(t *testing.T) {
	for w := range 220 {
		for h := range 70 {
			for _, targets := range []int{1, 2, 200} {
				l := arrange(w, h, targets)
				if l.Small != (w < 40 || h < 12) {
					t.Fatalf("%d×%d: small = %v", w, h, l.Small)
				}
				if l.Small {
					continue
				}
				apart(t, rect{0, 0, w, h}, l.Header, l.Tabs, l.Targets, l.Body, l.Footer)
				if l.Header.H != 1 || l.Footer.H != 1 || l.Body.W < 40 || l.Body.H < 9 {
					t.Fatalf("%d×%d, %d targets: %+v", w, h, targets, l)
				}
				for i := range 8 {
					with := overviewContent{i&1 > 0, i&2 > 0, i&4 > 0}
					o := arrangeOverview(l.Body.W, l.Body.H, with)
					apart(t, rect{0, 0, l.Body.W, l.Body.H}, o.Verdict, o.Host, o.History, o.Queue, o.Depths, o.Findings, o.Ledger)
					if o.Verdict.H < 1 || o.Host.H < 1 || o.Queue.H != 1 || o.Findings.H < 4 {
						t.Fatalf("%d×%d, %d targets, %+v: %+v", w, h, targets, with, o)
					}
				}
				if (l.Targets.W > 0) != (targets > 1 && w >= targetsFrom) {
					t.Fatalf("%d×%d, %d targets: list %+v", w, h, targets, l.Targets)
				}
			}
		}
	}
}

// apart fails unless all parts lie inside of the whole, and none over another.
func apart(t *testing.T, whole rect, parts ...rect) {
	t.Helper()
	area := 0
	for i, p := range parts {
		if p.W < 0 || p.H < 0 || p.X < whole.X || p.Y < whole.Y || p.X+p.W > whole.X+whole.W || p.Y+p.H > whole.Y+whole.H {
			t.Fatalf("%+v is not inside of %+v", p, whole)
		}
		area += p.W * p.H
		for _, q := range parts[:i] {
			if p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H {
				t.Fatalf("%+v lies over %+v", p, q)
			}
		}
	}
	if area != whole.W*whole.H {
		t.Fatalf("%+v cover %d of the %d cells of %+v", parts, area, whole.W*whole.H, whole)
	}
}
