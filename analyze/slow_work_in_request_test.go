package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

// serving is a service whose requests stand as given, in every sample.
func serving(t *testing.T, list ...standing) *profile.Capture {
	c := newCapture(t, 0.3, 0.2)
	ofModule(c)
	for i := range list {
		list[i].frames += inServer
	}
	alwaysStanding(t, c, list...)
	return c
}

func TestSlowWorkInRequestNearMisses(t *testing.T) {
	for name, build := range map[string]func() *profile.Capture{
		"reads, however slow": func() *profile.Capture {
			c := serving(t, standing{pgxQuery + " < main.search < main.handleSearch", 8})
			answered(c, "POST", "/search", "200", 4, 2)
			return c
		},
		"reads in a transaction": func() *profile.Capture {
			c := serving(t, standing{pgxBegin + " < main.search < main.handleSearch", 4}, standing{pgxQuery + " < main.search < main.handleSearch", 4})
			answered(c, "POST", "/search", "200", 4, 2)
			return c
		},
		"a gateway": func() *profile.Capture {
			c := serving(t, standing{httpCall + " < main.forward < main.handleAny", 8})
			answered(c, "POST", "/any", "200", 16, 0.5)
			return c
		},
		"a command is put on a queue": func() *profile.Capture {
			c := serving(t, standing{publish + " < main.put < main.handleMove", 8})
			answered(c, "POST", "/move", "202", 40, 0.2)
			return c
		},
		"a write that takes no time": func() *profile.Capture {
			c := serving(t, standing{pgxExec + " < main.record < main.handleMove", 2})
			answered(c, "POST", "/move", "204", 100, 0.02)
			return c
		},
		"a read that leaves a trace": func() *profile.Capture {
			c := serving(t, standing{pgxQuery + " < main.search < main.handleSearch", 8}, standing{pgxExec + " < main.audit < main.handleSearch", 1})
			answered(c, "POST", "/search", "200", 4.5, 2)
			return c
		},
		"a worker, and not a request": func() *profile.Capture {
			c := newCapture(t, 0.3, 0.2)
			ofModule(c)
			alwaysStanding(t, c, standing{pgxExec + " < main.carryOut < main.work", 8})
			answered(c, "POST", "/move", "202", 40, 0.2)
			return c
		},
		"requests that wait for a connection": func() *profile.Capture {
			c := serving(t, standing{connWait + " < main.move < main.handleMove", 8})
			answered(c, "POST", "/move", "204", 40, 0.2)
			return c
		},
	} {
		t.Run(name, func(t *testing.T) { mustBeSilent(t, build(), &SlowWorkInRequest) })
	}
}

// What a payment does cannot be told from an SMS: it is asked about, no more.
func TestSlowWorkInRequestAsks(t *testing.T) {
	c := serving(t, standing{httpCall + " < main.charge < main.handlePay", 10}, standing{pgxExec + " < main.record < main.handlePay", 1})
	answered(c, "POST", "/pay", "201", 20, 0.55)
	postgres(c, 0, 20, StatementUse{Text: "INSERT INTO payments (id) VALUES ($1)", Rate: 20, RowsPerCall: 1, MillisPerCall: 0.1})
	f, status := found(t, c, &SlowWorkInRequest)
	if f == nil || f.Confidence != Suspected || f.Severity != SeverityLow || !strings.Contains(f.Settles, "whether the caller needs the result") {
		t.Fatalf("%+v %v", f, status)
	}
}

func TestSlowWorkInRequest(t *testing.T) {
	build := func() *profile.Capture {
		c := serving(t,
			standing{pgxExec + " < main.move < main.reschedule < main.handleMove", 6},
			standing{httpCall + " < main.tell < main.reschedule < main.handleMove", 2},
			standing{connWait + " < main.read < main.handleRead", 1},
			standing{pgxQuery + " < main.read < main.handleRead", 1})
		answered(c, "POST", "/move", "204", 40, 0.2)
		answered(c, "GET", "/seats", "200", 80, 0.025)
		return c
	}
	t.Run("many writes in a request", func(t *testing.T) {
		c := build()
		postgres(c, 0, 120, oneUpdate)
		// One cause, one finding: what makes the request slow is the loop.
		findings := Analyze(c, Options{}).Findings
		if len(findings) == 0 || findings[0].Rule != RowByRowSQL.Name {
			t.Fatalf("%+v", findings)
		}
		if kin := findings[0].Kin; len(kin) != 1 || kin[0].Rule != SlowWorkInRequest.Name || kin[0].Confidence != Inferred {
			t.Fatalf("%+v", kin)
		}
	})
	t.Run("many rows, in batches", func(t *testing.T) {
		c := build()
		postgres(c, 0, 120, StatementUse{Text: "UPDATE seats SET row = $2 WHERE id = ANY($1)", Rate: 40, RowsPerCall: 100, MillisPerCall: 100})
		for i := range c.Postgres {
			c.Postgres[i].Figures.Updated = uint64(8000 * i)
		}
		f, status := found(t, c, &SlowWorkInRequest)
		if f == nil {
			t.Fatal(status)
		}
		if f.Confidence != Inferred || f.Severity != SeverityMedium || f.Location.Function != "main.handleMove" {
			t.Errorf("%s, %s, at %s", f.Confidence, f.Severity, f.Location.Function)
		}
		for _, want := range []string{"200 ms of each request", "40 POST /move a second", "for 100 writes", "1.0 other requests wait"} {
			if !strings.Contains(f.Message, want) {
				t.Errorf("no %q in %s", want, f.Message)
			}
		}
		if f.Delay == nil || math.Abs(f.Delay.JobHours-8) > 0.01 {
			t.Errorf("delay %+v", f.Delay)
		}
	})
	t.Run("without the database", func(t *testing.T) {
		f, status := found(t, build(), &SlowWorkInRequest)
		if f == nil || f.Confidence != Suspected || f.Severity != SeverityLow {
			t.Fatalf("%+v %v", f, status)
		}
	})
}

func TestRequests(t *testing.T) {
	c := newCapture(t, 0.3, 0.2)
	ofModule(c)
	answered(c, "POST", "/move", "204", 30, 0.2)
	answered(c, "POST", "/move", "500", 10, 0.6)
	answered(c, "GET", "/metrics", "200", 1, 0.01)
	f := NewFacts(c)
	if len(f.Requests) != 1 {
		t.Fatalf("%+v", f.Requests)
	}
	r := f.Requests[0]
	if r.Method != "POST" || r.Handler != "/move" || math.Abs(r.PerSecond-40) > 1e-9 || math.Abs(r.Seconds-0.3) > 1e-9 {
		t.Errorf("%+v", r)
	}
}
