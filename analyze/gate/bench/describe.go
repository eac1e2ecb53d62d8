package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"busywork/profile"
)

// String names the program of a side for people: "main (1a2b3c4d5e6f)",
// "1a2b3c4d5e6f and what is not committed".
func (o Origin) String() string {
	short := o.Commit[:min(len(o.Commit), 12)]
	switch {
	case o.Ref != "" && o.Ref != short:
		return profile.Clean(o.Ref) + " (" + short + ")"
	case o.Changed > 0:
		return short + " and what is not committed"
	}
	return short
}

// describe says what is compared, and notes what of it may surprise.
func (b *Bench) describe(ctx context.Context, repo *repository, base *tree, head tree) error {
	commit, err := repo.commit(ctx, "HEAD")
	if _, failed := errors.AsType[*toolError](err); err != nil && !failed {
		return err
	}
	b.Head.Commit = commit
	if b.Head.Changed, err = repo.changed(ctx); err != nil {
		return err
	}
	if b.Head.Settings, err = head.settings(ctx); err != nil {
		return err
	}
	if base != nil {
		if b.Base.Settings, err = base.settings(ctx); err != nil {
			return err
		}
		b.noteSettings()
	}
	switch {
	case b.Head.Changed > 0:
		b.note("Head is the work tree, in which %s not committed.", files(b.Head.Changed))
	case b.Head.Commit == b.Base.Commit:
		b.note("Base and head are the same commit.")
	}
	if isFile(filepath.Join(b.scratch.root, ".gitmodules")) {
		b.note("The repository has submodules: base is measured without them.")
	}
	if b.CPU == unpinned {
		b.note("Executions are not pinned to a CPU, which this system does not allow: expect more noise.")
	}
	for _, name := range runSettings {
		if v := os.Getenv(name); v != "" {
			b.Environment = append(b.Environment, Setting{name, profile.CleanLine(v)})
		}
	}
	return nil
}

// noteSettings notes in what the builds of the sides differ: another Go version
// in go.mod is a change like every other, but not one of the code.
func (b *Bench) noteSettings() {
	for _, name := range buildSettings {
		was, is := valueOf(b.Base.Settings, name), valueOf(b.Head.Settings, name)
		if was != is {
			b.note("The sides are not built alike: %s is %q in base and %q in head.", name, was, is)
		}
	}
}

func valueOf(list []Setting, name string) string {
	i := slices.IndexFunc(list, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return ""
	}
	return list[i].Value
}

func files(n int) string {
	if n == 1 {
		return "1 file is"
	}
	return strconv.Itoa(n) + " files are"
}

// runSettings are the variables that change how a Go program runs. They are left
// as they are, since they may be how the service is run, and are the same for
// both sides; a result says what they were.
var runSettings = []string{"GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK"}

// benchmarkEnvironment is what every execution has, on both sides the same to the
// byte: its length moves the stack of the first thread, and that alone can change
// how long a program takes. So PWD, which differs, is left out: without it a
// program asks the kernel. GOMAXPROCS is given by a flag.
func benchmarkEnvironment(temp string) []string {
	env := environWithout("PWD", "OLDPWD", "_", "GOMAXPROCS", "GOCOVERDIR", "TMPDIR")
	slices.SortFunc(env, strings.Compare)
	return append(env, "TMPDIR="+temp)
}
