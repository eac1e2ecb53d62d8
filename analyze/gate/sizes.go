package gate

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"busywork/profile"
)

// sizeForm is a number as benchmarks are named by it: 1000, 10k, 1.5M, 64KiB,
// 10_000, 1e6.
var sizeForm = regexp.MustCompile(`^([0-9][0-9_]*(?:\.[0-9]+)?(?:e[0-9]{1,2})?)(k|K|M|G|Ki|Mi|Gi)?B?$`)

// prefix is what a letter behind a number stands for. A K may be meant as 1024:
// to an exponent, 2.4 % of a size are nothing.
func prefix(letter string) float64 {
	switch letter {
	case "k", "K":
		return 1e3
	case "M":
		return 1e6
	case "G":
		return 1e9
	case "Ki":
		return 1 << 10
	case "Mi":
		return 1 << 20
	case "Gi":
		return 1 << 30
	}
	return 1
}

// parseSize reads a size above zero: there is no logarithm of an empty queue.
func parseSize(s string) (float64, bool) {
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(m[1], "_", ""), 64)
	if err != nil || v <= 0 {
		return 0, false
	}
	return v * prefix(m[2]), true
}

// A sizedName is a benchmark's name, taken apart at its slashes.
type sizedName struct {
	top   string // BenchmarkCancel
	parts []namePart
	procs string // -8
}

// A namePart is "/depth=10k" or "/10k".
type namePart struct {
	key, value string
	size       float64 // 0 if it is none
}

func splitName(name string) sizedName {
	rest, procs := procsOf(name)
	list := strings.Split(rest, "/")
	n := sizedName{top: list[0], procs: procs}
	for _, text := range list[1:] {
		p := namePart{value: text}
		if key, value, ok := strings.Cut(text, "="); ok {
			p.key, p.value = key, value
		}
		p.size, _ = parseSize(p.value)
		n.parts = append(n.parts, p)
	}
	return n
}

// kin is what the sizes of one benchmark have in common: its name and its keys.
func (n sizedName) kin() string {
	var b strings.Builder
	b.WriteString(n.top)
	for _, p := range n.parts {
		b.WriteString("/" + p.key)
	}
	return b.String()
}

// without is the name with a star for one of its parts.
func (n sizedName) without(part int) string {
	var b strings.Builder
	b.WriteString(n.top)
	for i, p := range n.parts {
		b.WriteByte('/')
		if p.key != "" {
			b.WriteString(p.key + "=")
		}
		if i == part {
			b.WriteByte('*')
		} else {
			b.WriteString(p.value)
		}
	}
	return b.String() + n.procs
}

// A series is one benchmark at several sizes, all else in its name being equal.
type series struct {
	pkg        string
	name       string // BenchmarkCancel/workers=4/depth=*
	top        string // BenchmarkCancel
	key        string // depth; "size" if it has no name
	base, head map[float64][]float64
}

// sizes are those in both tables, the smallest first.
func (s *series) sizes(tables ...map[float64][]float64) []float64 {
	var list []float64
	for size := range tables[0] {
		if !slices.ContainsFunc(tables[1:], func(t map[float64][]float64) bool { return t[size] == nil }) {
			list = append(list, size)
		}
	}
	slices.Sort(list)
	return list
}

// seriesOf finds the benchmarks that are named by size. Of several numbers in a
// name, /workers=4/depth=10k, the size is the one that spans the largest factor,
// or the one with the key asked for; by the others they are told apart.
func seriesOf(base, head []Measured, key string) []*series {
	all := slices.Concat(base, head)
	spans := map[string][]sizeSpan{}
	for _, m := range all {
		n := splitName(m.Benchmark)
		kin := m.Package + "\x00" + n.kin()
		if spans[kin] == nil {
			spans[kin] = make([]sizeSpan, len(n.parts))
		}
		for i, p := range n.parts {
			spans[kin][i].take(p.size)
		}
	}
	found := map[string]*series{}
	var list []*series
	for i, m := range all {
		n := splitName(m.Benchmark)
		part := n.sizePart(spans[m.Package+"\x00"+n.kin()], key)
		if part < 0 {
			continue
		}
		name := n.without(part)
		s := found[m.Package+"\x00"+name]
		if s == nil {
			s = &series{
				pkg: profile.CleanLine(m.Package), name: profile.CleanLine(name), top: profile.CleanLine(n.top), key: profile.CleanLine(n.parts[part].key),
				base: map[float64][]float64{}, head: map[float64][]float64{},
			}
			if s.key == "" {
				s.key = "size"
			}
			found[m.Package+"\x00"+name] = s
			list = append(list, s)
		}
		table := s.head
		if i < len(base) {
			table = s.base
		}
		size := n.parts[part].size
		table[size] = append(table[size], m.Cost...)
	}
	slices.SortStableFunc(list, func(a, b *series) int { return strings.Compare(a.pkg+"\x00"+a.name, b.pkg+"\x00"+b.name) })
	return list
}

// sizePart is which part of a name is the size, -1 if none is.
func (n sizedName) sizePart(spans []sizeSpan, key string) int {
	best, at := 1.0, -1
	for i, p := range n.parts {
		switch {
		case p.size == 0 || (key != "" && p.key != key):
		case key != "":
			return i
		case spans[i].factor() > best:
			best, at = spans[i].factor(), i
		}
	}
	return at
}

// A sizeSpan is the least and the largest of the sizes seen.
type sizeSpan struct{ low, high float64 }

func (s *sizeSpan) take(size float64) {
	if size == 0 {
		return
	}
	if s.low == 0 || size < s.low {
		s.low = size
	}
	s.high = math.Max(s.high, size)
}

func (s sizeSpan) factor() float64 {
	if s.low == 0 {
		return 0
	}
	return s.high / s.low
}

// sizeText is a size as it is read: 1000, 10k, 2.5M.
func sizeText(v float64) string {
	for _, p := range []struct {
		name string
		unit float64
	}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if v >= 10*p.unit || (v >= p.unit && math.Mod(v, p.unit) == 0) {
			return fmt.Sprintf("%.4g%s", v/p.unit, p.name)
		}
	}
	return fmt.Sprintf("%.4g", v)
}
