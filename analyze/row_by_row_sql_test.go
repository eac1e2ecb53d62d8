package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

var oneUpdate = StatementUse{Text: "UPDATE seats SET row = $2 WHERE id = $1", Rate: 4000, RowsPerCall: 1, MillisPerCall: 0.03}

// inHandler is a service of which so many requests stand in a statement, and
// whose CPU is the SQL client's.
func inHandler(t *testing.T, in string, n int64) *profile.Capture {
	c := newCapture(t, 0.5, 0.2,
		stack{"github.com/jackc/pgx/v5/pgxpool.(*Tx).Exec < main.move < main.handleMove" + inServer, 1.2},
		stack{"main.render < main.handleMove" + inServer, 0.8})
	ofModule(c)
	alwaysStanding(t, c, standing{in + " < main.move < main.handleMove" + inServer, n})
	return c
}

func TestRowByRowSQLNearMisses(t *testing.T) {
	with := func(s StatementUse, change func(*StatementUse)) StatementUse { change(&s); return s }
	requests := func(c *profile.Capture) {
		answered(c, "POST", "/move", "204", 40, 0.2)
		answered(c, "GET", "/seats", "200", 80, 0.002)
	}
	for name, build := range map[string]func() *profile.Capture{
		"the batch form": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			requests(c)
			postgres(c, 0, 120, with(oneUpdate, func(s *StatementUse) {
				s.Text, s.RowsPerCall, s.MillisPerCall = "UPDATE seats SET row = $2 WHERE id = ANY($1)", 100, 0.6
			}))
			return c
		},
		"a list of keys": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			requests(c)
			postgres(c, 0, 120, with(oneUpdate, func(s *StatementUse) { s.Text = "DELETE FROM seats WHERE id IN ($1, $2, $3)" }))
			return c
		},
		"an insert of many rows": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			requests(c)
			postgres(c, 0, 120, with(oneUpdate, func(s *StatementUse) { s.Text = "INSERT INTO seats (id, row) VALUES ($1, $2), ($3, $4)" }))
			return c
		},
		"one row by another condition than its key": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			requests(c)
			postgres(c, 0, 120, with(oneUpdate, func(s *StatementUse) { s.Text = "DELETE FROM seats WHERE expires <= now()" }))
			return c
		},
		"one for each request": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			requests(c)
			postgres(c, 0, 120, with(oneUpdate, func(s *StatementUse) { s.Rate = 120 }))
			return c
		},
		"five for each request, in five transactions": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			requests(c)
			postgres(c, 0, 600, with(oneUpdate, func(s *StatementUse) { s.Rate = 600 }))
			return c
		},
		"of another service on the same database": func() *profile.Capture {
			c := newCapture(t, 0.5, 0.2, stack{"main.render < main.handleMove" + inServer, 2})
			ofModule(c)
			alwaysStanding(t, c, standing{"runtime.gopark < time.Sleep < main.idle", 7})
			requests(c)
			postgres(c, 0, 120, oneUpdate)
			return c
		},
		"sent in a pipeline": func() *profile.Capture {
			c := newCapture(t, 0.5, 0.2,
				stack{"github.com/jackc/pgx/v5.(*Conn).Prepare < github.com/jackc/pgx/v5/pgxpool.(*Pool).SendBatch < main.move < main.handleMove" + inServer, 2})
			ofModule(c)
			alwaysStanding(t, c, standing{pgxExec + " < main.move < main.handleMove" + inServer, 7})
			requests(c)
			postgres(c, 0, 120, oneUpdate)
			return c
		},
		"a few": func() *profile.Capture {
			c := inHandler(t, pgxExec, 7)
			requests(c)
			postgres(c, 0, 0.5, with(oneUpdate, func(s *StatementUse) { s.Rate = 6 }))
			return c
		},
		"cheap, and nobody waits": func() *profile.Capture {
			c := newCapture(t, 0.5, 0.2, stack{"main.render < main.handleMove" + inServer, 2})
			requests(c)
			postgres(c, 0, 10, with(oneUpdate, func(s *StatementUse) { s.Rate, s.MillisPerCall = 150, 0.01 }))
			return c
		},
	} {
		t.Run(name, func(t *testing.T) { mustBeSilent(t, build(), &RowByRowSQL) })
	}
}

func TestRowByRowSQL(t *testing.T) {
	t.Run("in a transaction", func(t *testing.T) {
		c := inHandler(t, pgxExec, 7)
		answered(c, "POST", "/move", "204", 40, 0.2)
		postgres(c, 0, 40, oneUpdate)
		f, status := found(t, c, &RowByRowSQL)
		if f == nil {
			t.Fatal(status)
		}
		if f.Confidence != Measured || f.Location.Function != "main.move" || !strings.Contains(f.Message, "100 rows go one by one for each") {
			t.Errorf("%s at %s: %s", f.Confidence, f.Location.Function, f.Message)
		}
		// Of 4000 × 30 µs the batch executes a fifth; of the client's 0.12 cores, a hundredth remains.
		if want := 0.12*0.8 + 0.12*0.99; math.Abs(f.Waste.Cores-want) > 0.01 {
			t.Errorf("%.3f cores, want %.3f", f.Waste.Cores, want)
		}
		if !strings.Contains(f.Fix, "UPDATE seats SET … WHERE id = ANY($1)") {
			t.Error(f.Fix)
		}
		if f.Delay == nil || math.Abs(f.Delay.JobHours-6.93) > 0.01 {
			t.Errorf("delay %+v", f.Delay)
		}
		// The database is another machine's: here only the client's CPU comes free.
		if got := f.Prediction.Before - f.Prediction.After; math.Abs(got-0.06) > 0.005 {
			t.Errorf("%.3f of the host is predicted to come free, want 0.06", got)
		}
	})
	t.Run("each in a transaction of its own, by requests", func(t *testing.T) {
		c := inHandler(t, databaseSQLExec, 7)
		answered(c, "POST", "/move", "204", 40, 0.2)
		answered(c, "GET", "/seats", "200", 80, 0.002)
		postgres(c, 0, 4080, oneUpdate)
		f, status := found(t, c, &RowByRowSQL)
		if f == nil || f.Confidence != Measured || !strings.Contains(f.Message, "100 rows go one by one for each POST /move") {
			t.Fatalf("%+v %v", f, status)
		}
		// What decides is the number for each of all requests there are.
		if e := f.Evidence[0]; math.Abs(e.Value-4000./120) > 0.1 {
			t.Errorf("%+v", e)
		}
	})
	worker := func(taking string) *profile.Capture {
		c := newCapture(t, 0.5, 0.2, stack{"github.com/lib/pq.(*conn).exec < database/sql.(*DB).ExecContext < main.carryOut < main.work", 2})
		ofModule(c)
		alwaysStanding(t, c,
			standing{databaseSQLExec + " < main.carryOut < main.work", 3},
			standing{taking, 1})
		counter(c, "jobs_completed_total", 30)
		postgres(c, 0, 4000, oneUpdate)
		return c
	}
	t.Run("by workers that take jobs", func(t *testing.T) {
		f, status := found(t, worker("runtime.gopark < runtime.selectgo < github.com/nats-io/nats%2ego.(*Subscription).NextMsg < main.work"), &RowByRowSQL)
		if f == nil || f.Confidence != Inferred {
			t.Fatalf("%+v %v", f, status)
		}
	})
	t.Run("by goroutines of which nobody knows what they do it for", func(t *testing.T) {
		f, status := found(t, worker("runtime.gopark < runtime.selectgo < github.com/nats-io/nats%2ego.(*Subscription).NextMsg < main.listen"), &RowByRowSQL)
		if f == nil || f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
			t.Fatalf("%+v %v", f, status)
		}
	})
	t.Run("on this host", func(t *testing.T) {
		c := inHandler(t, pgxExec, 7)
		answered(c, "POST", "/move", "204", 40, 0.2)
		postgres(c, 0, 40, oneUpdate)
		listening(c, "5432")
		backend(c, 41, "app", 0.15)
		backend(c, 42, "app", 0.13)
		backend(c, 43, "other", 0.9)
		f, status := found(t, c, &RowByRowSQL)
		if f == nil {
			t.Fatal(status)
		}
		// 0.28 − 0.12 cores lie around the execution.
		if want := 0.12*0.8 + 0.16*0.99 + 0.12*0.99; math.Abs(f.Waste.Cores-want) > 0.01 {
			t.Errorf("%.3f cores, want %.3f", f.Waste.Cores, want)
		}
	})
}

func TestRowByRowSQLUncounted(t *testing.T) {
	t.Run("as much CPU as many calls", func(t *testing.T) {
		c := inHandler(t, pgxExec, 7)
		answered(c, "POST", "/move", "204", 40, 0.2)
		f, status := found(t, c, &RowByRowSQL)
		// 0.12 cores ÷ 40 requests are 3 ms each, a hundred calls of 30 µs.
		if f == nil || f.Confidence != Suspected || f.Severity != SeverityLow || !strings.Contains(f.Message, "some 100 single statements") {
			t.Fatalf("%+v %v", f, status)
		}
	})
	t.Run("one call that takes long", func(t *testing.T) {
		c := newCapture(t, 0.5, 0.2,
			stack{"github.com/jackc/pgx/v5/pgxpool.(*Tx).Exec < main.move < main.handleMove" + inServer, 0.1},
			stack{"main.render < main.handleMove" + inServer, 1.9})
		ofModule(c)
		alwaysStanding(t, c, standing{pgxExec + " < main.move < main.handleMove" + inServer, 7})
		answered(c, "POST", "/move", "204", 40, 0.2)
		mustBeSilent(t, c, &RowByRowSQL)
	})
}

func TestByKey(t *testing.T) {
	for text, want := range map[string]bool{
		"UPDATE t SET a = $1 WHERE id = $2":                                true,
		"update t set a = a + $2 where tenant=$3 and id=$1":                true,
		"UPDATE t SET a = $1":                                              false,
		"UPDATE t SET a = $1 WHERE b > $2":                                 false,
		"UPDATE t SET a = $1 WHERE b >= $2":                                false,
		"UPDATE t SET a = $1 WHERE id = ANY($2)":                           false,
		"UPDATE t SET a = n.a FROM unnest($1, $2) n WHERE t.id = $3":       false,
		"DELETE FROM t WHERE id = $1":                                      true,
		"DELETE FROM t WHERE id IN ($1, $2)":                               false,
		"INSERT INTO t (a, b) VALUES ($1, $2)":                             true,
		"INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO NOTHING":         true,
		"INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)":                   false,
		"INSERT INTO t (a, b)\nVALUES ($1, $2)\n, ($3, $4)":                false,
		"INSERT INTO t SELECT * FROM u WHERE a = $1":                       false,
		"SELECT a FROM t WHERE id = $1":                                    true,
		"SELECT a FROM t WHERE id = ANY ($1)":                              false,
		"SELECT id FROM jobs WHERE s = $1 LIMIT $2 FOR UPDATE SKIP LOCKED": false,
		"SELECT $1":                            false,
		"SELECT a FROM t JOIN u ON t.id = u.t": false,
		"SELECT a FROM t WHERE t.id = u.id":    false,
	} {
		s := StatementUse{Text: text, Kind: strings.ToLower(strings.Fields(text)[0])}
		if got := byKey(&s); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
