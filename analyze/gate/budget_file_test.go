package gate

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"busywork/analyze"
	"busywork/profile"
)

const wholeBudget = `# what a job may cost
per_job:
  cpu_ms: 4.0
  host_cpu_ms: 6
  allocations: 0x200 # 512
  forks: 0
findings:
  none_of:
    - refused-work
    - linear-queue-scan
  none_at_or_above: high
`

func TestReadBudget(t *testing.T) {
	b, err := ReadBudget("budget.yaml", []byte(wholeBudget))
	want := &Budget{
		PerJob:   []Allowance{{"cpu_ms", 4}, {"host_cpu_ms", 6}, {"allocations", 512}, {"forks", 0}},
		NoneOf:   []string{"refused-work", "linear-queue-scan"},
		NoneFrom: analyze.SeverityHigh,
	}
	if err != nil || !reflect.DeepEqual(b, want) {
		t.Errorf("read %+v, %v; want %+v", b, err, want)
	}
	if b, err := ReadBudget("budget.yaml", []byte("{per_job: {forks: 0.5}}")); err != nil || b.PerJob[0].Most != 0.5 {
		t.Errorf("in braces: %+v, %v", b, err)
	}
}

func TestReadBudgetErrors(t *testing.T) {
	for _, test := range []struct{ name, file, says string }{
		{"a key misspelt", "per_job:\n  cpu: 4\n", `budget.yaml, line 2: no key "cpu" in per_job; there are cpu_ms, host_cpu_ms, allocations, forks, sql_statements, redis_commands, connections, redeliveries`},
		{"a section misspelt", "per-job:\n  cpu_ms: 4\n", `budget.yaml, line 1: no key "per-job" in the budget; there are per_job, findings`},
		{"a demand misspelt", "findings:\n  none: [x]\n", `budget.yaml, line 2: no key "none" in findings; there are none_of, none_at_or_above`},
		{"a key twice", "per_job:\n  forks: 1\n  forks: 2\n", "line 3: "},
		{"a word for a number", "per_job:\n  cpu_ms: four\n", `budget.yaml, line 2: cpu_ms is not a number from 0 on: "four"`},
		{"a comma for a point", "per_job:\n\n  cpu_ms: 4,0\n", `budget.yaml, line 3: cpu_ms is not a number`},
		{"a text", "per_job:\n  cpu_ms: '4'\n", "line 2: cpu_ms is not a number"},
		{"nothing", "per_job:\n  cpu_ms:\n", "line 2: cpu_ms is not a number"},
		{"less than nothing", "per_job:\n  cpu_ms: -1\n", "line 2: cpu_ms is not a number from 0 on"},
		{"no end", "per_job:\n  cpu_ms: .inf\n", "line 2: cpu_ms is not a number"},
		{"not a number", "per_job:\n  cpu_ms: .nan\n", "line 2: cpu_ms is not a number"},
		{"too large for one", "per_job:\n  cpu_ms: 1" + strings.Repeat("0", 400) + "\n", "line 2: cpu_ms is not a number"},
		{"a list of numbers", "per_job:\n  cpu_ms: [4]\n", "line 2: cpu_ms is not a number"},
		{"a list of costs", "per_job: [cpu_ms]\n", "line 1: per_job must be keys with values"},
		{"an alias", "per_job: &a\n  cpu_ms: 4\nfindings: *a\n", "line 1: per_job must be keys"},
		{"a merge", "per_job:\n  <<: {cpu_ms: 4}\n", "line 2: a key of per_job must be a plain word"},
		{"no such rule", "findings:\n  none_of: [refusedwork]\n", `budget.yaml, line 2: no rule "refusedwork"; busywork rules lists them`},
		{"a rule nearly", "findings:\n  none_of:\n    - linear-scan\n", `budget.yaml, line 3: no rule "linear-scan" (linear-queue-scan?)`},
		{"a rule twice", "findings:\n  none_of: [swap, swap]\n", "line 2: rule swap stands there twice"},
		{"one rule alone", "findings:\n  none_of: swap\n", "line 2: none_of must be a list"},
		{"no severity", "findings:\n  none_at_or_above: none\n", "line 2: none_at_or_above is not a severity"},
		{"not YAML", "per_job: [1\n", "line 1: "},
		{"two documents", "per_job: {forks: 1}\n---\nper_job: {forks: 2}\n", "2 YAML documents"},
		{"empty", "", "budget.yaml demands nothing"},
		{"comments alone", "# nothing\n", "budget.yaml demands nothing"},
		{"a word", "hello", "line 1: the budget must be keys with values"},
		{"an empty section", "per_job: {}\n", "budget.yaml demands nothing"},
		{"control characters", "per_job:\n  \"c\x1b[31mpu\": 4\n", "line 2: no key"},
		{"too long", "# " + strings.Repeat("x", maxBudget), "at most 16384 are read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, err := ReadBudget("budget.yaml", []byte(test.file))
			if err == nil {
				t.Fatalf("it was read: %+v", b)
			}
			if !strings.Contains(err.Error(), test.says) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("the error is %q, want %q", err, test.says)
			}
			if _, ok := errors.AsType[*profile.Unavailable](err); !ok {
				t.Errorf("the error is a %T", err)
			}
		})
	}
}

// FuzzReadBudget: whatever is read is a budget that can be held against a capture.
func FuzzReadBudget(f *testing.F) {
	f.Add([]byte(wholeBudget))
	f.Add([]byte("per_job: {cpu_ms: 1}"))
	f.Add([]byte(strings.Repeat("[", 2000)))
	f.Add([]byte("a: &a [*a, *a]\n? b\n: - c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ReadBudget("budget.yaml", data)
		if err != nil {
			if profile.Clean(err.Error()) != err.Error() {
				t.Errorf("the error is %q", err)
			}
			return
		}
		for _, a := range b.PerJob {
			if !(a.Most >= 0) || math.IsInf(a.Most, 0) {
				t.Errorf("%+v was read", a)
			}
		}
		if _, err := Check(new(profile.Capture), b, analyze.Options{}); err != nil {
			t.Error(err)
		}
	})
}
