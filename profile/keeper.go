package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Recorded is what became of a recording.
type Recorded struct {
	Target  string // its name
	Windows int    // kept now, those of earlier runs included
	Bytes   int64  // that they take
	Made    int    // in this run
	Dropped int    // of all, to stay below the bound or because the disk was full
}

// A Keeper adds whole windows to a recording and removes the oldest above its
// bound. It is not safe for concurrent use.
type Keeper struct {
	dir     string
	bound   int64        // bytes
	windows []keptWindow // oldest first, without the one that is being written
	bytes   int64        // of these
	current int64        // of that one
	last    int          // the highest number in use
	whole   int          // the newest window that was written to its end; never removed; 0 if none
	done    Recorded
}

// OpenKeeper begins, or goes on with, the recording in dir. All of its windows
// together are kept below so many bytes.
func OpenKeeper(dir string, keep int64) (*Keeper, error) {
	k := &Keeper{dir: dir, bound: keep}
	return k, k.open()
}

// Add writes a capture as the next window. What could not be written whole leaves
// nothing behind.
func (k *Keeper) Add(c *Capture) error {
	w, d := k.begin()
	err := save(w.Dir, d, c)
	k.end(w, c, err == nil)
	return err
}

// Newest is the window that was added last, the zero one if there is none.
func (k *Keeper) Newest() RecordedWindow {
	if len(k.windows) == 0 {
		return RecordedWindow{}
	}
	return k.windows[len(k.windows)-1].RecordedWindow
}

// Result is what has become of the recording so far.
func (k *Keeper) Result() Recorded {
	k.done.Windows, k.done.Bytes = len(k.windows), k.bytes
	return k.done
}

type keptWindow struct {
	RecordedWindow
	bytes int64
}

// open takes stock of a folder that may hold windows of an earlier run.
func (k *Keeper) open() error {
	if _, err := os.Lstat(filepath.Join(k.dir, evidenceFile)); err == nil {
		return fmt.Errorf("%s already holds a capture", k.dir)
	}
	list, err := numberedFolders(k.dir)
	if ignoreMissing(err) != nil {
		return err
	}
	for _, w := range list {
		k.last = w.Number
		if !w.hasEvidence() {
			if err := w.remove(); err != nil {
				return err
			}
			continue
		}
		k.add(keptWindow{w, w.size()})
	}
	for _, w := range slices.Backward(k.windows) {
		if _, whole, err := loadFolder(w.Dir); err == nil && whole {
			k.whole = w.Number
			break
		}
	}
	return nil
}

// begin gives the next window, and the disk to write it to.
func (k *Keeper) begin() (RecordedWindow, *disk) {
	k.last++
	k.current = 0
	return windowOf(k.dir, k.last), &disk{took: k.take, free: k.dropOldest}
}

// end takes the window that was begun into the account; c is nil if there came
// to be none. One that was cut off is worth its room only as long as there is no
// whole one.
func (k *Keeper) end(w RecordedWindow, c *Capture, whole bool) {
	if c != nil {
		k.done.Target = c.Target.Name
	}
	size := k.current
	k.current = 0
	if !w.hasEvidence() || !whole && (k.whole > 0 || !w.loads()) {
		w.remove() // what is left of it is found at the next start
		k.last = w.Number - 1
		return
	}
	k.add(keptWindow{w, size})
	k.done.Made++
	if whole {
		k.whole = w.Number
	}
}

func (k *Keeper) add(w keptWindow) {
	k.windows = append(k.windows, w)
	k.bytes += w.bytes
}

// take notes that the window that is being written will grow by n bytes, and
// makes room for it.
func (k *Keeper) take(n int64) {
	k.current += n
	for k.bytes+k.current > k.bound && k.dropOldest() {
	}
}

// dropOldest removes the oldest window, but never the newest whole one: what
// is being written may come to nothing. It is false if there is none to remove.
func (k *Keeper) dropOldest() bool {
	for i, w := range k.windows {
		if w.Number == k.whole {
			continue
		}
		if err := w.remove(); err != nil {
			continue
		}
		k.windows = slices.Delete(k.windows, i, i+1)
		k.bytes -= w.bytes
		k.done.Dropped++
		return true
	}
	return false
}
