package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupt is the signal that ended the run early.
type interrupt syscall.Signal

func (i interrupt) Error() string { return syscall.Signal(i).String() }

// interrupted says whether the user ended the run; what was gathered until then
// is still reported.
func interrupted(ctx context.Context) bool {
	_, ok := errors.AsType[interrupt](context.Cause(ctx))
	return ok
}

// interrupts turns signals into the end of a run. It is found through the run's
// context, which it ends.
type interrupts struct {
	signals chan os.Signal
	mu      sync.Mutex
	last    func()
}

type interruptsKey struct{}

// interruptible is a context that ends at the first INT, TERM or HUP, so that
// what was gathered is kept and reported. A second signal ends the process.
func interruptible(ctx context.Context) (context.Context, func()) {
	in := &interrupts{signals: make(chan os.Signal, 2), last: func() {}}
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, interruptsKey{}, in))
	signal.Notify(in.signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		sig, ok := <-in.signals
		if !ok {
			return
		}
		cancel(interrupt(sig.(syscall.Signal)))
		if sig, ok = <-in.signals; ok {
			in.mu.Lock() // not to be unlocked: nothing comes after
			in.last()
			os.Exit(128 + int(sig.(syscall.Signal)))
		}
	}()
	return ctx, func() {
		signal.Stop(in.signals)
		close(in.signals)
		cancel(nil)
	}
}

// guardScreen is for a command that takes the terminal over: QUIT, too, ends its run
// in good order, where Go would print the stacks of all goroutines onto its screen;
// and last is called before a second signal ends the process.
func guardScreen(ctx context.Context, last func()) {
	in, ok := ctx.Value(interruptsKey{}).(*interrupts)
	if !ok {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.last = last
	signal.Notify(in.signals, syscall.SIGQUIT)
}
