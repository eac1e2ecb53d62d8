package report

import (
	_ "embed"
	"encoding/json"
	"io"

	"busywork/analyze"
)

// Schema is the JSON Schema of what JSON writes.
//
//go:embed busywork.report.schema.json
var Schema string

// JSON writes the report in its contract form, busywork.report/1.
func JSON(w io.Writer, r *analyze.Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
