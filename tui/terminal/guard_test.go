package terminal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestWriteStack: what is written of a stack is bounded, and cannot drive a
// terminal.
func TestWriteStack(t *testing.T) {
	p := &Panic{Value: errors.New("x"), Stack: []byte("main.\x1b]0;owned\aF(…)\n\t/src/\u202emain.go:7 +0x1d\n" + strings.Repeat("f()\n", 2*maxStack))}
	var b strings.Builder
	p.WriteStack(&b)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if lines[0] != "main.]0;ownedF(…)" || lines[1] != " /src/main.go:7 +0x1d" {
		t.Errorf("%q", lines[:2])
	}
	if len(lines) != maxStack+1 || lines[maxStack] != "…" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// TestSpawn: a panic comes out as an error with its stack.
func TestSpawn(t *testing.T) {
	p, ok := errors.AsType[*Panic](<-spawn(func() error { panic("boom") }))
	if !ok || p.Error() != "internal error: boom" || !strings.Contains(string(p.Stack), "guard_test.go") {
		t.Errorf("%v", p)
	}
	want := fmt.Errorf("failed")
	if err := <-spawn(func() error { return want }); err != want {
		t.Errorf("%v", err)
	}
}
