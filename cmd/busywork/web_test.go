package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/gzip"
	"google.golang.org/protobuf/encoding/protowire"
)

// openWeb opens a profile of the captures, with no browser.
func openWeb(t *testing.T, w *webUIs) (address string) {
	t.Helper()
	data, err := os.ReadFile("../../fixtures/captures/dispatch-waste/cpu-1.pb.gz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.stop)
	address, err = w.open(data)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func noBrowser(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestWebUI: pprof's pages are served to whoever has the address and to nobody
// else, from a process that leaves nothing behind.
func TestWebUI(t *testing.T) {
	noBrowser(t)
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	var w webUIs
	address := openWeb(t, &w)
	for _, page := range []string{"", "flamegraph", "top"} {
		if code, body := get(t, address+page); code != http.StatusOK || !strings.Contains(body, "rsa") {
			t.Errorf("%s: %d, %d bytes", page, code, len(body))
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() != "127.0.0.1" {
		t.Fatal(address, err)
	}
	for _, path := range []string{"/", "/top", "/flamegraph", "/ui/flamegraph", u.Path + "nothing"} {
		if code, _ := get(t, "http://"+u.Host+path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	if left, err := filepath.Glob(os.Getenv("TMPDIR") + "/*"); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	ui := w.running[0]
	w.stop()
	_ = ui.ended()
	if _, err := http.Get(address); err == nil {
		t.Error("still served")
	}
	if _, err := w.open(nil); err == nil {
		t.Error("opened after the end")
	}
}

// TestWebUIOrphaned: the process ends when its standard input does, and that is
// when this process ends, however it does.
func TestWebUIOrphaned(t *testing.T) {
	noBrowser(t)
	var w webUIs
	openWeb(t, &w)
	ui := w.running[0]
	if err := ui.alive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ui.ended(); err != nil {
		t.Error(err)
	}
}

// TestWebUIsBounded: the oldest of too many ends.
func TestWebUIsBounded(t *testing.T) {
	noBrowser(t)
	var w webUIs
	first := openWeb(t, &w)
	ui := w.running[0]
	for range maxWebUIs {
		if code, _ := get(t, openWeb(t, &w)); code != http.StatusOK {
			t.Error(code)
		}
	}
	_ = ui.ended()
	if _, err := http.Get(first); err == nil {
		t.Error("the first is still served")
	}
	if len(w.running) != maxWebUIs {
		t.Errorf("%d are running", len(w.running))
	}
}

// TestWebUIRefuses: what pprof cannot take is an error with its reason, and costs
// nobody but the child.
func TestWebUIRefuses(t *testing.T) {
	noBrowser(t)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_DATA, &before); err != nil {
		t.Fatal(err)
	}
	// What a child gets; this process stays far below.
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: min(800<<20, before.Max), Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_DATA, &before)
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "empty input"},
		{"text", []byte("--- contentionz 1 ---\n"), "type mismatch"},
		{"cut gzip", []byte{0x1f, 0x8b, 8, 0}, "EOF"},
		{"labels without end", labels(t, 40_000_000), "more memory than it may have"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var w webUIs
			defer w.stop()
			address, err := w.open(test.data)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("%s, %v; want %q", address, err, test.want)
			}
		})
	}
}

// labels is a profile whose one sample has n empty labels: two bytes each, and next
// to nothing compressed.
func labels(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	head := protowire.AppendTag(nil, 2, protowire.BytesType)
	_, err := z.Write(protowire.AppendVarint(head, uint64(2*n)))
	label := bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), nil), 1000)
	for range n / 1000 {
		_, more := z.Write(label)
		err = errors.Join(err, more)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBrowse: a browser is started with the address where there is a screen.
func TestBrowse(t *testing.T) {
	dir := t.TempDir()
	opened := filepath.Join(dir, "opened")
	if err := syscall.Mkfifo(opened, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho \"$1\" >" + opened + "\n"
	for _, name := range []string{"xdg-open", "open"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("DISPLAY", ":0")
	browse("http://127.0.0.1:1/secret/")
	got, err := os.ReadFile(opened)
	if err != nil || string(got) != "http://127.0.0.1:1/secret/\n" {
		t.Errorf("%q, %v", got, err)
	}
}
