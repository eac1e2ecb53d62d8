package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"busywork/profile"
)

const (
	// scratchName begins the name of every run's folder; sweep knows by it what
	// may be removed.
	scratchName = "busywork-gate-"
	// lockName is a file in it that is locked while the run lives.
	lockName = "lock"
	// removeWithin bounds the removal of a work tree, which goes on after Ctrl-C.
	removeWithin = 30 * time.Second
)

// A scratch is the folder of one run:
//
//	lock           held while the run lives
//	bin/base/      test binaries, and bin/head/
//	tmp/           TMPDIR of the benchmarks
//	tree/…         the work tree of base, below tree at the path that head's has below /
type scratch struct {
	dir  string
	lock *os.File    // nil when it is not held
	repo *repository // whose work tree is in it; nil as long as there is none
	root string      // of base's work tree
}

func newScratch() (*scratch, error) {
	dir, err := os.MkdirTemp("", scratchName)
	if err != nil {
		return nil, err
	}
	s := &scratch{dir: dir}
	if err := s.furnish(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

func (s *scratch) furnish() (err error) {
	// The go command names folders without links, and so must what is compared
	// with its answers.
	if s.dir, err = filepath.EvalSymlinks(s.dir); err != nil {
		return err
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	for _, sub := range []string{s.bin(Base), s.bin(Head), s.temp(), s.trees()} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return err
		}
	}
	if s.lock, err = os.Create(filepath.Join(s.dir, lockName)); err != nil {
		return err
	}
	if !hold(s.lock) {
		return fmt.Errorf("lock %s: another process has it", s.lock.Name())
	}
	return nil
}

func (s *scratch) bin(side Side) string { return filepath.Join(s.dir, "bin", string(side)) }
func (s *scratch) temp() string         { return filepath.Join(s.dir, "tmp") }
func (s *scratch) trees() string        { return filepath.Join(s.dir, "tree") }

// checkOut makes a work tree of a commit. Its HEAD is detached, so it never
// collides with a branch that is checked out elsewhere.
func (s *scratch) checkOut(ctx context.Context, r *repository, commit string) error {
	s.root = filepath.Join(s.trees(), r.root[len(filepath.VolumeName(r.root)):])
	if err := os.MkdirAll(filepath.Dir(s.root), 0o700); err != nil {
		return err
	}
	s.repo = r // from now on there may be something to remove
	// A hook that runs after a checkout is meant for people's work trees.
	_, err := r.git.output(ctx, "-c", "core.hooksPath="+os.DevNull, "worktree", "add", "--quiet", "--detach", s.root, commit)
	if failed, ok := errors.AsType[*toolError](err); ok {
		return Errorf(NoCheckout, "is there room in "+profile.CleanLine(os.TempDir())+", and may .git be written?",
			"base cannot be checked out: %s", failed).on(Base)
	}
	return err
}

// remove removes all of it that is still there. The context of the run may be
// done: this has a time of its own.
func (s *scratch) remove() error {
	var errs []error
	if s.repo != nil {
		ctx, cancel := context.WithTimeout(context.Background(), removeWithin)
		defer cancel()
		errs = append(errs, s.repo.forget(ctx, s.root))
	}
	errs = append(errs, os.RemoveAll(s.dir))
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	s.repo, s.lock = nil, nil
	return errors.Join(errs...)
}

// forget removes a work tree and what the repository knows of it.
func (r *repository) forget(ctx context.Context, root string) error {
	_, err := r.git.output(ctx, "worktree", "remove", "--force", root)
	if failed, ok := errors.AsType[*toolError](err); ok && strings.Contains(failed.stderr, "is not a working tree") {
		return nil // git was stopped before it had made one
	}
	return err
}

// sweep removes what runs that were killed have left. It harms nothing but
// takes room. Only work trees of this repository are looked at, and of these
// only folders that bear our name and whose lock has no owner: the work tree of
// a run that lives, or that is in the temporary folder of another container,
// stays.
func (r *repository) sweep(ctx context.Context) {
	out, err := r.git.output(ctx, "worktree", "list", "--porcelain")
	if err != nil {
		return // nothing depends on it
	}
	for line := range strings.Lines(out) {
		root, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "worktree ")
		dir := scratchOf(root)
		if !ok || dir == "" || heldBySomeone(filepath.Join(dir, lockName)) {
			continue
		}
		if r.forget(ctx, root) == nil {
			_ = os.RemoveAll(dir)
		}
	}
}

// scratchOf is the folder of the run that made a work tree; "" if none did.
func scratchOf(root string) string {
	for dir := filepath.FromSlash(root); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		inside := filepath.Base(filepath.Dir(dir))
		if filepath.Base(dir) == "tree" && strings.HasPrefix(inside, scratchName) {
			return filepath.Dir(dir)
		}
	}
	return ""
}
