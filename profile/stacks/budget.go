package stacks

// Budget bounds what a profile may make the decoder allocate or do. A zero
// field means the field of DefaultBudget.
type Budget struct {
	Inflated int64 // bytes after gunzip
	InMemory int64 // inflated bytes that are kept; a larger profile is inflated anew for each walk
	Memory   int   // bytes taken for one profile, besides the input
	Message  int   // bytes of one record: a sample, a string, a location

	SampleTypes int
	Mappings    int
	Functions   int
	Locations   int
	Strings     int
	Samples     int

	Inlined    int   // frames of one location
	StackDepth int   // locations of one sample
	Labels     int   // labels of one sample
	Visits     int64 // frames met on one walk over all samples
}

// DefaultBudget accepts 30 s of a busy 256-core machine (61 MB gzipped, some
// 800 thousand samples with a label each, hundreds of MB inflated) several
// times over and keeps any input under 200 MB, itself included.
func DefaultBudget() Budget {
	return Budget{
		// The largest honest profile known inflates to some 600 MB. Inflating
		// 1 GiB takes about 2 s, which a hostile one can cost at most twice.
		Inflated: 1 << 30,
		// What services send in 30 s is below; above it time is traded for memory.
		InMemory: 64 << 20,
		// 64 MiB of inflated bytes and 56 MiB of tables: for a
		// stream, which is not kept, 104 MiB of tables or half a million
		// functions and as many locations. With 64 MB of input it is under 200 MB.
		Memory: 120 << 20,
		// 128 frames, Go's limit, are 640 bytes at most; C++ names reach 100 KB.
		Message: 16 << 20,
		// Heap profiles have 4, some agents 12.
		SampleTypes: 64,
		// A mapping per shared library; the kernel's own limit per process.
		Mappings: 1 << 16,
		// The largest Go binaries have 500 thousand functions in all.
		Functions: 1 << 20,
		Locations: 1 << 21,
		// Three a function, and a distinct label value for each sample.
		Strings: 1 << 22,
		Samples: 1 << 23,
		// Inliners stop well below 100 deep.
		Inlined: 1 << 12,
		// Go keeps 128 (heap 1024), perf 127, async-profiler 2048.
		StackDepth: 1 << 20,
		// People set a handful.
		Labels: 1 << 12,
		// 800 thousand samples × 128 deep × 1.5 inlined is 150 million. A
		// visit costs its receiver nanoseconds, so this is seconds.
		Visits: 1 << 30,
	}
}

// orDefault replaces zero fields by the default.
func (b Budget) orDefault() Budget {
	d := DefaultBudget()
	b.Inflated = or(b.Inflated, d.Inflated)
	b.InMemory = or(b.InMemory, d.InMemory)
	b.Memory = or(b.Memory, d.Memory)
	b.Message = or(b.Message, d.Message)
	b.SampleTypes = or(b.SampleTypes, d.SampleTypes)
	b.Mappings = or(b.Mappings, d.Mappings)
	b.Functions = or(b.Functions, d.Functions)
	b.Locations = or(b.Locations, d.Locations)
	b.Strings = or(b.Strings, d.Strings)
	b.Samples = or(b.Samples, d.Samples)
	b.Inlined = or(b.Inlined, d.Inlined)
	b.StackDepth = or(b.StackDepth, d.StackDepth)
	b.Labels = or(b.Labels, d.Labels)
	b.Visits = or(b.Visits, d.Visits)
	return b
}

func or[T int | int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// meter adds up what is taken for one profile and refuses before it is taken.
// Nothing is ever given back: what a collector may or may not have freed by
// then is no bound.
type meter struct{ used, limit int }

// take books bytes, or says that what they are for does not fit.
func (m *meter) take(bytes int, what string) error {
	if bytes > m.limit-m.used {
		return fail(TooLarge, "%s would take more than the %d bytes of memory allowed", what, m.limit)
	}
	m.used += bytes
	return nil
}
