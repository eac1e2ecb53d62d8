package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"busywork/profile"
)

// A strictFile reads YAML that people write by hand and that must mean what it
// says: what is not known is an error and not left out. It works on the syntax
// tree, so that each error can name its line. All its errors are
// *profile.Unavailable, one clean line.
type strictFile struct {
	name string // of the file, clean, for errors
	most int    // bytes
}

// read parses the file and returns what its only document is; nil if there is
// nothing in it, or nothing but comments.
func (f strictFile) read(data []byte) (_ ast.Node, err error) {
	if len(data) > f.most {
		return nil, &profile.Unavailable{Reason: fmt.Sprintf("%s: %d bytes, and at most %d are read", f.name, len(data), f.most)}
	}
	defer func() { // the parser has been made to panic before
		if bug := recover(); bug != nil {
			err = &profile.Unavailable{Reason: f.name + ": not YAML that can be read"}
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		if at, ok := errors.AsType[yaml.Error](err); ok && at.GetToken() != nil && at.GetToken().Position != nil {
			return nil, f.errorAt(at.GetToken().Position.Line, "%s", at.GetMessage())
		}
		return nil, &profile.Unavailable{Reason: f.name + ": " + profile.CleanLine(err.Error())}
	}
	if len(file.Docs) > 1 {
		return nil, &profile.Unavailable{Reason: fmt.Sprintf("%s: %d YAML documents, want one", f.name, len(file.Docs))}
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, nil
	}
	if _, comment := file.Docs[0].Body.(*ast.CommentGroupNode); comment {
		return nil, nil
	}
	return file.Docs[0].Body, nil
}

// errorAt says what is wrong in which line.
func (f strictFile) errorAt(line int, format string, args ...any) error {
	return &profile.Unavailable{Reason: fmt.Sprintf("%s, line %d: ", f.name, line) + profile.CleanLine(fmt.Sprintf(format, args...))}
}

// A strictKey is a key that a mapping may have, and what takes its value.
type strictKey struct {
	key  string
	read func(ast.Node) error
}

// members hands the value of every key of a mapping to the reader of that key.
func (f strictFile) members(n ast.Node, what string, known []strictKey) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return f.errorAt(lineOf(n), "%s must be keys with values", what)
	}
	var seen []string
	for _, v := range m.Values {
		key, ok := v.Key.(*ast.StringNode)
		if !ok {
			return f.errorAt(lineOf(v.Key), "a key of %s must be a plain word", what)
		}
		i := slices.IndexFunc(known, func(k strictKey) bool { return k.key == key.Value })
		switch {
		case i < 0:
			return f.errorAt(lineOf(key), "no key %q in %s; there are %s", key.Value, what, keys(known))
		case slices.Contains(seen, key.Value):
			return f.errorAt(lineOf(key), "%s stands there twice", key.Value)
		}
		seen = append(seen, key.Value)
		if err := known[i].read(v.Value); err != nil {
			return err
		}
	}
	return nil
}

func keys(known []strictKey) string {
	var list []string
	for _, k := range known {
		list = append(list, k.key)
	}
	return strings.Join(list, ", ")
}

// text reads a string, plain, quoted or a block.
func (f strictFile) text(n ast.Node, key string) (string, error) {
	var s string
	switch n := n.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = n.Value.Value
	default:
		return "", f.errorAt(lineOf(n), "%s must be text, quoted if need be: %s", key, textOf(n))
	}
	if s = inert(s); s == "" {
		return "", f.errorAt(lineOf(n), "%s is empty", key)
	}
	return s, nil
}

// lineOf is the line in which a node begins, 1 if it has none.
func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// textOf is a node as it was written, for errors.
func textOf(n ast.Node) string {
	if t := n.GetToken(); t != nil {
		return fmt.Sprintf("%q", t.Value)
	}
	return "nothing"
}
