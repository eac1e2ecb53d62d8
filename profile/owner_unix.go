//go:build unix

package profile

import (
	"os"
	"syscall"
)

// fileOwner is the number of the user to whom a file belongs.
func fileOwner(info os.FileInfo) uint32 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Uid
	}
	return noOwner
}
