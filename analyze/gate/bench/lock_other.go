//go:build !linux

package bench

import (
	"os"
)

func hold(*os.File) bool { return true }

// heldBySomeone is always true where locks cannot be asked: what a killed run
// left there is left to the system, which clears its temporary folder.
func heldBySomeone(string) bool { return true }
