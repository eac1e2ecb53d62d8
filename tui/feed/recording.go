package feed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"busywork/profile"
)

// keepBytes bounds what is recorded, of all targets together. A window of 5 s
// takes some 100 kB, so these are half a day of one service.
const keepBytes = 1 << 30

// A recording is the windows that are kept on disk while a screen watches.
type recording struct {
	mu      sync.Mutex
	where   string            // "" while nothing is recorded
	keepers []*profile.Keeper // by target
	lost    []error           // by target, what its last window met that could not be kept; nil since one could
	kept    []shelf           // by target; what is recorded can be found after the recording has ended
}

// maxShelf windows of a target can be found again, which is a day's, or as many as
// allShelves leaves to each of many; the folders of older ones are no less there.
const maxShelf, allShelves = 20_000, 100_000

// A shelf says where windows were kept, in order of their numbers. They may have
// made room for later ones since.
type shelf []keptWindow

type keptWindow struct {
	number int // as the feed has it
	folder profile.RecordedWindow
}

// begin opens the folders for targets of these names.
func (r *recording) begin(dir string, names []string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.where != "" {
		return "", fmt.Errorf("a recording is being made already, in %s", r.where)
	}
	if dir == "" {
		dir = folderName(names, time.Now())
	}
	folders := []string{dir}
	if len(names) > 1 {
		folders = folders[:0]
		for _, name := range distinct(names) {
			folders = append(folders, filepath.Join(dir, name))
		}
	}
	var keepers []*profile.Keeper
	for _, folder := range folders {
		// That nothing can be written there is to be known now, and not after a window.
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return "", err
		}
		k, err := profile.OpenKeeper(folder, keepBytes/int64(len(names)))
		if err != nil {
			return "", err
		}
		keepers = append(keepers, k)
	}
	r.where, r.keepers, r.lost = dir, keepers, make([]error, len(keepers))
	return dir, nil
}

// add keeps a window, if a recording is being made.
func (r *recording) add(target, number int, c *profile.Capture) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.where == "" {
		return nil
	}
	k := r.keepers[target]
	if r.lost[target] = k.Add(c); r.lost[target] != nil {
		return r.lost[target]
	}
	s := append(r.kept[target], keptWindow{number, k.Newest()})
	r.kept[target] = slices.Delete(s, 0, max(0, len(s)-min(maxShelf, allShelves/len(r.kept))))
	return nil
}

// find says where a window was kept.
func (r *recording) find(target, number int) (profile.RecordedWindow, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if target < 0 || target >= len(r.kept) {
		return profile.RecordedWindow{}, false
	}
	s := r.kept[target]
	i := sort.Search(len(s), func(i int) bool { return s[i].number >= number })
	if i == len(s) || s[i].number != number {
		return profile.RecordedWindow{}, false
	}
	return s[i].folder, true
}

// end says what has become of the recordings of all targets together.
func (r *recording) end() (profile.Recorded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.where == "" {
		return profile.Recorded{}, errors.New("no recording is being made")
	}
	var all profile.Recorded
	var names []string
	for _, k := range r.keepers {
		one := k.Result()
		names = append(names, one.Target)
		all.Windows += one.Windows
		all.Bytes += one.Bytes
		all.Made += one.Made
		all.Dropped += one.Dropped
	}
	all.Target = strings.Join(names, ", ")
	r.where, r.keepers = "", nil
	return all, errors.Join(r.lost...)
}

// folderName is that of a recording that was given none.
func folderName(names []string, now time.Time) string {
	parts := []string{"busywork"}
	if len(names) == 1 {
		parts = append(parts, fileName(names[0]))
	}
	return strings.Join(append(parts, now.Format("20060102-150405")), "-")
}

// maxFileName is well below the 255 bytes that file systems allow, and as much as
// people read of a name.
const maxFileName = 48

// fileName makes a folder's name of one that the outside gave: letters, digits
// and what is harmless between them.
func fileName(name string) string {
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	name = strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
			return c
		}
		return '-'
	}, name)
	name = strings.Trim(name[:min(len(name), maxFileName)], "-.")
	if name == "" {
		return "target"
	}
	return name
}

// distinct makes folder names, of which no two are the same where letters of
// either case are.
func distinct(names []string) []string {
	taken := map[string]bool{}
	list := make([]string, len(names))
	for i, name := range names {
		base := fileName(name)
		list[i] = base
		for n := 2; taken[strings.ToLower(list[i])]; n++ {
			list[i] = fmt.Sprintf("%s-%d", base, n)
		}
		taken[strings.ToLower(list[i])] = true
	}
	return list
}
