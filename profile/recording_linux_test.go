package profile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of so many KiB, in memory.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("only root can mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all but rest bytes of a disk, until what it returns is called.
func fill(t *testing.T, dir string, rest int64) (empty func()) {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := f.Write(make([]byte, blockSize)); err != nil {
			break
		}
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(max(0, info.Size()-rest)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() { os.Remove(name) }
}

// TestRecordOnAFullDisk: the oldest windows give way, and no window is cut.
func TestRecordOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, "200k")
	dir := filepath.Join(disk, "recording")
	stop, said := record(t, "host", dir, 50*time.Millisecond, 1<<30)
	waitForWindow(t, dir, 25)
	done, err := stop()
	if err != nil || done.Dropped == 0 || len(said()) != 0 {
		t.Errorf("%+v, %v, said %q", done, err, said())
	}
	if list, wholes := loadWindows(t, dir); wholes < 2 || wholes != len(list) {
		t.Errorf("%d windows, %d whole", len(list), wholes)
	}
	t.Logf("a disk of 200 KiB: %d windows made, %d kept in %d KiB", done.Made, done.Windows, done.Bytes>>10)
}

// TestRecordOnADiskWithoutRoom: somebody else has filled it. That is said once,
// recording goes on when there is room again, and says so.
func TestRecordOnADiskWithoutRoom(t *testing.T) {
	disk := smallDisk(t, "1m")
	dir := filepath.Join(disk, "recording")
	empty := fill(t, disk, 2*blockSize)
	stop, said := record(t, "host", dir, 50*time.Millisecond, 1<<30)
	waitForWords(t, said, 1)
	time.Sleep(retryPause) // a second failure is not worth a second word
	if list := said(); len(list) != 1 || !strings.Contains(list[0], "is full") {
		t.Errorf("said %q", list)
	}
	empty()
	waitForWords(t, said, 2)
	waitForWindow(t, dir, 3)

	// When the disk fills up later, the oldest windows give way to the newest.
	fill(t, disk, 24*blockSize) // two windows' room
	list, err := Windows(dir)
	if err != nil {
		t.Fatal(err)
	}
	waitForWindow(t, dir, list[len(list)-1].Number+5)
	done, err := stop()
	if err != nil || done.Windows == 0 || len(said()) != 2 || !strings.Contains(said()[1], "goes on") {
		t.Errorf("%+v, %v, said %q", done, err, said())
	}
	if _, wholes := loadWindows(t, dir); wholes == 0 {
		t.Error("the newest whole window was given up")
	}
}

// TestRecordNothing: where nothing could be kept, that is an error.
func TestRecordNothing(t *testing.T) {
	disk := smallDisk(t, "64k")
	fill(t, disk, 0)
	stop, said := record(t, "host", filepath.Join(disk, "recording"), 50*time.Millisecond, 1<<30)
	waitForWords(t, said, 1)
	done, err := stop()
	if err == nil || !strings.Contains(err.Error(), "disk is full") || done.Windows != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}
