package main

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"busywork/profile"
)

// TestRecordKilled kills a real recorder at random moments, and each time goes
// on with the same folder: every window that is there loads, those that were
// finished are whole, and what was cut off says so.
func TestRecordKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	service := httptest.NewServer(http.DefaultServeMux)
	defer service.Close()
	dir := filepath.Join(t.TempDir(), "recording")
	windows := func() []profile.RecordedWindow {
		list, err := profile.Windows(dir)
		if err != nil {
			return nil // not yet
		}
		return list
	}
	for round := range 12 {
		cmd := exec.Command("busywork", "record", service.URL, "--seconds", "1", "--for", "ever", "-o", dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := len(windows())
		for range 3000 { // until it has made, in every third round finished, a window
			if now := len(windows()); now > before && (round%3 > 0 || now > before+1) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(rand.N(1200 * time.Millisecond))
		cmd.Process.Kill()
		cmd.Wait()
		if len(windows()) <= before {
			t.Fatalf("round %d recorded nothing", round)
		}
	}
	wholes, cuts := 0, 0
	for _, w := range windows() {
		c, err := profile.Load(w.Dir)
		if err != nil {
			t.Errorf("%s: %v", w.Name, err)
			continue
		}
		if n := len(c.Gaps); n > 0 && c.Gaps[n-1].Signal == "capture" {
			cuts++
			continue
		}
		wholes++
		if len(c.Host) < 2 || len(c.Profiles) != 1 {
			t.Errorf("%s: %d host samples, %d profiles", w.Name, len(c.Host), len(c.Profiles))
		}
	}
	if wholes < 4 || cuts == 0 {
		t.Errorf("%d whole windows, %d that were cut off", wholes, cuts)
	}
	if c, err := profile.Load(dir); err != nil || len(c.Profiles) != 1 {
		t.Errorf("the recording: %v", err)
	}
	t.Logf("%d whole windows, %d that were cut off", wholes, cuts)
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"256MB": 256e6, "1mib": 1 << 20, "10GiB": 10 << 30, "2TB": 2e12, "2000KB": 2e6, "5KB": 0, "5": 0, "5MB ": 0, "-5MB": 0, "1.5GB": 0, "": 0, "999999TIB": 999999 << 40, "9999999TB": 0,
	} {
		if got, err := parseSize(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]time.Duration{"24h": 24 * time.Hour, "90s": 90 * time.Second, "ever": 0} {
		if got, err := parseLength(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1h", "10", "never", "1ms"} {
		if _, err := parseLength(text); err == nil {
			t.Errorf("%q is a length", text)
		}
	}
}
