package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"

	"busywork/analyze"
	"busywork/analyze/report"
)

// mostResults is what GitHub shows of one upload.
const mostResults = 5000

// SARIF writes the result for code scanning: a result for each regression, with a
// suppression where it is accepted, and one for each rule that finds a cause of
// it. What could not be judged and the caveats are notifications of the run, not
// alerts: nobody can fix them in the source.
func SARIF(w io.Writer, r *Result) error {
	s := &sarifWriter{r: r, index: map[string]int{}}
	titles := r.titles()
	for i := range r.Rows {
		switch row := &r.Rows[i]; row.Verdict {
		case Slower:
			s.regression(row, titles[i])
		case Inconclusive:
			s.notify("warning", titles[i]+" could not be judged: "+row.Why)
		}
	}
	for _, c := range r.Caveats {
		s.notify("note", c)
	}
	if more := len(s.run.Results) - mostResults; more > 0 {
		s.run.Results = s.run.Results[:mostResults]
		s.notify("warning", fmt.Sprintf("%d more results are left out here; the JSON has them", more))
	}
	return writeJSON(w, s.log())
}

type sarifWriter struct {
	r     *Result
	run   sarifRun
	index map[string]int // of a rule, by its id
}

func (s *sarifWriter) log() sarifLog {
	s.run.Tool.Driver.Name = "busywork"
	if s.run.Tool.Driver.Rules == nil {
		s.run.Tool.Driver.Rules = []sarifRule{}
	}
	if s.run.Results == nil {
		s.run.Results = []sarifResult{}
	}
	// A category of its own, so that two gates of one commit do not replace each other.
	s.run.Automation.ID = "busywork/gate/" + s.r.Gate + "/"
	s.run.Invocations[0].Successful = s.r.Problem == ""
	return sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{s.run},
	}
}

func (s *sarifWriter) notify(level, text string) {
	n := &s.run.Invocations[0].Notifications
	*n = append(*n, sarifNotification{Level: level, Message: sarifText{text}})
}

// regression is a result for the row and one for each rule that explains it.
func (s *sarifWriter) regression(row *Row, title string) {
	id, what := ruleOf(s.r.Gate, row.Metric)
	s.add(row, id, what, row.headline(title), row.File, row.Line, "")
	for _, c := range row.Causes {
		if c.Rule == "" {
			continue
		}
		what := c.Rule
		if rule := analyze.FindRule(c.Rule); rule != nil {
			what = rule.Title
		}
		text := c.Why
		if text == "" {
			text = causeSentence(&c)
		}
		s.add(row, c.Rule, what, text+" (part of the regression of "+title+")", c.File, c.Line, c.Function)
	}
}

// add adds a result. Its fingerprint leaves out figures and lines, which change
// from run to run: the same regression stays the same alert.
func (s *sarifWriter) add(row *Row, id, what, text, file string, line int64, function string) {
	at, ok := s.index[id]
	if !ok {
		at = len(s.run.Tool.Driver.Rules)
		s.index[id] = at
		s.run.Tool.Driver.Rules = append(s.run.Tool.Driver.Rules, sarifRule{ID: id, Short: sarifText{report.Capital(what)}})
	}
	if function == "" {
		function = strings.TrimPrefix(row.Package+"."+row.Name, ".")
	}
	result := sarifResult{
		RuleID: id, RuleIndex: at, Level: "error", Message: sarifText{text},
		Locations:    []sarifLocation{{Logical: []sarifLogical{{Name: function, Kind: "function"}}}},
		Fingerprints: map[string]string{"busywork/v1": fingerprint(s.r.Gate, row.Package, row.Name, row.Metric, id, function)},
	}
	if file := local(file); file != "" {
		p := &sarifPhysical{Artifact: sarifArtifact{URI: (&url.URL{Path: file}).String(), Base: "%SRCROOT%"}}
		if line > 0 {
			p.Region = &sarifRegion{StartLine: line}
		}
		result.Locations[0].Physical = p
	}
	if row.forgiven() {
		result.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted", Why: row.acceptance()}}
	}
	s.run.Results = append(s.run.Results, result)
}

// ruleOf is the rule that a row of a metric belongs to.
func ruleOf(gate, metric string) (id, what string) {
	switch metric {
	case "cpu", "time":
		return "gate/slower", "an operation takes more " + map[string]string{"cpu": "CPU", "time": "time"}[metric]
	case "allocs":
		return "gate/allocs", "an operation allocates more often"
	case "bytes":
		return "gate/bytes", "an operation allocates more"
	case exponentMetric:
		return "gate/growth", "the cost of an operation grows faster with the size"
	case "instructions":
		return "gate/instructions", "an operation takes more instructions"
	}
	if gate == "budget" {
		return "gate/budget", "a job costs more than its budget"
	}
	return "gate/worse", "a figure got worse"
}

// fingerprint is a stable, short name for what has these properties.
func fingerprint(of ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// The part of SARIF 2.1.0 that a gate needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver struct {
				Name  string      `json:"name"`
				Rules []sarifRule `json:"rules"`
			} `json:"driver"`
		} `json:"tool"`
		Automation struct {
			ID string `json:"id"`
		} `json:"automationDetails"`
		Invocations [1]struct {
			Successful    bool                `json:"executionSuccessful"`
			Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
		} `json:"invocations"`
		Results []sarifResult `json:"results"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId"`
	}
	sarifRegion struct {
		StartLine int64 `json:"startLine"`
	}
	sarifSuppression struct {
		Kind   string `json:"kind"`
		Status string `json:"status"`
		Why    string `json:"justification"`
	}
)
