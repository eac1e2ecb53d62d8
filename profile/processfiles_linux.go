package profile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// processFiles opens files as one process sees them: below its own root
// folder, which is another one in a container, with relative paths from its
// working folder.
type processFiles struct {
	root int // file descriptor of its root folder
	cwd  string
	uid  uint32
}

func openProcessFiles(pid int) (*processFiles, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	root, err := openAt(unix.AT_FDCWD, dir+"/root", unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.EACCES) && sharesNamespace(dir) {
		// We may not ask where its root is, but what is not in a container
		// hardly has another one than ours.
		root, err = openAt(unix.AT_FDCWD, "/", unix.O_PATH|unix.O_DIRECTORY)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir + "/root", Err: err}
	}
	p := &processFiles{root: root, uid: fileOwner(info)}
	// Without permission it stays empty, and relative paths are not found.
	p.cwd, _ = os.Readlink(dir + "/cwd")
	return p, nil
}

// sharesNamespace says that a process is in our pid namespace: it has one
// number only.
func sharesNamespace(dir string) bool {
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return false
	}
	_, after, found := bytes.Cut(status, []byte("\nNSpid:"))
	numbers, _, _ := strings.Cut(string(after), "\n")
	return found && len(strings.Fields(numbers)) == 1
}

func (p *processFiles) close() { unix.Close(p.root) }

// openFile opens an absolute path, if it is a regular file or a folder. Symbolic
// links, also absolute ones, lead to where they lead for the process, never out
// of its root; those of /proc, which lead to what other processes have open,
// are not followed. Opening alone can do harm (to a watchdog, a tape), so what
// there is at the path is looked at before it is opened.
func (p *processFiles) openFile(name string, links bool) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	if !links {
		how.Flags |= unix.O_NOFOLLOW
	}
	at, err := unix.Openat2(p.root, name, &how)
	for try := 0; try < maxRaces && (err == unix.EINTR || err == unix.EAGAIN); try++ {
		at, err = unix.Openat2(p.root, name, &how)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	fd, err := openAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", at), unix.O_NONBLOCK)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// maxRaces is how often openat2 may say that something was renamed under it.
const maxRaces = 8
