package profile

import (
	"errors"
	"os"
	"syscall"
)

// A disk is where captures are written that share a bounded amount of room. A
// nil *disk has no bound, and no way to make room when it is full.
type disk struct {
	// took is told before n more bytes are written, so that room can be made.
	took func(n int64)
	// free is asked when the disk is full, and says whether it has made room.
	free func() bool
}

// blockSize is what file systems give space in. Each file and folder is charged
// one more than it has bytes for, and so never too little.
const blockSize = 4 << 10

func (d *disk) take(n int64) {
	if d != nil {
		d.took(n)
	}
}

// retry repeats f for as long as the disk is full and room can be made.
func (d *disk) retry(f func() error) error {
	for {
		err := f()
		if d == nil || !isFull(err) || !d.free() {
			return err
		}
	}
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func (d *disk) mkdir(dir string) error {
	d.take(blockSize)
	return d.retry(func() error { return os.MkdirAll(dir, 0o700) })
}

// create makes a file that must not be there yet.
func (d *disk) create(name string) (*diskFile, error) {
	d.take(blockSize)
	f := &diskFile{disk: d}
	err := d.retry(func() (err error) {
		f.File, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return err
	})
	return f, err
}

// write makes a whole file, or none.
func (d *disk) write(name string, data []byte) error {
	f, err := d.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(name)
	}
	return err
}

// A diskFile goes on where it stopped when room is made for it.
type diskFile struct {
	*os.File
	disk *disk
}

func (f *diskFile) Write(p []byte) (n int, err error) {
	f.disk.take(int64(len(p)))
	err = f.disk.retry(func() error {
		k, err := f.File.Write(p[n:])
		n += k
		return err
	})
	return n, err
}
