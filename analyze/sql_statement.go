package analyze

import "strings"

// readStatement reads from an SQL statement what it does, and to which table.
// It need not be whole: servers and captures cut long ones. It is not a parser
// of SQL but knows where its clauses nest, and says nothing rather than guess.
//
// kind is the verb in lower case, behind the common table expressions if the
// statement begins with such. table is the first one that it reads or writes,
// "" for a function or a list of values.
func readStatement(text string) (kind, table string) {
	r := &sqlReader{tokens: sqlTokens(text)}
	if !r.toVerb() {
		return "", ""
	}
	kind = strings.ToLower(r.tokens[r.at].text)
	switch kind {
	case "insert", "merge":
		r.toKeyword("into")
	case "delete":
		r.toKeyword("from")
	case "select":
		return kind, r.from()
	case "update":
		r.at++
	default:
		return kind, ""
	}
	return kind, r.name()
}

// A sqlToken is a word, a quoted name, or one sign.
type sqlToken struct {
	text   string // of a quoted name, what is inside the quotes
	quoted bool
	depth  int // how many parentheses are open around it
}

func (t sqlToken) is(word string) bool { return !t.quoted && strings.EqualFold(t.text, word) }

func (t sqlToken) isName() bool {
	return t.quoted || t.text != "" && isWordByte(t.text[0]) && t.text[0] != '$'
}

func isWordByte(b byte) bool {
	return b == '_' || b == '$' || b >= 0x80 || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// sqlTokens splits a statement. Strings and comments are left out: nothing in
// them is part of the statement's form.
func sqlTokens(s string) []sqlToken {
	var list []sqlToken
	depth := 0
	for i := 0; i < len(s); {
		switch b := s[i]; {
		case isWordByte(b):
			end := i
			for end < len(s) && isWordByte(s[end]) {
				end++
			}
			list = append(list, sqlToken{text: s[i:end], depth: depth})
			i = end
		case b == '"':
			inner, n := quotedName(s[i:])
			list = append(list, sqlToken{text: inner, quoted: true, depth: depth})
			i += n
		case b == '\'':
			_, n := sqlQuoted(s[i:], '\'')
			i += n
		case strings.HasPrefix(s[i:], "--"):
			i += lengthTo(s[i:], "\n")
		case strings.HasPrefix(s[i:], "/*"):
			i += lengthTo(s[i:], "*/")
		case b <= ' ':
			i++
		default:
			if b == ')' {
				depth = max(0, depth-1)
			}
			list = append(list, sqlToken{text: s[i : i+1], depth: depth})
			if b == '(' {
				depth++
			}
			i++
		}
	}
	return list
}

// sqlQuoted returns what is between the quote that s begins with and the next
// single one, doubled ones kept as they are, and the length of it all.
func sqlQuoted(s string, quote byte) (inner string, n int) {
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			i++
			continue
		}
		return s[1:i], i + 1
	}
	return s[1:], len(s)
}

func quotedName(s string) (string, int) {
	inner, n := sqlQuoted(s, '"')
	return strings.ReplaceAll(inner, `""`, `"`), n
}

// lengthTo is the length of s up to the end of mark, or all of it.
func lengthTo(s, mark string) int {
	if i := strings.Index(s, mark); i >= 0 {
		return i + len(mark)
	}
	return len(s)
}

type sqlReader struct {
	tokens []sqlToken
	at     int
}

// toVerb goes to the statement's verb: the first word, or, behind WITH, the
// first verb outside of the parentheses that hold its parts.
func (r *sqlReader) toVerb() bool {
	for r.at < len(r.tokens) && !r.tokens[r.at].isName() {
		r.at++
	}
	if r.at == len(r.tokens) || r.tokens[r.at].quoted {
		return false
	}
	start := r.tokens[r.at]
	if !start.is("with") {
		return true
	}
	for r.at++; r.at < len(r.tokens); r.at++ {
		t := r.tokens[r.at]
		if t.depth == start.depth && (t.is("select") || t.is("insert") || t.is("update") || t.is("delete") || t.is("merge")) {
			return true
		}
	}
	return false
}

// toKeyword goes behind a keyword that is as deep as the verb.
func (r *sqlReader) toKeyword(word string) {
	depth := r.tokens[r.at].depth
	for ; r.at < len(r.tokens); r.at++ {
		if t := r.tokens[r.at]; t.depth == depth && t.is(word) {
			r.at++
			return
		}
	}
}

// from returns the first table that a SELECT reads from, inside a subquery if
// that is where it reads first. FROM also stands inside EXTRACT, SUBSTRING and
// TRIM, which are deeper, and in IS DISTINCT FROM.
func (r *sqlReader) from() string {
	depth := r.tokens[r.at].depth
	for ; r.at < len(r.tokens); r.at++ {
		t := r.tokens[r.at]
		if t.depth != depth || !t.is("from") || r.comparison() {
			continue
		}
		for r.at++; r.at < len(r.tokens) && (r.tokens[r.at].is("(") || r.tokens[r.at].is("lateral")); r.at++ {
			if r.tokens[r.at].is("(") {
				depth++
			}
		}
		if r.at == len(r.tokens) || !r.tokens[r.at].is("select") {
			return r.name()
		}
	}
	return ""
}

// comparison says that the FROM here belongs to IS [NOT] DISTINCT.
func (r *sqlReader) comparison() bool {
	return r.at >= 2 && r.tokens[r.at-1].is("distinct") && (r.tokens[r.at-2].is("is") || r.tokens[r.at-2].is("not"))
}

// name reads a table's name here, with its schema if given.
func (r *sqlReader) name() string {
	if r.at < len(r.tokens) && r.tokens[r.at].is("only") {
		r.at++
	}
	var parts []string
	for ; r.at < len(r.tokens) && r.tokens[r.at].isName(); r.at++ {
		parts = append(parts, r.tokens[r.at].text)
		if r.at++; r.at == len(r.tokens) || !r.tokens[r.at].is(".") {
			break
		}
	}
	if len(parts) == 0 || len(parts) == 1 && (strings.EqualFold(parts[0], "values") || strings.EqualFold(parts[0], "with")) {
		return ""
	}
	// A name with parentheses is a function, but for the columns of an INSERT.
	if r.at < len(r.tokens) && r.tokens[r.at].is("(") && !r.inserts() {
		return ""
	}
	return strings.Join(parts, ".")
}

func (r *sqlReader) inserts() bool {
	for _, t := range r.tokens[:r.at] {
		if t.is("into") {
			return true
		}
	}
	return false
}
