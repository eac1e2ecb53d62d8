package stacks

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// recognise says what bytes are that are not a profile in protobuf form, or
// nil if it does not know. It is asked only about what could not be decoded.
func recognise(head []byte) *Error {
	for _, try := range []func([]byte) *Error{magic, legacyBinary, legacyText, markup, plainText} {
		if e := try(head); e != nil {
			return e
		}
	}
	return nil
}

// magic knows files by their first bytes.
func magic(head []byte) *Error {
	for _, k := range []struct {
		prefix string
		kind   Kind
		what   string
	}{
		{"\x1f\x8b", NotAProfile, "gzip inside gzip"},
		{"FLR\x00", Java, "a Java Flight Recorder file"},
		{"JAVA PROFILE ", Java, "a Java heap dump"},
		{"PERFILE2", NotAProfile, "a perf.data file; perf_to_profile converts it"},
		{"\x7fELF", NotAProfile, "a program (ELF), not a profile of one"},
		{"PK\x03\x04", NotAProfile, "a zip archive"},
		{"\x28\xb5\x2f\xfd", NotAProfile, "zstd data; unpack it first"},
		{"BZh", NotAProfile, "bzip2 data; unpack it first"},
		{"go 1.", NotAProfile, "a Go execution trace"},
	} {
		if bytes.HasPrefix(head, []byte(k.prefix)) {
			return fail(k.kind, "%s", k.what)
		}
	}
	return nil
}

// legacyBinary knows the header of gperftools' CPU profiles: the machine words
// 0, 3, version, period, 0; version is 1 for Java.
func legacyBinary(head []byte) *Error {
	for _, word := range []struct {
		size int
		get  func([]byte) uint64
	}{
		{4, func(b []byte) uint64 { return uint64(binary.LittleEndian.Uint32(b)) }},
		{4, func(b []byte) uint64 { return uint64(binary.BigEndian.Uint32(b)) }},
		{8, binary.LittleEndian.Uint64},
		{8, binary.BigEndian.Uint64},
	} {
		if len(head) < 5*word.size {
			continue
		}
		w := func(i int) uint64 { return word.get(head[i*word.size:]) }
		if w(0) != 0 || w(1) != 3 || w(3) == 0 || w(4) != 0 {
			continue
		}
		switch w(2) {
		case 0:
			return fail(LegacyBinary, "from gperftools; pprof -proto converts it")
		case 1:
			return fail(Java, "a legacy CPU profile of a Java program; pprof -proto converts it")
		}
	}
	return nil
}

var (
	// countProfile is what Go writes for goroutine, threadcreate and any custom
	// profile with debug=1.
	countProfile = regexp.MustCompile(`^\S{1,64} profile: total \d+`)
	// goroutineDump is debug=2 and what a crash prints.
	goroutineDump = regexp.MustCompile(`^goroutine \d+ `)
)

// legacyText knows the text forms.
func legacyText(head []byte) *Error {
	line := firstLine(head)
	switch {
	case line == "--- heapz 1 ---", line == "--- contentionz 1 ---":
		return fail(Java, "%s; pprof -proto converts it", quote(line))
	case strings.HasPrefix(line, "heap profile:"), countProfile.MatchString(line),
		strings.HasPrefix(line, "goroutine profile:"),
		strings.HasPrefix(line, "--- heapz"), strings.HasPrefix(line, "--- contention"),
		strings.HasPrefix(line, "--- mutex:"), strings.HasPrefix(line, "--- threadz"),
		strings.HasPrefix(line, "--- Thread "):
		return fail(LegacyText, "%s; ask for it without debug=1", quote(line))
	case goroutineDump.MatchString(line):
		return fail(LegacyText, "a goroutine dump; ask for it without debug=2")
	}
	return nil
}

// firstLine is the first line that is neither empty nor a comment, as the
// legacy readers skip those.
func firstLine(head []byte) string {
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return string(line)
		}
		head = rest
	}
	return ""
}

// markup knows web pages and JSON: login pages and error bodies.
func markup(head []byte) *Error {
	t := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))) // less a byte-order mark
	starts := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if bytes.HasPrefix(t, []byte(p)) {
				return true
			}
		}
		return false
	}
	switch {
	case starts("<!doctype html", "<html", "<head", "<body", "<title", "<!--"):
		return fail(NotAProfile, "an HTML page, not a profile")
	case starts("<?xml", "<svg", "<error"):
		return fail(NotAProfile, "XML, not a profile")
	case jsonStart.Match(t):
		return fail(NotAProfile, "JSON, not a profile")
	}
	return nil
}

var jsonStart = regexp.MustCompile(`^(\{\s*["}]|\[\s*[\[\]{"0-9-])`)

// plainText quotes a text that means to say something, such as "404 page not found".
func plainText(head []byte) *Error {
	line := firstLine(head)
	if len(line) < 4 || !isText(head) { // fewer characters than that can be protobuf
		return nil
	}
	return fail(NotAProfile, "text: %s", quote(line))
}

// isText reports whether b holds no control characters and is UTF-8, except
// that its last rune may be cut.
func isText(b []byte) bool {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		cut := r == utf8.RuneError && n == 1
		if cut && len(b)-i < utf8.UTFMax {
			return true
		}
		if cut || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
		i += n
	}
	return true
}

// quote makes a string from the input safe to print: ASCII, quoted, short.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.QuoteToASCII(s)
}
