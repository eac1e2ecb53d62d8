package profile

import (
	"os"
	"path/filepath"
	"testing"
)

// TestKeeper keeps whole windows below a bound, and goes on in another run.
func TestKeeper(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recording")
	k, err := OpenKeeper(dir, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if w := k.Newest(); w != (RecordedWindow{}) {
		t.Errorf("the newest of nothing is %+v", w)
	}
	if err := k.Add(sampleCapture()); err != nil {
		t.Fatal(err)
	}
	room := 3*k.Result().Bytes + 1
	if k, err = OpenKeeper(dir, room); err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if err := k.Add(sampleCapture()); err != nil {
			t.Fatal(err)
		}
		if w := k.Newest(); w.Number != i+2 || w.Evidence() == 0 {
			t.Errorf("the newest is %+v", w)
		}
		if got := occupied(dir); got > room {
			t.Errorf("%d bytes are taken, of %d", got, room)
		}
	}
	done := k.Result()
	list, wholes := loadWindows(t, dir)
	if want := (Recorded{Target: "svc", Windows: 3, Bytes: done.Bytes, Made: 9, Dropped: 7}); done != want || len(list) != 3 || wholes != 3 {
		t.Errorf("%+v, want %+v; %d windows, %d whole", done, want, len(list), wholes)
	}
	if next := list[2].Next(); next.Name != "000011" || next.Evidence() != 0 {
		t.Errorf("behind the newest comes %+v", next)
	}
	if _, _, err := list[0].Next().Next().Next().Load(); err == nil {
		t.Error("a window that is not there loads")
	}
}

// TestKeeperLeavesNothing of a window that could not be written, and uses its
// number for the next.
func TestKeeperLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	k, err := OpenKeeper(dir, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(dir, "000001")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.Add(sampleCapture()); err == nil || k.Result().Made != 0 {
		t.Fatalf("%v, %+v", err, k.Result())
	}
	os.Remove(inTheWay)
	if err := k.Add(sampleCapture()); err != nil || k.Newest().Number != 1 || k.Result().Made != 1 {
		t.Errorf("%v, %+v, %+v", err, k.Newest(), k.Result())
	}
}
