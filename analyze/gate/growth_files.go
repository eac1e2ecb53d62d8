package gate

import (
	"fmt"
)

// GrowthFiles is [Growth] of output files of go test -bench; base may be nil. Its
// costs are times on the wall.
func GrowthFiles(base *File, head File, o GrowthOptions) (*Result, error) {
	in, err := newOutputs()
	if err != nil {
		return nil, err
	}
	is, err := in.read(head)
	if err != nil {
		return nil, err
	}
	var notes []string
	var before []Measured
	o.Base, o.Head = "", is.name
	if base != nil {
		was, err := in.read(*base)
		if err != nil {
			return nil, err
		}
		o.Base, before = was.name, in.measured(was)
		if apart := differ(was, is); apart != "" {
			notes = append(notes, fmt.Sprintf("The files are of different machines, whose caches give a program different exponents: %s.", apart))
		}
		notes = append(notes, was.notes...)
	}
	r, err := Growth(before, in.measured(is), o)
	if err != nil {
		return nil, err
	}
	notes = append(notes, is.notes...)
	r.Caveats = append(append(r.Caveats, "Weaker than gate growth on the work tree: it is time on the wall, and the sizes ran one after the other, "+
		"so that whatever changed on the machine in between counts as growth."), notes...)
	r.Settle()
	return r, nil
}

// measured are the times of a file. Never nil: a file without any is one too.
func (o *outputs) measured(out *output) []Measured {
	list := []Measured{}
	procs := o.procs(out)
	for _, k := range o.sorted(out) {
		name, suffix := procsOf(k.Get(o.name))
		if suffix != procs {
			name += suffix
		}
		list = append(list, Measured{Package: k.Get(o.pkg), Benchmark: "Benchmark" + name, Cost: out.runs[k].time})
	}
	return list
}
