package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// mostToolOutput bounds what git and the go command may answer: the list of the
// packages of a very large repository has some 20 MB.
const mostToolOutput = mostOutput

// A tool is git or the go command, in one folder.
type tool struct {
	path string
	dir  string
	env  []string
}

func findTool(name string, missing *Error) (tool, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return tool{}, missing
	}
	return tool{path: path, env: toolEnvironment()}, nil
}

// in is the tool in another folder.
func (t tool) in(dir string) tool {
	t.dir = dir
	return t
}

// with is the tool with more in its environment: "NAME=VALUE".
func (t tool) with(env ...string) tool {
	t.env = append(slices.Clip(t.env), env...)
	return t
}

// A toolError is what a tool said when it failed.
type toolError struct {
	name   string // of the tool and what was asked of it
	stderr string
}

func (e *toolError) Error() string {
	line := "no reason given"
	if lines := firstLines(e.stderr); len(lines) > 0 {
		line = strings.TrimPrefix(lines[0], "fatal: ")
	}
	return e.name + ": " + line
}

// output runs the tool and gives what it writes to its standard output. If it
// fails, the error is a *toolError.
func (t tool) output(ctx context.Context, args ...string) (string, error) {
	// PWD tells the go command how the folder is called, in place of the name
	// that the kernel has for it.
	p := process{path: t.path, args: args, dir: t.dir, env: append(slices.Clip(t.env), "PWD="+t.dir), cpu: unpinned, keep: mostToolOutput}
	e, err := p.run(ctx)
	if err != nil {
		return "", err
	}
	if e.stopped != nil || !e.state.Success() {
		return "", &toolError{name: t.name(args), stderr: e.err + e.out}
	}
	return e.out, nil
}

// name is "git worktree" or "go list".
func (t tool) name(args []string) string {
	base := t.path[strings.LastIndexAny(t.path, `/\`)+1:]
	for i := 0; i < len(args); i++ {
		if args[i] == "-c" { // a setting for git: not what is asked of it
			i++
		} else if !strings.HasPrefix(args[i], "-") {
			return fmt.Sprintf("%s %s", base, args[i])
		}
	}
	return base
}

// gitPlaces are set by git for its hooks, and would send every git command to
// the hook's own repository.
var gitPlaces = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE",
	"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
}

// toolEnvironment is this process's, without what would lead git elsewhere or
// have it ask for a password; and messages are in English, as they are told
// apart by their text.
func toolEnvironment() []string {
	return append(environWithout(gitPlaces...), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
}

// environWithout is this process's environment without the variables named.
func environWithout(names ...string) []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}
