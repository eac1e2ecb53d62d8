package analyze

import (
	"fmt"
	"math"
	"time"
)

// ReportBacklog is the deepest queue in which work waits, and when it will be
// empty if all stays as it is, and after the first fix.
type ReportBacklog struct {
	Queue    string        `json:"queue"`
	Depth    float64       `json:"depth"`
	In       float64       `json:"in_per_second"` // 0 where neither end of the queue is counted
	Out      float64       `json:"out_per_second"`
	Now      BacklogFuture `json:"now"`
	AfterFix BacklogFuture `json:"after_first_fix"`
}

// BacklogFuture is when a backlog will be empty.
type BacklogFuture struct {
	Known bool `json:"known"`
	// Seconds until it is empty, 0 if it never will be.
	Seconds float64 `json:"seconds"`
	Never   bool    `json:"never"`
	Why     string  `json:"why"` // the figure that decides
}

// emptyIn says when a queue of that depth is empty, at the given rates a second.
// A net outflow under a hundredth of what comes in is no outflow: rates are not
// known to better than that.
func emptyIn(depth, in, out float64) BacklogFuture {
	net := out - in
	if depth < 1 {
		return BacklogFuture{Known: true, Why: "nothing waits"}
	}
	if net <= 0.01*in || net <= 0 {
		return BacklogFuture{Known: true, Never: true, Why: fmt.Sprintf("%s a second come in and %s leave", rate(in), rate(out))}
	}
	return BacklogFuture{Known: true, Seconds: depth / net, Why: fmt.Sprintf("%s a second leave and %s come in", rate(out), rate(in))}
}

func rate(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// backlogOf is nil where no queue holds more than a second's work. Jobs that are
// scheduled for later wait by design.
func backlogOf(f *Facts, first *Finding) *ReportBacklog {
	q := deepestWaiting(f.Queues)
	if q == nil {
		return nil
	}
	b := &ReportBacklog{Queue: q.Name, Depth: q.Last, Out: q.Acked}
	if b.Out == 0 && f.Done != nil {
		b.Out = f.Done.PerSecond.Value
	}
	b.In = math.Max(0, b.Out+q.Growth)
	b.Now = emptyIn(b.Depth, b.In, b.Out)
	if b.Out == 0 && q.Growth < 0 {
		b.Now = emptyBy(q.Last, q.Growth)
	}
	b.AfterFix = afterFix(f, b, first)
	return b
}

func deepestWaiting(list []*Queue) *Queue {
	var deepest *Queue
	for _, q := range list {
		if q.Last >= max(q.Delivered, fewestJobs) && !q.scheduled() && (deepest == nil || q.Last > deepest.Last) {
			deepest = q
		}
	}
	return deepest
}

// emptyBy says when a queue of that depth is empty, where all that is known is
// how much it grows a second.
func emptyBy(depth, growth float64) BacklogFuture {
	switch {
	case depth < 1:
		return BacklogFuture{Known: true, Why: "nothing waits"}
	case growth < 0:
		return BacklogFuture{Known: true, Seconds: -depth / growth, Why: fmt.Sprintf("it gets %s less a second", rate(-growth))}
	case growth > 0:
		return BacklogFuture{Known: true, Never: true, Why: fmt.Sprintf("it gets %s more a second", rate(growth))}
	}
	return BacklogFuture{Known: true, Never: true, Why: "it gets no less"}
}

// Empty says when the queue will be empty if all stays as it is, by its own
// figures alone; ReportBacklog, for one of the queues, also knows by others. One
// that is kept up with counts as empty now.
func (q *ReportQueue) Empty() BacklogFuture {
	switch {
	case q.ForLater():
		return BacklogFuture{Why: "it holds jobs for later, which do not wait"}
	case q.Depth < max(q.Delivered, fewestJobs):
		return BacklogFuture{Known: true, Why: "less than a second's work waits"}
	case q.Acked > 0:
		return emptyIn(q.Depth, math.Max(0, q.Acked+q.Growth), q.Acked)
	}
	return emptyBy(q.Depth, q.Growth)
}

// ForLater says that a queue holds jobs for later and is deep by nature.
func (q *ReportQueue) ForLater() bool { return forLater(q.Type) }

// scheduled is ForLater before there is a report.
func (q *Queue) scheduled() bool { return forLater(q.Type) }

// forLater says so of a type of Redis key; "" is none.
func forLater(kind string) bool { return kind != "" && kind != "list" && kind != "stream" }

// afterFix: a fix that says how much more work will be done is taken by its
// word. Of one that frees CPU it is only known what that is worth where CPU is
// what the work waits for.
func afterFix(f *Facts, b *ReportBacklog, first *Finding) BacklogFuture {
	switch {
	case first == nil:
		return BacklogFuture{Why: "nothing was found to fix"}
	case first.After != nil:
		return emptyIn(b.Depth, b.In, first.After.Value)
	case first.elsewhere != "":
		return BacklogFuture{Why: first.elsewhere}
	case f.Host == nil || first.Prediction == nil || b.Out == 0:
		return BacklogFuture{Why: "the host, or the rate of jobs, was not observed"}
	case f.Host.Busy() < saturated:
		return BacklogFuture{Why: fmt.Sprintf("the host is %s busy: what is freed is not what the work waits for", Percent(f.Host.Busy()))}
	}
	// All of the CPU that is left is taken to do jobs at their remaining cost.
	possible := b.Out * first.Prediction.Before / math.Max(first.Prediction.After, 0.01)
	future := emptyIn(b.Depth, b.In, possible)
	future.Why += fmt.Sprintf(", when %s of the CPU is free for more jobs", Percent(first.Prediction.Before-first.Prediction.After))
	return future
}

// String is the future in words: "in 12 min", "never".
func (f BacklogFuture) String() string {
	switch {
	case !f.Known:
		return "unknown"
	case f.Never:
		return "never"
	case f.Seconds == 0:
		return "now"
	case f.Seconds > 100*24*3600:
		return "in more than 100 days"
	case f.Seconds > 48*3600:
		return fmt.Sprintf("in %.0f days", f.Seconds/86400)
	}
	d := time.Duration(f.Seconds * float64(time.Second))
	switch {
	case d >= 2*time.Hour:
		return fmt.Sprintf("in %.1f h", d.Hours())
	case d >= 2*time.Minute:
		return fmt.Sprintf("in %.0f min", d.Minutes())
	}
	return fmt.Sprintf("in %.0f s", d.Seconds())
}
