package feed

import "math/bits"

// An evenly goes through the numbers from 0 to n−1 so that those that have come
// lie evenly between the others at any time: the middle, the quarters, the
// eighths and so on, which is the order of their binary digits read backwards.
type evenly struct {
	n      int
	digits int
	count  uint
}

func newEvenly(n int) *evenly { return &evenly{n: n, digits: bits.Len(uint(max(0, n-1)))} }

// next is the next number; ok is false when all have come.
func (e *evenly) next() (i int, ok bool) {
	for e.count < 1<<e.digits {
		i := int(bits.Reverse(e.count) >> (bits.UintSize - e.digits))
		if e.count++; i < e.n {
			return i, true
		}
	}
	return 0, false
}
