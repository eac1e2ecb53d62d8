package gunzip

import "math/bits"

// An entry of a table says which symbol the next bits of the input begin with,
// and everything that the loop over symbols wants to know of it:
//
//	bits 0–5    how many bits of input it takes, extra bits included: a shift count as it is
//	bits 6–9    how many of them are its code
//	bits 10–11  how many literals it is: 1, 2 or, if it is something else, 0
//	bits 12–14  set for what is neither a literal nor a length nor a distance
//	bits 16–31  the literals, first one first; or the least length; or the least
//	            distance; or, of a link, where its second table begins
type entry uint32

const (
	literalBit = 10
	isLiteral  = 3 << literalBit
	isLink     = 1 << 12 // a code longer than the table is wide: see the second table
	isEnd      = 1 << 13 // of the block
	isInvalid  = 1 << 14 // no code begins so, or a symbol that must not occur
	isSpecial  = isLink | isEnd | isInvalid
)

func (e entry) takes() uint     { return uint(e & 63) }
func (e entry) codeBits() uint  { return uint(e >> 6 & 15) }
func (e entry) literals() int   { return int(e >> literalBit & 3) }
func (e entry) payload() uint16 { return uint16(e >> 16) }

// value is the length or distance that e stands for, with the extra bits that
// follow its code.
func (e entry) value(bits uint64) int {
	return int(e.payload()) + int(bits&^(^uint64(0)<<e.takes())>>e.codeBits())
}

// lookUp finds the entry for the next bits.
func lookUp(table []entry, width int, bits uint64) entry {
	e := table[bits&(1<<width-1)]
	if e&isLink != 0 {
		e = table[uint64(e.payload())+bits>>width&^(^uint64(0)<<e.codeBits())]
	}
	return e
}

// Widths of tables. A wider one holds more pairs of literals and needs fewer
// links, but takes longer to make, for each block anew, and crowds the cache: on
// profiles, 11 and 13 bits for symbols were both some 3 % slower than 12.
const (
	symbolWidth   = 12
	distanceWidth = 8
	lengthsWidth  = 7 // the longest there is
	longestCode   = 15
)

// Numbers of symbols, and how long tables can get: each link leads to at least
// two symbols, and all second tables are as long as the longest code needs.
const (
	endOfBlock      = 256
	symbols         = 288 // 256 bytes, the end, 29 lengths, and two that must not occur
	distances       = 32  // 30, and two that must not occur
	symbolEntries   = 1<<symbolWidth + symbols/2<<(longestCode-symbolWidth)
	distanceEntries = 1<<distanceWidth + distances/2<<(longestCode-distanceWidth)
)

// symbolMeaning and distanceMeaning are the entries for the symbols of RFC
// 1951, 3.2.5, with only the extra bits counted; build adds the code's.
var symbolMeaning, distanceMeaning = meaningOfSymbols(), meaningOfDistances()

func meaningOfSymbols() (m [symbols]entry) {
	for b := range 256 {
		m[b] = 1<<literalBit | entry(b)<<16
	}
	m[endOfBlock] = isEnd
	least := entry(3)
	for i := range 28 {
		extra := max(0, i/4-1)
		m[endOfBlock+1+i] = least<<16 | entry(extra)
		least += 1 << extra
	}
	m[285], m[286], m[287] = 258<<16, isInvalid, isInvalid
	return m
}

func meaningOfDistances() (m [distances]entry) {
	least := entry(1)
	for i := range 30 {
		extra := max(0, i/2-1)
		m[i] = least<<16 | entry(extra)
		least += 1 << extra
	}
	m[30], m[31] = isInvalid, isInvalid
	return m
}

// lengthMeaning is for the code in which the lengths of other codes come.
var lengthMeaning = func() (m [len(lengthOrder)]entry) {
	for i := range m {
		m[i] = entry(i) << 16
	}
	return m
}()

// code is a Huffman code: its symbols by length, and in order within one, which
// is the order of their codes.
type code struct {
	sorted   [symbols]uint16
	reversed [symbols]uint16      // the code of sorted[i]
	start    [longestCode + 2]int // by length: where in sorted its symbols begin
	longest  int
}

// read sorts the symbols by the lengths of their codes, 0 for those that do not
// occur. It reports whether there is such a code: too many symbols of a length,
// or room for more, are none. As for all inflaters, a single code of one bit is
// fine, and so is none at all as long as nobody uses it.
func (c *code) read(lengths []uint8) bool {
	var count [longestCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	var next [longestCode + 1]int
	last, at := 0, 0
	c.longest = 0
	for n := 1; n <= longestCode; n++ {
		c.start[n], next[n] = at, at
		for i := range count[n] {
			c.reversed[at+i] = bits.Reverse16(uint16(2*last+i)) >> (16 - n)
		}
		at += count[n]
		if last = 2*last + count[n]; last > 1<<n {
			return false
		}
		if count[n] > 0 {
			c.longest = n
		}
	}
	c.start[longestCode+1] = at
	for symbol, n := range lengths {
		if n > 0 {
			c.sorted[next[n]] = uint16(symbol)
			next[n]++
		}
	}
	return last == 1<<longestCode || at == 0 || at == 1 && c.longest == 1
}

// fill makes the table, for codes looked up by their first width bits. A code
// comes first bit first, which in an index made of the bits as they come is the
// lowest: codes are reversed, and whatever follows one varies the bits above.
// So the table for one more bit is that of the bits so far, twice, and then the
// codes of that length. Copying beats placing each entry at all its indices.
func (c *code) fill(table []entry, width int, means []entry, pairs bool) {
	table[0] = isInvalid
	for n := 1; n <= width; n++ {
		copy(table[1<<(n-1):1<<n], table[:1<<(n-1)])
		for i := c.start[n]; i < c.start[n+1]; i++ {
			table[c.reversed[i]] = means[c.sorted[i]] + entry(n)<<6 + entry(n)
		}
		if pairs {
			c.pair(table, n)
		}
	}
	if c.longest > width {
		c.link(table, width, means)
	}
}

// pair adds the pairs of literals that take n bits together.
func (c *code) pair(table []entry, n int) {
	for first := 1; first < n; first++ {
		second := n - first
		for i := c.start[first]; i < c.start[first+1] && c.sorted[i] < endOfBlock; i++ {
			e := entry(c.sorted[i])<<16 + 2<<literalBit + entry(n)
			for j := c.start[second]; j < c.start[second+1] && c.sorted[j] < endOfBlock; j++ {
				table[c.reversed[i]|c.reversed[j]<<first] = e + entry(c.sorted[j])<<24
			}
		}
	}
}

// link adds the codes that are longer than the table is wide.
func (c *code) link(table []entry, width int, means []entry) {
	mask := uint16(1)<<width - 1
	second := c.longest - width
	end := 1 << width
	for n := width + 1; n <= c.longest; n++ {
		for i := c.start[n]; i < c.start[n+1]; i++ {
			link := &table[c.reversed[i]&mask]
			if *link&isLink == 0 {
				*link = isLink | entry(second)<<6 | entry(end)<<16
				end += 1 << second
			}
			into := table[link.payload():][:1<<second]
			for k := int(c.reversed[i] >> width); k < len(into); k += 1 << (n - width) {
				into[k] = means[c.sorted[i]] + entry(n)<<6 + entry(n)
			}
		}
	}
}
