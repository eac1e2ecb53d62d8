package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"busywork/profile"
)

// A go.mod may replace a module by ../sibling, and a go.work above the
// repository may use it: relative paths that lead out of the work tree and would
// lead base's, which lies elsewhere, into the void. So base's work tree lies
// below the scratch's tree/ at the path that head's has below /, and what such a
// path names is linked at the place where it is looked for. Both sides then
// build the same of it.

// An outside looks for such paths in the go.mod and go.work files of base.
type outside struct {
	golang tool
	trees  string // where / is, for base
	root   string // of base's work tree
	head   string // root of head's work tree
}

// here is the place of a path of head's in base's world.
func (o outside) here(path string) string {
	return filepath.Join(o.trees, path[len(filepath.VolumeName(path)):])
}

// there is the place in the real world of a path in base's; false for what is in
// base's work tree or not in its world.
func (o outside) there(path string) (string, bool) {
	if within(path, o.root) || !within(path, o.trees) {
		return "", false
	}
	return filepath.VolumeName(o.head) + strings.TrimPrefix(path, o.trees), true
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}

// link links all that base's modules name outside of the work tree. It returns
// what base must be built with as GOWORK: the path of its go.work, or "off".
func (o outside) link(ctx context.Context, prefix string) (goWork string, err error) {
	goWork, err = o.workspace(ctx, prefix)
	if err != nil {
		return "", err
	}
	modules := []string{up(filepath.Join(o.root, prefix), o.root, "go.mod")}
	if goWork != "off" {
		var w workFile
		if err := o.edit(ctx, "work", goWork, &w); err != nil {
			return "", err
		}
		for _, use := range w.Use {
			dir := absolute(filepath.Dir(goWork), use.DiskPath)
			if err := errors.Join(o.notHead("go.work uses", use.DiskPath), o.bring(dir)); err != nil {
				return "", err
			}
			modules = append(modules, filepath.Join(dir, "go.mod"))
		}
		if err := o.bringAll(filepath.Dir(goWork), w.Replace); err != nil {
			return "", err
		}
	}
	for _, file := range modules {
		if _, err := os.Stat(file); err != nil {
			continue // base may not have that module yet; the go command says what is wrong
		}
		var m workFile
		if err := o.edit(ctx, "mod", file, &m); err != nil {
			return "", err
		}
		if err := o.bringAll(filepath.Dir(file), m.Replace); err != nil {
			return "", err
		}
	}
	return goWork, nil
}

// workspace is the go.work that base is built with: its own, or else a copy of
// the one above the repository.
func (o outside) workspace(ctx context.Context, prefix string) (string, error) {
	above, err := o.golang.in(filepath.Join(o.head, prefix)).output(ctx, "env", "GOWORK")
	if err != nil {
		return "", err
	}
	given := os.Getenv("GOWORK")
	if given == "off" {
		return "off", nil
	}
	if own := up(filepath.Join(o.root, prefix), o.root, "go.work"); own != "" && given == "" {
		return own, nil
	}
	above = strings.TrimSpace(above)
	file := o.here(above)
	if above == "" || within(above, o.head) {
		if _, err := os.Stat(file); above == "" || err != nil {
			return "off", nil // base has none
		}
		return file, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	// A copy, because the go command writes beside it.
	return file, errors.Join(copyFile(above, file), copyFile(above+".sum", file+".sum"))
}

// A workFile is what go mod edit -json and go work edit -json have in common,
// and Use of the latter.
type workFile struct {
	Use     []struct{ DiskPath string }
	Replace []replacement
}

type replacement struct {
	Old, New struct{ Path, Version string }
}

func (o outside) edit(ctx context.Context, kind, file string, into *workFile) error {
	out, err := o.golang.in(filepath.Dir(file)).output(ctx, kind, "edit", "-json", file)
	if failed, ok := errors.AsType[*toolError](err); ok {
		return doesNotBuild(Base, o.root, failed)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out), into)
}

func (o outside) bringAll(dir string, list []replacement) error {
	for _, r := range list {
		path := r.New.Path
		if r.New.Version != "" || !filepath.IsAbs(path) && !strings.HasPrefix(path, ".") {
			continue // another module, by its name
		}
		what := fmt.Sprintf("base replaces %s by", profile.CleanLine(r.Old.Path))
		if err := errors.Join(o.notHead(what, path), o.bring(absolute(dir, path))); err != nil {
			return err
		}
	}
	return nil
}

// notHead refuses an absolute path into the work tree.
func (o outside) notHead(what, path string) error {
	if !filepath.IsAbs(path) || !within(filepath.Clean(path), o.head) {
		return nil
	}
	return Errorf(DoesNotBuild, "write it as a relative path",
		"%s %s, an absolute path into the work tree: base would be built with the code of head", what, profile.CleanLine(path)).on(Base)
}

// bring links what is at a path in the real world, if it is there and the path
// is free.
func (o outside) bring(path string) error {
	real, ok := o.there(path)
	if !ok {
		return nil
	}
	if _, err := os.Stat(real); err != nil {
		return nil // the go command says that it is missing
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.Symlink(real, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("link what base needs from outside of the repository: %w", err)
	}
	return nil
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}

// up is the file of that name in dir or nearest above, no higher than root; ""
// if there is none.
func up(dir, root, name string) string {
	for ; within(dir, root); dir = filepath.Dir(dir) {
		if file := filepath.Join(dir, name); isFile(file) {
			return file
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// copyFile copies a small file, if there is one.
func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
