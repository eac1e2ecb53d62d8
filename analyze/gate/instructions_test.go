package gate

import (
	"errors"
	"math"
	"strings"
	"testing"

	"busywork/analyze/gate/bench"
	"busywork/fixtures/gating/seeded"
)

func TestInstructionsWithoutTime(t *testing.T) {
	if _, err := bench.FindValgrind(); err != nil {
		t.Skip(err) // where it must not be missing, the tests of package bench fail
	}
	repo, err := seeded.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.DoMore(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	got, err := Instructions(t.Context(), InstructionOptions{
		Options: bench.Options{Dir: repo.Dir, Base: seeded.Base, Pattern: "^BenchmarkDigest$"}, MaxTime: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Outcome != Unsure || len(got.Rows) != 1 || !strings.Contains(got.Rows[0].Why, "the time was over") {
		t.Errorf("without time: %+v", got)
	}
}

func TestInstructionsThreshold(t *testing.T) {
	for _, threshold := range []float64{-0.01, 11, math.NaN()} {
		_, err := Instructions(t.Context(), InstructionOptions{Threshold: threshold})
		if e, ok := errors.AsType[*bench.Error](err); !ok || e.Problem != bench.BadOption {
			t.Errorf("%v: %v", threshold, err)
		}
	}
}

func TestJudgeInstructions(t *testing.T) {
	steady := []float64{10_000, 10_001, 10_003}
	times := func(f float64) []float64 {
		var list []float64
		for _, v := range steady {
			list = append(list, v*f)
		}
		return list
	}
	for _, c := range []struct {
		what       string
		base, head []float64
		want       Verdict
	}{
		{"nothing changed", steady, steady, Same},
		{"half of the threshold", steady, times(1.005), Same},
		{"just below the threshold", steady, times(1.009), Inconclusive},
		{"just over it", steady, times(1.011), Slower},
		{"much more", steady, times(3), Slower},
		{"much less", steady, times(1.0 / 3), Faster},
		{"just less", steady, times(1 / 1.011), Faster},
		{"counts that vary by more than they change", []float64{10_000, 10_400, 10_900}, []float64{10_300, 10_600, 11_000}, Inconclusive},
		{"counts that vary by much less than they change", []float64{10_000, 10_400, 10_900}, []float64{20_300, 20_600, 21_000}, Slower},
		{"nothing is done", []float64{0, 0, 0}, steady, Inconclusive},
		{"less than nothing", steady, []float64{-3, 1, 2}, Inconclusive},
		{"nothing was counted", nil, nil, Inconclusive},
	} {
		var row Row
		row.Verdict = Inconclusive
		judgeInstructions(&row, c.base, c.head, DefaultInstructionThreshold)
		if row.Verdict != c.want || row.Why == "" {
			t.Errorf("%s: %s, want %s; %s", c.what, row.Verdict, c.want, row.Why)
		}
		if e := row.Effect; e != nil && !(e.Low <= e.Value && e.Value <= e.High) {
			t.Errorf("%s: the effect is %+v", c.what, *e)
		}
	}
}
