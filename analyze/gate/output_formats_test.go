package gate

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"busywork/analyze"
	"busywork/analyze/gate/blame"
)

func compile(t *testing.T, schema string) *jsonschema.Schema {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func validate(t *testing.T, s *jsonschema.Schema, doc string) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(value); err != nil {
		t.Error(err)
	}
}

func empty() *Result {
	r := &Result{Gate: "run"}
	r.Settle()
	return r
}

func TestJSONMatchesItsSchema(t *testing.T) {
	s := compile(t, Schema)
	for _, r := range []*Result{mixed(), hostile(), budgeted(), exponentRows(), empty()} {
		validate(t, s, written(t, JSON, r))
	}
	bad, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(written(t, JSON, mixed()), `"slower"`, `"slow"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Validate(bad) == nil {
		t.Error("the schema takes a verdict that there is not")
	}
}

// Those who generate code from the schema see every member there is, and none
// that there is not.
func TestSchemaNamesEveryMember(t *testing.T) {
	type object struct {
		Properties map[string]any    `json:"properties"`
		Defs       map[string]object `json:"$defs"`
	}
	var schema object
	if err := json.Unmarshal([]byte(Schema), &schema); err != nil {
		t.Fatal(err)
	}
	for name, typ := range map[string]reflect.Type{
		"": reflect.TypeFor[Result](), "row": reflect.TypeFor[Row](), "cause": reflect.TypeFor[blame.Cause](),
		"acceptance": reflect.TypeFor[Acceptance](), "interval": reflect.TypeFor[analyze.Interval](),
	} {
		of := schema
		if name != "" {
			of = schema.Defs[name]
		}
		var want, got []string
		for f := range typ.NumField() {
			member, _, _ := strings.Cut(typ.Field(f).Tag.Get("json"), ",")
			want = append(want, member)
		}
		for member := range of.Properties {
			got = append(got, member)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", typ, diff)
		}
	}
}

// The JSON says all that the result says.
func TestJSONReadsBack(t *testing.T) {
	want := mixed()
	var got Result
	if err := json.Unmarshal([]byte(written(t, JSON, want)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Error(diff)
	}
}

func TestJUnitIsXML(t *testing.T) {
	for _, c := range []struct {
		r                          *Result
		tests, failures, unsettled int
	}{{mixed(), 6, 1, 1}, {hostile(), 6, 2, 1}, {empty(), 0, 0, 0}, {many(40), 40, 20, 20}} {
		out := written(t, JUnit, c.r)
		var got junit.Testsuites
		if err := xml.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if got.Tests != c.tests || got.Failures != c.failures || got.Skipped != c.unsettled || len(got.Suites) == 0 {
			t.Errorf("%d tests, %d failures, %d skipped; want %+v", got.Tests, got.Failures, got.Skipped, c)
		}
		for _, s := range got.Suites {
			for i, tc := range s.Testcases {
				if tc.Failure != nil && tc.Failure.Data == "" {
					t.Errorf("case %d says not why it failed", i)
				}
			}
		}
	}
}

func TestSARIFMatchesTheStandard(t *testing.T) {
	standard, err := os.ReadFile(filepath.Join("testdata", "sarif-2.1.0.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := compile(t, string(standard))
	for _, r := range []*Result{mixed(), hostile(), budgeted(), empty(), many(40)} {
		validate(t, s, written(t, SARIF, r))
	}
}

func readSARIF(t *testing.T, r *Result) sarifRun {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(written(t, SARIF, r)), &log); err != nil {
		t.Fatal(err)
	}
	return log.Runs[0]
}

func TestSARIFResults(t *testing.T) {
	run := readSARIF(t, mixed())
	var got []string
	for _, r := range run.Results {
		got = append(got, r.RuleID)
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("%s has the index of %s", r.RuleID, run.Tool.Driver.Rules[r.RuleIndex].ID)
		}
		if accepted := r.RuleID == "gate/allocs"; accepted != (len(r.Suppressions) == 1) {
			t.Errorf("%s has %d suppressions", r.RuleID, len(r.Suppressions))
		}
	}
	if diff := cmp.Diff([]string{"gate/slower", "linear-queue-scan", "gate/allocs"}, got); diff != "" {
		t.Error(diff)
	}
	if n := len(run.Invocations[0].Notifications); n != 2 {
		t.Errorf("%d notifications, want what was not judged and the caveat", n)
	}
}

// The same regression is the same alert, whatever its figures and wherever it
// moves in its file; two are two.
func TestSARIFFingerprints(t *testing.T) {
	moved := mixed()
	moved.Rows[0].Line, moved.Rows[0].Why, moved.Rows[0].Effect.Value = 99, "because", 0.3
	a, b := readSARIF(t, mixed()), readSARIF(t, moved)
	seen := map[string]bool{}
	for i := range a.Results {
		f := a.Results[i].Fingerprints["busywork/v1"]
		if f == "" || f != b.Results[i].Fingerprints["busywork/v1"] {
			t.Errorf("fingerprint %q becomes %q", f, b.Results[i].Fingerprints["busywork/v1"])
		}
		if seen[f] {
			t.Errorf("fingerprint %s twice", f)
		}
		seen[f] = true
	}
}

func TestSARIFIsBounded(t *testing.T) {
	run := readSARIF(t, many(12_000))
	if len(run.Results) != mostResults {
		t.Errorf("%d results, want %d", len(run.Results), mostResults)
	}
	if n := run.Invocations[0].Notifications; !strings.HasPrefix(n[len(n)-1].Message.Text, "1000 more results") {
		t.Errorf("the last notification is %q", n[len(n)-1].Message.Text)
	}
}

func TestGitLab(t *testing.T) {
	var list []struct {
		Description string
		CheckName   string `json:"check_name"`
		Fingerprint string
		Severity    string
		Location    struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal([]byte(written(t, GitLab, mixed())), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].CheckName != "gate/slower" || list[0].Location.Path != "queue/delayed.go" || list[0].Location.Lines.Begin != 41 || list[0].Fingerprint == "" {
		t.Errorf("got %+v", list)
	}
	if out := written(t, GitLab, empty()); out != "[]\n" {
		t.Errorf("nothing is %q", out)
	}
}
