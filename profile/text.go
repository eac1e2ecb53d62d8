package profile

import (
	"fmt"
	"unicode/utf8"
)

// printable makes a string from outside fit for terminals and files: see clean;
// and at most limit bytes.
func printable(s string, limit int) string {
	s = Clean(s[:min(len(s), 4*limit)]) // an endless string is not worth cleaning
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	end := max(0, limit-len(mark))
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

// byteSize is n bytes in words, rounded down.
func byteSize(n int64) string {
	switch {
	case n >= 10<<20 || n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
