package stacks

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	googlepprof "github.com/google/pprof/profile"
)

// realProfiles are small ones that the runtime itself has just written.
func realProfiles(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range []string{"goroutine", "heap", "threadcreate"} {
		var buf bytes.Buffer
		if err := pprof.Lookup(name).WriteTo(&buf, 0); err != nil {
			t.Fatal(err)
		}
		all[name] = buf.Bytes()
	}
	return all
}

// burn is the function that a CPU profile of this test must show.
//
//go:noinline
func burn(until time.Time) (n int) {
	for time.Now().Before(until) {
		for i := range 1000 {
			n += len(strconv.Itoa(i))
		}
	}
	return n
}

// cpuProfile takes a CPU profile of burn, labelled.
func cpuProfile(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := pprof.StartCPUProfile(&buf); err != nil {
		t.Skipf("somebody else is profiling: %v", err)
	}
	pprof.Do(context.Background(), pprof.Labels("job", "burn"), func(context.Context) {
		burn(time.Now().Add(300 * time.Millisecond))
	})
	pprof.StopCPUProfile()
	return buf.Bytes()
}

func TestRuntimeProfiles(t *testing.T) {
	for name, data := range realProfiles(t) {
		t.Run(name, func(t *testing.T) {
			compare(t, data, Budget{})
			compare(t, data, Budget{InMemory: 1})
			if _, _, err := ours(data, Budget{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRuntimeCPUProfile(t *testing.T) {
	data := cpuProfile(t)
	compare(t, data, Budget{})
	got, p, err := ours(data, Budget{})
	if err != nil {
		t.Fatal(err)
	}
	if p.RootFirst || !p.Symbolized {
		t.Errorf("root first %v, symbolized %v", p.RootFirst, p.Symbolized)
	}
	found := false
	for name, c := range got.Functions {
		found = found || strings.HasSuffix(name, "stacks.burn") && c.Cum[0] > 0
	}
	if !found || got.Labels[`"job"="burn",0,""`] == 0 {
		t.Errorf("burn or its label is not in it: %v", got.Labels)
	}
}

// google/pprof's writer puts samples first and packs by length.
func TestGoogleWriter(t *testing.T) {
	fn := func(id uint64, name string) *googlepprof.Function {
		return &googlepprof.Function{ID: id, Name: name, SystemName: name + ".sys", Filename: name + ".go", StartLine: int64(id)}
	}
	f, g, h := fn(7, "f"), fn(1<<40, "g"), fn(3, "h") // gaps, disorder and a wild id
	m := &googlepprof.Mapping{ID: 4, Start: 1, Limit: 2, Offset: 3, File: "bin", BuildID: "id"}
	inlined := &googlepprof.Location{ID: 1 << 50, Mapping: m, Address: 0x40, Line: []googlepprof.Line{{Function: f, Line: 1}, {Function: g, Line: 2}}}
	root := &googlepprof.Location{ID: 2, Address: 0x50, Line: []googlepprof.Line{{Function: h, Line: 3}}}
	bare := &googlepprof.Location{ID: 9, Address: 0x60}
	in := &googlepprof.Profile{
		SampleType:        []*googlepprof.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}, {Type: "wall", Unit: "nanoseconds"}},
		DefaultSampleType: "cpu",
		PeriodType:        &googlepprof.ValueType{Type: "cpu", Unit: "nanoseconds"},
		Period:            10_000_000, TimeNanos: 17, DurationNanos: 18, Comments: []string{"a", "b"},
		DropFrames: ".*", KeepFrames: "x", DocURL: "https://example.com",
		Function: []*googlepprof.Function{f, g, h}, Mapping: []*googlepprof.Mapping{m},
		Location: []*googlepprof.Location{inlined, root, bare},
		Sample: []*googlepprof.Sample{
			{Location: []*googlepprof.Location{inlined, root}, Value: []int64{1, 2, 3}, Label: map[string][]string{"k": {"v", "w"}}},
			{Location: []*googlepprof.Location{bare, inlined, inlined, root}, Value: []int64{4, -5, 1 << 60}, NumLabel: map[string][]int64{"n": {6}}, NumUnit: map[string][]string{"n": {"bytes"}}},
			{Value: []int64{0, 0, 1}},
		},
	}
	var gz, plain bytes.Buffer
	if err := in.Write(&gz); err != nil {
		t.Fatal(err)
	}
	if err := in.WriteUncompressed(&plain); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"gzip": gz.Bytes(), "plain": plain.Bytes()} {
		t.Run(name, func(t *testing.T) {
			compare(t, data, Budget{})
			compare(t, data, Budget{InMemory: 1})
			p, err := Decode(data, Budget{})
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%+v %+v %+v", p.Mappings, p.Functions[1], p.Locations[0])
			const want = "[{Start:1 Limit:2 Offset:3 File:bin BuildID:id}] " +
				"{Name:g SystemName:g.sys File:g.go StartLine:1099511627776} " +
				"{Address:64 Mapping:0 First:0 N:2}"
			if got != want || p.Locations[1].Mapping != -1 {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// The same sample may be written in any field order, packed or not or both.
func TestSampleEncodings(t *testing.T) {
	base := small()
	label := msg{}.num(1, 5).num(2, 6)
	for name, s := range map[string]msg{
		"packed":            msg{}.packed(1, 1, 2).packed(2, 3, 4).sub(3, label),
		"unpacked":          msg{}.num(1, 1).num(1, 2).num(2, 3).num(2, 4).sub(3, label),
		"values first":      msg{}.sub(3, label).num(2, 3).num(2, 4).packed(1, 1, 2),
		"mixed":             msg{}.num(1, 1).packed(2, 3).packed(1, 2).num(2, 4).sub(3, label),
		"split":             msg{}.packed(1, 1).packed(1).packed(1, 2).packed(2, 3).packed(2, 4).sub(3, label),
		"unknown fields":    msg{}.num(9, 1).packed(1, 1, 2).sub(10, []byte("x")).packed(2, 3, 4).sub(3, label),
		"long-winded":       append(msg{0x8a, 0x00, 0x04, 0x81, 0x00, 0x82, 0x00}, msg{}.packed(2, 3, 4).sub(3, label)...),
		"fixed-size fields": append(append(msg{}.packed(1, 1, 2).tag(12, wireFixed64), 1, 2, 3, 4, 5, 6, 7, 8), append(msg{}.tag(13, wireFixed32), append([]byte{1, 2, 3, 4}, msg{}.packed(2, 3, 4).sub(3, label)...)...)...),
	} {
		t.Run(name, func(t *testing.T) {
			data := append(base[:len(base):len(base)], msg{}.sub(fSample, s)...)
			compare(t, data, Budget{})
			p, err := Decode(data, Budget{})
			if err != nil {
				t.Fatal(err)
			}
			var last string
			if err := p.EachLabelled(func(locs []uint32, values []int64, labels []Label) {
				last = fmt.Sprint(locs, values, labels)
			}); err != nil {
				t.Fatal(err)
			}
			if want := "[0 1] [3 4] [{f g 0 }]"; last != want {
				t.Errorf("got %s, want %s", last, want)
			}
		})
	}
}

// The order of tables, and whether samples come in between, means nothing.
func TestAnyRecordOrder(t *testing.T) {
	var records []msg
	whole := small()
	w, err := source{plain: whole, limit: DefaultBudget()}.walk()
	if err != nil {
		t.Fatal(err)
	}
	for w.next() == nil {
		records = append(records, msg(w.raw()))
	}
	want, _, err := ours(whole, Budget{})
	if err != nil {
		t.Fatal(err)
	}
	for shift := range records {
		var turned, back msg
		for i := range records {
			r := records[(i+shift)%len(records)]
			if r[0] == fString<<3|wireBytes || r[0] == fSampleType<<3|wireBytes || r[0] == fFunction<<3|wireBytes {
				continue // their own order has a meaning, see below
			}
			turned = append(turned, r...)
		}
		for _, r := range records {
			if r[0] == fString<<3|wireBytes || r[0] == fSampleType<<3|wireBytes || r[0] == fFunction<<3|wireBytes {
				back = append(back, r...)
			}
		}
		for _, data := range [][]byte{append(turned[:len(turned):len(turned)], back...), append(back[:len(back):len(back)], turned...)} {
			got, _, err := ours(data, Budget{})
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	}
}

func TestRootFirst(t *testing.T) {
	build := func(names ...string) msg {
		m := msg{}.types()
		all := []string{"samples", "count", "cpu", "nanoseconds"}
		var ids []uint64
		for i, name := range names {
			id := uint64(i + 1)
			ids = append(ids, id)
			all = append(all, name)
			m = m.sub(fFunction, msg{}.num(1, id).num(2, uint64(len(all)))).
				sub(fLocation, msg{}.num(1, id).sub(4, msg{}.num(1, id)))
		}
		return m.sub(fSample, msg{}.packed(1, ids...).packed(2, 1, 2)).strs(all...)
	}
	for name, c := range map[string]struct {
		stack []string
		want  bool
	}{
		"Go":                {[]string{"main.leaf", "main.main", "runtime.main", "runtime.goexit"}, false},
		"Go, root first":    {[]string{"runtime.goexit", "runtime.main", "main.main", "main.leaf"}, true},
		"C, root first":     {[]string{"_start", "__libc_start_main@@GLIBC_2.34", "main", "leaf"}, true},
		"Go, ABI 0":         {[]string{"runtime.goexit.abi0", "main.leaf"}, true},
		"roots at each end": {[]string{"runtime.mcall", "runtime.goexit"}, false},
		"no roots":          {[]string{"a", "b"}, false},
		"one frame":         {[]string{"runtime.goexit"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, b := range []Budget{{}, {InMemory: 1}} {
				p, err := Decode(zip(t, build(c.stack...)), b)
				if err != nil {
					t.Fatal(err)
				}
				if p.RootFirst != c.want {
					t.Fatalf("root first is %v", p.RootFirst)
				}
				leaf := c.stack[0]
				if c.want {
					leaf = c.stack[len(c.stack)-1]
				}
				if err := p.Each(func(locs []uint32, _ []int64) {
					if got := p.Functions[p.Frames[p.Locations[locs[0]].First].Function].Name; got != leaf {
						t.Errorf("leaf is %s, want %s", got, leaf)
					}
				}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestSymbolized(t *testing.T) {
	for name, want := range map[string]bool{
		"main.main": true, "f": true, "operator()": true, "(*T).M": true, "0xZ not hex": false,
		"": false, "0x40a0": false, "<unknown>": false, "[unknown]": false, "??": false, "<no-symbol>": false,
	} {
		if got := anyNamed([]Function{{}, {Name: name}}); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// A profile that is too large to keep is streamed, twice inflated, with the
// same figures and in a fraction of its size.
func TestLargeIsStreamed(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 80 MB")
	}
	plain := []byte(busyProfile(900_000, 20_000))
	data := zip(t, plain)
	if size := claimedSize(data); size <= DefaultBudget().InMemory {
		t.Fatalf("%d bytes are kept in memory", size)
	}
	sum := func(p *Profile) (s [4]uint64) {
		t.Helper()
		if err := p.EachLabelled(func(locs []uint32, values []int64, labels []Label) {
			s[0]++
			for _, l := range locs {
				s[1] = s[1]*31 + uint64(l)
			}
			s[2] += uint64(values[1])
			s[3] += uint64(labels[0].Num)
		}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	whole, err := Decode(plain, Budget{})
	if err != nil {
		t.Fatal(err)
	}
	want := sum(whole)
	var got [4]uint64
	alloc := taken(func() {
		p, err := Decode(data, Budget{})
		if err != nil {
			t.Fatal(err)
		}
		got = sum(p)
	})
	if got != want || want[0] != 900_000 {
		t.Errorf("streamed %v, whole %v", got, want)
	}
	t.Logf("%d MB gzipped, %d MB inflated, %d MB allocated", len(data)>>20, len(plain)>>20, alloc>>20)
	if alloc > 40<<20 {
		t.Errorf("%d MB allocated", alloc>>20)
	}
}

// A Profile may be walked by several goroutines at once.
func TestConcurrentWalks(t *testing.T) {
	p, err := Decode(zip(t, busyProfile(500, 50)), Budget{})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			n := 0
			if err := p.Each(func([]uint32, []int64) { n++ }); err != nil || n != 500 {
				t.Errorf("%d samples, %v", n, err)
			}
		})
	}
	all.Wait()
}
