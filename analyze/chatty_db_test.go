package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

var oneLookup = StatementUse{Text: "SELECT name FROM guests WHERE id = $1", Rate: 3600, RowsPerCall: 1, MillisPerCall: 0.01}

// reading is a service of which so many requests stand in a query.
func reading(t *testing.T, n int64) *profile.Capture {
	c := newCapture(t, 0.5, 0.2,
		stack{"github.com/jackc/pgx/v5/pgxpool.(*Pool).Query < main.guest < main.handleList" + inServer, 1.5},
		stack{"main.render < main.handleList" + inServer, 0.5})
	ofModule(c)
	alwaysStanding(t, c, standing{pgxQuery + " < main.guest < main.handleList" + inServer, n})
	return c
}

func TestChattyDBNearMisses(t *testing.T) {
	with := func(change func(*StatementUse)) StatementUse { s := oneLookup; change(&s); return s }
	for name, build := range map[string]func() *profile.Capture{
		"a lookup for each of many requests": func() *profile.Capture {
			c := reading(t, 5)
			answered(c, "GET", "/guests", "200", 3600, 0.002)
			postgres(c, 0, 3600, oneLookup)
			return c
		},
		"a join": func() *profile.Capture {
			c := reading(t, 5)
			answered(c, "GET", "/list", "200", 60, 0.1)
			postgres(c, 0, 60, with(func(s *StatementUse) {
				s.Text, s.Rate, s.RowsPerCall = "SELECT b.id, g.name FROM bookings b JOIN guests g ON g.id = b.guest WHERE b.room = $1", 60, 60
			}))
			return c
		},
		"all keys at once": func() *profile.Capture {
			c := reading(t, 5)
			answered(c, "GET", "/list", "200", 60, 0.1)
			postgres(c, 0, 60, with(func(s *StatementUse) { s.Text = "SELECT name FROM guests WHERE id = ANY($1)" }))
			return c
		},
		"workers that look for jobs": func() *profile.Capture {
			c := reading(t, 5)
			answered(c, "GET", "/list", "200", 60, 0.1)
			postgres(c, 0, 60, with(func(s *StatementUse) { s.Text = "SELECT id FROM jobs WHERE state = $1 LIMIT $2 FOR UPDATE SKIP LOCKED" }))
			return c
		},
		"reads of whole lists": func() *profile.Capture {
			c := reading(t, 5)
			answered(c, "GET", "/list", "200", 60, 0.1)
			postgres(c, 0, 60, with(func(s *StatementUse) { s.RowsPerCall = 200 }))
			return c
		},
		"of another service on the same database": func() *profile.Capture {
			c := newCapture(t, 0.5, 0.2, stack{"main.render < main.handleList" + inServer, 2})
			ofModule(c)
			alwaysStanding(t, c, standing{"runtime.gopark < time.Sleep < main.idle", 7})
			answered(c, "GET", "/list", "200", 60, 0.1)
			postgres(c, 0, 60, oneLookup)
			return c
		},
		"one row written after the other, which is another rule's": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			answered(c, "POST", "/move", "204", 40, 0.2)
			postgres(c, 0, 40, oneUpdate)
			return c
		},
		"transactions with some work in each": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			answered(c, "POST", "/move", "204", 40, 0.2)
			postgres(c, 0, 600, StatementUse{Text: "BEGIN", Rate: 600}, StatementUse{Text: "UPDATE seats SET row = $2 WHERE id = ANY($1)", Rate: 1800, RowsPerCall: 9, MillisPerCall: 0.03})
			return c
		},
	} {
		t.Run(name, func(t *testing.T) { mustBeSilent(t, build(), &ChattyDB) })
	}
}

func TestChattyDB(t *testing.T) {
	t.Run("a lookup for each line", func(t *testing.T) {
		c := reading(t, 5)
		answered(c, "GET", "/list", "200", 60, 0.085)
		postgres(c, 0, 3660, oneLookup)
		f, status := found(t, c, &ChattyDB)
		if f == nil {
			t.Fatal(status)
		}
		if f.Confidence != Measured || f.Location.Function != "main.guest" || !strings.Contains(f.Message, "60 reads go one by one for each GET /list") {
			t.Errorf("%s at %s: %s", f.Confidence, f.Location.Function, f.Message)
		}
		if want := 0.036*0.65 + 0.15*59/60; math.Abs(f.Waste.Cores-want) > 0.01 {
			t.Errorf("%.3f cores, want %.3f", f.Waste.Cores, want)
		}
	})
	t.Run("nobody counts what it is for", func(t *testing.T) {
		c := reading(t, 5)
		counter(c, "jobs_completed_total", 60)
		postgres(c, 0, 3660, oneLookup)
		if f, status := found(t, c, &ChattyDB); f == nil || f.Confidence != Suspected || f.Severity != SeverityLow {
			t.Fatalf("%+v %v", f, status)
		}
	})
	t.Run("a transaction for each statement", func(t *testing.T) {
		c := inHandler(t, pgxExec, 7)
		answered(c, "POST", "/move", "204", 40, 0.2)
		postgres(c, 0, 600, StatementUse{Text: "begin", Rate: 600},
			StatementUse{Text: "UPDATE seats SET row = $2 WHERE id = ANY($1)", Rate: 600, RowsPerCall: 9, MillisPerCall: 0.03})
		f, status := found(t, c, &ChattyDB)
		if f == nil || f.Confidence != Suspected || !strings.Contains(f.Message, "15 transactions are opened for each request") {
			t.Fatalf("%+v %v", f, status)
		}
	})
}
