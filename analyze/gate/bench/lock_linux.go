package bench

import (
	"os"

	"golang.org/x/sys/unix"
)

// hold takes the lock of a file for as long as this process lives and the file
// is open; false if another process has it.
func hold(f *os.File) bool { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil }

// heldBySomeone says whether the process that holds a file's lock may live.
func heldBySomeone(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return true
	}
	defer f.Close()
	return !hold(f)
}
