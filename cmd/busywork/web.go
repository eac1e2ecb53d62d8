package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"busywork/profile"
)

const (
	// maxWebUIs are open at a time, enough to hold a few windows against each other.
	// Each is a process that keeps a profile in memory.
	maxWebUIs = 4
	// webWithin bounds the wait for pprof to take a profile in; the largest that a
	// service may send, 61 MB of 256 cores, takes it some ten seconds.
	webWithin = 30 * time.Second
	// maxWebWords bounds what is kept of what a child says about its end.
	maxWebWords = 4096
)

// webUIs are pprof's web UIs that were started from here, each in a process of its
// own (`busywork web`): a hostile profile can have pprof take all the memory that
// there is, and neither the watch nor its terminal is to go down with it. They end
// with this process, whatever becomes of it. The zero value has none.
type webUIs struct {
	mu      sync.Mutex
	running []*webUI
	stopped bool
}

// open starts a web UI for a profile and says where it is. A browser is opened only
// where there is a screen for one.
func (w *webUIs) open(profile []byte) (url string, err error) {
	file, err := os.CreateTemp("", "busywork-*.pb.gz") // readable by its owner alone
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name()) // the child has read it by the time it has a URL
	_, err = file.Write(profile)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	u, err := startWebUI(file.Name())
	if err != nil {
		return "", err
	}
	if err := w.add(u); err != nil {
		u.stop()
		return "", err
	}
	if url, err = u.url(); err != nil {
		w.remove(u)
		return "", err
	}
	browse(url)
	return url, nil
}

// add takes a web UI into account; the oldest of too many ends.
func (w *webUIs) add(u *webUI) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return errors.New("the watch has ended")
	}
	w.running = append(w.running, u)
	if len(w.running) > maxWebUIs {
		w.running[0].stop()
		w.running = w.running[1:]
	}
	return nil
}

// remove ends one, and gives its place to another.
func (w *webUIs) remove(u *webUI) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = slices.DeleteFunc(w.running, func(other *webUI) bool { return other == u })
	u.stop()
}

// stop ends all of them; no more are started.
func (w *webUIs) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, u := range w.running {
		u.stop()
	}
	w.running = nil
}

// A webUI is a process that serves one profile.
type webUI struct {
	cmd   *exec.Cmd
	alive io.Closer // its standard input: the process ends when this is closed
	out   *bufio.Reader
	words bounded // its standard error
	ended func() error
}

func startWebUI(file string) (*webUI, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this executable: %w", err)
	}
	u := &webUI{cmd: &exec.Cmd{Path: exe, Args: []string{"busywork", "web", file}, Dir: os.TempDir()}}
	u.cmd.Env = webEnviron()
	u.cmd.Stderr = &u.words
	in, err := u.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := u.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	u.alive, u.out = in, bufio.NewReader(out)
	u.ended = sync.OnceValue(u.cmd.Wait)
	return u, u.cmd.Start()
}

// webEnviron is what pprof needs of the environment: somewhere for its settings.
func webEnviron() []string {
	env := os.Environ()
	if _, err := os.UserConfigDir(); err != nil { // there is no HOME, as in many containers
		env = append(env, "XDG_CONFIG_HOME="+filepath.Join(os.TempDir(), "busywork-pprof"))
	}
	return env
}

// url waits until the process says where it serves.
func (u *webUI) url() (string, error) {
	late := time.AfterFunc(webWithin, u.stop)
	line, err := u.out.ReadString('\n')
	if err == nil && late.Stop() {
		return strings.TrimSpace(line), nil
	}
	if !late.Stop() && err != nil {
		return "", fmt.Errorf("not ready after %v", webWithin)
	}
	u.stop()
	return "", u.failure()
}

// outOfMemory is how a process says that it has no more memory: Go, the kernel,
// the C library when it starts a thread, the race detector.
var outOfMemory = []string{"out of memory", "cannot allocate memory", "Resource temporarily unavailable", "failed to allocate"}

// failure is what the process said before it ended.
func (u *webUI) failure() error {
	_ = u.ended() // now all is said
	words := u.words.String()
	if slices.ContainsFunc(outOfMemory, func(text string) bool { return strings.Contains(words, text) }) {
		return errors.New("this profile takes pprof more memory than it may have here")
	}
	first, _, _ := strings.Cut(strings.TrimSpace(words), "\n")
	first = strings.TrimPrefix(first, "busywork: ")
	if first == "" {
		first = "it ended: " + u.cmd.ProcessState.String()
	}
	return errors.New(profile.Clean(first))
}

// stop ends the process. It has nothing to save.
func (u *webUI) stop() {
	_ = u.alive.Close()
	_ = u.cmd.Process.Kill()
	go u.ended()
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept.Write(p[:min(len(p), maxWebWords-b.kept.Len())])
	return len(p), nil
}

func (b *bounded) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kept.String()
}

// browse opens a browser if there is a screen to open it on. It has streams of its
// own, or it would write into ours.
func browse(url string) {
	program := "xdg-open"
	switch {
	case runtime.GOOS == "darwin":
		program = "open"
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return
	}
	cmd := exec.Command(program, url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a browser outlives the watch
	if cmd.Start() == nil {                              // if not, there is still the URL
		go cmd.Wait()
	}
}
