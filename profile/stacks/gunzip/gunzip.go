// Package gunzip inflates gzip that is wholly in memory and whose inflated size
// is known, as it is for nearly every profile: the trailer says it.
//
// A streaming inflater asks for its input byte by byte, keeps a window of what
// it wrote, and must be able to stop between any two bytes. Here input and
// output are two slices: input is taken eight bytes at a time, the output is
// its own window. On profiles that is 2.2 to 2.4 times as fast as the streaming
// inflater of klauspost/compress.
//
//   - gunzip.go is the frame: header, checksum, size;
//   - inflate.go is the blocks of deflate (RFC 1951) and the loop over symbols;
//   - huffman.go makes the tables that the loop looks symbols up in.
package gunzip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// What Into refuses input for.
var (
	ErrTruncated = errors.New("gunzip: the input has no end")
	ErrCorrupt   = errors.New("gunzip: the input is corrupt")
	ErrChecksum  = errors.New("gunzip: the checksum is wrong")
	ErrSize      = errors.New("gunzip: the size is another one")
	ErrTrailing  = errors.New("gunzip: there is more behind the member")
)

// Into inflates src, which must be exactly one gzip member (RFC 1952), into
// dst, which it must fill exactly. It returns nil only if the checksum and the
// size in the trailer are those of dst. It never writes outside dst[:len(dst)],
// allocates nothing that depends on the input, and after an error dst holds
// nothing of use.
func Into(dst, src []byte) error {
	body, err := header(src)
	if err != nil {
		return err
	}
	n, used, err := inflate(dst, body)
	if err != nil {
		return err
	}
	trailer := body[used:]
	switch {
	case len(trailer) < trailerSize:
		return ErrTruncated
	case binary.LittleEndian.Uint32(trailer) != crc32.ChecksumIEEE(dst[:n]):
		return ErrChecksum
	case binary.LittleEndian.Uint32(trailer[4:]) != uint32(n), n != len(dst):
		return ErrSize
	case len(trailer) > trailerSize:
		return ErrTrailing
	}
	return nil
}

const (
	headerSize  = 10
	trailerSize = 8
	// longestText bounds a file name or comment as the gzip readers of Go do.
	longestText = 511
)

// Bits of the header's flags. The lowest says "probably text" and means nothing.
const (
	flagHeaderCRC = 1 << (1 + iota)
	flagExtra
	flagName
	flagComment
)

// header returns what follows the member's header.
func header(src []byte) ([]byte, error) {
	if len(src) < headerSize {
		return nil, ErrTruncated
	}
	if src[0] != 0x1f || src[1] != 0x8b || src[2] != 8 { // 8 is deflate
		return nil, ErrCorrupt
	}
	flags, at := src[3], headerSize
	if flags&flagExtra != 0 {
		if len(src)-at < 2 {
			return nil, ErrTruncated
		}
		at += 2 + int(binary.LittleEndian.Uint16(src[at:]))
	}
	for _, flag := range []byte{flagName, flagComment} {
		if flags&flag == 0 {
			continue
		}
		if at > len(src) {
			return nil, ErrTruncated
		}
		text := src[at:min(len(src), at+longestText+1)]
		end := bytes.IndexByte(text, 0)
		switch {
		case end < 0 && len(text) <= longestText:
			return nil, ErrTruncated
		case end < 0:
			return nil, ErrCorrupt
		}
		at += end + 1
	}
	if flags&flagHeaderCRC != 0 {
		if len(src)-at < 2 {
			return nil, ErrTruncated
		}
		if binary.LittleEndian.Uint16(src[at:]) != uint16(crc32.ChecksumIEEE(src[:at])) {
			return nil, ErrChecksum
		}
		at += 2
	}
	if at > len(src) {
		return nil, ErrTruncated
	}
	return src[at:], nil
}
