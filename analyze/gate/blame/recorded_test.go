package blame

import (
	"os"
	"path/filepath"
	"testing"

	"busywork/analyze"
)

// Services with a fault and without, recorded while they ran: profiles that no
// benchmark made, of services that share their scaffold and part in one function.
// How much more CPU a job takes in them is not known; it is taken for twice, and
// what is held to account is who is named, and for what.
func TestRecordedServices(t *testing.T) {
	const workshop = "busywork/fixtures/workshop."
	for capture, want := range map[string]struct {
		function string
		rule     *analyze.Rule
	}{
		"busy-poll":              {workshop + "spinForParcels", &analyze.BusyPoll},
		"channel-per-item":       {workshop + "foldBytes", &analyze.ChannelPerItem},
		"compile-per-call":       {workshop + "newLetter", &analyze.CompilePerCall},
		"copy-churn":             {workshop + "(*desk).enterFirst", &analyze.CopyChurn},
		"dispatch":               {"busywork/fixtures/dispatch.(*Dispatcher).signAccess", &analyze.RefusedWork},
		"gc-thrash":              {workshop + "quoteFromPrices", &analyze.GCThrash},
		"key-parse-per-job":      {workshop + "readKeyring", &analyze.KeyParsePerJob},
		"lock-contention":        {workshop + "(*stock).take", &analyze.LockContention},
		"log-churn":              {workshop + "weigh", &analyze.LogChurn},
		"observability-overhead": {workshop + "(*pieceMetrics).each", &analyze.ObservabilityOverhead},
		"serialisation-churn":    {workshop + "copyByJSON", &analyze.SerialisationChurn},
		"small-io":               {workshop + "writeLabels", &analyze.SmallIO},
		"timer-churn":            {workshop + "limitChecks", &analyze.TimerChurn},
	} {
		base, head := recordedProfile(t, capture+"-fixed"), recordedProfile(t, capture+"-waste")
		causes, why := CPU(Profiled{CPU: base}, Profiled{CPU: head}, change(1), "busywork")
		if len(causes) == 0 {
			t.Errorf("%s: nobody is named: %s", capture, why)
			continue
		}
		if c := causes[0]; c.Function != want.function || c.Rule != want.rule.Name {
			t.Errorf("%s: named is %s, of %s, want %s, of %s", capture, c.Function, c.Rule, want.function, want.rule.Name)
		}
	}
}

// recordedProfile is the CPU profile of a recorded capture.
func recordedProfile(t *testing.T, capture string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "fixtures", "captures", capture, "cpu-1.pb.gz"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
