package analyze

import "testing"

// signing and serialising are two findings that accuse samples of their own.
func accusing(rule string, cores float64, c Confidence, ops operationSet) Finding {
	return Finding{Rule: rule, Subject: rule, Confidence: c, Waste: wasteOf(exactly(cores)), cpu: func(g *Group) bool { return g.Ops&ops != 0 }}
}

func TestKinship(t *testing.T) {
	cpu := &CPU{Groups: []Group{
		{Ops: setOf(OpSign), Seconds: 6},
		{Ops: setOf(OpSign, OpGC), Seconds: 2},
		{Ops: setOf(OpGC), Seconds: 1},
		{Ops: setOf(OpJSON), Seconds: 3},
	}}
	rules := []*Rule{{Name: "cause", Explains: []string{"effect"}}, {Name: "effect"}, {Name: "circle", Explains: []string{"round"}}, {Name: "round", Explains: []string{"circle"}}}
	for _, test := range []struct {
		name  string
		list  []Finding
		heads []string
		kin   []string // of the first head
	}{
		{"mostly the same samples", []Finding{
			accusing("sign", 0.8, Measured, setOf(OpSign)), accusing("gc", 0.3, Inferred, setOf(OpGC)),
		}, []string{"sign"}, []string{"gc"}},
		{"samples of their own", []Finding{
			accusing("sign", 0.8, Measured, setOf(OpSign)), accusing("json", 0.3, Inferred, setOf(OpJSON)),
		}, []string{"sign", "json"}, nil},
		{"a cause that wastes less than its effect", []Finding{
			accusing("effect", 0.8, Measured, 0), accusing("cause", 0.1, Measured, 0),
		}, []string{"cause"}, []string{"effect"}},
		{"a suspicion explains nothing that was counted", []Finding{
			accusing("effect", 0.8, Measured, 0), accusing("cause", 0.1, Suspected, 0),
		}, []string{"effect", "cause"}, nil},
		{"two that explain each other stay apart", []Finding{
			accusing("circle", 0.8, Measured, 0), accusing("round", 0.1, Measured, 0),
		}, []string{"circle", "round"}, nil},
		{"kin of kin stand beneath the head", []Finding{
			accusing("sign", 0.9, Measured, setOf(OpSign)), accusing("cause", 0.5, Measured, setOf(OpSign)), accusing("effect", 0.2, Measured, 0),
		}, []string{"sign"}, []string{"cause", "effect"}},
		{"what matters less explains nothing that matters more", []Finding{
			{Rule: "effect", Confidence: Measured, Severity: SeverityHigh}, {Rule: "cause", Confidence: Measured, Severity: SeverityLow},
		}, []string{"effect", "cause"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			heads := kinship(test.list, cpu, rules)
			if got := rulesOf(heads); !equal(got, test.heads) {
				t.Fatalf("heads are %v, want %v", got, test.heads)
			}
			if got := rulesOf(heads[0].Kin); !equal(got, test.kin) {
				t.Errorf("kin are %v, want %v", got, test.kin)
			}
		})
	}
}

func rulesOf(list []Finding) []string {
	var names []string
	for _, f := range list {
		names = append(names, f.Rule)
	}
	return names
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestWorstCountsKin: --fail-on must not be blind to what stands beneath.
func TestWorstCountsKin(t *testing.T) {
	r := &Report{Findings: []Finding{{Severity: SeverityLow, Kin: []Finding{{Severity: SeverityHigh}}}}}
	if got := r.Worst(); got != SeverityHigh {
		t.Errorf("worst is %s, want high", got)
	}
}
