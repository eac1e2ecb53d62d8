//go:build !linux

package profile

import (
	"os"

	"github.com/shirou/gopsutil/v3/process"
)

// processFiles opens files as one process sees them, with relative paths from
// its working folder. Containers that share the host's kernel, and so could
// show through, are Linux's.
type processFiles struct {
	cwd string
	uid uint32
}

func openProcessFiles(pid int) (*processFiles, error) {
	q, err := process.NewProcess(int32(pid))
	if err != nil {
		return nil, err
	}
	p := &processFiles{uid: noOwner}
	if ids, err := q.Uids(); err == nil && len(ids) > 0 {
		p.uid = uint32(ids[0])
	}
	if cwd, err := q.Cwd(); err == nil {
		p.cwd = cwd
	}
	return p, nil
}

func (p *processFiles) close() {}

// openFile opens an absolute path that is not a FIFO or a device, which would
// be waited for.
func (p *processFiles) openFile(name string, links bool) (*os.File, error) {
	stat := os.Lstat
	if links {
		stat = os.Stat
	}
	info, err := stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrInvalid}
	}
	return os.Open(name)
}
