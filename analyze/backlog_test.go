package analyze

import (
	"math"
	"testing"
)

func TestBacklog(t *testing.T) {
	deep := func(growth float64) *Queue {
		return &Queue{Name: "stream JOBS, consumer w", System: "jetstream", Last: 600, Growth: growth, Acked: 100}
	}
	host := &Host{CPUs: 2, User: 0.95, Idle: 0.05}
	fix := &Finding{Prediction: &Prediction{Before: 0.95, After: 0.475}}
	for _, test := range []struct {
		name       string
		f          *Facts
		first      *Finding
		now, later string
		seconds    float64 // after the fix
	}{
		{"grows, and the CPU that is freed does twice the jobs", &Facts{Host: host, Queues: []*Queue{deep(20)}}, fix, "never", "in 8 s", 600 / 80.},
		{"shrinks", &Facts{Host: host, Queues: []*Queue{deep(-2)}}, nil, "in 5 min", "unknown", 0},
		{"stands still within the error", &Facts{Host: host, Queues: []*Queue{deep(-0.5)}}, nil, "never", "unknown", 0},
		{"CPU is not what it waits for", &Facts{Host: &Host{CPUs: 2, User: 0.3}, Queues: []*Queue{deep(20)}}, fix, "never", "unknown", 0},
		{"the fix says what it is worth", &Facts{Host: &Host{CPUs: 2, User: 0.1}, Queues: []*Queue{deep(20)}},
			&Finding{After: &Interval{180, 150, 200}}, "never", "in 10 s", 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := backlogOf(test.f, test.first)
			if b == nil {
				t.Fatal("no backlog, but 600 wait")
			}
			if got := b.Now.String(); got != test.now {
				t.Errorf("now it is empty %s (%s), want %s", got, b.Now.Why, test.now)
			}
			if got := b.AfterFix.String(); got != test.later || math.Abs(b.AfterFix.Seconds-test.seconds) > 0.01 {
				t.Errorf("after the fix it is empty %s, %.2f s (%s), want %s, %.2f s", got, b.AfterFix.Seconds, b.AfterFix.Why, test.later, test.seconds)
			}
		})
	}
}

// TestScheduledIsNoBacklog: jobs for later wait by design, however many.
func TestScheduledIsNoBacklog(t *testing.T) {
	f := &Facts{Queues: []*Queue{{Name: "key reminders", System: "redis", Type: "zset", Last: 1e6, Growth: 50}}}
	if b := backlogOf(f, nil); b != nil {
		t.Errorf("a set of jobs for later is taken for a backlog: %+v", b)
	}
}

func TestQueueEmpty(t *testing.T) {
	for _, test := range []struct {
		name string
		q    ReportQueue
		want string
	}{
		{"grows", ReportQueue{System: "jetstream", Depth: 600, Growth: 20, Delivered: 100, Acked: 100}, "never"},
		{"shrinks", ReportQueue{System: "jetstream", Depth: 600, Growth: -2, Delivered: 100, Acked: 100}, "in 5 min"},
		{"stands still within the error", ReportQueue{System: "jetstream", Depth: 600, Growth: -0.5, Delivered: 100, Acked: 100}, "never"},
		{"less than a second's work", ReportQueue{System: "jetstream", Depth: 90, Growth: 0.4, Delivered: 100, Acked: 100}, "now"},
		{"nothing is taken", ReportQueue{System: "jetstream", Depth: 600, Growth: 20}, "never"},
		{"Redis, growing", ReportQueue{System: "redis", Type: "list", Depth: 600, Growth: 20}, "never"},
		{"Redis, standing still", ReportQueue{System: "redis", Type: "list", Depth: 600}, "never"},
		{"Redis, shrinking", ReportQueue{System: "redis", Type: "stream", Depth: 600, Growth: -10}, "in 60 s"},
		{"Redis, nothing there", ReportQueue{System: "redis", Type: "list"}, "now"},
		{"for later", ReportQueue{System: "redis", Type: "zset", Depth: 600, Growth: -10}, "unknown"},
	} {
		if got := test.q.Empty(); got.String() != test.want {
			t.Errorf("%s: empty %s (%s), want %s", test.name, got, got.Why, test.want)
		}
	}
}
