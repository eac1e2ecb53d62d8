package tui

import (
	"strings"
	"unicode/utf8"
)

// folded is text in rows: the first of at most first cells, the others of rest,
// broken between words where that can be, and in a word that is longer than a
// row: a path that is cut off has lost what it is for.
func folded(text string, first, rest int) []string {
	text = strings.Join(strings.Fields(text), " ")
	rows := make([]string, 0, 1+len(text)/max(rest, 1))
	for room := first; text != ""; room = rest {
		n := fitting(text, room)
		if n == len(text) {
			return append(rows, text)
		}
		at := strings.LastIndexByte(text[:n+1], ' ')
		switch {
		case at > 0:
			rows, text = append(rows, text[:at]), text[at+1:]
		case len(rows) == 0 && first < rest:
			rows = append(rows, "") // there is more room for the word in the next row
		default:
			_, one := utf8.DecodeRuneInString(text) // where not even that fits, put leaves it out
			n = max(n, one)
			rows, text = append(rows, text[:n]), text[n:]
		}
	}
	return rows
}

// fitting is how many bytes of text go into n cells.
func fitting(text string, n int) int {
	plain := plainPrefix(text[:min(len(text), max(n, 0)+1)]) // no further: the text may be long
	if plain > n {
		return max(n, 0)
	}
	at := plain
	for i, r := range text[plain:] {
		if at += max(0, cells(r)); at > n {
			return plain + i
		}
	}
	return len(text)
}

// wrap writes a paragraph between indent and the end of the rows, in at most most
// rows; 0 means as many as it takes. The first line begins where the page
// stands.
func (p *page) wrap(s style, indent, most int, text string) *page {
	rows := folded(text, p.left(), max(1, p.w-indent))
	for i, row := range rows {
		if i > 0 {
			p.end().tab(indent)
		}
		if i+1 == most && i+1 < len(rows) {
			return p.put(s, elided(row, p.left())).end()
		}
		p.put(s, row)
	}
	return p.end()
}

// elided is a row with an ellipsis in place of what followed it, in at most n
// cells: words that are in its way go, too.
func elided(row string, n int) string {
	for width(row) >= n {
		at := strings.LastIndexByte(row, ' ')
		if at <= 0 {
			return row[:fitting(row, n-1)] + "…"
		}
		row = row[:at]
	}
	return row + "…"
}
