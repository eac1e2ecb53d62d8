package analyze

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	pprof "github.com/google/pprof/profile"
	"github.com/klauspost/compress/gzip"

	"busywork/profile"
)

// The benchmarks below belong together: from compressed profile to findings,
// against the least that any reader must do (inflate the bytes), against
// google/pprof's parser alone, and against `go tool pprof -top`. Compare them
// within one run:
//
//	go test ./analyze -run '^$' -bench 'Inflate|Findings|Parse|PprofTop' -benchmem

// benchProfile is the largest profile of the corpus, or, without a corpus, one
// of the recorded captures.
func benchProfile(b *testing.B) (data []byte, file string) {
	b.Helper()
	for _, file := range []string{
		filepath.Join(corpusDir(), "google+pprof", "large.cpu"),
		filepath.Join(captureDir, "dispatch-waste", "cpu-1.pb.gz"),
	} {
		if data, err := os.ReadFile(file); err == nil {
			return data, file
		}
	}
	b.Fatal("no profile to measure with")
	return nil, ""
}

func BenchmarkInflate(b *testing.B) {
	data, _ := benchProfile(b)
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		out.Reset()
		if _, err := io.Copy(&out, z); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(out.Len()))
}

func BenchmarkFindings(b *testing.B) {
	data, file := benchProfile(b)
	b.ReportAllocs()
	for b.Loop() {
		c := &profile.Capture{Profiles: []profile.CPUProfile{{Source: file, Data: data}}}
		if r := Analyze(c, Options{}); len(r.Ledger) == 0 {
			b.Fatal("nothing was read")
		}
	}
}

func BenchmarkProfileParse(b *testing.B) {
	data, _ := benchProfile(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pprof.ParseData(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPprofTop(b *testing.B) {
	_, file := benchProfile(b)
	for b.Loop() {
		if out, err := exec.Command("go", "tool", "pprof", "-top", file).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}
