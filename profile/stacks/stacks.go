// Package stacks decodes pprof profiles (the protobuf form, gzipped or not)
// that come from strangers and may be broken, hostile or very large.
//
// google/pprof's own reader builds the whole object graph of a profile before
// anybody can look at it: 16 KB of crafted input makes it take 2.5 GB, and an
// honest profile of a big machine over a gigabyte. A diagnosis needs far less:
// the tables (who is who) and one look at each sample. So this package reads
// the tables into a few flat slices and streams the samples:
//
//	p, err := stacks.Decode(data, stacks.Budget{})
//	err = p.Each(func(locs []uint32, values []int64) { … })
//
// Nothing is allocated on the word of the input: tables grow with what has
// really come, and everything that grows is held against a [Budget] first. The
// tour, in reading order:
//
//   - wire.go is protobuf, window.go walks the records of a profile, in
//     memory or, if it is too large for that, through gzip (inflate.go, and
//     gunzip for what fits into memory);
//   - tables.go takes the tables in as they come, resolve.go joins them;
//   - samples.go walks the samples as often as it is asked to;
//   - recognise.go says what the bytes are when they are no profile.
//
// What is accepted, and every figure that comes out, agrees with
// profile.Parse of google/pprof except where that is lenient in a way that
// hides a fault; the tests hold the list.
package stacks

// ValueType says what one value of each sample means, as {"cpu","nanoseconds"}.
type ValueType struct{ Type, Unit string }

// Function is one function of the profiled program, with names as written.
type Function struct {
	Name, SystemName, File string
	StartLine              int64
}

// Frame is one call inside a Location.
type Frame struct {
	Function uint32 // index into Profile.Functions
	Line     int64
}

// Location is one program address and the calls it stands for: several if
// the compiler inlined, none if nobody could name it.
type Location struct {
	Address uint64
	Mapping int32 // index into Profile.Mappings, -1 if none
	// First and N: its frames are Profile.Frames[First:First+N], innermost
	// (the inlined leaf) first.
	First, N uint32
}

// Mapping is one binary mapped into the profiled process.
type Mapping struct {
	Start, Limit, Offset uint64
	File, BuildID        string
}

// Label is one label of a sample: Str is set for a text label, otherwise it
// is a number, Num, in Unit (which may be empty).
type Label struct {
	Key, Str string
	Num      int64
	Unit     string
}

// Profile holds the tables of a profile; Each streams its samples. It may be
// used by several goroutines at once.
type Profile struct {
	SampleTypes []ValueType
	DefaultType string // the Type to show first, "" if the writer has no opinion

	PeriodType ValueType
	Period     int64 // one sample every Period PeriodType.Units; as written: may be 0 or negative
	TimeNanos  int64 // start, Unix time; 0 if unknown
	// DurationNanos is as written, so it may be 0, negative or absurd.
	DurationNanos int64

	Mappings  []Mapping
	Functions []Function
	Locations []Location
	Frames    []Frame

	// Samples is the number of sample records.
	Samples int
	// RootFirst says that the writer stored stacks the wrong way round. Each
	// has already turned them: it is kept because it says something of the writer.
	RootFirst bool
	// Symbolized says that at least one function has a real name.
	Symbolized bool

	budget  Budget
	strings []string
	locIDs  idTable
	samples source
	// countVisits is set when Budget.Visits could be passed at all; see tables.profile.
	countVisits bool
}

// Decode reads the tables of a profile. data is the profile's protobuf
// encoding, plain or gzipped; it must not change as long as the Profile is in
// use, because names and samples are read from it in place. Errors are of type
// *Error.
//
// A profile that is sound but holds no sample, as an idle process gives, is
// returned together with an error of kind Empty, so that the window it covers
// is not lost.
//
// Samples after the first few hundred are looked at by Each only: a profile is
// known to be sound when Each has returned nil. A plain protobuf cut exactly
// between two records is still a protobuf; if it lost its string table or a
// location that is noticed, if it lost only samples it cannot be. Gzip, which
// every Go service sends, has a checksum and is always caught.
func Decode(data []byte, b Budget) (*Profile, error) {
	b = b.orDefault()
	p, err := decode(data, b)
	if err == nil {
		return p, nil
	}
	if p == nil {
		if named := recognise(head(data)); named != nil {
			return nil, named
		}
	}
	return p, err
}

// decode is Decode without naming what is not a profile.
func decode(data []byte, b Budget) (*Profile, error) {
	m := &meter{limit: b.Memory}
	w, src, err := open(data, b, m)
	if err != nil {
		return nil, err
	}
	t := &tables{b: b, m: m, stream: src.gz != nil}
	if err := t.read(w); err != nil {
		return nil, err
	}
	p, err := t.profile()
	if err != nil {
		return nil, err
	}
	first := source{plain: t.head, limit: b}
	if !t.stream {
		src.plain = src.plain[t.firstSample:t.endSample]
		first = src
	}
	p.samples = src
	if p.RootFirst, err = p.storedRootFirst(first); err != nil {
		return nil, err
	}
	if p.Samples == 0 {
		return p, fail(Empty, "the profile has no samples")
	}
	return p, nil
}
