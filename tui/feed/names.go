package feed

import (
	"path/filepath"

	"busywork/profile"
)

// shortNames calls each path by its last part, or, where others have the same
// one, by the last two, or by all of it.
func shortNames(paths []string) []string {
	names := make([]string, len(paths))
	for i, p := range paths {
		p = absolute(p)
		parent := filepath.Base(filepath.Dir(p))
		for _, name := range []string{filepath.Base(p), filepath.Join(parent, filepath.Base(p)), p} {
			if names[i] = profile.Clean(name); !anyOther(paths, i, name) {
				break
			}
		}
	}
	return names
}

// anyOther says whether another path ends in the same way.
func anyOther(paths []string, i int, name string) bool {
	for k, other := range paths {
		if other = absolute(other); k != i && (other == name || len(other) > len(name) && other[len(other)-len(name)-1:] == string(filepath.Separator)+name) {
			return true
		}
	}
	return false
}

// absolute gives "." a name.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
