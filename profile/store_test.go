package profile

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func sampleCapture() *Capture {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	code := 73
	c := &Capture{Target: Target{Name: "svc", PID: 7, Local: true}, Window: Window{at, at.Add(10 * time.Second)}}
	c.AddProfile(CPUProfile{Start: at, End: at.Add(time.Second), Source: "http://svc", Data: []byte("\x1f\x8bprofile")})
	for i := range 20 {
		t := at.Add(time.Duration(i) * time.Second / 2)
		c.AddHost(HostSample{At: t, CPU: CPUTimes{User: float64(i) * 0.37, Idle: 1.0 / 3}, Forks: 9})
		c.AddProcesses(ProcessSample{At: t, Changed: []Process{{ProcessKey: ProcessKey{7, 1.25}, User: float64(i) / 7}}, Total: 3})
		c.AddCounters(CounterSample{At: t, Source: "http://svc/metrics", Changed: []Series{{Name: "n", Labels: map[string]string{"a": "b"}, Value: float64(i)}}})
	}
	c.AddGoroutines(GoroutineSample{At: at, Took: time.Millisecond, Data: []byte{1, 2, 3}})
	c.AddBirth(Birth{At: at, ProcessIdentity: ProcessIdentity{ProcessKey: ProcessKey{8, 2}, Command: []string{"x"}}, ExitCode: &code})
	c.AddGap("redis", "no server was named", "--redis URL")
	c.Self.CPU = 0.125
	return c
}

// TestEveryFieldIsKept: evidence that is gathered and not written would only be
// missed once it is needed.
func TestEveryFieldIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "capture")
	c := new(Capture)
	each := func(c *Capture, do func(name string, field reflect.Value)) {
		v := reflect.ValueOf(c).Elem()
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Slice && v.Type().Field(i).IsExported() {
				do(v.Type().Field(i).Name, f)
			}
		}
	}
	each(c, func(_ string, f reflect.Value) { f.Set(reflect.MakeSlice(f.Type(), 1, 1)) })
	if err := Save(dir, c); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	each(got, func(name string, f reflect.Value) {
		if f.Len() != 1 {
			t.Errorf("%s: %d of 1 came back", name, f.Len())
		}
	})
}

var compare = cmp.Options{cmpopts.IgnoreUnexported(Capture{}), cmpopts.EquateEmpty()}

func TestSaveAndLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "capture")
	want := sampleCapture()
	if err := Save(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{evidenceFile, "cpu-1.pb.gz"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := Save(dir, want); err == nil {
		t.Error("a second capture went into the same folder")
	}
}

// Cut at every byte, a capture loads up to its last whole sample, and says so.
func TestLoadCutAnywhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "capture")
	if err := Save(dir, sampleCapture()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, evidenceFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before := 0
	for n := range whole {
		if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(dir)
		if err != nil {
			if before > 0 {
				t.Fatalf("cut at %d: %v, though less of it loaded", n, err)
			}
			continue
		}
		if len(c.Host) < before {
			t.Fatalf("cut at %d: %d host samples, %d when cut earlier", n, len(c.Host), before)
		}
		before = len(c.Host)
		// The end may be whole though the checksum behind it is not.
		if last := c.Gaps; len(last) == 0 || last[len(last)-1].Signal != "capture" && n < len(whole)-16 {
			t.Fatalf("cut at %d: not said", n)
		}
	}
	if before != 20 {
		t.Errorf("%d host samples before the last cut, want 20", before)
	}
}

func TestLoadRefusesHostileFolders(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"evidence is a link": func(t *testing.T, dir string) {
			file := filepath.Join(dir, evidenceFile)
			if err := os.Rename(file, filepath.Join(dir, "x")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("x", file); err != nil {
				t.Fatal(err)
			}
		},
		"a profile outside the folder": func(t *testing.T, dir string) { rewrite(t, dir, "cpu-1.pb.gz", "../../etc/passwd") },
		"another form":                 func(t *testing.T, dir string) { rewrite(t, dir, Schema, "busywork.capture/9") },
		"no start":                     func(t *testing.T, dir string) { rewrite(t, dir, `"kind":"start"`, `"kind":"host"`) },
		"a bomb in one line": func(t *testing.T, dir string) {
			rewrite(t, dir, `"kind":"start"`, strings.Repeat(" ", maxLine)+`"kind":"start"`)
		},
		"a bomb of many lines": func(t *testing.T, dir string) {
			rewrite(t, dir, `{"kind":"host"`, strings.Repeat(strings.Repeat(" ", 1<<20)+"{}\n", maxEvidence>>20)+`{"kind":"host"`)
		},
		"not gzip": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, evidenceFile), []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "capture")
			if err := Save(dir, sampleCapture()); err != nil {
				t.Fatal(err)
			}
			spoil(t, dir)
			if _, err := Load(dir); err == nil {
				t.Error("was loaded")
			}
		})
	}
}

// rewrite replaces text in the evidence of a capture.
func rewrite(t *testing.T, dir, old, new string) {
	t.Helper()
	file := filepath.Join(dir, evidenceFile)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := inflate(t, data)
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in the evidence", old)
	}
	if err := os.WriteFile(file, deflate(t, strings.Replace(text, old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A profile that is not what was recorded is left out, and the rest is kept.
func TestLoadChecksProfiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "capture")
	if err := Save(dir, sampleCapture()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cpu-1.pb.gz"), bytes.Repeat([]byte{1}, 9), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(dir)
	if err != nil || len(c.Profiles) != 0 || c.Gaps[0].Signal != "cpu-profile" || len(c.Host) != 20 {
		t.Errorf("%v, %d profiles, gaps %v", err, len(c.Profiles), c.Gaps)
	}
}
