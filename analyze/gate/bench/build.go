package bench

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"busywork/profile"
)

// A tree is one side's source and the go command that builds it.
type tree struct {
	side   Side
	root   string // of its work tree
	golang tool   // in the folder that is the user's
}

// A binary is a test binary.
type binary struct {
	path string
	dir  string // the package's folder, where go test, too, runs it
	hash [sha256.Size]byte
}

// buildFlags have both sides give the same bytes for the same source: no paths
// of the machine, and no state of the repository, which base and head never
// share.
var buildFlags = []string{"-trimpath", "-buildvcs=false"}

// build builds the test binary of a package into a file.
func (t tree) build(ctx context.Context, p testPackage, flags []string, path string) (binary, error) {
	args := append([]string{"test", "-c", "-o", path}, buildFlags...)
	args = append(append(args, flags...), p.path)
	_, err := t.golang.output(ctx, args...)
	if failed, ok := errors.AsType[*toolError](err); ok {
		return binary{}, doesNotBuild(t.side, t.root, failed)
	}
	if err != nil {
		return binary{}, err
	}
	b := binary{path: path, dir: p.dir}
	b.hash, err = hashFile(path)
	return b, err
}

// doesNotBuild says that with the compiler's first lines. They must not depend
// on where base happens to lie.
func doesNotBuild(side Side, root string, failed *toolError) *Error {
	text := strings.ReplaceAll(failed.stderr, root+string(filepath.Separator), "")
	reason := ""
	for _, line := range firstLines(text) {
		if !strings.HasPrefix(line, "# ") { // the package that the lines behind are about
			reason = ": " + strings.TrimPrefix(line, "go: ")
			break
		}
	}
	hint := "mend it, then measure"
	switch {
	case isFile(filepath.Join(root, ".gitmodules")) && side == Base:
		hint = "it has submodules, which the work tree of base does not; replace what it needs of them by a module"
	case side == Base:
		hint = "give a base that builds with this Go and with what is installed here"
	}
	return Errorf(DoesNotBuild, hint, "%s does not build%s", side, reason).on(side).saying(text)
}

// inModule is the error for a folder that is in no module: of one, the go command
// says only that no package matches.
func (t tree) inModule(ctx context.Context) error {
	out, err := t.golang.output(ctx, "env", "GOMOD", "GOWORK")
	if err != nil {
		return err
	}
	module, workspace, _ := strings.Cut(strings.TrimSpace(out), "\n")
	if (module == "" || module == os.DevNull) && (workspace == "" || workspace == "off") {
		return Errorf(NoModule, "start this in the folder of a Go module", "%s is in no Go module", profile.CleanLine(t.golang.dir)).on(t.side)
	}
	return nil
}

// A Setting is something about the machine or the build that a result depends
// on.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// buildSettings are asked of the go command, which knows them from the
// environment, its configuration file, go.mod and its defaults.
var buildSettings = []string{
	"GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOFLAGS", "GOEXPERIMENT", "CGO_ENABLED",
}

// settings are how a side is built, in the order of buildSettings; empty ones
// are left out.
func (t tree) settings(ctx context.Context) ([]Setting, error) {
	out, err := t.golang.output(ctx, append([]string{"env", "-json"}, buildSettings...)...)
	if failed, ok := errors.AsType[*toolError](err); ok {
		return nil, doesNotBuild(t.side, t.root, failed)
	}
	if err != nil {
		return nil, err
	}
	var values map[string]string
	if err := json.Unmarshal([]byte(out), &values); err != nil {
		return nil, fmt.Errorf("read what go env says of %s: %w", t.side, err)
	}
	var list []Setting
	for _, name := range buildSettings {
		v, _, cut := strings.Cut(values[name], "-X") // a string put in by the linker may be a key
		if cut {
			v += "-X [cut]"
		}
		if v != "" {
			list = append(list, Setting{name, profile.CleanLine(v)})
		}
	}
	return list, nil
}

func hashFile(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}
