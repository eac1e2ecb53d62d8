package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"busywork/analyze"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeRules holds the README's table against the catalogue.
func TestReadmeRules(t *testing.T) {
	text := readme(t)
	for _, r := range analyze.Catalogue {
		row := fmt.Sprintf("| [`%s`](analyze/%s.go) | %s | %s |", r.Name, strings.ReplaceAll(r.Name, "-", "_"), r.Title, r.Needs)
		if !strings.Contains(text, row) {
			t.Errorf("the README has no row\n%s", row)
		}
	}
}

// TestReadmeCommands parses every command line of the README: the command
// exists and takes these flags and arguments.
func TestReadmeCommands(t *testing.T) {
	n := 0
	for _, line := range strings.Split(readme(t), "\n") {
		line, _, _ = strings.Cut(line, " #")
		line = strings.TrimPrefix(line, "go run ./cmd/")
		if !strings.HasPrefix(line, "busywork ") {
			continue
		}
		n++
		root := newRootCmd(streams{os.Stdin, os.Stdout, os.Stderr})
		cmd, args, err := root.Find(strings.Fields(line)[1:])
		if err != nil || cmd == root {
			t.Errorf("%s: no such command (%v)", line, err)
			continue
		}
		if err := cmd.ParseFlags(args); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n < 10 {
		t.Errorf("only %d command lines found in the README", n)
	}
}
