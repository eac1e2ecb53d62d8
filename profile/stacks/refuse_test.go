package stacks

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// readAll decodes and walks, as any user does.
func readAll(data []byte, b Budget) (*Profile, error) {
	p, err := Decode(data, b)
	if err != nil {
		return p, err
	}
	return p, p.EachLabelled(func([]uint32, []int64, []Label) {})
}

// refused checks that data is refused, with that kind and a detail that has that part.
func refused(t *testing.T, data []byte, b Budget, kind Kind, part string) {
	t.Helper()
	_, err := readAll(data, b)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a %q error", err, kind)
	}
	if e.Kind != kind || !strings.Contains(e.Detail, part) {
		t.Fatalf("got %q, want kind %q and %q in it", err, kind, part)
	}
	if i := strings.IndexFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		t.Fatalf("control character in %q", err)
	}
}

func TestRefused(t *testing.T) {
	words := func(ws ...uint32) msg {
		var m msg
		for _, w := range ws {
			m = append(m, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
		}
		return m
	}
	fn := func(id, name uint64) msg { return msg{}.num(1, id).num(2, name) }
	loc := func(id, function uint64) msg { return msg{}.num(1, id).sub(4, msg{}.num(1, function)) }
	sample := func(ids, values []uint64) msg { return msg{}.packed(1, ids...).packed(2, values...) }
	ok := []uint64{7, 70}
	huge := uint64(math.MaxUint64)

	for _, c := range []struct {
		name string
		data []byte
		kind Kind
		part string
	}{
		// Battery line 4: legacy forms by name.
		{"heap text", []byte("heap profile: 1: 2 [ 3: 4] @ heapz/1\n"), LegacyText, `"heap profile: 1: 2`},
		{"goroutine text", []byte("goroutine profile: total 12\n1 @ 0x1 0x2\n"), LegacyText, "debug=1"},
		{"threadcreate text", []byte("threadcreate profile: total 12\n"), LegacyText, "threadcreate"},
		{"after a comment", []byte("# x\n\ngoroutine profile: total 12\n"), LegacyText, "goroutine"},
		{"goroutine dump", []byte("goroutine 1 [running]:\nmain.main()\n"), LegacyText, "debug=2"},
		{"contention text", []byte("--- contention:\ncycles/second=1\n"), LegacyText, "contention"},
		{"mutex text", []byte("--- mutex:\ncycles/second=1\n"), LegacyText, "mutex"},
		{"thread text", []byte("--- threadz 1 ---\n"), LegacyText, "threadz"},
		{"heapz of Java", []byte("--- heapz 1 ---\nformat = java\n"), Java, "heapz"},
		{"contentionz of Java", []byte("--- contentionz 1 ---\n"), Java, "contentionz"},
		{"flight recorder", []byte("FLR\x00\x00\x02"), Java, "Flight Recorder"},
		{"binary", words(0, 3, 0, 10000, 0, 1, 1, 5), LegacyBinary, "gperftools"},
		{"binary of 64 bits", words(0, 0, 3, 0, 0, 0, 10000, 0, 0, 0, 1, 0), LegacyBinary, "gperftools"},
		{"binary of Java", words(0, 3, 1, 10000, 0, 1, 1, 5), Java, "legacy CPU"},

		// What a wrong URL gives.
		{"web page", []byte("\n <!DOCTYPE html><html>login</html>"), NotAProfile, "an HTML page"},
		{"web page, short", []byte("<html>"), NotAProfile, "an HTML page"},
		{"JSON", []byte(`{"error":"unauthorized"}`), NotAProfile, "JSON"},
		{"JSON list", []byte(`[{"a":1}]`), NotAProfile, "JSON"},
		{"XML", []byte(`<?xml version="1.0"?><Error/>`), NotAProfile, "XML"},
		{"text", []byte("404 page not found\n"), NotAProfile, `"404 page not found"`},
		{"busy", []byte("Could not enable CPU profiling: cpu profiling already in use\n"), NotAProfile, "already in use"},
		{"text with escapes", []byte("caf\u00e9 \u202e not found\n"), NotAProfile, `\u202e`},
		{"program", []byte("\x7fELF\x02\x01\x01"), NotAProfile, "ELF"},
		{"trace", []byte("go 1.22 trace\x00\x00\x00"), NotAProfile, "execution trace"},
		{"web page in gzip", zip(t, []byte("<html>login</html>")), NotAProfile, "an HTML page"},
		{"gzip in gzip", zip(t, zip(t, small())), NotAProfile, "gzip inside gzip"},
		{"unknown fields only", msg{}.num(99, 1), NotAProfile, "no field of it"},
		{"zeros", make([]byte, 100), NotAProfile, "field number 0"},

		// Line 12: no data.
		{"nothing", nil, Empty, "the file is empty"},
		{"nothing in gzip", zip(t, nil), Empty, "the file is empty"},
		{"no sample types", msg{}.strs("x").sub(fSample, sample(nil, nil)), Empty, "no sample types"},
		{"no samples", msg{}.types().strs("a", "b", "c", "d"), Empty, "no samples"},

		// Line 7: ids and string numbers.
		{"function id 0", small().sub(fFunction, fn(0, 1)), Malformed, "function number 3 has id 0"},
		{"location id 0", small().sub(fLocation, loc(0, 1)), Malformed, "location number 3 has id 0"},
		{"mapping id 0", small().sub(fMapping, msg{}.num(2, 5)), Malformed, "mapping number 1 has id 0"},
		{"function twice", small().sub(fFunction, fn(2, 1)), Malformed, "two functions have the id 2"},
		{"location twice", small().sub(fLocation, loc(1, 1)), Malformed, "two locations have the id 1"},
		{"mapping twice", small().sub(fMapping, msg{}.num(1, 1)).sub(fMapping, msg{}.num(1, 1)), Malformed, "two mappings have the id 1"},
		{"greatest id twice", small().sub(fFunction, fn(huge, 1)).sub(fFunction, fn(huge, 1)), Malformed, "two functions have the id 18446744073709551615"},
		{"line of no function", small().sub(fLocation, loc(3, 9)), Malformed, "a line is of function 9"},
		{"line of function 0", small().sub(fLocation, loc(3, 0)), Malformed, "a line is of function 0"},
		{"sample at no location", small().sub(fSample, sample([]uint64{9}, ok)), Malformed, "sample 2 is at location 9"},
		{"sample at location 0", small().sub(fSample, sample([]uint64{0}, ok)), Malformed, "sample 2 is at location 0"},
		{"sample at the greatest", small().sub(fSample, sample([]uint64{huge}, ok)), Malformed, "sample 2 is at location 18446744073709551615"},
		{"unpacked, at no location", small().sub(fSample, msg{}.num(1, 9).packed(2, ok...)), Malformed, "location 9"},
		{"function's name", small().sub(fFunction, fn(3, 7)), Malformed, "a function's name is string 7 of 7"},
		{"function's name negative", small().sub(fFunction, fn(3, huge)), Malformed, "string number -1 is out of range"},
		{"mapping's file", small().sub(fMapping, msg{}.num(1, 1).num(5, 70)), Malformed, "a mapping's file is string 70"},
		{"sample type's name", small().sub(fSampleType, msg{}.num(1, 70)), Malformed, "a sample type is string 70"},
		{"period type's unit", small().sub(fPeriodType, msg{}.num(2, huge)), Malformed, "the period type is string -1"},
		{"default type", small().num(fDefaultType, 70), Malformed, "the default sample type is string 70"},
		{"comment", small().packed(fComment, 1, 70), Malformed, "is string 70"},
		{"drop frames", small().num(fDropFrames, 70), Malformed, "is string 70"},
		{"label's key", small().sub(fSample, sample(nil, ok).sub(3, msg{}.num(1, 70).num(3, 1))), Malformed, "a label's key is string 70"},
		{"label's text", small().sub(fSample, sample(nil, ok).sub(3, msg{}.num(2, huge))), Malformed, "a label's text is string -1"},
		{"label's unit", small().sub(fSample, sample(nil, ok).sub(3, msg{}.num(4, 70))), Malformed, "a label's unit is string 70"},
		{"first string", msg{}.sub(fString, []byte("x")), Malformed, "the first string is not empty"},
		{"no strings", msg{}.types().sub(fSample, sample(nil, ok)), Malformed, "of 0"},

		// Samples against their types.
		{"too few values", small().sub(fSample, sample(nil, ok[:1])), Malformed, "sample 2 has 1 values for 2 sample types"},
		{"too many values", small().sub(fSample, sample(nil, []uint64{1, 2, 3})), Malformed, "sample 2 has 3 values for 2"},
		{"far too many values", small().sub(fSample, sample(nil, make([]uint64, 9))), Malformed, "more values than sample types"},

		// Line 11: twice and trailing.
		{"sample type twice", small().sub(fSampleType, msg{}.num(1, 3).num(2, 2)), Malformed, `two sample types are called "cpu"`},
		{"concatenated", append(small(), small()...), Malformed, "two locations have the id 1"},
		{"concatenated, without tables", append(small(), msg{}.num(fTimeNanos, 9)...), Malformed, "concatenated: field 9"},
		{"concatenated gzip", append(zip(t, small()), zip(t, small())...), Malformed, "concatenated"},
		{"concatenated gzip, longer last", append(zip(t, small()), zip(t, busyProfile(9, 9))...), Malformed, "concatenated"},
		{"concatenated gzip, shorter last", append(zip(t, busyProfile(9, 9)), zip(t, nil)...), Malformed, "concatenated"},
		{"trailing zeros", append(small(), 0, 0, 0), Malformed, "field number 0"},
		{"trailing after gzip", append(zip(t, small()), "tail"...), Malformed, "4 trailing bytes"},
		{"trailing zeros after gzip", append(zip(t, small()), make([]byte, 512)...), Malformed, "512 trailing bytes"},

		// The encoding itself.
		{"wrong wire type", small().num(fSample, 1), Malformed, "field 2 has the wrong wire type"},
		{"wrong wire type at once", msg{}.num(fSample, 1), NotAProfile, "field 2 has the wrong wire type"},
		{"wrong wire type inside", small().sub(fFunction, msg{}.sub(1, nil)), Malformed, "a function: a field has the wrong wire type"},
		{"a line as number", small().sub(fLocation, msg{}.num(1, 3).num(4, 1)), Malformed, "a location: a field has the wrong wire type"},
		{"a label as number", small().sub(fSample, sample(nil, ok).num(3, 1)), Malformed, "sample 2: a field has the wrong wire type"},
		{"group", small().tag(20, 3), Malformed, "wire type 3"},
		{"endless varint", append(small().tag(fPeriod, wireVarint), bytes.Repeat([]byte{0xff}, 11)...), Malformed, "more than 10 bytes"},
		{"longer than its record", small().sub(fSample, msg{}.tag(1, wireBytes).varint(9)), Malformed, "longer than the record"},
		{"a record without end", small().tag(fString, wireBytes).varint(1 << 20), Truncated, "record of 1048576"},
		{"gzip header", append([]byte{0x1f, 0x8b, 9}, make([]byte, 40)...), Malformed, "header"},
		{"gzip checksum", flip(zip(t, small()), -6), Malformed, "checksum"},
		{"gzip size", flip(zip(t, small()), -4), Malformed, "checksum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, c.data, Budget{}, c.kind, c.part)
			if !isGzip(c.data) && len(c.data) > 0 { // and the same as a stream
				refused(t, zip(t, c.data), Budget{InMemory: 1}, c.kind, c.part)
			}
		})
	}
}

// flip changes the byte at i, from the end if negative.
func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[(len(b)+i)%len(b)] ^= 0x55
	return b
}

// An idle process is no fault: its profile comes with the error.
func TestEmptyKeepsProfile(t *testing.T) {
	data := msg{}.types().strs("a", "b", "c", "d").num(fTimeNanos, 5).num(fDurationNanos, 6)
	p, err := Decode(data, Budget{})
	if e := new(Error); !errors.As(err, &e) || e.Kind != Empty || p == nil || p.TimeNanos != 5 || p.DurationNanos != 6 {
		t.Fatalf("got %+v, %v", p, err)
	}
	if err := p.Each(func([]uint32, []int64) { t.Error("a sample") }); err != nil {
		t.Fatal(err)
	}
}

// Battery lines 8 and 9: numbers are handed on as they are written.
func TestExtremeNumbers(t *testing.T) {
	for _, v := range []int64{0, -1, math.MinInt64, math.MaxInt64, 1<<53 + 1} {
		data := small().sub(fSample, msg{}.packed(1, 1).packed(2, uint64(v), 1)).num(fPeriod, uint64(v))
		p, err := Decode(data, Budget{})
		if err != nil {
			t.Fatal(err)
		}
		var last int64
		if err := p.Each(func(_ []uint32, values []int64) { last = values[0] }); err != nil {
			t.Fatal(err)
		}
		if last != v || p.Period != v {
			t.Errorf("wrote %d, read %d and %d", v, last, p.Period)
		}
	}
}

// Battery line 1: cut at every byte. Gzip is always known to be cut. Plain
// protobuf cut between two records cannot be told from a shorter profile; then
// it is at least the same shorter profile that google/pprof sees.
func TestCutAtEveryByte(t *testing.T) {
	whole := []byte(busyProfile(12, 9))
	for n := range whole {
		compare(t, whole[:n], Budget{})
	}
	gz := zip(t, whole)
	for n := 1; n < len(gz); n++ {
		for _, b := range []Budget{{}, {InMemory: 1}} {
			var e *Error
			if _, err := readAll(gz[:n], b); !errors.As(err, &e) || e.Kind != Truncated {
				t.Fatalf("cut at %d of %d: %v", n, len(gz), err)
			}
		}
	}
	data := realProfiles(t)["threadcreate"] // real and short
	for n := 1; n < len(data); n++ {
		var e *Error
		if _, err := Decode(data[:n], Budget{}); !errors.As(err, &e) || e.Kind != Truncated {
			t.Fatalf("cut at %d of %d: %v", n, len(data), err)
		}
	}
}

// TestDamaged changes bytes at random: any result but a panic or a hang is fine
// for the plain form, and none but an error is for gzip, which has a checksum.
func TestDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	plain := []byte(busyProfile(12, 9))
	gz := zip(t, plain)
	for range 20_000 {
		_, _ = readAll(flip(plain, r.IntN(len(plain))), Budget{})
	}
	const header = 10 // has a time stamp and flags that change nothing
	for i := header; i < len(gz); i++ {
		if _, err := readAll(flip(gz, i), Budget{}); err == nil {
			t.Errorf("byte %d of gzip was changed and it went unnoticed", i)
		}
	}
}

// taken returns the bytes that f allocates, garbage included.
func taken(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// repeat gzips a stretch many times over, without holding it.
func repeat(t *testing.T, prefix, stretch []byte, times int) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	block := bytes.Repeat(stretch, max(1, min(times, (1<<20)/len(stretch))))
	if _, err := z.Write(prefix); err != nil {
		t.Fatal(err)
	}
	for left := times * len(stretch); left > 0; left -= len(block) {
		if _, err := z.Write(block[:min(left, len(block))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// numberedFlood is a gzipped flood of records of that field with ids 1 to n, or
// ids scattered over all of 64 bits.
func numberedFlood(t *testing.T, field, n int, scattered bool, rest msg) []byte {
	m := msg{}.types().strs("a", "b", "c", "d")
	for i := 1; i <= n; i++ {
		id := uint64(i)
		if scattered {
			id *= 0x9e3779b97f4a7c15
		}
		m = m.sub(field, append(msg{}.num(1, id), rest...))
	}
	return zip(t, m)
}

// Battery lines 2, 3, 5 and 6, and what else multiplies. The bound is on all
// that is ever allocated, so no collector's mood is in it.
func TestHostileStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("inflates gigabytes")
	}
	start := msg{}.types().strs("a", "b", "c", "d")
	one := msg{}.sub(fFunction, msg{}.num(1, 1)).sub(fLocation, msg{}.num(1, 1).sub(4, msg{}.num(1, 1)))
	wide := msg{}.sub(fFunction, msg{}.num(1, 1)).
		sub(fLocation, append(msg{}.num(1, 1), bytes.Repeat(msg{}.sub(4, msg{}.num(1, 1)), 4096)...))
	empty := func(field int) msg { return msg{}.sub(field, nil) }
	budget := DefaultBudget()

	for _, c := range []struct {
		name string
		data []byte
		kind Kind
		part string
	}{
		{"1 GiB of zeros", repeat(t, nil, make([]byte, 1<<10), 1<<20), NotAProfile, "field number 0"},
		{"2 GiB in an unknown field", repeat(t, start, msg{}.sub(99, make([]byte, 1<<20)), 2<<10), TooLarge, "1073741824 bytes inflated"},
		{"empty samples", repeat(t, start, empty(fSample), budget.Samples+1), TooLarge, "8388608 samples"},
		{"empty strings", repeat(t, start, empty(fString), budget.Strings+1), TooLarge, ""},
		{"empty functions", repeat(t, start, empty(fFunction), 1<<22), Malformed, "function number 1 has id 0"},
		{"empty locations", repeat(t, start, empty(fLocation), 1<<22), Malformed, "location number 1 has id 0"},
		{"empty labels", zip(t, start.sub(fSample, append(msg{}.packed(2, 1, 2), bytes.Repeat(empty(3), 1<<14)...))), TooLarge, "labels"},
		{"many labels", repeat(t, start, msg{}.sub(fSample, append(msg{}.packed(2, 1, 2), bytes.Repeat(empty(3), 5000)...)), 5000), TooLarge, "labels"},
		{"sample types", repeat(t, start, empty(fSampleType), 1<<20), TooLarge, "sample types"},
		{"functions", numberedFlood(t, fFunction, budget.Functions+1, false, nil), TooLarge, ""},
		{"scattered functions", numberedFlood(t, fFunction, 1<<20, true, nil), TooLarge, ""},
		{"scattered locations", numberedFlood(t, fLocation, 1<<20, true, nil), TooLarge, ""},
		{"locations", numberedFlood(t, fLocation, budget.Locations+1, false, nil), TooLarge, ""},
		{"mappings", numberedFlood(t, fMapping, budget.Mappings+1, false, nil), TooLarge, "mappings"},
		{"long strings", repeat(t, start, msg{}.sub(fString, make([]byte, 15<<20)), 20), TooLarge, "strings"},
		{"one long string", repeat(t, start.tag(fString, wireBytes).varint(1<<29), make([]byte, 1<<20), 1<<9), TooLarge, "a record of 536870912 bytes"},
		{"inlined frames", zip(t, start.sub(fLocation, append(msg{}.num(1, 1), bytes.Repeat(empty(4), 1<<20)...))), TooLarge, "more than 4096 frames"},
		{"a stack of 64 M", repeat(t, append(start, one...).tag(fSample, wireBytes).varint(64<<20+2), []byte{1}, 64<<20+2), TooLarge, "a record of"},
		{"a stack of 8 M", repeat(t, append(start, one...).tag(fSample, wireBytes).varint(8<<20+5).tag(1, wireBytes).varint(8<<20), []byte{1}, 8<<20), TooLarge, "a stack of 8388608"},
		{"an unpacked stack of 4 M", zip(t, append(start, one...).sub(fSample, bytes.Repeat(msg{}.num(1, 1), 4<<20))), TooLarge, "a stack of 1048577"},
		{"deep times wide", repeat(t, append(start, wide...), msg{}.sub(fSample, append(msg{}.packed(2, 1, 2), msg{}.sub(1, bytes.Repeat([]byte{1}, 1<<12))...)), 1<<9), TooLarge, "1073741824 frames in all samples"},
		{"frame filters", zip(t, append(append(start, one...), msg{}.num(fDropFrames, 1).num(fKeepFrames, 1)...)), Empty, "no samples"},
		{"text of 200 MB", repeat(t, nil, []byte("heap profile: 1: 2 [ 3: 4] @ heapz/1\n"), 200<<20/38), LegacyText, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := taken(func() { refused(t, c.data, Budget{}, c.kind, c.part) })
			t.Logf("%d bytes of input, %d MB allocated", len(c.data), got>>20)
			if most := uint64(budget.Memory + 16<<20); got > most {
				t.Errorf("%d MB allocated, %d are the most", got>>20, most>>20)
			}
		})
	}
}

// Line 5: the filters that google/pprof would apply change nothing.
func TestFrameFiltersIgnored(t *testing.T) {
	m := small()
	withFilter := append(m[:len(m):len(m)], msg{}.sub(fString, []byte("f|g|(a+)+$")).num(fDropFrames, 7)...)
	want, _, err := ours(m, Budget{})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := ours(withFilter, Budget{})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(want.Functions) != fmt.Sprint(got.Functions) {
		t.Errorf("without %v, with %v", want.Functions, got.Functions)
	}
}
