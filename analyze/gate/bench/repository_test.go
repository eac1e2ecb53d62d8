package bench

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"busywork/profile"
)

// problemOf is the problem that an error tells of; "" if it tells of none.
func problemOf(err error) Problem {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Problem
	}
	return ""
}

// mustBe fails unless the error tells of that problem, in one clean line, with a
// hint that reaches the command line.
func mustBe(t *testing.T, err error, p Problem) {
	t.Helper()
	if problemOf(err) != p {
		t.Fatalf("got %v, want %s", err, p)
	}
	u, ok := errors.AsType[*profile.Unavailable](err)
	if !ok || u.Hint == "" {
		t.Errorf("%v has no hint", err)
	}
	if strings.Contains(u.Reason, "\n") || profile.Clean(u.Reason) != u.Reason {
		t.Errorf("%q is not one clean line", u.Reason)
	}
}

// alone has git and Go depend on nothing of the user who runs the test, and
// gives the folder in which this test's runs make theirs.
func alone(t *testing.T) (scratches string) {
	t.Helper()
	scratches = t.TempDir()
	for name, value := range map[string]string{
		"TMPDIR": scratches, "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GOPROXY": "off", "GOWORK": "",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
	} {
		t.Setenv(name, value)
	}
	return scratches
}

// repo is a git repository of a test.
type repo struct {
	*testing.T
	dir string
}

// newRepo makes a repository whose only commit, tagged base, has these files.
func newRepo(t *testing.T, dir, files string) repo {
	t.Helper()
	r := repo{t, dir}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("init", "--quiet", "--initial-branch=main")
	r.write(files)
	r.commit()
	r.git("tag", "base")
	return r
}

// write writes the files of a txtar archive.
func (r repo) write(files string) {
	r.Helper()
	for _, f := range txtar.Parse([]byte(files)).Files {
		path := filepath.Join(r.dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			r.Fatal(err)
		}
	}
}

func (r repo) commit() {
	r.Helper()
	r.git("add", "--all")
	r.git("commit", "--quiet", "--allow-empty", "--message=x")
}

func (r repo) git(args ...string) string {
	r.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// prepare prepares a run that is expected to work.
func (r repo) prepare(o Options) *Bench {
	r.Helper()
	if o.Dir == "" {
		o.Dir = r.dir
	}
	if o.Base == "" {
		o.Base = "base"
	}
	b, err := Prepare(r.Context(), o)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			r.Log(strings.Join(e.Output, "\n"))
		}
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := b.Close(); err != nil {
			r.Error(err)
		}
	})
	return b
}

// mustBeTidy fails if a run has left anything behind.
func (r repo) mustBeTidy(scratches string) {
	r.Helper()
	if trees := r.git("worktree", "list", "--porcelain"); strings.Count(trees, "worktree ") != 1 {
		r.Errorf("work trees are left:\n%s", trees)
	}
	left, err := os.ReadDir(scratches)
	if err != nil {
		r.Fatal(err)
	}
	for _, entry := range left {
		if strings.HasPrefix(entry.Name(), scratchName) {
			r.Errorf("%s is left", entry.Name())
		}
	}
}

func TestNoGit(t *testing.T) {
	alone(t)
	t.Setenv("PATH", t.TempDir())
	_, err := Prepare(t.Context(), Options{Dir: t.TempDir(), Base: "main"})
	mustBe(t, err, NoGit)
}

func TestNoGo(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), "-- a --\n")
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	only := t.TempDir()
	if err := os.Symlink(git, filepath.Join(only, "git")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", only)
	_, err = Prepare(t.Context(), Options{Dir: r.dir, Base: "base"})
	mustBe(t, err, NoGo)
}

func TestNoRepository(t *testing.T) {
	alone(t)
	dir := t.TempDir()
	_, err := Prepare(t.Context(), Options{Dir: dir, Base: "main"})
	mustBe(t, err, NoRepository)
	bare := repo{t, dir}
	bare.git("init", "--quiet", "--bare")
	_, err = Prepare(t.Context(), Options{Dir: dir, Base: "main"})
	mustBe(t, err, NoRepository)
	if !strings.Contains(err.Error(), "without a work tree") {
		t.Errorf("a bare repository: %v", err)
	}
}

func TestRepositoryOfAnother(t *testing.T) {
	err := noRepository("/src", &toolError{name: "git rev-parse", stderr: "fatal: detected dubious ownership in repository at '/src'\n"})
	if err.Problem != NoRepository || err.Hint != "git config --global --add safe.directory /src" {
		t.Errorf("got %+v", err)
	}
}

func TestUnknownRef(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), "-- a --\n")
	for _, ref := range []string{"nonsense", "--all", "-n1", "base:a", "main..base", "a\x1b[31m", strings.Repeat("x", 5000)} {
		_, err := Prepare(t.Context(), Options{Dir: r.dir, Base: ref})
		mustBe(t, err, UnknownRef)
	}
	_, err := Prepare(t.Context(), Options{Dir: r.dir})
	mustBe(t, err, BadOption)

	r.git("update-ref", "refs/remotes/origin/release", "base")
	_, err = Prepare(t.Context(), Options{Dir: r.dir, Base: "release"})
	mustBe(t, err, UnknownRef)
	if e, _ := errors.AsType[*Error](err); e.Hint != "use --base origin/release" {
		t.Errorf("the hint is %q", e.Hint)
	}
}

func TestShallowClone(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), "-- a --\n")
	first := r.git("rev-parse", "HEAD")
	r.commit()
	clone := repo{t, filepath.Join(t.TempDir(), "clone")}
	r.git("clone", "--quiet", "--depth=1", "--branch=main", "--no-tags", "file://"+r.dir, clone.dir)
	for _, ref := range []string{first, "base", "HEAD~1"} {
		_, err := Prepare(t.Context(), Options{Dir: clone.dir, Base: ref})
		mustBe(t, err, ShallowClone)
		if e, _ := errors.AsType[*Error](err); !strings.Contains(e.Hint, "fetch-depth: 0") {
			t.Errorf("the hint is %q", e.Hint)
		}
	}
}

// A hook has the places of its repository in its environment, and a hook is a
// good place for a gate.
func TestInsideAHook(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), "-- a --\n")
	other := newRepo(t, t.TempDir(), "-- b --\n")
	t.Setenv("GIT_DIR", filepath.Join(other.dir, ".git"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(other.dir, ".git", "index"))
	found, err := openRepository(t.Context(), r.dir)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := filepath.EvalSymlinks(r.dir); found.root != want {
		t.Errorf("found the repository at %s, want %s", found.root, want)
	}
}

func TestSweepTakesOnlyWhatIsDead(t *testing.T) {
	scratches := alone(t)
	r := newRepo(t, t.TempDir(), "-- a --\n")
	repository, err := openRepository(t.Context(), r.dir)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "tree", "own")
	r.git("worktree", "add", "--quiet", "--detach", own)
	var runs []*scratch
	for range 2 {
		s, err := newScratch()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.checkOut(t.Context(), repository, r.git("rev-parse", "base")); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, s)
	}
	dead, alive := runs[0], runs[1]
	dead.lock.Close() // as the kernel does when a process is killed
	repository.sweep(t.Context())
	if _, err := os.Stat(dead.dir); err == nil {
		t.Error("what a killed run left is still there")
	}
	for _, dir := range []string{alive.root, own} {
		if _, err := os.Stat(filepath.Join(dir, "a")); err != nil {
			t.Errorf("a work tree that is in use is gone: %v", err)
		}
	}
	if err := alive.remove(); err != nil {
		t.Error(err)
	}
	r.git("worktree", "remove", own)
	r.mustBeTidy(scratches)
}
