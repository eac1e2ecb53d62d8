package analyze

import (
	"math"
	"strings"
	"testing"
)

func TestCompilePerCallNearMisses(t *testing.T) {
	for name, stacks := range map[string][]stack{
		"matching": {
			{"regexp.(*machine).onepass < regexp.(*Regexp).MatchString < main.check < main.handle", 6},
			{"regexp/syntax.(*Inst).MatchRunePos < regexp.(*machine).step < regexp.(*Regexp).MatchString < main.check < main.handle", 2},
			{"regexp.(*Regexp).doExecute < regexp.(*Regexp).FindAll < main.check < main.handle", 3},
		},
		"compiled while packages are initialised": {
			{"regexp/syntax.Parse < regexp.compile < regexp.MustCompile < main.init < runtime.doInit1", 2},
			{"regexp/syntax.Parse < regexp.compile < regexp.MustCompile < example.com/svc/rules.init.0 < runtime.doInit1", 2},
			{"encoding/json.Unmarshal < main.handle", 5},
		},
		"executing templates": {
			{"reflect.Value.FieldByName < text/template.(*state).evalField < text/template.(*Template).Execute < main.render", 6},
			{"html/template.htmlEscaper < text/template.(*state).walk < html/template.(*Template).Execute < main.render", 3},
		},
		"a gob stream that knows its types": {
			{"encoding/gob.(*Decoder).decodeStruct < encoding/gob.(*Decoder).decodeValue < encoding/gob.(*Decoder).Decode < main.handle", 8},
		},
		"executing prepared statements": {
			{"database/sql.(*Stmt).Exec < main.store", 8},
		},
		"a pattern now and then": {
			{"regexp/syntax.Parse < regexp.compile < regexp.Compile < main.handle", 0.2},
			{"encoding/json.Unmarshal < main.handle", 9},
		},
		"a library's own, without ours": {
			{"regexp/syntax.Parse < regexp.compile < regexp.Compile < github.com/x/y.Watch", 5},
			{"encoding/json.Unmarshal < main.handle", 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.9, stacks...)
			counter(c, "jobs_completed_total", 500)
			if f, _ := found(t, c, &CompilePerCall); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

func TestCompilePerCall(t *testing.T) {
	rest := stack{"encoding/json.Unmarshal < main.handle", 5}
	for name, test := range map[string]struct {
		stack string
		what  string
	}{
		"pattern":   {"regexp/syntax.Parse < regexp.compile < regexp.Compile < main.check < main.handle", "regular expressions"},
		"by match":  {"regexp/syntax.Parse < regexp.compile < regexp.MatchString < main.check < main.handle", "regular expressions"},
		"template":  {"text/template/parse.(*lexer).nextItem < text/template.(*Template).Parse < main.check < main.handle", "templates"},
		"escaping":  {"html/template.(*escaper).escape < html/template.(*Template).Execute < main.check < main.handle", "templates"},
		"decoder":   {"encoding/gob.(*Decoder).compileDec < encoding/gob.(*Decoder).getDecEnginePtr < encoding/gob.(*Decoder).Decode < main.check < main.handle", "codec"},
		"encoder":   {"encoding/gob.(*Encoder).sendTypeDescriptor < encoding/gob.(*Encoder).Encode < main.check < main.handle", "codec"},
		"schema":    {"github.com/santhosh-tekuri/jsonschema/v6.(*Compiler).Compile < main.check < main.handle", "schemas"},
		"statement": {"github.com/lib/pq.(*conn).prepareTo < database/sql.(*DB).Query < main.check < main.handle", "statements"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.8, stack{test.stack, 3}, rest)
			f, status := found(t, c, &CompilePerCall)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
				t.Errorf("by the profile alone: %s, %s, settled by %q", f.Confidence, f.Severity, f.Settles)
			}
			counter(c, "jobs_completed_total", 500)
			f, _ = found(t, c, &CompilePerCall)
			if f.Confidence != Inferred || math.Abs(f.Waste.Cores-0.3) > 0.01 || f.Location.Function != "main.check" || !strings.Contains(f.Subject, test.what) {
				t.Errorf("with the jobs counted: %s, %.2f cores, %s in %s", f.Confidence, f.Waste.Cores, f.Subject, f.Location.Function)
			}
		})
	}
}

// Whatever a service compiles within its first seconds may be its start.
func TestCompilePerCallAtStart(t *testing.T) {
	c := newCapture(t, 0.6, 0.8, stack{"regexp/syntax.Parse < regexp.compile < regexp.Compile < main.load", 3}, stack{"main.work", 5})
	counter(c, "jobs_completed_total", 500)
	c.Processes[0].Changed = nil // it was not there yet
	if f, status := found(t, c, &CompilePerCall); f == nil || f.Confidence != Suspected {
		t.Errorf("%+v %s", f, status.Reason)
	}
}
