package analyze

import "fmt"

// SerialisationChurn finds values that are encoded only to be decoded again in
// the same process: a copy made by Marshal and Unmarshal, a struct taken to a map
// and back through JSON, a layer that hands bytes to the next.
//
// A profile shows that a service encodes and decodes; so does every gateway, in
// one function too. What tells them apart is where the bytes go. A gateway's
// leave the process, and the kernel counts them. An encoder needs some
// nanoseconds a byte, so CPU of encoding far beyond what the bytes written could
// take has encoded what was never written; and likewise for decoding and the
// bytes read. So two things must agree: an own function that does little else
// than encode and decode, with no input or output of its own, and bytes that
// went nowhere.
//
// A value that is decoded twice from the same input (once to look at its type,
// once in full) is not told from one that is dear to decode, and is not accused.
var SerialisationChurn = Rule{
	Name:  "serialisation-churn",
	Title: "Values are encoded only to be decoded again",
	Doc: `What it is: a value goes through bytes and back inside one process: a deep copy
by marshal and unmarshal, a struct turned into a map through JSON, layers of one
program that hand each other encoded messages, a cache in memory that keeps
bytes and decodes them at each look.

What it costs: an order of ten lines takes 7 µs to encode and 35 µs to decode as
JSON, and 50 allocations; a copy of the same struct takes half a microsecond.

How to fix it: copy the value (a Clone method, slices.Clone, maps.Clone), or do
not copy what nobody changes. Decode once, at the edge, and hand on the value.
Where a part is only passed through, keep it as json.RawMessage.

When this rule is wrong: when the bytes leave by a way that the kernel does not
count as writing (shared memory, a mapped file, datagrams), or when the round trip
is the work: a converter, a canonical form, a test of an encoder.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.10, "of the target's CPU", "a tenth is what a service that decodes its input and encodes its output spends at least; less is not worth a change"},
		{"each-way", 0.08, "of the function's CPU", "both ways: encoding was measured to be five times cheaper than decoding the same bytes, a sixth of a round trip; half of that leaves room for faster encoders and for few samples"},
		{"nothing-else", 0.75, "of the function's CPU", "a function that does something with the value spends more than a quarter on it"},
		{"encode-byte", 100, "ns of encoding a byte written", "measured 5 ns (a struct) to 34 ns (maps, by reflection) a byte of JSON; three times the dearest"},
		{"decode-byte", 150, "ns of decoding a byte read", "measured 27 ns (a struct) to 33 ns (maps) a byte of JSON; more than four times that, since types may decode themselves"},
	},
	Check: checkSerialisationChurn,
}

// compressed is how many times larger a text is than what compression makes of
// it: JSON shrinks to a fifth, repetitive JSON to a tenth.
const compressed = 10

func checkSerialisationChurn(p *Pass) {
	all := p.charge(serialises)
	if all.share.Low < p.Limit("share") {
		p.Clean("encoding and decoding take %s of the CPU, not surely %s", Percent(all.share.Value), Percent(p.Limit("share")))
		return
	}
	trips := p.trips()
	trip := p.dearest(trips)
	if trip == nil {
		p.Clean("no function of the service does little else than encode and decode")
		return
	}
	accused := func(g *Group) bool { return serialises(g) && tripOf(g, trips) == trip }
	cost := p.charge(accused)
	if cost.share.Low < p.Limit("share") {
		p.Clean("%s encodes and decodes, for %s of the CPU", short(p.CPU.name(trip.function)), Percent(cost.share.Value))
		return
	}
	bytes := p.bytesSerialised()
	if bytes.known && !bytes.astray {
		p.Clean("what is encoded and decoded crosses the process's border: %.0f ns of encoding a byte written, %.0f ns of decoding a byte read", bytes.encode, bytes.decode)
		return
	}
	p.Report(trip.finding(p, cost, bytes, accused))
}

// serialises says whether own code asked for the encoding or decoding that the
// stack does: not a client of some server, which may not do without, and not a
// log or a metric, which are other rules'.
func serialises(g *Group) bool {
	return len(g.Chain) > 0 && g.Marks.has(MarkEncode|MarkDecode) && !elsewhere.has(g.Op) && !g.Ops.has(OpLog)
}

// elsewhere are operations that carry what they are given to somewhere else, or
// fetch it.
var elsewhere = remote | setOf(OpHTTPServer, OpMessaging, OpTLSHandshake, OpTLSRecord, OpLog, OpObserve, OpProfiling, OpSyscall)

// A trip is an own function that does little else than encode and decode.
type trip struct {
	function                       uint32
	encode, decode, whole, carried float64 // CPU seconds under it
}

// trips are those functions of the profile.
func (p *Pass) trips() map[uint32]*trip {
	all := map[uint32]*trip{}
	for i := range p.CPU.Groups {
		g := &p.CPU.Groups[i]
		for _, f := range distinctFunctions(g.Chain) {
			if all[f] == nil {
				all[f] = &trip{function: f}
			}
			all[f].add(g)
		}
	}
	for f, t := range all {
		if !t.round(p) {
			delete(all, f)
		}
	}
	return all
}

// dearest is the trip under which, and under none deeper, most CPU goes into
// encoding and decoding; nil if there is none.
func (p *Pass) dearest(trips map[uint32]*trip) *trip {
	var best *trip
	cpu := map[*trip]float64{}
	for i := range p.CPU.Groups {
		g := &p.CPU.Groups[i]
		t := tripOf(g, trips)
		if t == nil || !serialises(g) {
			continue
		}
		cpu[t] += g.Seconds
		if best == nil || cpu[t] > cpu[best] {
			best = t
		}
	}
	return best
}

func (t *trip) add(g *Group) {
	t.whole += g.Seconds
	switch {
	case elsewhere.has(g.Op) || g.Ops.has(OpSyscall):
		t.carried += g.Seconds
	case !serialises(g):
	case g.Marks.has(MarkEncode):
		t.encode += g.Seconds
	default:
		t.decode += g.Seconds
	}
}

// carries is the part of a function's CPU from which on it counts as input or
// output: a stray sample is less.
const carries = 0.02

func (t *trip) round(p *Pass) bool {
	each := p.Limit("each-way") * t.whole
	return t.encode >= each && t.decode >= each && t.carried <= carries*t.whole &&
		t.encode+t.decode >= p.Limit("nothing-else")*t.whole
}

// tripOf is the trip nearest to the leaf of a stack, nil if there is none.
func tripOf(g *Group, trips map[uint32]*trip) *trip {
	for _, f := range g.Chain {
		if t := trips[f]; t != nil {
			return t
		}
	}
	return nil
}

// serialisedBytes holds the CPU of serialising against the bytes that the
// process wrote and read.
type serialisedBytes struct {
	known          bool
	encode, decode float64 // ns of CPU for each byte written, and read
	maxEncode      float64
	maxDecode      float64
	astray         bool // more was encoded, or decoded, than went out or came in
}

func (p *Pass) bytesSerialised() serialisedBytes {
	var b serialisedBytes
	if p.IO == nil || p.IO.WriteBytes <= 0 || p.IO.ReadBytes <= 0 {
		return b
	}
	b.known = true
	side := func(m Mark) float64 {
		return p.cores(p.CPU.where(func(g *Group) bool { return serialises(g) && g.Marks.has(m) })).Low * 1e9
	}
	b.encode, b.decode = side(MarkEncode)/p.IO.WriteBytes, side(MarkDecode)/p.IO.ReadBytes
	b.maxEncode, b.maxDecode = p.Limit("encode-byte"), p.Limit("decode-byte")
	if p.CPU.Inclusive[OpCompress] > carries*p.CPU.Seconds {
		b.maxEncode, b.maxDecode = compressed*b.maxEncode, compressed*b.maxDecode
	}
	b.astray = b.encode > b.maxEncode || b.decode > b.maxDecode
	return b
}

func (t *trip) finding(p *Pass, cost charge, bytes serialisedBytes, accused func(*Group) bool) Finding {
	name := short(p.CPU.name(t.function))
	f := Finding{
		Subject:    name,
		Confidence: Suspected,
		Waste:      wasteOf(cost.cores),
		Location:   p.CPU.location(t.function, p.CPU.lineIn(t.function, accused)),
		Message:    fmt.Sprintf("%s encodes values and decodes them again: %s of the CPU, %.2f cores", name, Percent(cost.share.Value), cost.cores.Value),
		Evidence: []Evidence{
			{What: "encoding and decoding under " + name, Value: cost.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
			{What: "of that, decoding", Value: t.decode / (t.encode + t.decode), Unit: "fraction", Limit: limit(p.Limit("each-way")), Source: "CPU profile"},
		},
		Fix: "Copy the value instead of taking it through bytes (a Clone method), or do not copy what nobody changes; decode once at the edge and hand on the value.",
		RefutedBy: []string{
			"the encoded bytes leave the process by a way that the kernel does not count as a write",
			"what is decoded there are not the bytes that were encoded there",
		},
		cpu: accused,
	}
	if each, ok := p.eachJob(cost.cores.Value * 1e3); ok {
		f.Message += fmt.Sprintf(", %.2f ms a job", each)
	}
	if !bytes.known {
		f.Message += "."
		f.Settles = "the bytes that the process writes and reads (run busywork on its machine, as its user or root): an encoder takes 5 to 34 ns for each byte that leaves"
		return f
	}
	f.Confidence = Inferred
	f.Message += fmt.Sprintf("; %.0f ns of encoding for each byte that the process writes, and %.0f ns of decoding for each that it reads, where JSON takes 5 to 35: most of these bytes go nowhere.", bytes.encode, bytes.decode)
	f.Evidence = append(f.Evidence,
		Evidence{What: "encoding for each byte written", Value: bytes.encode, Unit: "ns", Limit: limit(bytes.maxEncode), Source: "CPU profile and the kernel's count of bytes"},
		Evidence{What: "decoding for each byte read", Value: bytes.decode, Unit: "ns", Limit: limit(bytes.maxDecode), Source: "CPU profile and the kernel's count of bytes"})
	return f
}
