package analyze

import (
	"math"
	"sort"
	"time"

	"busywork/profile"
)

// ReportSchema names the form of a Report as JSON.
const ReportSchema = "busywork.report/1"

// A Report is all that one Capture has to say. The same Capture always gives
// the same Report. Fractions are of all CPUs, 0 to 1; cores are core-seconds a
// second.
type Report struct {
	Schema    string        `json:"schema"`
	Target    ReportTarget  `json:"target"`
	Window    ReportWindow  `json:"window"`
	Host      ReportHost    `json:"host"`
	Ledger    []LedgerRow   `json:"ledger"`
	Findings  []Finding     `json:"findings"`
	Levers    []Lever       `json:"levers"`
	Rules     []RuleStatus  `json:"rules"`
	Gaps      []ReportGap   `json:"gaps"`
	Discovery []ReportFact  `json:"discovery"`
	Queues    []ReportQueue `json:"queues"`
	// Backlog is null where no queue holds more than a second's work.
	Backlog *ReportBacklog `json:"backlog"`
	// Done is the work brought to its end, null where nobody counts it.
	Done      *ReportDone `json:"completed"`
	CorePrice float64     `json:"usd_per_core_hour"`
	Cost      ReportSelf  `json:"busywork"`

	have Signal // what was seen, for Missing and Unseen
}

// ReportDone is how much work was brought to its end, and what a job cost.
type ReportDone struct {
	What      string  `json:"what"`
	Source    string  `json:"source"`
	PerSecond float64 `json:"per_second"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	// CPU milliseconds of the target, and of the whole host, for each.
	TargetCPU float64 `json:"target_cpu_ms"`
	HostCPU   float64 `json:"host_cpu_ms"`
}

// ReportTarget is what was observed.
type ReportTarget struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	URL  string `json:"url"`
	// GoVersion and Module are "" where they are not known.
	GoVersion string `json:"go_version,omitempty"`
	Module    string `json:"module,omitempty"`
}

// ReportWindow is when.
type ReportWindow struct {
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Seconds float64   `json:"seconds"`
}

// ReportHost is the machine: fractions of all its CPUs, and the verdict. Known
// is false, and all fractions 0, where the host could not be observed.
type ReportHost struct {
	Known       bool    `json:"known"`
	Cores       int     `json:"cores"`
	User        float64 `json:"user"`
	System      float64 `json:"system"` // interrupts included
	IOWait      float64 `json:"iowait"`
	Steal       float64 `json:"steal"`
	Idle        float64 `json:"idle"`
	TargetCores float64 `json:"target_cores"`
	TreeCores   float64 `json:"target_tree_cores"` // of the target with all that it has started, the dead too
	Verdict     string  `json:"verdict"`
	Sentence    string  `json:"sentence"`
	Brief       string  `json:"-"` // the sentence without figures that stand elsewhere
}

// A Finding is one piece of wasted work.
type Finding struct {
	Rule       string      `json:"rule"`
	Subject    string      `json:"subject"`
	Message    string      `json:"message"` // one sentence of measured numbers
	Severity   Severity    `json:"severity"`
	Confidence Confidence  `json:"confidence"`
	Waste      Waste       `json:"waste"`
	Prediction *Prediction `json:"prediction"` // null where the host was not observed
	Location   Location    `json:"location"`
	Evidence   []Evidence  `json:"evidence"`
	Fix        string      `json:"fix"`
	RefutedBy  []string    `json:"refuted_by"`
	Settles    string      `json:"settles,omitempty"` // what would settle a suspicion, and how to get it
	Delay      *Delay      `json:"delay,omitempty"`   // where the waste is waiting, and not CPU
	// After is how many jobs a second will be possible after the fix, where the
	// rule can tell.
	After *Interval `json:"jobs_per_second_after,omitempty"`
	Kin   []Finding `json:"kin,omitempty"` // what other rules say of the same cause

	severe Severity          // the highest grade that the rule allows; none means no limit
	grade  Severity          // the rule's own grade, where the waste is not CPU; none means by the waste
	cpu    func(*Group) bool // the samples of the profile that it accuses; nil if none
	// elsewhere is what a backlog waits for, where that is not the CPU that the fix
	// frees; "" if it may be.
	elsewhere string
}

// Delay is waste that is no CPU: work that waits without need.
type Delay struct {
	// JobHours is how many job-hours of waiting come together in an hour, which is
	// the mean number of jobs that wait.
	JobHours float64 `json:"job_hours_per_hour"`
	Why      string  `json:"why"` // in words, for people
}

// Waste is the CPU that is spent for nothing, with its 95 % interval.
type Waste struct {
	Cores       float64 `json:"cores"`
	Low         float64 `json:"low"`
	High        float64 `json:"high"`
	ShareOfHost float64 `json:"share_of_host"`
	// USD a month, at the price that the report names.
	Price float64 `json:"usd_per_month"`
}

func wasteOf(i Interval) Waste { return Waste{Cores: i.Value, Low: i.Low, High: i.High} }

// Prediction is what the host will look like after the fix, at the same load.
type Prediction struct {
	Before float64 `json:"host_busy_before"`
	After  float64 `json:"host_busy_after"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Location is where the waste starts in the service's own code. Path is the
// chain of own functions to it, nearest first.
type Location struct {
	Function string   `json:"function"`
	File     string   `json:"file"`
	Line     int64    `json:"line"`
	Path     []string `json:"path,omitempty"`
}

// Evidence is one observed figure. Limit is what it was held against, null
// where there is no limit.
type Evidence struct {
	What   string   `json:"what"`
	Value  float64  `json:"value"`
	Unit   string   `json:"unit"`
	Limit  *float64 `json:"limit"`
	Source string   `json:"source"`
}

// A Lever is a thing that people reach for in an incident.
type Lever struct {
	Lever string `json:"lever"`
	Helps string `json:"helps"` // "yes", "no" or "unknown"
	Why   string `json:"why"`
}

// RuleStatus says what one rule did: "found", "clean", "skipped" or "failed".
type RuleStatus struct {
	Rule   string `json:"rule"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// ReportGap is a signal that could not be had.
type ReportGap struct {
	Signal string `json:"signal"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// ReportFact is something that was found out about the target, and how.
type ReportFact struct {
	What string `json:"what"`
	Is   string `json:"is"`
	How  string `json:"how"`
}

// ReportQueue is one queue over the window. Rates are known of JetStream only and
// 0 elsewhere.
type ReportQueue struct {
	Name        string  `json:"name"`
	System      string  `json:"system"` // "jetstream" or "redis"
	Type        string  `json:"type"`   // of a Redis key: "list", "stream", "zset" …; else ""
	Depth       float64 `json:"depth"`
	Growth      float64 `json:"growth_per_second"`
	In          float64 `json:"in_per_second"` // published to the stream
	Delivered   float64 `json:"delivered_per_second"`
	Redelivered float64 `json:"redelivered_per_second"`
	Acked       float64 `json:"acked_per_second"`
	// AckPending is messages delivered and not yet acknowledged, of MaxAckPending
	// that may be; 0 or less is no limit.
	AckPending    int `json:"ack_pending"`
	MaxAckPending int `json:"max_ack_pending"`
	// Consumers is how many the stream has; for Redis the clients that wait in a
	// blocking command, on whatever key of the server.
	Consumers    int `json:"consumers"`
	WaitingPulls int `json:"waiting_pulls"` // pull requests that wait for a message
}

func reportQueue(q *Queue) ReportQueue {
	return ReportQueue{
		Name: q.Name, System: q.System, Type: q.Type, Depth: q.Last, Growth: q.Growth,
		In: q.In, Delivered: q.Delivered, Redelivered: q.Redelivered, Acked: q.Acked,
		AckPending: q.AckPending, MaxAckPending: q.MaxPending, Consumers: q.Consumers, WaitingPulls: q.Waiting,
	}
}

// ReportSelf is what observing cost.
type ReportSelf struct {
	Cores          float64 `json:"cores"` // without calibration
	Calibration    float64 `json:"calibration_cpu_seconds"`
	TargetRequests int     `json:"target_requests"`
	BrokerRequests int     `json:"broker_requests"`
}

// Worst is the highest severity among the findings and their kin.
func (r *Report) Worst() Severity { return worst(r.Findings) }

func worst(list []Finding) Severity {
	w := SeverityNone
	for i := range list {
		w = max(w, list[i].Severity, worst(list[i].Kin))
	}
	return w
}

// newReport fills in all but findings and rules.
func newReport(f *Facts) *Report {
	c := f.Capture
	r := &Report{
		Schema: ReportSchema, have: f.have,
		Target: ReportTarget{Name: c.Target.Name, PID: c.Target.PID, URL: c.Target.URL},
		Window: ReportWindow{c.Window.Start.UTC(), c.Window.End.UTC(), c.Window.Duration().Seconds()},
		Host:   reportHost(f),
		Ledger: f.Ledger,
		Levers: []Lever{}, Findings: []Finding{}, Rules: []RuleStatus{},
		Gaps: []ReportGap{}, Discovery: []ReportFact{}, Queues: []ReportQueue{},
		Cost: ReportSelf{
			Cores:          selfCores(c),
			Calibration:    c.Self.Calibration,
			TargetRequests: c.Self.TargetRequests,
			BrokerRequests: c.Self.BrokerRequests,
		},
	}
	if d := f.Done; d != nil {
		r.Done = &ReportDone{What: d.What, Source: d.Source, PerSecond: d.PerSecond.Value, Low: d.PerSecond.Low, High: d.PerSecond.High,
			TargetCPU: 1000 * f.treeCores() / d.PerSecond.Value}
		if f.Host != nil {
			r.Done.HostCPU = 1000 * f.Host.Cores(f.Host.Busy()) / d.PerSecond.Value
		}
	}
	if b := f.Build; b != nil {
		r.Target.GoVersion, r.Target.Module = b.GoVersion, b.Main
	}
	for _, g := range f.Gaps {
		r.Gaps = append(r.Gaps, ReportGap(g))
	}
	for _, d := range c.Discoveries {
		r.Discovery = append(r.Discovery, ReportFact(d))
	}
	for _, q := range f.Queues {
		r.Queues = append(r.Queues, reportQueue(q))
	}
	return r
}

func reportHost(f *Facts) ReportHost {
	h := ReportHost{Verdict: f.Verdict.Word, Sentence: f.Verdict.Sentence, Brief: f.Verdict.Brief, TargetCores: f.TargetCores, TreeCores: f.treeCores()}
	if f.Host != nil {
		h.Known, h.Cores = true, f.Host.CPUs
		h.User, h.System = f.Host.User, f.Host.System+f.Host.IRQ
		h.IOWait, h.Steal, h.Idle = f.Host.IOWait, f.Host.Steal, f.Host.Idle
	}
	return h
}

// selfCores is what busywork used of a core, calibration left out: that is
// 50 ms once, whatever the length of the window.
func selfCores(c *profile.Capture) float64 {
	span := max(1, c.Window.Duration().Seconds()) // where nothing could be observed it ends at once, and has no rate
	return max(0, c.Self.CPU-c.Self.Calibration) / span
}

// CorePrice is what a core costs an hour in USD where the user does not say: the
// list price of a core-hour that others calculate with. It is an assumption, and
// every report names it.
const CorePrice = 0.0425

// hoursPerMonth is a year's hours by twelve.
const hoursPerMonth = 730

// finish grades a finding, prices it and predicts from it.
func (f *Finding) finish(rule *Rule, facts *Facts, price float64) {
	f.Rule = rule.Name
	cpus := facts.cpus()
	f.Waste.ShareOfHost = f.Waste.Cores / cpus
	f.Waste.Price = f.Waste.Cores * price * hoursPerMonth
	f.Severity = severityOf(f.Waste.ShareOfHost, f.Confidence)
	if f.grade != SeverityNone && f.Confidence != Suspected {
		f.Severity = f.grade
	}
	if f.severe != SeverityNone {
		f.Severity = min(f.Severity, f.severe)
	}
	if facts.Host != nil && f.Prediction == nil {
		f.Prediction = predict(facts.Host, Interval{f.Waste.Cores, f.Waste.Low, f.Waste.High})
	}
	if f.Evidence == nil {
		f.Evidence = []Evidence{}
	}
	if f.RefutedBy == nil {
		f.RefutedBy = []string{}
	}
}

// savingError is how far a saving may be from the waste that is removed, as a
// fraction of it. On hyperthreads and shared caches what remains gets cheaper
// or dearer when less runs beside it: in eleven pairs of runs, waste and fixed,
// the saving was 0.75 to 1.13 times the waste.
const savingError = 0.3

// predict is the host without the waste. A saturated host may use what is
// freed for more work; the prediction is for the same work.
func predict(h *Host, waste Interval) *Prediction {
	after := waste.within(savingError).Times(1 / float64(h.CPUs)).subtractedFrom(h.Busy())
	return &Prediction{
		Before: h.Busy(),
		After:  math.Max(0, after.Value),
		Low:    math.Max(0, after.Low),
		High:   math.Max(0, after.High),
	}
}

// order puts most waste first; what is only suspected comes after what is not.
func order(list []Finding) {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		if s := a.Confidence == Suspected; s != (b.Confidence == Suspected) {
			return !s
		}
		if a.Waste.Cores != b.Waste.Cores {
			return a.Waste.Cores > b.Waste.Cores
		}
		return a.Rule+a.Subject < b.Rule+b.Subject
	})
}

// finite keeps NaN and infinities, which JSON does not have, out of reports.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// limit is a pointer to a limit's value, for Evidence.
func limit(v float64) *float64 { return &v }
