package stacks

import (
	"os"
	"path/filepath"
	"testing"
)

// corpus returns the real profiles that the tests are run over, by name. They
// are not part of the module: BUSYWORK_CORPUS says where they are.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	dir := os.Getenv("BUSYWORK_CORPUS")
	asked := dir != ""
	if !asked {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		if asked && os.Getenv("BUSYWORK_REQUIRE_SERVERS") == "1" {
			t.Fatalf("BUSYWORK_CORPUS=%s holds no profiles", dir)
		}
		t.Skip("no corpus of real profiles here; set BUSYWORK_CORPUS")
	}
	all := make(map[string][]byte, len(files))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(filepath.Dir(f))+"/"+filepath.Base(f)] = data
	}
	return all
}

// largest returns the corpus profile of most bytes, or a made one without corpus.
func largest(t testing.TB) []byte {
	t.Helper()
	var most []byte
	if files, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "corpus", "*", "*")); len(files) > 0 || os.Getenv("BUSYWORK_CORPUS") != "" {
		for _, data := range corpus(t) {
			if len(data) > len(most) {
				most = data
			}
		}
	}
	if most == nil {
		return zip(t, busyProfile(40_000, 3_000))
	}
	return most
}
