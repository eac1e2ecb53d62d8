package analyze

import (
	"strings"

	"busywork/profile/stacks"
)

// ownership decides which functions are the service's own code: those of its
// main module. Findings name the nearest own frame, because that is where
// somebody can change something.
type ownership struct {
	golang bool
	module string // path of the main module, "" if unknown
}

// ownershipOf learns the main module from the build information, or, without
// it, leaves the decision to names and files.
func ownershipOf(p *stacks.Profile, module string) ownership {
	return ownership{golang: isGo(p), module: module}
}

// isGo looks for the Go runtime among the function names.
func isGo(p *stacks.Profile) bool {
	for i := range p.Functions {
		name := p.Functions[i].Name
		if strings.HasPrefix(name, "runtime.") || name == "main.main" {
			return true
		}
	}
	return false
}

// owns says whether f is the service's own code.
func (o ownership) owns(f *stacks.Function) bool {
	if o.golang {
		return o.ownsGo(f.Name, f.File)
	}
	return ownsForeign(f.Name, f.File)
}

func (o ownership) ownsGo(name, file string) bool {
	if strings.HasPrefix(name, "main.") {
		return true
	}
	if o.module != "" && o.module != "command-line-arguments" {
		rest, ok := strings.CutPrefix(name, o.module)
		return ok && rest != "" && (rest[0] == '/' || rest[0] == '.')
	}
	if file == "" {
		return false
	}
	pkg, _ := splitGoName(name)
	return pkg != "" && !isStandard(pkg) && !isDependency(file)
}

// isDependency recognises files in the module cache, with or without
// -trimpath, and vendored ones.
func isDependency(file string) bool {
	return strings.Contains(file, "@v") || strings.Contains(file, "/vendor/") || strings.Contains(file, "/pkg/mod/")
}

// standardRoots are the first elements of import paths of the Go standard
// library and of what it vendors. Other modules begin with a host name, or
// with a word that is none of these.
var standardRoots = map[string]bool{
	"archive": true, "bufio": true, "bytes": true, "cmp": true, "compress": true, "container": true,
	"context": true, "crypto": true, "database": true, "debug": true, "embed": true, "encoding": true,
	"errors": true, "expvar": true, "flag": true, "fmt": true, "go": true, "hash": true, "html": true,
	"image": true, "index": true, "internal": true, "io": true, "iter": true, "log": true, "maps": true,
	"math": true, "mime": true, "net": true, "os": true, "path": true, "plugin": true, "reflect": true,
	"regexp": true, "runtime": true, "slices": true, "sort": true, "strconv": true, "strings": true,
	"structs": true, "sync": true, "syscall": true, "testing": true, "text": true, "time": true,
	"type:": true, "unicode": true, "unique": true, "unsafe": true, "vendor": true, "weak": true,
	"_cgo_gotypes": true,
}

func isStandard(pkg string) bool {
	root, _, _ := strings.Cut(pkg, "/")
	return standardRoots[root] || strings.HasPrefix(pkg, "golang.org/x/")
}

// foreignLibraries mark, by part of a name or a file, code of Python, Ruby,
// Java and Node libraries and of their runtimes.
var foreignLibraries = []string{
	"site-packages/", "dist-packages/", "/lib/python", "<frozen ", "<built-in", "<string>",
	"/gems/", "/lib/ruby/", "<internal:", "<cfunc>",
	"node_modules/", "node:", "(garbage collector)", "(program)", "(idle)",
	"java.", "javax.", "jdk.", "sun.", "com.sun.", "scala.", "kotlin.", "org.springframework.", "org.apache.",
	"io.netty.", "com.fasterxml.", "libjvm", "libc", "[unknown]", "[kernel]",
}

func ownsForeign(name, file string) bool {
	if name == "" || file == "" && !strings.ContainsAny(name, ".#:/") {
		return false // a bare C symbol of an interpreter, or an address
	}
	for _, mark := range foreignLibraries {
		if strings.HasPrefix(name, mark) || strings.Contains(file, mark) {
			return false
		}
	}
	return true
}
