package profile

import (
	"bytes"
	"strings"
)

// environmentNames are the variables of the Go runtime that decide how it uses
// CPU and memory. Nothing else of an environment is kept: it is full of
// secrets.
var environmentNames = []string{"GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG"}

// maxEnvironment bytes are kept of one variable; GODEBUG is a list.
const maxEnvironment = 256

// runtimeEnvironment picks the variables of the Go runtime out of an
// environment in the form of /proc/PID/environ: NAME=VALUE, each ended by NUL.
// Of a name that is set twice the first counts, as for the runtime.
func runtimeEnvironment(raw []byte) map[string]string {
	kept := map[string]string{}
	for one := range bytes.SplitSeq(raw, []byte{0}) {
		for _, name := range environmentNames {
			value, is := strings.CutPrefix(string(one[:min(len(one), len(name)+4*maxEnvironment)]), name+"=")
			if _, known := kept[name]; is && !known {
				kept[name] = redactText(printable(value, maxEnvironment))
			}
		}
	}
	return kept
}
