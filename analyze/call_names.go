package analyze

import (
	"strings"

	"busywork/profile"
	"busywork/profile/stacks"
)

// nameCalls numbers the functions of the nodes anew, in the order in which the
// tree has them, and gives c those that it has, with clean names that do not keep
// the inflated profile alive.
func nameCalls(c *Calls, s *callStacks) {
	number := make([]int32, len(s.functions)+1) // by function of the profile, plus 1
	var used []uint32
	for i := range c.Nodes[1:] {
		n := &c.Nodes[i+1]
		if number[n.Function] == 0 {
			used = append(used, uint32(n.Function))
			number[n.Function] = int32(len(used))
		}
		n.Function = number[n.Function] - 1
	}
	c.Functions = make([]stacks.Function, len(used))
	text := newTextSlab(s, used)
	for i, f := range used {
		c.Functions[i].Name = text.keep(s.name(f))
		if int(f) < len(s.functions) {
			c.Functions[i].File = text.file(s.functions[f].File)
			c.Functions[i].StartLine = s.functions[f].StartLine
		}
	}
}

// A textSlab keeps many strings in few allocations.
type textSlab struct {
	text  strings.Builder
	files map[string]string // clean, by what came: many functions are of one file
}

func newTextSlab(s *callStacks, used []uint32) *textSlab {
	t := &textSlab{files: make(map[string]string, len(used)/8)}
	n := 0
	for _, f := range used {
		n += len(s.name(f))
	}
	t.text.Grow(n + n/8) // with the files, which are few and as long
	return t
}

// keep is a clean copy of s. When the builder runs out of room it moves on, and
// the strings that it has given before stay in what it leaves.
func (t *textSlab) keep(s string) string {
	start := t.text.Len()
	t.text.WriteString(cleaned(s))
	return t.text.String()[start:]
}

func (t *textSlab) file(name string) string {
	kept, known := t.files[name]
	if !known {
		kept = t.keep(name)
		t.files[name] = kept
	}
	return kept
}

// cleaned is profile.Clean for names, of which nearly all are plain ASCII: to see
// that of a byte is ten times as fast as to look up its character.
func cleaned(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return profile.Clean(s)
		}
	}
	return s
}
