package analyze

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"busywork/profile"
)

func TestSignalsWithout(t *testing.T) {
	need := Signals{All: SignalCPU | SignalHost, Any: SignalRedis | SignalPostgres}
	for _, c := range []struct {
		have Signal
		want Signals
		text string
	}{
		{0, need, "cpu-profile, host, and redis or postgres"},
		{SignalCPU, Signals{SignalHost, need.Any}, "host, and redis or postgres"},
		{SignalCPU | SignalHost, Signals{0, need.Any}, "redis or postgres"},
		{SignalRedis, Signals{All: need.All}, "cpu-profile, host"},
		{SignalCPU | SignalHost | SignalPostgres, Signals{}, ""},
	} {
		if got := need.without(c.have); got != c.want {
			t.Errorf("without %b: %+v, want %+v", c.have, got, c.want)
		}
		if got := need.missing(c.have); got != c.text {
			t.Errorf("with %b: %q is missing, want %q", c.have, got, c.text)
		}
	}
}

// What was not seen has the report's reason where there is one, and else how to
// ask for it; what was seen in part is told, too.
func TestReportUnseen(t *testing.T) {
	r := &Report{have: SignalCPU | SignalProcesses, Gaps: []ReportGap{
		{"processes", "only those of this container are visible", "run busywork on the host"},
		{"cgroup", "it is outside", "run busywork on the host"},
		{"sockets", "no rule asks for them by this name", ""},
	}}
	need := Signals{All: SignalCPU | SignalProcesses | SignalCgroup, Any: SignalPostgres}
	want := []ReportGap{r.Gaps[0], {"postgres", "not observed", "--postgres DSN"}, r.Gaps[1]}
	if diff := cmp.Diff(want, r.Unseen(need), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if got := r.Missing(need); got != (Signals{SignalCgroup, SignalPostgres}) {
		t.Errorf("%+v is missing", got)
	}
	if got := r.Unseen(Signals{All: SignalCPU}); got != nil {
		t.Errorf("%+v of what was seen", got)
	}
}

// A rule is skipped for what Missing says, in every recorded capture: a screen can
// tell how to get it.
func TestMissingIsWhySkipped(t *testing.T) {
	for _, name := range []string{"dispatch-waste", "beats-waste", "healthy-idle"} {
		c, err := profile.Load(filepath.Join(captureDir, name))
		if err != nil {
			t.Fatal(err)
		}
		r := Analyze(c, Options{})
		for _, s := range r.Rules {
			left := r.Missing(FindRule(s.Rule).Needs)
			if skipped := s.Status == "skipped"; skipped != (left != Signals{}) {
				t.Errorf("%s: %s is %s and misses %+v", name, s.Rule, s.Status, left)
			} else if skipped && (s.Reason != "needs "+left.String() || len(r.Unseen(left)) == 0) {
				t.Errorf("%s: %s %s, and %+v is unseen", name, s.Rule, s.Reason, r.Unseen(left))
			}
		}
	}
}
