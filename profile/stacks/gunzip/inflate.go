package gunzip

import "encoding/binary"

// decoder is the state between blocks, and its tables.
type decoder struct {
	in  []byte
	out []byte
	at  int // out[:at] is written

	// The next bits of the input are the low n of bits, first one lowest. What
	// follows them is in[next:]; next beyond the end stands for zeros that were
	// read there. Bits above n are not zero but, if anything, the right ones.
	bits uint64
	n    uint
	next int

	lengths   [symbols + distances]uint8
	code      code
	symbols   [symbolEntries]entry
	distances [distanceEntries]entry
}

// inflate decodes the blocks at the start of in. It returns how much of out it
// filled and how much of in it used.
func inflate(out, in []byte) (written, used int, err error) {
	// Without capacity behind them, a mistake in here is a panic, never a write.
	d := &decoder{in: in[:len(in):len(in)], out: out[:len(out):len(out)]}
	for last := false; !last; {
		header := d.take(3)
		last = header&1 == 1
		switch header >> 1 {
		case 0:
			err = d.stored()
		case 1:
			if err = d.fixed(); err == nil {
				err = d.compressed()
			}
		case 2:
			if err = d.dynamic(); err == nil {
				err = d.compressed()
			}
		case 3:
			err = ErrCorrupt
		}
		if d.used() > len(in) { // whatever came of it, came of zeros that are not there
			return 0, 0, ErrTruncated
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return d.at, d.used(), nil
}

// used is how many bytes have been used, the last one perhaps in part.
func (d *decoder) used() int { return d.next - int(d.n/8) }

// refill makes at least 56 bits available.
func (d *decoder) refill() {
	for ; d.n <= 56; d.n += 8 {
		if d.next < len(d.in) {
			d.bits |= uint64(d.in[d.next]) << d.n
		}
		d.next++
	}
}

// take takes up to 32 bits.
func (d *decoder) take(n uint) uint64 {
	d.refill()
	v := d.bits &^ (^uint64(0) << n)
	d.drop(n)
	return v
}

func (d *decoder) drop(n uint) {
	d.bits >>= n
	d.n -= n
}

// stored copies a block that is not compressed. It starts at a whole byte with
// its size and the complement of that.
func (d *decoder) stored() error {
	d.drop(d.n % 8)
	size, complement := d.take(16), d.take(16)
	if size != complement^0xffff {
		return ErrCorrupt
	}
	from := d.used()
	if from > len(d.in) || int(size) > len(d.in)-from {
		return ErrTruncated
	}
	if int(size) > len(d.out)-d.at {
		return ErrSize
	}
	d.at += copy(d.out[d.at:], d.in[from:from+int(size)])
	d.next, d.bits, d.n = from+int(size), 0, 0
	return nil
}

// fixed sets up the code that RFC 1951, 3.2.6 gives.
func (d *decoder) fixed() error {
	for i := range d.lengths {
		switch {
		case i < 144:
			d.lengths[i] = 8
		case i < 256:
			d.lengths[i] = 9
		case i < 280:
			d.lengths[i] = 7
		case i < symbols:
			d.lengths[i] = 8
		default:
			d.lengths[i] = 5
		}
	}
	return d.build(symbols, distances)
}

// lengthOrder is the order in which the lengths of the code for lengths come.
var lengthOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads a block's own code: lengths of codes, themselves coded.
func (d *decoder) dynamic() error {
	nSymbols, nDistances, n := int(d.take(5))+257, int(d.take(5))+1, int(d.take(4))+4
	if nSymbols > 286 || nDistances > 30 {
		return ErrCorrupt
	}
	var lengths [len(lengthOrder)]uint8
	for _, i := range lengthOrder[:n] {
		lengths[i] = uint8(d.take(3))
	}
	table := d.distances[:1<<lengthsWidth] // which is not used yet
	if !d.code.read(lengths[:]) {
		return ErrCorrupt
	}
	d.code.fill(table, lengthsWidth, lengthMeaning[:], false)
	if err := d.readLengths(table, d.lengths[:nSymbols+nDistances]); err != nil {
		return err
	}
	return d.build(nSymbols, nDistances)
}

// readLengths reads lengths of codes: 16 repeats the last one, 17 and 18 zero.
func (d *decoder) readLengths(table []entry, into []uint8) error {
	for i := 0; i < len(into); {
		d.refill()
		e := table[d.bits%uint64(len(table))]
		if e&isInvalid != 0 {
			return ErrCorrupt
		}
		d.drop(e.takes())
		var value uint8
		var times int
		switch symbol := e.payload(); symbol {
		default:
			into[i] = uint8(symbol)
			i++
			continue
		case 16:
			if i == 0 {
				return ErrCorrupt
			}
			value, times = into[i-1], 3+int(d.take(2))
		case 17:
			times = 3 + int(d.take(3))
		case 18:
			times = 11 + int(d.take(7))
		}
		if times > len(into)-i {
			return ErrCorrupt
		}
		for range times {
			into[i] = value
			i++
		}
	}
	return nil
}

// build makes the tables for the code with those lengths.
func (d *decoder) build(nSymbols, nDistances int) error {
	if !d.code.read(d.lengths[:nSymbols]) {
		return ErrCorrupt
	}
	d.code.fill(d.symbols[:], symbolWidth, symbolMeaning[:], true)
	if !d.code.read(d.lengths[nSymbols:][:nDistances]) {
		return ErrCorrupt
	}
	d.code.fill(d.distances[:], distanceWidth, distanceMeaning[:], false)
	return nil
}

// compressed decodes a block's symbols to its end.
func (d *decoder) compressed() error {
	for {
		d.many()
		if end, err := d.one(); end || err != nil {
			return err
		}
	}
}

// one decodes one symbol, or pair of literals, whatever it is and wherever.
func (d *decoder) one() (end bool, err error) {
	if d.used() > len(d.in) {
		return false, ErrTruncated
	}
	d.refill()
	e := lookUp(d.symbols[:], symbolWidth, d.bits)
	bits := d.bits
	d.drop(e.takes())
	switch {
	case e&isEnd != 0:
		return true, nil
	case e&isInvalid != 0:
		return false, ErrCorrupt
	case e&isLiteral == 0:
		return false, d.match(e.value(bits))
	}
	for i := range e.literals() {
		if d.at == len(d.out) {
			return false, ErrSize
		}
		d.out[d.at] = byte(e.payload() >> (8 * i))
		d.at++
	}
	return false, nil
}

// match decodes the distance that follows a length, and copies.
func (d *decoder) match(length int) error {
	d.refill()
	e := lookUp(d.distances[:], distanceWidth, d.bits)
	distance := e.value(d.bits)
	d.drop(e.takes())
	switch {
	case e&isInvalid != 0 || distance > d.at:
		return ErrCorrupt
	case length > len(d.out)-d.at:
		return ErrSize
	}
	repeat(d.out[:d.at+length], d.at, distance)
	d.at += length
	return nil
}

// repeat fills out[at:] with what is distance before it. If the two overlap,
// what was written is what is to come, and each copy can be twice as long.
func repeat(out []byte, at, distance int) {
	from := at - distance
	for at < len(out) {
		at += copy(out[at:], out[from:at])
	}
}

// Limits of one turn of many.
const (
	// literalRun entries leave 64 - 4·12 bits, enough to look the next one up.
	literalRun = 4
	inputRoom  = 16                      // bytes for two times eight bits of input
	outputRoom = 2*literalRun + 258 + 32 // literals, the longest match, and what copying by 16 adds
)

// many decodes symbols as long as all is usual: far from the end of either
// slice, codes that need no second table, nothing invalid. It stops in front of
// anything else, which is one symbol in a hundred, and leaves it to one.
//
// A processor does all of this at the same time except what each symbol waits
// for, the table's answer and the shift by it, and except when it guesses a
// branch wrong. Hence pairs of literals in one entry; both bytes of a pair
// stored even if there is one, the next store repairs that; and 32 bytes copied
// for any match, most being shorter. State is in local variables
// because the compiler keeps only those in registers.
func (d *decoder) many() {
	in, out := d.in, d.out
	bits, n, next, at := d.bits, d.n, d.next, d.at
	for next <= len(in)-inputRoom && at <= len(out)-outputRoom {
		bits |= load(in, next) << (n & 63) // n is below 64; the mask saves a test
		next += 7 - int(n>>3)
		n |= 56
		e := d.symbols[bits%(1<<symbolWidth)]
		if e&isLiteral != 0 {
			for range literalRun {
				store2(out, at, e.payload())
				at += e.literals()
				bits >>= e.takes()
				n -= e.takes()
				if e = d.symbols[bits%(1<<symbolWidth)]; e&isLiteral == 0 {
					break
				}
			}
			if e&isLiteral != 0 {
				continue
			}
			bits |= load(in, next) << (n & 63)
			next += 7 - int(n>>3)
			n |= 56
		}
		rest := bits >> e.takes()
		f := d.distances[rest%(1<<distanceWidth)]
		length, distance := e.value(bits), f.value(rest)
		from := at - distance
		if (e|f)&isSpecial != 0 || from < 0 {
			break
		}
		bits = rest >> f.takes()
		n -= e.takes() + f.takes()
		if distance >= 16 {
			copy16(out, at, from)
			copy16(out, at+16, from+16)
			for i := 32; i < length; i += 16 {
				copy16(out, at+i, from+i)
			}
		} else {
			repeat(out[:at+length], at, distance)
		}
		at += length
	}
	d.bits, d.n, d.next, d.at = bits, n, next, at
}

// These say the end of a slice twice, b[i:i+8:i+8], because then the compiler
// knows that it is not empty and need not guard the pointer: in all of many
// that is nearly a tenth of the time.

func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

func store2(b []byte, i int, v uint16) { binary.LittleEndian.PutUint16(b[i:i+2:i+2], v) }

func copy16(b []byte, to, from int) {
	*(*[16]byte)(b[to : to+16 : to+16]) = *(*[16]byte)(b[from : from+16 : from+16])
}
