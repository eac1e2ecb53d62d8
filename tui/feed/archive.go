package feed

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"time"

	"busywork/profile"
)

// An archive is what is kept on disk of one target: the windows of a recording,
// or a single capture or profile, which is a recording of one window.
type archive struct {
	path   string
	single func() (*profile.Capture, error) // nil for a recording
	broken error                            // why there is nothing to be had of it

	first  *profile.Capture       // the newest window when the archive was opened, until it is sent
	newest profile.RecordedWindow // the last one that was sent

	mu      sync.Mutex
	windows []profile.RecordedWindow // those that are known, in order; of a single one, itself

	behind  profile.RecordedWindow // the one behind newest, where it was looked for; else the zero one
	size    int64                  // of its evidence, at the last look
	tried   int64                  // the size at which it was not whole
	changed time.Time              // when the folder was, at the last look at all of it
}

// openPath opens what is at a path. A folder may hold several recordings, or
// captures, as one is made of several targets.
func openPath(path string) ([]*archive, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &profile.Unavailable{
			Reason: fmt.Sprintf("%s: no such file or folder", profile.Clean(path)),
			Hint:   "give a recording, a capture folder or a pprof file",
		}
	}
	if !info.IsDir() {
		return one(openSingle(path, func() (*profile.Capture, error) { return profile.FromFile(path) }))
	}
	if a, err := openFolder(path); a != nil || err != nil {
		return one(a, err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var list []*archive
	broken := 0
	for _, e := range entries {
		if !e.IsDir() || len(list) == maxInside {
			continue
		}
		inside := filepath.Join(path, e.Name())
		a, err := openFolder(inside)
		if err != nil { // the others are worth looking at, and this one a word
			broken++
			a = &archive{path: inside, broken: err, single: func() (*profile.Capture, error) { return nil, err }}
		}
		if a != nil {
			list = append(list, a)
		}
	}
	if len(list) == broken {
		_, err := profile.Load(path) // which says what is wrong with it
		return nil, err
	}
	return list, nil
}

// maxInside bounds the recordings that are opened for one path: a screen has no
// room for more, and a folder of captures may hold any number.
const maxInside = 64

func one(a *archive, err error) ([]*archive, error) {
	if err != nil {
		return nil, err
	}
	return []*archive{a}, nil
}

// openFolder opens a capture or a recording; it is nil if the folder is neither.
func openFolder(path string) (*archive, error) {
	if (profile.RecordedWindow{Dir: path}).Evidence() > 0 {
		return openSingle(path, func() (*profile.Capture, error) { return profile.Load(path) })
	}
	list, err := profile.Windows(path)
	if err != nil {
		return nil, nil
	}
	return openRecording(path, list)
}

func openSingle(path string, load func() (*profile.Capture, error)) (*archive, error) {
	c, err := load()
	if err != nil {
		return nil, err
	}
	w := profile.RecordedWindow{Name: filepath.Base(path), Dir: path, Number: 1}
	return &archive{path: path, single: load, first: c, newest: w, windows: []profile.RecordedWindow{w}}, nil
}

// openRecording loads the newest window that was written to its end and not
// interrupted, or else the newest that can be read. What comes behind it may still
// be growing.
func openRecording(path string, list []profile.RecordedWindow) (*archive, error) {
	a := &archive{path: path}
	at := -1
	var failed error
	for i, w := range slices.Backward(list) {
		c, whole, err := w.Load()
		if err != nil {
			failed = err
			continue
		}
		whole = whole && !c.Interrupted()
		if whole || at < 0 {
			a.first, at = c, i
		}
		if whole {
			break
		}
	}
	if at < 0 {
		return nil, fmt.Errorf("no window of %s can be read; the oldest: %w", profile.Clean(path), failed)
	}
	a.newest, a.windows = list[at], list[:at+1]
	return a, nil
}

func (a *archive) grows() bool { return a.single == nil }

// takeFirst gives the window that was loaded to open the archive, and forgets it.
func (a *archive) takeFirst() *profile.Capture {
	c := a.first
	a.first = nil
	return c
}

// load reads a window that has been sent.
func (a *archive) load(number int) (*profile.Capture, error) {
	a.mu.Lock()
	i := sort.Search(len(a.windows), func(i int) bool { return a.windows[i].Number >= number })
	if i == len(a.windows) || a.windows[i].Number != number {
		a.mu.Unlock()
		return nil, &profile.Unavailable{Reason: fmt.Sprintf("%s has no window %d", profile.Clean(filepath.Base(a.path)), number)}
	}
	w := a.windows[i]
	a.mu.Unlock()
	if a.single != nil {
		return a.single()
	}
	c, _, err := w.Load()
	return c, err
}

// grown gives the next window behind the newest, once it has been written to its
// end or is followed by another. A look costs two or three system calls as long as
// there is nothing new.
func (a *archive) grown() (w profile.RecordedWindow, c *profile.Capture, ok bool) {
	if a.single != nil {
		return w, nil, false
	}
	for {
		w, ok = a.following()
		if !ok {
			return w, nil, false
		}
		size, followed := w.Evidence(), w.Next().Evidence() > 0
		// What is still being written has grown since the last look, or has been
		// tried as it is.
		if rests := size == a.size && size != a.tried; !rests && !followed {
			a.size = size
			return w, nil, false
		}
		c, whole, err := w.Load()
		if !followed && (err != nil || !whole || c.Interrupted()) { // the last one tells less than that which is shown
			a.tried = size
			return w, nil, false
		}
		a.pass(w, err == nil)
		if err == nil {
			return w, c, true
		}
	}
}

// following is the window behind the newest. Where the next number is missing,
// and the folder has changed since, all of it is looked at.
func (a *archive) following() (profile.RecordedWindow, bool) {
	if a.behind.Dir != "" && a.behind.Evidence() > 0 {
		return a.behind, true
	}
	w := a.newest.Next()
	if w.Evidence() > 0 {
		return w, true
	}
	info, err := os.Stat(a.path)
	if err != nil || info.ModTime().Equal(a.changed) {
		return w, false
	}
	a.changed = info.ModTime()
	list, err := profile.Windows(a.path)
	if err != nil {
		return w, false
	}
	i := slices.IndexFunc(list, func(w profile.RecordedWindow) bool { return w.Number > a.newest.Number })
	if i < 0 {
		return w, false
	}
	a.behind = list[i]
	return a.behind, true
}

// pass goes on behind a window.
func (a *archive) pass(w profile.RecordedWindow, known bool) {
	a.newest, a.behind, a.size, a.tried = w, profile.RecordedWindow{}, 0, 0
	if known {
		a.mu.Lock()
		a.windows = append(a.windows, w)
		a.mu.Unlock()
	}
}
