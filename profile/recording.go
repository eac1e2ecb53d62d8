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
	number int
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
			list = append(list, RecordedWindow{Name: e.Name(), Dir: filepath.Join(dir, e.Name()), number: n})
		}
	}
	slices.SortFunc(list, func(a, b RecordedWindow) int { return cmp.Compare(a.number, b.number) })
	return list, nil
}

func (w RecordedWindow) hasEvidence() bool {
	info, err := os.Lstat(filepath.Join(w.Dir, evidenceFile))
	return err == nil && info.Size() > 0
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

// newestWhole loads the newest window that was written to its end, or, if there
// is none, the newest that can be read. It says in a Discovery which one that
// is. Windows that are removed meanwhile are passed over.
func newestWhole(list []RecordedWindow) (*Capture, error) {
	var cut *Capture
	var newest RecordedWindow
	var failed error
	for _, w := range slices.Backward(list) {
		c, whole, err := loadFolder(w.Dir)
		switch {
		case err != nil:
			failed = cmp.Or(failed, err)
		case whole:
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

// Recorded is what became of a recording.
type Recorded struct {
	Target  string // its name
	Windows int    // kept now, those of earlier runs included
	Bytes   int64  // that they take
	Made    int    // in this run
	Dropped int    // of all, to stay below the bound or because the disk was full
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
	r := &recorder{o: o}
	if err := r.open(); err != nil {
		return Recorded{}, err
	}
	var end time.Time
	if o.For > 0 {
		end = time.Now().Add(o.For)
	}
	for ctx.Err() == nil {
		length := o.Window
		if !end.IsZero() {
			length = min(length, time.Until(end))
			if length <= 0 || length < leastWindow && r.done.Made > 0 {
				break
			}
		}
		if err := r.next(ctx, length); err != nil {
			return r.result(), err
		}
	}
	done := r.result()
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

// A recorder knows what of the recording is on disk.
type recorder struct {
	o       RecordOptions
	windows []keptWindow // oldest first, without the one that is being written
	bytes   int64        // of these
	current int64        // of that one
	last    int          // the highest number in use
	whole   int          // the newest window that was written to its end; never removed; 0 if none
	trouble error        // what made the last window fail; nil if it did not
	done    Recorded
}

type keptWindow struct {
	RecordedWindow
	bytes int64
}

// open takes stock of a folder that may hold windows of an earlier run.
func (r *recorder) open() error {
	if _, err := os.Lstat(filepath.Join(r.o.Dir, evidenceFile)); err == nil {
		return fmt.Errorf("%s already holds a capture", r.o.Dir)
	}
	list, err := numberedFolders(r.o.Dir)
	if ignoreMissing(err) != nil {
		return err
	}
	for _, w := range list {
		r.last = w.number
		if !w.hasEvidence() {
			if err := w.remove(); err != nil {
				return err
			}
			continue
		}
		r.add(keptWindow{w, w.size()})
	}
	for _, w := range slices.Backward(r.windows) {
		if _, whole, err := loadFolder(w.Dir); err == nil && whole {
			r.whole = w.number
			break
		}
	}
	return nil
}

// next makes one window. An error ends the recording.
func (r *recorder) next(ctx context.Context, length time.Duration) error {
	r.last++
	name := fmt.Sprintf("%06d", r.last)
	w := keptWindow{RecordedWindow: RecordedWindow{Name: name, Dir: filepath.Join(r.o.Dir, name), number: r.last}}
	o := r.o.Options
	o.Window, o.Dir, o.disk = length, w.Dir, &disk{took: r.take, free: r.dropOldest}
	r.current = 0
	c, err := Observe(ctx, o)
	w.bytes, r.current = r.current, 0
	if c != nil {
		r.done.Target = c.Target.Name
	}
	r.keep(w, err == nil)
	switch {
	case err == nil:
		r.recovered()
	case ctx.Err() != nil:
		r.trouble = err
	case r.done.Made == 0 && !isFull(err):
		return err // it never worked
	default:
		r.failed(err)
		if c == nil {
			sleep(ctx, retryPause)
		}
	}
	return nil
}

// keep takes a window into the account. One that was cut off is worth its room
// only as long as there is no whole one.
func (r *recorder) keep(w keptWindow, whole bool) {
	if !w.hasEvidence() || !whole && (r.whole > 0 || !w.loads()) {
		w.remove() // what is left of it is found at the next start
		r.last = w.number - 1
		return
	}
	r.add(w)
	r.done.Made++
	if whole {
		r.whole = w.number
	}
}

func (r *recorder) add(w keptWindow) {
	r.windows = append(r.windows, w)
	r.bytes += w.bytes
}

// take notes that the window that is being written will grow by n bytes, and
// makes room for it.
func (r *recorder) take(n int64) {
	r.current += n
	for r.bytes+r.current > r.o.Keep && r.dropOldest() {
	}
}

// dropOldest removes the oldest window, but never the newest whole one: what
// is being written may come to nothing. It is false if there is none to remove.
func (r *recorder) dropOldest() bool {
	for i, w := range r.windows {
		if w.number == r.whole {
			continue
		}
		if err := w.remove(); err != nil {
			continue
		}
		r.windows = slices.Delete(r.windows, i, i+1)
		r.bytes -= w.bytes
		r.done.Dropped++
		return true
	}
	return false
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

func (r *recorder) result() Recorded {
	r.done.Windows, r.done.Bytes = len(r.windows), r.bytes
	return r.done
}
