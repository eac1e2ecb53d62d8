package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/spf13/cobra"

	"busywork/profile"
)

// streams are the standard streams; tests give their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Exit codes, as documented in the README.
const (
	exitFine     = 0
	exitFindings = 1 // findings at or over --fail-on
	exitCannot   = 2 // could not run or judge
)

// exitCode is an error that is not to be printed: all has been said, only the
// code is left.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run is the whole program.
func run(ctx context.Context, args []string, s streams) int {
	log.SetOutput(io.Discard) // net/http reports a misbehaving target there, past all cleaning
	ctx, stop := interruptible(ctx)
	defer stop()
	root := newRootCmd(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if sig, ok := errors.AsType[interrupt](context.Cause(ctx)); ok {
		if err != nil {
			printError(s.err, err)
		}
		return 128 + int(sig)
	}
	if err == nil {
		return exitFine
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	printError(s.err, err)
	return exitCannot
}

// printError writes an error and, behind it, what to do about it.
func printError(w io.Writer, err error) {
	if _, silent := errors.AsType[exitCode](err); silent {
		return
	}
	fmt.Fprintf(w, "busywork: %s\n", profile.Clean(err.Error()))
	if u, ok := errors.AsType[*profile.Unavailable](err); ok && u.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", profile.Clean(u.Hint))
	}
}

func newRootCmd(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "busywork",
		Short: "Finds wasted work in queue-worker services",
		Long: `Busywork observes a queue-worker service (its CPU profile, the host, its processes,
its counters, its queue) and finds work that should not be done: what is wasted, how many
cores it costs, how sure that is, what to do, and what the machine will look like afterwards.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.AddCommand(
		newDemoCmd(s),
		newDiagnoseCmd(s),
		newWatchCmd(s),
		newRecordCmd(s),
		newCompareCmd(s),
		newGateCmd(s),
		newSignalsCmd(s),
		newRulesCmd(s),
		newExplainCmd(s),
		newWebCmd(s),
	)
	return root
}
