package gate

import (
	"busywork/analyze"
	"busywork/analyze/gate/bench"
	"busywork/analyze/gate/blame"
)

// ResultSchema names the form of a Result as JSON.
const ResultSchema = "busywork.gate/1"

// A Result is what a gate has to say of a change. The same evidence always gives
// the same Result, whatever form it is then written in.
type Result struct {
	Schema  string   `json:"schema"`
	Gate    string   `json:"gate"`    // "run", "compare", "growth", "budget" or "instructions"
	Outcome Outcome  `json:"outcome"` // of the whole
	Base    string   `json:"base"`    // what is compared with: a commit, a file; "" for none
	Head    string   `json:"head"`    // what is judged
	Rows    []Row    `json:"rows"`    // regressions first, then by name
	Caveats []string `json:"caveats"` // what makes the comparison weaker than it looks
	// Problem is why it could not be judged, or not all that was asked for: the rows
	// then say what there is, and the command ends with 2 unless with a regression.
	Problem bench.Problem `json:"problem,omitempty"`
}

// Outcome is the verdict on the whole.
type Outcome string

const (
	// Pass: nothing got worse by more than is asked for, as far as could be told.
	Pass Outcome = "pass"
	// Unsure: nothing is known to have got worse, but something could not be
	// judged. It passes, with a warning, unless the user is strict.
	Unsure Outcome = "inconclusive"
	// Regression: something got worse, and nobody has accepted that.
	Regression Outcome = "regression"
)

// A Row is the verdict on one figure: CPU, allocs/op or B/op of a benchmark, the
// exponent of its growth, a budget.
type Row struct {
	Package string   `json:"package,omitempty"`
	Name    string   `json:"name"`   // "BenchmarkCancel/depth=10k"; of a budget, its key or rule
	Metric  string   `json:"metric"` // "cpu", "time" on the wall, "allocs", "bytes", "exponent", "instructions"; of a budget, its key or "findings"
	Unit    string   `json:"unit"`   // of Base, Head and Limit: "s/op", "allocs/op", "B/op", "1" …
	Verdict Verdict  `json:"verdict"`
	Base    *float64 `json:"base"` // null where there is none
	Head    *float64 `json:"head"`
	Limit   *float64 `json:"limit"`
	// HeadInterval is what Head may be, 95 %: of a growth's exponent, of what a job
	// costs. It is null for what needs a base to say anything.
	HeadInterval *analyze.Interval `json:"head_interval,omitempty"`
	// Effect is the relative change, 0.05 is +5 %, or for an exponent the change
	// itself, or for a budget how far Head is from Limit, with its interval; null
	// where it is not known.
	Effect *analyze.Interval `json:"effect"`
	// Threshold is the least Effect that is worth a verdict, in Effect's terms; 0
	// where any is.
	Threshold float64           `json:"threshold,omitempty"`
	Control   *analyze.Interval `json:"control"`        // the same of the A/A control
	P         float64           `json:"p,omitempty"`    // as corrected
	Runs      int               `json:"runs,omitempty"` // a side
	// Unchanged says that both sides are the same program, which was not run.
	Unchanged bool          `json:"unchanged,omitempty"`
	Why       string        `json:"why"`            // one sentence
	File      string        `json:"file,omitempty"` // relative to the repository: of the first cause, else of the benchmark
	Line      int64         `json:"line,omitempty"`
	Causes    []blame.Cause `json:"causes"`
	// Accepted is set where somebody has accepted the regression, and until when.
	Accepted *Acceptance `json:"accepted"`
}

// An Acceptance is a regression that somebody has accepted.
type Acceptance struct {
	Benchmark string `json:"benchmark"`
	Reason    string `json:"reason"`
	Until     string `json:"until"` // the last day, 2006-01-02
	Expired   bool   `json:"expired"`
}
