// Busywork finds wasted work in queue-worker services. See README.md.
package main

import (
	"context"
	"os"

	"busywork/fixtures/lab"
)

func main() {
	lab.Play() // the demo starts this executable again, as the parts of an incident
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}
