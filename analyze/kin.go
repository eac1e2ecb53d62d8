package analyze

import "slices"

// kinShare is how much of what a finding accuses must already be accused by a
// greater one for the two to be of one cause. At a half, removing the greater
// one's cause takes most of the lesser one with it.
const kinShare = 0.5

// kinship puts findings of one cause together: one finding, and beneath it what
// other rules say of the same thing. Two ways lead to kin: a rule explains
// another (a fork for each job explains a connection for each job), or two
// findings accuse mostly the same samples of the profile. The list must be in
// order; the first of two is the head.
func kinship(list []Finding, cpu *CPU, rules []*Rule) []Finding {
	accused := make([]samples, len(list))
	for i := range list {
		accused[i] = samplesOf(cpu, list[i].cpu)
	}
	parent := make([]int, len(list))
	for i := range list {
		parent[i] = headOf(i, list, accused, rules)
	}
	var heads []Finding
	at := map[int]int{} // from the index in list to that in heads
	for i := range list {
		if parent[i] < 0 {
			at[i] = len(heads)
			heads = append(heads, list[i])
		}
	}
	for i := range list {
		if parent[i] < 0 {
			continue
		}
		root := i
		for range list { // whoever explains whom in a circle is stopped here
			if parent[root] < 0 {
				break
			}
			root = parent[root]
		}
		if k, ok := at[root]; ok {
			heads[k].Kin = append(heads[k].Kin, list[i])
		} else {
			heads = append(heads, list[i])
		}
	}
	return heads
}

// headOf is the index of the finding that the i-th belongs beneath, −1 if none.
func headOf(i int, list []Finding, accused []samples, rules []*Rule) int {
	for j := range list {
		if j != i && list[j].Rule != list[i].Rule && list[j].mayHead(&list[i]) &&
			explains(rules, list[j].Rule, list[i].Rule) && !explains(rules, list[i].Rule, list[j].Rule) {
			return j
		}
	}
	for j := range i {
		if accused[i].within(accused[j]) && !explains(rules, list[i].Rule, list[j].Rule) {
			return j
		}
	}
	return -1
}

// mayHead says whether g may stand beneath f: not what was counted beneath a
// suspicion, nor what matters more beneath what matters less.
func (f *Finding) mayHead(g *Finding) bool {
	return (f.Confidence != Suspected || g.Confidence == Suspected) && f.Severity >= g.Severity
}

func explains(rules []*Rule, cause, effect string) bool {
	for _, r := range rules {
		if r.Name == cause {
			return slices.Contains(r.Explains, effect)
		}
	}
	return false
}

// samples are the groups of a profile that a finding accuses.
type samples struct {
	cpu    *CPU
	groups []bool
	total  float64 // CPU seconds
}

func samplesOf(cpu *CPU, accuses func(*Group) bool) samples {
	s := samples{cpu: cpu}
	if cpu == nil || accuses == nil {
		return s
	}
	s.groups = make([]bool, len(cpu.Groups))
	for i := range cpu.Groups {
		if accuses(&cpu.Groups[i]) {
			s.groups[i] = true
			s.total += cpu.Groups[i].Seconds
		}
	}
	return s
}

// within says whether most of s is accused by t as well.
func (s samples) within(t samples) bool {
	if s.total == 0 || t.total == 0 {
		return false
	}
	common := 0.0
	for i := range s.groups {
		if s.groups[i] && t.groups[i] {
			common += s.cpu.Groups[i].Seconds
		}
	}
	return common >= kinShare*s.total
}
