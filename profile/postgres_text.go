package profile

import "strings"

// statementText makes a statement fit to keep: bounded, on one line, without
// comments, which carry the ids of requests, and without what stands in quotes.
// pg_stat_statements takes the constants out of most statements, but not out of
// DO, COPY, SET, NOTIFY, CREATE USER …
func statementText(s string) string {
	var b strings.Builder
	var before byte // the last byte outside of quotes and comments
	for len(s) > 0 {
		kept, n := s[:1], 1
		switch {
		case strings.HasPrefix(s, "--"):
			kept, n = " ", endOf(s, "\n")
		case strings.HasPrefix(s, "/*"):
			kept, n = " ", commentEnd(s)
		case s[0] == '\'':
			kept, n = "'…'", quoteEnd(s, before == 'e' || before == 'E')
		case s[0] == '"':
			n = quoteEnd(s, false)
			kept = s[:n] // a name
		case s[0] == '$' && !isWord(before):
			if tag := dollarTag(s); tag != "" {
				kept, n = tag+"…"+tag, len(tag)+endOf(s[len(tag):], tag)
			}
		}
		b.WriteString(kept)
		before = s[n-1]
		s = s[n:]
	}
	return printable(strings.Join(strings.Fields(redactText(Clean(b.String()))), " "), maxStatement)
}

// endOf is the length of s up to the end of mark; all of it if mark is missing,
// as in a statement that was cut.
func endOf(s, mark string) int {
	if i := strings.Index(s, mark); i >= 0 {
		return i + len(mark)
	}
	return len(s)
}

// commentEnd is the length of the comment that s begins with. PostgreSQL's
// nest.
func commentEnd(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// quoteEnd is the length of the quoted text that s begins with. A doubled quote
// does not end it, nor, in an E'…' string, one behind a backslash.
func quoteEnd(s string, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] != s[0]:
		case i+1 < len(s) && s[i+1] == s[0]:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// dollarTag is the tag, "$$" or "$name$", that s begins with; "" if it begins
// with a parameter such as $1.
func dollarTag(s string) string {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '$':
			return s[:i+1]
		case !isWord(s[i]) || i == 1 && s[i] <= '9':
			return ""
		}
	}
	return ""
}

func isWord(b byte) bool {
	return b == '_' || b >= 0x80 || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
