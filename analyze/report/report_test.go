package report

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	pprof "github.com/google/pprof/profile"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"busywork/analyze"
	"busywork/profile"
)

// evil is what a hostile target calls things: terminal escapes old and new,
// clipboard writes, line tricks, right-to-left overrides, markup.
const evil = "x\x1b[31m\x1b]52;c;aGk=\a\u009b2J\r\n\u202e<script>alert(1)</script>[a](http://evil)|`_*\xff"

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// hostile is a capture in which every name that a target chooses is evil, and
// whose evidence makes each rule speak.
func hostile(t *testing.T) *profile.Capture {
	t.Helper()
	at := func(i int) time.Time { return epoch.Add(time.Duration(i) * time.Second) }
	c := &profile.Capture{
		Target:      profile.Target{Name: evil, URL: "http://" + evil, PID: 7, Local: true},
		Window:      profile.Window{Start: at(0), End: at(10)},
		Discoveries: []profile.Discovery{{What: evil, Is: evil, How: evil}},
		Gaps:        []profile.Gap{{Signal: evil, Reason: evil, Hint: evil}},
		Builds:      []profile.Build{{PID: 7, GoVersion: evil, Main: "m"}},
		Profiles:    []profile.CPUProfile{{Start: at(0), End: at(10), Source: evil, Data: hostileProfile(t)}},
		Identities: []profile.ProcessIdentity{
			{ProcessKey: profile.ProcessKey{PID: 7, Start: 1}, Name: evil},
			{ProcessKey: profile.ProcessKey{PID: 8, Start: 1}, Name: evil, Command: []string{"runsv", evil}},
		},
	}
	code := 1
	for i := range 11 {
		f := float64(i)
		c.Host = append(c.Host, profile.HostSample{At: at(i), CPU: profile.CPUTimes{User: f, Idle: f}, PerCPU: make([]profile.CPUTimes, 2)})
		c.Processes = append(c.Processes, profile.ProcessSample{At: at(i), Changed: []profile.Process{
			{ProcessKey: profile.ProcessKey{PID: 7, Start: 1}, User: f / 2},
			{ProcessKey: profile.ProcessKey{PID: 8, Start: 1}, ChildUser: f / 2},
		}})
		c.Births = append(c.Births, profile.Birth{At: at(i), ExitCode: &code, ProcessIdentity: profile.ProcessIdentity{
			ProcessKey: profile.ProcessKey{PID: 100 + i, Start: f}, PPID: 8, Name: evil, Command: []string{evil, evil}}})
		c.Counters = append(c.Counters, profile.CounterSample{At: at(i), Source: evil, Changed: []profile.Series{
			{Name: evil, Labels: map[string]string{evil: "refused"}, Type: "counter", Value: 100 * f},
			{Name: evil, Labels: map[string]string{evil: "accepted"}, Type: "counter", Value: 100 * f},
		}})
		c.Redis = append(c.Redis, profile.RedisSample{At: at(i), Server: evil,
			Keys:     []profile.RedisKey{{Key: evil, Type: "zset", Depth: int64(1000 + 100*i)}},
			Commands: map[string]profile.RedisCommand{"zrange": {Calls: uint64(10 * i), Micros: uint64(200000 * i)}}})
	}
	return c
}

func hostileProfile(t *testing.T) []byte {
	t.Helper()
	p := &pprof.Profile{
		SampleType: []*pprof.ValueType{{Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &pprof.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: 1e7, DurationNanos: 1e10,
	}
	sample := &pprof.Sample{Value: []int64{5e9}}
	for i, name := range []string{"crypto/rsa.SignPKCS1v15", "net/http.(*Client).Do", "m." + evil, "m.main" + evil, "runtime.main"} {
		f := &pprof.Function{ID: uint64(i + 1), Name: name, Filename: evil}
		l := &pprof.Location{ID: uint64(i + 1), Line: []pprof.Line{{Function: f, Line: 1}}}
		p.Function, p.Location = append(p.Function, f), append(p.Location, l)
		sample.Location = append(sample.Location, l)
	}
	p.Sample = []*pprof.Sample{sample}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// escaped is a character that Markdown takes as it is.
var escaped = regexp.MustCompile(`\\[[:punct:]]`)

func render(t *testing.T, form string, r *analyze.Report) string {
	t.Helper()
	f, err := ByName(form, Style{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHostileNames(t *testing.T) {
	r := analyze.Analyze(hostile(t), analyze.Options{})
	if len(r.Findings) < 2 {
		t.Fatalf("the capture is to make rules speak, but: %+v", r.Rules)
	}
	for _, form := range Forms {
		out := render(t, form, r)
		for i, c := range out {
			if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)) {
				t.Errorf("%s: %U at byte %d: …%q", form, c, i, out[max(0, i-30):i])
				break
			}
		}
		unescaped := escaped.ReplaceAllString(out, "")
		if form == "markdown" && (strings.ContainsAny(unescaped, "<[") || strings.Contains(out, "http://")) {
			t.Errorf("markup of the target's survives:\n%s", out)
		}
	}
}

// JSON keeps the contract: the committed schema, whatever the capture holds.
func TestJSONMatchesItsSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("report.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*profile.Capture{"hostile": hostile(t), "empty": {}} {
		out := render(t, "json", analyze.Analyze(c, analyze.Options{}))
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Absurd figures from a target do not cost the report.
func TestAbsurdFigures(t *testing.T) {
	c := hostile(t)
	for i := range c.Host {
		c.Host[i].CPU.User *= 1e308
	}
	for i := range c.Processes {
		for k := range c.Processes[i].Changed {
			c.Processes[i].Changed[k].User *= 1e308
		}
	}
	for i := range c.Counters {
		for k := range c.Counters[i].Changed {
			c.Counters[i].Changed[k].Value *= 1e306
		}
	}
	for _, form := range Forms {
		if out := render(t, form, analyze.Analyze(c, analyze.Options{})); out == "" {
			t.Errorf("no %s", form)
		}
	}
}

func TestSameBytes(t *testing.T) {
	for _, form := range Forms {
		a := render(t, form, analyze.Analyze(hostile(t), analyze.Options{}))
		b := render(t, form, analyze.Analyze(hostile(t), analyze.Options{}))
		if a != b {
			t.Errorf("%s differs from run to run", form)
		}
	}
}

// The design document's example of a finding, field by field.
func TestJSONFields(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(render(t, "json", analyze.Analyze(hostile(t), analyze.Options{}))), &doc); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"schema", "target", "window", "host", "ledger", "findings", "levers", "rules", "gaps"} {
		if doc[key] == nil {
			t.Errorf("no %q", key)
		}
	}
	finding := doc["findings"].([]any)[0].(map[string]any)
	for _, key := range []string{"rule", "subject", "message", "severity", "confidence", "waste", "prediction", "location", "evidence", "fix", "refuted_by"} {
		if _, ok := finding[key]; !ok {
			t.Errorf("a finding has no %q", key)
		}
	}
}

// Prose is wrapped; only a name that is longer than the screen sticks out.
func TestTextFitsItsWidth(t *testing.T) {
	r := analyze.Analyze(hostile(t), analyze.Options{})
	for _, width := range []int{60, 80, 120} {
		var b bytes.Buffer
		if err := Text(Style{Width: width})(&b, r); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if len([]rune(line)) > width && !strings.Contains(line, "evil") {
				t.Errorf("wider than %d: %s", width, line)
			}
		}
	}
}

// TestComparison: no form of a comparison lets through what a hostile target
// calls things, each fits its width, and the JSON is whole.
func TestComparison(t *testing.T) {
	before := analyze.Analyze(hostile(t), analyze.Options{})
	calm := hostile(t)
	calm.Births, calm.Counters, calm.Redis = nil, nil, nil
	c := analyze.Compare(before, analyze.Analyze(calm, analyze.Options{}))
	if len(c.Went)+len(c.Unseen)+len(c.Stayed) == 0 {
		t.Fatal("nothing to compare")
	}
	for _, form := range ComparisonForms {
		render, err := ComparisonByName(form, Style{Width: 80})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := render(&b, c); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if r != '\n' && (unicode.IsControl(r) || r == '\u202e') {
				t.Errorf("%s has the control character %q", form, r)
				break
			}
		}
		if form == "markdown" && strings.Contains(b.String(), "<script>") {
			t.Error("markup survived in Markdown")
		}
		if form != "json" {
			continue
		}
		var back map[string]any
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || back["schema"] != analyze.ComparisonSchema {
			t.Errorf("JSON: %v, schema %v", err, back["schema"])
		}
	}
}

func TestShortName(t *testing.T) {
	for name, want := range map[string]string{
		"example.com/svc/queue.(*Delayed).Cancel":                         "queue.(*Delayed).Cancel",
		"example.com/svc/pool.(*Sharded[example.com/svc/job.Object]).Put": "pool.(*Sharded[…]).Put",
		"main.main": "main.main",
	} {
		if got := ShortName(name); got != want {
			t.Errorf("%s is %s for short, want %s", name, got, want)
		}
	}
}

func TestFigure(t *testing.T) {
	for _, test := range []struct {
		v          float64
		unit, want string
	}{{0.3, "fraction", "30 %"}, {0.3, "fraction of the target's CPU", "30 % of the target's CPU"}, {309, "1/s", "309 1/s"}} {
		if got := Figure(test.v, test.unit); got != test.want {
			t.Errorf("%v %s is %q, want %q", test.v, test.unit, got, test.want)
		}
	}
}
