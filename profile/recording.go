package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// A recording is a folder of windows, made back to back: DIR/000001, DIR/000002
// and so on, each a capture of its own. Nothing but the windows is kept of it,
// so there is nothing that could be out of step with them: whenever recording
// breaks off, the folder is the recording up to there, and can be gone on with.

// A RecordedWindow is one capture of a recording.
type RecordedWindow struct {
	Name   string // "000012"
	Dir    string // to load it from
	Number int    // 12
}

var windowName = regexp.MustCompile(`^[0-9]{6,9}$`)

// Windows lists the windows of a recording, oldest first. The newest may still
// be growing. A folder without any is an error.
func Windows(dir string) ([]RecordedWindow, error) {
	all, err := numberedFolders(dir)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(all, func(w RecordedWindow) bool { return !w.hasEvidence() })
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is not a recording: it has no window", dir)
	}
	return list, nil
}

// numberedFolders also lists what is left of a window whose removal, or
// beginning, was broken off.
func numberedFolders(dir string) ([]RecordedWindow, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []RecordedWindow
	for _, e := range entries {
		if e.IsDir() && windowName.MatchString(e.Name()) {
			n, _ := strconv.Atoi(e.Name()) // at most nine digits
			list = append(list, RecordedWindow{Name: e.Name(), Dir: filepath.Join(dir, e.Name()), Number: n})
		}
	}
	slices.SortFunc(list, func(a, b RecordedWindow) int { return cmp.Compare(a.Number, b.Number) })
	return list, nil
}

// Evidence is how many bytes of evidence have been written; while a window is
// being recorded they grow at least once a second. 0 is no window.
func (w RecordedWindow) Evidence() int64 {
	info, err := os.Lstat(filepath.Join(w.Dir, evidenceFile))
	if err != nil {
		return 0
	}
	return info.Size()
}

func (w RecordedWindow) hasEvidence() bool { return w.Evidence() > 0 }

// Load reads the window, and says whether it was written to its end.
func (w RecordedWindow) Load() (c *Capture, whole bool, err error) {
	c, whole, err = loadFolder(w.Dir)
	if errors.Is(err, errNoEvidence) || errors.Is(err, fs.ErrNotExist) {
		err = unavailablef("the oldest windows of a recording make room for new ones", "window %s is no longer there", w.Name)
	}
	return c, whole, err
}

// Next is the window that a recording goes on with after this one. It need not
// be there yet.
func (w RecordedWindow) Next() RecordedWindow { return windowOf(filepath.Dir(w.Dir), w.Number+1) }

func windowOf(dir string, number int) RecordedWindow {
	name := fmt.Sprintf("%06d", number)
	return RecordedWindow{Name: name, Dir: filepath.Join(dir, name), Number: number}
}

func (w RecordedWindow) loads() bool {
	_, _, err := loadFolder(w.Dir)
	return err == nil
}

// remove takes the evidence away first: half removed, it is no window.
func (w RecordedWindow) remove() error {
	return errors.Join(ignoreMissing(os.Remove(filepath.Join(w.Dir, evidenceFile))), os.RemoveAll(w.Dir))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// size is the room that a window takes, as a disk charges it.
func (w RecordedWindow) size() int64 {
	sum := int64(blockSize)
	entries, _ := os.ReadDir(w.Dir) // what cannot be read takes no room that removing would free
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			sum += info.Size() + blockSize
		}
	}
	return sum
}

// newestWhole loads the newest window that was written to its end and not
// interrupted, or, if there is none, the newest that can be read. It says in a
// Discovery which one that is. Windows that are removed meanwhile are passed over.
func newestWhole(list []RecordedWindow) (*Capture, error) {
	var cut *Capture
	var newest RecordedWindow
	var failed error
	for _, w := range slices.Backward(list) {
		c, whole, err := loadFolder(w.Dir)
		switch {
		case err != nil:
			failed = cmp.Or(failed, err)
		case whole && !c.Interrupted():
			c.inRecording("%s, the newest whole one of %d", w, list)
			return c, nil
		case cut == nil:
			cut, newest = c, w
		}
	}
	if cut == nil {
		return nil, failed
	}
	cut.inRecording("%s, the newest of %d, none of which is whole", newest, list)
	return cut, nil
}

func (c *Capture) inRecording(format string, w RecordedWindow, list []RecordedWindow) {
	c.AddDiscovery("window", fmt.Sprintf(format, w.Name, len(list)), "the target is a recording; each of its windows can be given instead")
}

// RecordOptions say what to record, and how much of it to keep.
type RecordOptions struct {
	Options               // Dir is the recording's folder, Window the length of each of its windows
	For     time.Duration // how long; 0 means until the context ends
	Keep    int64         // bytes: older windows are removed so that all stay below
	// Say is told what a person should know at once: that recording is in
	// trouble, and that it goes on. It is told once, not each time.
	Say func(text string)
}

// retryPause is the rest after a window that could not even begin: the service
// restarts, or the disk is full.
const retryPause = 2 * time.Second

// leastWindow is the shortest last window that is worth its folder.
const leastWindow = time.Second

// Record observes window after window until o.For is over or ctx ends, which is
// no error. A target that goes away is waited for, a disk that is full is
// retried. It fails if there is no such target to begin with, or if nothing
// could be kept.
func Record(ctx context.Context, o RecordOptions) (Recorded, error) {
	k, err := OpenKeeper(o.Dir, o.Keep)
	if err != nil {
		return Recorded{}, err
	}
	r := &recorder{o: o, keeper: k}
	var end time.Time
	if o.For > 0 {
		end = time.Now().Add(o.For)
	}
	for ctx.Err() == nil {
		length := o.Window
		if !end.IsZero() {
			length = min(length, time.Until(end))
			if length <= 0 || length < leastWindow && k.done.Made > 0 {
				break
			}
		}
		if err := r.next(ctx, length); err != nil {
			return k.Result(), err
		}
	}
	done := k.Result()
	switch {
	case done.Windows > 0:
		return done, nil
	case isFull(r.trouble):
		return done, unavailablef("make room there, or give another folder with -o", "the disk is full: nothing could be kept in %s", o.Dir)
	case r.trouble != nil:
		return done, r.trouble
	}
	return done, unavailablef("", "interrupted before anything was recorded")
}

// A recorder observes, and says what becomes of it.
type recorder struct {
	o       RecordOptions
	keeper  *Keeper
	trouble error // what made the last window fail; nil if it did not
}

// next makes one window. An error ends the recording.
func (r *recorder) next(ctx context.Context, length time.Duration) error {
	w, d := r.keeper.begin()
	o := r.o.Options
	o.Window, o.Dir, o.disk = length, w.Dir, d
	c, err := Observe(ctx, o)
	r.keeper.end(w, c, err == nil)
	switch {
	case err == nil:
		r.recovered()
	case ctx.Err() != nil:
		r.trouble = err
	case r.keeper.done.Made == 0 && !isFull(err):
		return err // it never worked
	default:
		r.failed(err)
		if c == nil {
			sleep(ctx, retryPause)
		}
	}
	return nil
}

// failed says what is wrong, unless that has been said.
func (r *recorder) failed(err error) {
	why := err.Error()
	if isFull(err) {
		why = "the disk that " + r.o.Dir + " is on is full"
	}
	if r.trouble == nil {
		r.say("recording is interrupted, and will go on when it can: " + why)
	}
	r.trouble = err
}

func (r *recorder) recovered() {
	if r.trouble != nil {
		r.say("recording goes on")
	}
	r.trouble = nil
}

func (r *recorder) say(text string) {
	if r.o.Say != nil {
		r.o.Say(Clean(text))
	}
}
