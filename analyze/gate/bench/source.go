package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Benchmarks are first looked for in the source, as the go command itself does
// it: to link the test binary of every package of a large service, twice, takes
// minutes, and most packages have no benchmark.

// A testPackage is a package of one side that has benchmarks.
type testPackage struct {
	path      string // of import
	dir       string
	functions []benchmarkFunc // those that match, in the order of the source
}

type benchmarkFunc struct {
	name     string
	file     string // absolute
	line     int
	parallel bool // it calls b.RunParallel
}

// function is the one of that name; nil if there is none.
func (p testPackage) function(name string) *benchmarkFunc {
	i := slices.IndexFunc(p.functions, func(f benchmarkFunc) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &p.functions[i]
}

// list lists the packages of a side that have benchmarks which match. A package
// whose test files cannot be read in full is kept if it may have one: building
// it says what is wrong.
func (t tree) list(ctx context.Context, o Options, match pattern) (map[string]testPackage, error) {
	args := []string{"list", "-e", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles"}
	args = append(append(args, o.Flags...), "--")
	out, err := t.golang.output(ctx, append(args, o.Packages...)...)
	if failed, ok := errors.AsType[*toolError](err); ok {
		return nil, doesNotBuild(t.side, t.root, failed)
	}
	if err != nil {
		return nil, err
	}
	packages := map[string]testPackage{}
	for in := json.NewDecoder(strings.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		switch err := in.Decode(&p); {
		case err == io.EOF:
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("read what go list says of %s: %w", t.side, err)
		}
		found := testPackage{path: p.ImportPath, dir: p.Dir}
		for _, file := range append(p.TestGoFiles, p.XTestGoFiles...) {
			found.read(filepath.Join(p.Dir, file), match)
		}
		if len(found.functions) > 0 {
			packages[found.path] = found
		}
	}
}

// read adds the benchmarks of a test file. Of a file with a syntax error it
// takes what comes before.
func (p *testPackage) read(path string, match pattern) {
	set := token.NewFileSet()
	file, _ := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if file == nil {
		return
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !isBenchmark(f) || !match.matches(f.Name.Name) {
			continue
		}
		p.functions = append(p.functions, benchmarkFunc{
			name: f.Name.Name, file: path, line: set.Position(f.Pos()).Line, parallel: callsRunParallel(f),
		})
	}
}

// isBenchmark is the go command's own rule: BenchmarkXxx(b *testing.B), whatever
// testing is called in that file.
func isBenchmark(f *ast.FuncDecl) bool {
	after, ok := strings.CutPrefix(f.Name.Name, "Benchmark")
	if first, _ := utf8.DecodeRuneInString(after); !ok || unicode.IsLower(first) {
		return false
	}
	if params := f.Type.Params; f.Recv != nil || f.Type.Results.NumFields() > 0 || params.NumFields() != 1 {
		return false
	}
	pointer, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	switch x := pointer.X.(type) {
	case *ast.Ident:
		return x.Name == "B"
	case *ast.SelectorExpr:
		return x.Sel.Name == "B"
	}
	return false
}

func callsRunParallel(f *ast.FuncDecl) (found bool) {
	if f.Body == nil {
		return false
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "RunParallel" {
			found = true
		}
		return !found
	})
	return found
}
