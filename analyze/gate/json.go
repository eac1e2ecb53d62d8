package gate

import (
	_ "embed"
	"encoding/json"
	"io"
)

// Schema is the JSON Schema of what JSON writes.
//
//go:embed busywork.gate.schema.json
var Schema string

// JSON writes the result in its contract form, busywork.gate/1.
func JSON(w io.Writer, r *Result) error { return writeJSON(w, r) }

// writeJSON escapes <, > and &: what looks like markup stays inert in a page that
// takes it in without thinking.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
