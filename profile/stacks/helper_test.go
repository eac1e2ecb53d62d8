package stacks

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// msg builds protobuf by hand, so that tests can build what no writer would.
type msg []byte

func (m msg) varint(v uint64) msg {
	for v >= 0x80 {
		m = append(m, byte(v)|0x80)
		v >>= 7
	}
	return append(m, byte(v))
}

func (m msg) tag(field, wire int) msg { return m.varint(uint64(field)<<3 | uint64(wire)) }

// num adds a number field.
func (m msg) num(field int, v uint64) msg { return m.tag(field, wireVarint).varint(v) }

// sub adds a message, string or bytes field.
func (m msg) sub(field int, data []byte) msg {
	return append(m.tag(field, wireBytes).varint(uint64(len(data))), data...)
}

// packed adds a packed repeated field.
func (m msg) packed(field int, vs ...uint64) msg {
	var data msg
	for _, v := range vs {
		data = data.varint(v)
	}
	return m.sub(field, data)
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// strs adds a string table, "" first.
func (m msg) strs(ss ...string) msg {
	m = m.sub(fString, nil)
	for _, s := range ss {
		m = m.sub(fString, []byte(s))
	}
	return m
}

// types adds the sample types samples/count and cpu/nanoseconds, strings 1 to 4.
func (m msg) types() msg {
	return m.sub(fSampleType, msg{}.num(1, 1).num(2, 2)).sub(fSampleType, msg{}.num(1, 3).num(2, 4))
}

// small is a whole profile of one sample: leaf f, root g.
func small() msg {
	return msg{}.types().
		sub(fSample, msg{}.packed(1, 1, 2).packed(2, 7, 70)).
		sub(fLocation, msg{}.num(1, 1).num(3, 0x10).sub(4, msg{}.num(1, 1).num(2, 11))).
		sub(fLocation, msg{}.num(1, 2).num(3, 0x20).sub(4, msg{}.num(1, 2).num(2, 22))).
		sub(fFunction, msg{}.num(1, 1).num(2, 5)).
		sub(fFunction, msg{}.num(1, 2).num(2, 6)).
		strs("samples", "count", "cpu", "nanoseconds", "f", "g").
		num(fTimeNanos, 1).num(fDurationNanos, 2)
}

// busyProfile makes a plain profile of n samples, each labelled and 20 to 60
// deep, over that many locations.
func busyProfile(n, locations int) msg {
	m := msg{}.types()
	names := []string{"samples", "count", "cpu", "nanoseconds", "job"}
	rnd := uint64(1)
	next := func(below int) uint64 { // a small generator: the same profile every time
		rnd = rnd*6364136223846793005 + 1442695040888963407
		return rnd >> 33 % uint64(below)
	}
	for i := 1; i <= locations; i++ {
		m = m.sub(fLocation, msg{}.num(1, uint64(i)).num(2, 1).num(3, 0x400000+uint64(i)*37).
			sub(4, msg{}.num(1, uint64(i)).num(2, next(900)+1)))
		m = m.sub(fFunction, msg{}.num(1, uint64(i)).num(2, uint64(5+i)).num(3, uint64(5+i)).num(4, 2))
		names = append(names, fmt.Sprintf("example.com/service/internal/part%d.(*Worker).step%d", i%97, i))
	}
	// Programs are in the same places again and again.
	stacks := make([]msg, min(n, 200)) // so few that gzip, like in real ones, finds them again
	for i := range stacks {
		ids := make([]uint64, 20+next(40))
		for k := range ids {
			ids[k] = next(locations) + 1
		}
		stacks[i] = msg{}.packed(1, ids...).num(2, 1).num(2, 10_000_000)
	}
	m = slices.Grow(m, 120*n)
	for i := range n {
		s := stacks[next(len(stacks))]
		m = m.sub(fSample, s[:len(s):len(s)].sub(3, msg{}.num(1, 5).num(3, uint64(i)+1)))
	}
	return m.strs(names...).sub(fMapping, msg{}.num(1, 1).num(2, 0x400000).num(3, 0x900000))
}

func contains(s, part string) bool { return strings.Contains(s, part) }
