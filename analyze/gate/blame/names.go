package blame

import (
	"path"
	"strings"

	"busywork/analyze"
)

// plainName is the name of a function without what a compiler may number or
// spell in another way after a change elsewhere: closures are counted as part of
// the function that they are written in, instances of a generic function as one.
func plainName(name string) string {
	name = strings.ReplaceAll(analyze.WithoutTypeArguments(name), "%2e", ".") // how the linker writes a dot in a path's last element
	slash := strings.LastIndexByte(name, '/') + 1
	folder, rest := name[:slash], name[slash:]
	rest = strings.TrimSuffix(rest, "-fm") // a method value
	closure := false
	for {
		dot := strings.LastIndexByte(rest, '.')
		if dot <= 0 || !madeUp(rest[dot+1:]) {
			break
		}
		rest, closure = rest[:dot], true
	}
	if pkg, function, ok := strings.Cut(rest, "."); ok && closure {
		rest = pkg + "." + writtenIn(function)
	}
	return folder + rest
}

// writtenIn is the function that a closure is written in. If that is inlined, the
// closure is named by all that it is inlined into: run.func2.(*T).each.func1 is of
// (*T).each. Of A.b.func1 nobody can tell whether A is a type, and it stays as it
// is.
func writtenIn(function string) string {
	elements := strings.Split(function, ".")
	for i := len(elements) - 1; i >= 0; i-- {
		switch {
		case madeUp(elements[i]) && i < len(elements)-1:
			return strings.Join(elements[i+1:], ".")
		case strings.HasPrefix(elements[i], "(*") && i == len(elements)-2:
			return strings.Join(elements[i:], ".")
		case strings.HasPrefix(elements[i], "(*") && i < len(elements)-2:
			return elements[len(elements)-1]
		}
	}
	return function
}

// madeUp says whether the compiler has made up the last element of a name:
// func1, gowrap2, deferwrap1, func1-range2, or a closure's closure, which is only
// a number.
func madeUp(element string) bool {
	element, ranged, found := strings.Cut(element, "-range")
	if found && !isNumber(ranged) {
		return false
	}
	for _, word := range []string{"func", "gowrap", "deferwrap", ""} {
		if n, ok := strings.CutPrefix(element, word); ok && isNumber(n) {
			return true
		}
	}
	return false
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// owns says whether a function is of a module. Tests may be in a package of
// their own, whose path ends in _test; a program's own package is main.
func owns(module, function string) bool {
	if strings.HasPrefix(function, "main.") {
		return true
	}
	rest, ok := strings.CutPrefix(function, module)
	rest = strings.TrimPrefix(rest, "_test")
	return ok && module != "" && rest != "" && (rest[0] == '/' || rest[0] == '.')
}

// moduleOf guesses the module of a benchmark by its name: github.com/owner/name,
// or, of a path that has no host, its first element.
func moduleOf(sides [2]*analyze.Calls) string {
	for _, c := range sides {
		for i := range c.Functions {
			pkg := packageOf(plainName(c.Functions[i].Name))
			if _, is := benchmarkIn(c.Functions[i].Name); !is || pkg == "" || pkg == "testing" { // which has BenchmarkResult
				continue
			}
			elements := strings.Split(strings.TrimSuffix(pkg, "_test"), "/")
			n := 1
			if strings.Contains(elements[0], ".") {
				n = min(3, len(elements))
			}
			return strings.Join(elements[:n], "/")
		}
	}
	return ""
}

// benchmarkIn is the name of the benchmark if the function is one.
func benchmarkIn(function string) (string, bool) {
	function = plainName(function)
	pkg := packageOf(function)
	if pkg == "" {
		return "", false
	}
	name := function[len(pkg)+1:]
	return name, strings.HasPrefix(name, "Benchmark")
}

// packageOf is the import path in a function's name, "" if there is none.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return ""
	}
	return function[:slash+dot]
}

// shortName is a function's name without the folder of its package:
// "queue.(*Delayed).Cancel".
func shortName(function string) string { return path.Base(analyze.WithoutTypeArguments(function)) }
