package stacks

import "unsafe"

// profile makes the tables of a Profile, each at its exact size, and resolves
// what refers from one to another.
func (t *tables) profile() (*Profile, error) {
	if len(t.sampleTypes) == 0 {
		return nil, fail(Empty, "the profile has no sample types")
	}
	p := &Profile{Samples: t.samples, budget: t.b, locIDs: t.locationIDs}
	// Each location of a sample takes a byte, so that for any honest profile
	// the frames of all samples cannot pass the budget and need not be counted.
	p.countVisits = t.inlined > 0 && t.sampleBytes > t.b.Visits/int64(t.inlined)
	for _, step := range []func(*Profile) error{
		t.resolveStrings, t.resolveOnce, t.resolveSampleTypes,
		t.resolveMappings, t.resolveFunctions, t.resolveFrames, t.resolveLocations,
	} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	p.Symbolized = anyNamed(p.Functions)
	return p, nil
}

// table makes a table for n entries.
func table[T any](n int, m *meter) ([]T, error) {
	var v T
	if err := m.take(n*int(unsafe.Sizeof(v)), "the tables"); err != nil {
		return nil, err
	}
	return make([]T, 0, n), nil
}

// name looks a string up by its number.
func (p *Profile) name(number uint64, of string) (string, error) {
	if number >= uint64(len(p.strings)) { // a negative one is a huge unsigned one
		return "", fail(Malformed, "%s is string %d of %d", of, int64(number), len(p.strings))
	}
	return p.strings[number], nil
}

func (t *tables) resolveStrings(p *Profile) (err error) {
	if p.strings, err = table[string](t.strings.n, t.m); err != nil {
		return err
	}
	for _, piece := range t.strings.pieces() {
		p.strings = append(p.strings, piece...)
	}
	return nil
}

// resolveOnce sets what a profile has once.
func (t *tables) resolveOnce(p *Profile) (err error) {
	p.TimeNanos = int64(t.once[fTimeNanos])
	p.DurationNanos = int64(t.once[fDurationNanos])
	p.Period = int64(t.once[fPeriod])
	if p.DefaultType, err = p.name(t.once[fDefaultType], "the default sample type"); err != nil {
		return err
	}
	if p.PeriodType, err = p.valueType(t.periodType, "the period type"); err != nil {
		return err
	}
	// Unused here (drop and keep are regular expressions of the writer's choice,
	// which can be made to run for hours), but they must at least exist.
	for _, number := range []uint64{t.once[fDropFrames], t.once[fKeepFrames], t.once[fDocURL], t.comment} {
		if _, err := p.name(number, "a comment or frame filter"); err != nil {
			return err
		}
	}
	return nil
}

func (p *Profile) valueType(r rawType, of string) (v ValueType, err error) {
	if v.Type, err = p.name(r.typ, of); err != nil {
		return v, err
	}
	v.Unit, err = p.name(r.unit, of)
	return v, err
}

func (t *tables) resolveSampleTypes(p *Profile) error {
	for _, r := range t.sampleTypes {
		v, err := p.valueType(r, "a sample type")
		if err != nil {
			return err
		}
		// By Type alone: that is how every tool, and DefaultType, names one.
		for _, o := range p.SampleTypes {
			if o.Type == v.Type {
				return fail(Malformed, "two sample types are called %s", quote(v.Type))
			}
		}
		p.SampleTypes = append(p.SampleTypes, v)
	}
	return nil
}

func (t *tables) resolveMappings(p *Profile) (err error) {
	if p.Mappings, err = table[Mapping](t.mappings.n, t.m); err != nil {
		return err
	}
	for _, piece := range t.mappings.pieces() {
		for _, r := range piece {
			m := Mapping{Start: r.start, Limit: r.limit, Offset: r.offset}
			if m.File, err = p.name(uint64(r.file), "a mapping's file"); err != nil {
				return err
			}
			if m.BuildID, err = p.name(uint64(r.buildID), "a mapping's build id"); err != nil {
				return err
			}
			p.Mappings = append(p.Mappings, m)
		}
	}
	return nil
}

func (t *tables) resolveFunctions(p *Profile) (err error) {
	if p.Functions, err = table[Function](t.functions.n, t.m); err != nil {
		return err
	}
	for _, piece := range t.functions.pieces() {
		for i := range piece {
			r := &piece[i]
			fn := Function{StartLine: r.line}
			if fn.Name, err = p.name(uint64(r.name), "a function's name"); err != nil {
				return err
			}
			if fn.SystemName, err = p.name(uint64(r.system), "a function's system name"); err != nil {
				return err
			}
			if fn.File, err = p.name(uint64(r.file), "a function's file"); err != nil {
				return err
			}
			p.Functions = append(p.Functions, fn)
		}
	}
	return nil
}

func (t *tables) resolveFrames(p *Profile) (err error) {
	if p.Frames, err = table[Frame](t.frames.n, t.m); err != nil {
		return err
	}
	for _, piece := range t.frames.pieces() {
		for _, r := range piece {
			i, ok := t.functionIDs.find(r.function)
			if !ok {
				return fail(Malformed, "a line is of function %d, which is in no table", r.function)
			}
			p.Frames = append(p.Frames, Frame{Function: i, Line: r.line})
		}
	}
	return nil
}

func (t *tables) resolveLocations(p *Profile) (err error) {
	if p.Locations, err = table[Location](t.locations.n, t.m); err != nil {
		return err
	}
	first := uint32(0)
	for _, piece := range t.locations.pieces() {
		for i := range piece {
			r := &piece[i]
			l := Location{Address: r.address, Mapping: -1, First: first, N: r.frames}
			// A mapping that is not in the table is no fault for google/pprof either.
			if i, ok := t.mappingIDs.find(r.mapping); ok {
				l.Mapping = int32(i)
			}
			p.Locations = append(p.Locations, l)
			first += r.frames
		}
	}
	return nil
}
