package analyze

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"busywork/profile"
	"busywork/profile/stacks"
)

// An Examination is a Report with what only a screen has room for: who ran, and
// the profile as a tree of calls. It does not keep the Capture alive, so that
// many windows fit into memory. Nobody may change it; several goroutines may use
// it at once.
type Examination struct {
	Report    *Report
	Processes []ProcessRow // depth first, parents before their children; nil if they were not observed

	profile      []byte // the CPU profile, as received
	module       string // as classifying its functions needs it
	calibrations []profile.Calibration
	cores        float64 // of the target
	accused      accusations
	size         int
}

// Examine is Analyze with what a screen needs besides.
func Examine(c *profile.Capture, o Options) *Examination {
	f := NewFacts(c)
	e := &Examination{
		Report:    Run(f, Catalogue, o),
		Processes: processTable(f),
		profile:   f.profileData,
		module:    f.module(),
	}
	if f.CPU != nil {
		e.cores = cmp.Or(f.TargetCores, f.CPU.Cores)
		e.calibrations = c.Calibrations
		e.accused = accusationsOf(f, e.Report.Findings)
	}
	withoutFacts(e.Report.Findings)
	e.size = detach(reflect.ValueOf(e.Report).Elem()) + len(e.profile) + e.accused.size()
	for i := range e.Processes {
		e.size += e.Processes[i].size()
	}
	return e
}

// Profile is the CPU profile that the Report rests on, as received; nil if there
// is none. It must not be changed.
func (e *Examination) Profile() []byte { return e.profile }

// Size is about how many bytes the Examination keeps alive.
func (e *Examination) Size() int { return e.size }

// Calls decodes the profile into a tree. That takes two to three times as long as
// the analysis of the profile did, 20 to 80 ms for the largest ones, so it is not
// for a goroutine that answers keys. The error is a *profile.Unavailable where the window has no profile.
func (e *Examination) Calls() (_ *Calls, err error) {
	if e.profile == nil {
		return nil, e.noProfile()
	}
	defer func() { // as in Facts.decode: should the bytes find a bug of ours, the other screens still stand
		if bug := recover(); bug != nil {
			err = fmt.Errorf("cpu profile: internal error while reading it: %v", bug)
		}
	}()
	decoded, err := stacks.Decode(e.profile, stacks.Budget{})
	if err != nil {
		return nil, fmt.Errorf("cpu profile: %w", err)
	}
	c, err := newCalls(decoded, e.module, e.calibrations)
	if err != nil {
		return nil, fmt.Errorf("cpu profile: %w", err)
	}
	c.Cores, c.accused = e.cores, e.accused
	return c, nil
}

// noProfile says why there is none: as the Report does, if it does.
func (e *Examination) noProfile() error {
	for _, g := range e.Report.Gaps {
		if g.Signal == "cpu-profile" {
			return &profile.Unavailable{Reason: "no cpu profile: " + g.Reason, Hint: g.Hint}
		}
	}
	return &profile.Unavailable{Reason: "no cpu profile in this window", Hint: "give a base URL that serves /debug/pprof/, or a pprof file"}
}

// accusations say which samples of the profile each finding calls waste, by
// group: what is left of Finding.cpu when the Facts are gone.
type accusations struct {
	by      []findingKey      // bit i is of by[i]
	parts   [accusers]float64 // of what finding i accuses, the part that is waste
	certain uint64            // the bits that together stand for all waste, see accusationsOf
	groups  []uint64          // a set of bits for each Group, in their order; nil if no finding accuses samples
}

// accusers is how many findings can accuse samples. The catalogue has 34 rules,
// and those that accuse samples give one or two findings each.
const accusers = 64

// A findingKey tells findings of one report apart, and knows the same one again
// in the report of another window.
type findingKey struct{ rule, subject string }

func keyOf(f *Finding) findingKey { return findingKey{f.Rule, f.Subject} }

// accusationsOf asks every finding, and those beneath it, about every group.
func accusationsOf(f *Facts, findings []Finding) accusations {
	var a accusations
	for i := range findings {
		head := &findings[i]
		a.certain |= a.hear(f, head)
		var kin uint64
		for k := range head.Kin {
			kin |= a.hear(f, &head.Kin[k])
		}
		// Kin are part of what they stand beneath: they only count where that
		// accuses no samples itself.
		if head.cpu == nil {
			a.certain |= kin
		}
	}
	return a
}

// hear notes which groups a finding accuses. It returns the finding's bit, 0
// where it accuses none, is only suspected, or is not of wasted CPU.
func (a *accusations) hear(f *Facts, finding *Finding) uint64 {
	if finding.cpu == nil || len(a.by) == accusers {
		return 0
	}
	bit := uint64(1) << len(a.by)
	if a.groups == nil {
		a.groups = make([]uint64, len(f.CPU.Groups))
	}
	seconds := 0.0
	for i := range f.CPU.Groups {
		if g := &f.CPU.Groups[i]; finding.cpu(g) {
			a.groups[i] |= bit
			seconds += g.Seconds
		}
	}
	a.parts[len(a.by)] = wastedPart(finding, f.cores(seconds).Value)
	a.by = append(a.by, findingKey{strings.Clone(finding.Rule), strings.Clone(finding.Subject)})
	if finding.Confidence == Suspected || finding.Waste.Cores <= 0 {
		return 0
	}
	return bit
}

// wastedPart is how much of the cores that a finding accuses is waste: of the
// attempts that are refused for one half, a half. What the waste has besides, its
// part of the collector's work, is on other stacks. Where the waste is no CPU,
// all of what is accused takes part in it.
func wastedPart(f *Finding, accused float64) float64 {
	if f.Waste.Cores <= 0 || f.Waste.Cores >= accused {
		return 1
	}
	return f.Waste.Cores / accused
}

// weights are, by group, the part of its samples that a finding calls waste; for
// nil, that any finding which is more than suspected does. It returns nil where
// that is none. Of several findings that accuse the same samples the one that
// calls most of them waste counts: they speak of the same waste.
func (a *accusations) weights(f *Finding) []float64 {
	bits := a.certain
	if f != nil {
		bits = 0
		for i, key := range a.by {
			if key == keyOf(f) {
				bits |= 1 << i
			}
		}
	}
	if bits == 0 {
		return nil
	}
	list := make([]float64, len(a.groups))
	for g, set := range a.groups {
		for i := range a.by {
			if set&bits&(1<<i) != 0 {
				list[g] = max(list[g], a.parts[i])
			}
		}
	}
	return list
}

func (a *accusations) size() int {
	n := 8 * len(a.groups)
	for _, key := range a.by {
		n += len(key.rule) + len(key.subject)
	}
	return n
}

// withoutFacts drops the closures, which hold the Facts and with them the whole
// Capture.
func withoutFacts(list []Finding) {
	for i := range list {
		list[i].cpu = nil
		withoutFacts(list[i].Kin)
	}
}

// detach gives every string of a value a copy of its own and returns about how
// many bytes the value then refers to. Names of functions are pieces of the
// inflated profile, all of which one of them would keep alive: 60 MB for a path.
func detach(v reflect.Value) int {
	n := 0
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n = int(v.Type().Elem().Size()) + detach(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += detach(v.Field(i))
		}
	case reflect.Slice:
		n = v.Cap() * int(v.Type().Elem().Size())
		for i := range v.Len() {
			n += detach(v.Index(i))
		}
	case reflect.String:
		n = v.Len()
		if v.CanSet() {
			v.SetString(strings.Clone(v.String()))
		}
	}
	return n
}
