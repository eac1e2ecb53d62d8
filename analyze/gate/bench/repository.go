package bench

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"busywork/profile"
)

// A repository is the git repository around the folder that the user stands in.
type repository struct {
	git    tool   // in root
	root   string // of the work tree: absolute, links resolved
	prefix string // from root to the user's folder, with the system's separators; "." at the root
}

const hintFiles = "to compare two output files of go test -bench, neither is needed: busywork gate compare OLD NEW"

// openRepository finds the repository of a folder.
func openRepository(ctx context.Context, dir string) (*repository, error) {
	git, err := findTool("git", Errorf(NoGit, "install git; "+hintFiles, "git is not installed: base cannot be checked out"))
	if err != nil {
		return nil, err
	}
	out, err := git.in(dir).output(ctx, "rev-parse", "--show-toplevel", "--show-prefix")
	if failed, ok := errors.AsType[*toolError](err); ok {
		return nil, noRepository(dir, failed)
	}
	if err != nil {
		return nil, err
	}
	root, prefix, _ := strings.Cut(out, "\n")
	r := &repository{
		root:   filepath.FromSlash(root),
		prefix: filepath.Clean(filepath.FromSlash(strings.TrimSuffix(prefix, "\n"))),
	}
	r.git = git.in(r.root)
	return r, nil
}

func noRepository(dir string, failed *toolError) *Error {
	dir = profile.CleanLine(dir)
	switch {
	case strings.Contains(failed.stderr, "dubious ownership"):
		return Errorf(NoRepository, "git config --global --add safe.directory "+dir,
			"git does not trust the repository at %s: it belongs to another user", dir)
	case strings.Contains(failed.stderr, "must be run in a work tree"):
		return Errorf(NoRepository, "start this in a clone with a work tree", "%s is a repository without a work tree", dir)
	case strings.Contains(failed.stderr, "not a git repository"):
		return Errorf(NoRepository, "start this in a clone of the service; "+hintFiles, "%s is not in a git repository", dir)
	}
	return Errorf(NoRepository, "", "%s", failed)
}

// resolve is the commit that a ref means.
func (r *repository) resolve(ctx context.Context, ref string) (commit string, err error) {
	if ref == "" {
		return "", Errorf(BadOption, "name a branch, a tag or a commit, such as origin/main", "no base is given")
	}
	if commit, err = r.commit(ctx, ref); err == nil {
		return commit, nil
	}
	if _, failed := errors.AsType[*toolError](err); !failed {
		return "", err
	}
	return "", r.unknown(ctx, ref)
}

func (r *repository) commit(ctx context.Context, ref string) (string, error) {
	if strings.HasPrefix(ref, "-") { // no name of a ref, but an option
		return "", &toolError{name: "git rev-parse", stderr: "not a ref"}
	}
	out, err := r.git.output(ctx, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	return strings.TrimSpace(out), err
}

// unknown says why a ref may be missing.
func (r *repository) unknown(ctx context.Context, ref string) *Error {
	name := profile.CleanLine(ref)
	if shallow, err := r.git.output(ctx, "rev-parse", "--is-shallow-repository"); err == nil && strings.TrimSpace(shallow) == "true" {
		return Errorf(ShallowClone,
			"fetch all of it: git fetch --unshallow; in GitHub Actions, give actions/checkout fetch-depth: 0; in GitLab, set GIT_DEPTH: 0",
			"base %q is not in this clone, which is shallow", name)
	}
	// A CI job has branches only as what its remote has.
	if _, err := r.commit(ctx, "origin/"+ref); err == nil {
		return Errorf(UnknownRef, "use --base origin/"+name, "there is no branch %q here, only at the remote", name)
	}
	return Errorf(UnknownRef, "git fetch it, or look at git branch --all", "base %q is not known in this repository", name)
}

// changed is how many files of the work tree are not as they were committed.
func (r *repository) changed(ctx context.Context) (int, error) {
	// Not to refresh the index: another git may be at work in it.
	out, err := r.git.output(ctx, "--no-optional-locks", "status", "--porcelain", "--untracked-files=all")
	return strings.Count(out, "\n"), err
}

// read are the files that differ between a commit and the work tree and are not
// compiled: what a benchmark may read while it runs, such as testdata. They are
// relative to the root, with slashes. What git ignores is not among them.
func (r *repository) read(ctx context.Context, commit string) ([]string, error) {
	tracked, err := r.git.output(ctx, "--no-optional-locks", "diff", "--name-only", "--no-relative", "--no-renames", "-z", commit)
	if err != nil {
		return nil, err
	}
	fresh, err := r.git.output(ctx, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return nil, err
	}
	var list []string
	for _, name := range strings.Split(tracked+fresh, "\x00") {
		compiled := strings.HasSuffix(name, ".go") && !strings.Contains("/"+name, "/testdata/")
		if name != "" && !compiled {
			list = append(list, name)
		}
	}
	return list, nil
}
