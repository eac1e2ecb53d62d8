package main

import (
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"busywork/analyze/gate"
)

// forGo gives scripts that build what the go command needs: they have no home of
// their own, and without the cache they would compile the standard library.
func forGo(e *testscript.Env) error {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	e.Setenv("GOCACHE", strings.TrimSpace(string(out)))
	return err
}

// conforms is the script command that holds a file to the contract of gate's JSON.
func conforms(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: conforms file")
	}
	err := gateConforms(ts.ReadFile(args[0]))
	if (err != nil) != neg {
		ts.Fatalf("%s: conforms: %v", args[0], err)
	}
}

// gateConforms says in what a document differs from the schema.
func gateConforms(doc string) error {
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(gate.Schema))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(gate.ResultSchema, schema); err != nil {
		return err
	}
	compiled, err := c.Compile(gate.ResultSchema)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}
