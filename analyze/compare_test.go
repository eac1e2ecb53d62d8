package analyze

import (
	"math"
	"strings"
	"testing"
	"time"
)

// side is a report in figures: jobs a second, cores of the target, busy fraction
// of two CPUs.
func side(jobs, cores, busy float64, findings ...Finding) *Report {
	r := &Report{
		Target: ReportTarget{Name: "svc"}, Window: ReportWindow{Start: epoch, End: epoch.Add(10 * time.Second), Seconds: 10},
		Host: ReportHost{Known: true, Cores: 2, User: busy, Idle: 1 - busy, TargetCores: cores}, Findings: findings,
		Rules: []RuleStatus{{Rule: "a", Status: "clean", Reason: "nothing"}, {Rule: "b", Status: "clean"}},
	}
	for _, f := range findings {
		for i := range r.Rules {
			if r.Rules[i].Rule == f.Rule {
				r.Rules[i] = RuleStatus{Rule: f.Rule, Status: "found"}
			}
		}
	}
	if jobs > 0 {
		n := count(jobs * 10).Times(0.1)
		r.Done = &ReportDone{What: "jobs completed", PerSecond: n.Value, Low: n.Low, High: n.High, TargetCPU: 1000 * cores / jobs, HostCPU: 2000 * busy / jobs}
	}
	return r
}

// wasting is a finding of 0.6 cores of two, with what it predicts at 80 % busy.
func wasting(rule string) Finding {
	return Finding{Rule: rule, Subject: "x", Confidence: Measured, Severity: SeverityHigh, Waste: Waste{Cores: 0.6, Low: 0.55, High: 0.65},
		Prediction: &Prediction{Before: 0.8, After: 0.5, Low: 0.45, High: 0.55}}
}

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		name          string
		before, after *Report
		verdict       string
		cost          float64 // target's CPU a job, after ÷ before; 0 if not comparable
		prediction    string
	}{
		{"fixed, at the same load", side(100, 1, 0.8, wasting("a")), side(100, 0.4, 0.5), "a gone; a job costs 40 % of the CPU that it did; the prediction came true", 0.4, "came true"},
		{"fixed, at twice the load", side(100, 1, 0.8, wasting("a")), side(200, 0.8, 1.0), "a gone; a job costs 40 % of the CPU that it did; the prediction came true", 0.4, "came true"},
		{"saves less", side(100, 1, 0.8, wasting("a")), side(100, 0.9, 0.75), "a gone; a job costs 90 % of the CPU that it did; the prediction overstated the saving", 0.9, "overstated the saving"},
		{"saves more", side(100, 1, 0.8, wasting("a")), side(100, 0.1, 0.2), "a gone; a job costs 10 % of the CPU that it did; the prediction understated the saving", 0.1, "understated the saving"},
		{"less work is no less waste", side(100, 1, 0.8, wasting("a")), side(50, 0.5, 0.4, wasting("a")), "a still there; a job costs the same CPU", 1, ""},
		{"another in its place", side(100, 1, 0.8, wasting("a")), side(100, 1, 0.8, wasting("b")), "a gone; b new; a job costs the same CPU; the prediction overstated the saving", 1, "overstated the saving"},
		{"nobody counts", side(0, 1, 0.8, wasting("a")), side(0, 0.4, 0.5), "a gone; the prediction came true", 0, "came true"},
		{"nothing", side(100, 1, 0.8), side(100, 1, 0.8), "nothing found before or after; a job costs the same CPU", 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := Compare(test.before, test.after)
			if c.Verdict != test.verdict {
				t.Errorf("verdict is %q, want %q", c.Verdict, test.verdict)
			}
			if test.cost == 0 {
				if c.Cost != nil || len(c.Caveats) == 0 {
					t.Errorf("cost is %+v with caveats %q, but nobody counts jobs", c.Cost, c.Caveats)
				}
			} else if c.Cost == nil || math.Abs(c.Cost.Target.Value-test.cost) > 0.001 || c.Cost.Target.Low >= c.Cost.Target.Value {
				t.Errorf("cost is %+v, want %.2f and an interval around it", c.Cost, test.cost)
			}
			switch p := c.Prediction; {
			case p == nil && test.prediction == "":
			case p == nil || p.Verdict != test.prediction:
				t.Errorf("prediction is %+v, want %q", p, test.prediction)
			}
		})
	}
}

// TestCompareSkipped: what nobody looked for has not gone.
func TestCompareSkipped(t *testing.T) {
	after := side(100, 0.4, 0.5)
	after.Rules[0] = RuleStatus{Rule: "a", Status: "skipped", Reason: "needs counters"}
	c := Compare(side(100, 1, 0.8, wasting("a")), after)
	if len(c.Went) != 0 || len(c.Unseen) != 1 || !strings.Contains(c.Unseen[0].Reason, "needs counters") || c.Prediction != nil {
		t.Errorf("went %v, unseen %v, prediction %v; want it unseen, and nothing claimed", c.Went, c.Unseen, c.Prediction)
	}
}

// TestCompareKin: what stands beneath a finding goes with it and is not counted
// twice.
func TestCompareKin(t *testing.T) {
	head := wasting("a")
	head.Kin = []Finding{wasting("b")}
	c := Compare(side(100, 1, 0.8, head), side(100, 0.4, 0.5))
	if len(c.Went) != 2 || c.Prediction == nil || c.Prediction.Predicted.Value != 0.5 {
		t.Errorf("went %+v with %+v, want both, and the saving of one", c.Went, c.Prediction)
	}
}
