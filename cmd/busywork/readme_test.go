package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"busywork/analyze"
	"busywork/fixtures/readme"
)

func readmeText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeRules: the README's table of rules is made from the catalogue.
func TestReadmeRules(t *testing.T) {
	var table strings.Builder
	table.WriteString("| rule | finds | needs |\n|---|---|---|\n")
	for _, r := range analyze.Catalogue {
		fmt.Fprintf(&table, "| [`%s`](analyze/%s.go) | %s | %s |\n", r.Name, strings.ReplaceAll(r.Name, "-", "_"), r.Title, r.Needs)
		if _, err := os.Stat("../../analyze/" + strings.ReplaceAll(r.Name, "-", "_") + ".go"); err != nil {
			t.Errorf("%s is not in a file of its own: %v", r.Name, err)
		}
	}
	readme.Holds(t, "../..", "rules", table.String())
}

// TestReadmeCommands parses every command line of the README: the command
// exists and takes these flags and arguments.
func TestReadmeCommands(t *testing.T) {
	n := 0
	for _, line := range strings.Split(readmeText(t), "\n") {
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
