package analyze

import "testing"

func TestThroughput(t *testing.T) {
	for _, test := range []struct {
		name   string
		count  map[string]float64
		what   string // "" if nobody counts
		second float64
	}{
		{"a counter of finished jobs", map[string]float64{"jobs_completed_total": 120}, "jobs completed", 120},
		{"parts of one count", map[string]float64{`jobs_finished_total{queue="a"}`: 30, `jobs_finished_total{queue="b"}`: 50}, "jobs completed", 80},
		{"the surer reading", map[string]float64{"emails_sent_total": 500, "jobs_completed_total": 100}, "jobs completed", 100},
		{"what the runtime counts is no work", map[string]float64{"go_gc_cycles_completed_total": 9, "process_tasks_done_total": 50}, "", 0},
		{"too few to be a rate", map[string]float64{"jobs_completed_total": 1.5}, "", 0},
		{"requests", map[string]float64{`http_requests_total{code="200"}`: 40, `http_requests_total{code="404"}`: 2}, "requests answered", 42},
		{"only refusals", map[string]float64{"jobs_rejected_total": 70}, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCapture(t, 0.5, 0.5)
			for series, perSecond := range test.count {
				counter(c, series, perSecond)
			}
			d := NewFacts(c).Done
			switch {
			case d == nil && test.what == "":
			case d == nil || test.what == "":
				t.Fatalf("throughput is %+v, want %q", d, test.what)
			case d.What != test.what || !near(d.PerSecond.Value, test.second, 0.01):
				t.Errorf("throughput is %.1f %s, want %.1f %s", d.PerSecond.Value, d.What, test.second, test.what)
			case d.PerSecond.Low >= d.PerSecond.Value || d.PerSecond.High <= d.PerSecond.Value:
				t.Errorf("a count has an error, but the interval is %+v", d.PerSecond)
			}
		})
	}
}
