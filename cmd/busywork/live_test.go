package main

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"busywork/analyze"
	"busywork/analyze/report"
	"busywork/fixtures/lab"
	"busywork/profile"
)

// TestIncidentA goes the whole way on the live incident, from the embedded
// broker to the report: the waste is found, first and measured, and what was
// recorded of it says the same to the last byte.
func TestIncidentA(t *testing.T) {
	if testing.Short() {
		t.Skip("brings the incident up")
	}
	scenario, err := lab.Find("dispatch")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "capture")
	c, _, err := scenario.Watch(context.Background(), lab.Options{Load: lab.SigningLoad()},
		profile.Options{Window: 6 * time.Second, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	live := analyze.Analyze(c, analyze.Options{})
	if len(live.Findings) == 0 || live.Findings[0].Rule != "refused-work" || live.Findings[0].Confidence != analyze.Measured {
		t.Fatalf("findings: %+v, rules: %+v, gaps: %+v", live.Findings, live.Rules, live.Gaps)
	}
	loaded, err := profile.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer
	if err := report.JSON(&a, live); err != nil {
		t.Fatal(err)
	}
	if err := report.JSON(&b, analyze.Analyze(loaded, analyze.Options{})); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("live:\n%s\nreplayed:\n%s", a.Bytes(), b.Bytes())
	}
}
