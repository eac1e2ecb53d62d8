package profile

import (
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// Bounds on what a pattern in somebody else's configuration makes us look at.
const (
	maxListed  = 4096 // names of one folder
	maxMatches = 512  // results
)

// noOwner is no user's number.
const noOwner = ^uint32(0)

// absolute is a path as the process means it.
func (p *processFiles) absolute(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join("/", p.cwd, name)
}

// open opens a regular file that the process's user may read. Else somebody
// could name a secret of the machine as his log, and have root report it.
func (p *processFiles) open(name string) (*os.File, error) {
	return p.openIf(name, true, func(info os.FileInfo) bool {
		owner := fileOwner(info)
		return p.uid == 0 || owner == p.uid || info.Mode()&0o004 != 0
	})
}

// openOwn opens a regular file that belongs to the process's user, and is no
// symbolic link.
func (p *processFiles) openOwn(name string) (*os.File, error) {
	return p.openIf(name, false, func(info os.FileInfo) bool { return fileOwner(info) == p.uid })
}

func (p *processFiles) openIf(name string, links bool, allowed func(os.FileInfo) bool) (*os.File, error) {
	f, err := p.openFile(name, links)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file", name)
	case !allowed(info):
		err = fmt.Errorf("%s is not for user %d to read", name, p.uid)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// read reads a whole file of at most limit bytes.
func (p *processFiles) read(name string, limit int64) ([]byte, error) {
	f, err := p.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %s", name, byteSize(limit))
	}
	return data, err
}

// glob lists the paths that match an absolute pattern, at most maxMatches. What
// cannot be listed has no matches.
func (p *processFiles) glob(pattern string) []string {
	found := []string{"/"}
	for _, element := range strings.Split(strings.Trim(path.Clean(pattern), "/"), "/") {
		var next []string
		for _, dir := range found {
			next = append(next, p.matches(dir, element)...)
		}
		found = next[:min(len(next), maxMatches)]
	}
	return found
}

// matches lists what matches one element of a pattern in one folder. An
// element without wildcards is not looked up: opening it will tell.
func (p *processFiles) matches(dir, element string) []string {
	if !strings.ContainsAny(element, `*?[\`) {
		return []string{path.Join(dir, element)}
	}
	f, err := p.openFile(dir, true)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, err := f.Readdirnames(maxListed)
	if err != nil {
		return nil
	}
	var list []string
	for _, name := range names {
		if ok, err := path.Match(element, name); err == nil && ok {
			list = append(list, path.Join(dir, name))
		}
	}
	slices.Sort(list)
	return list
}
