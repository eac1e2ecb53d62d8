package gate

import (
	"io"
)

// GitLab writes the result as a report of GitLab's code quality: the regressions
// that nobody has accepted. What could not be judged is no matter of the code.
func GitLab(w io.Writer, r *Result) error {
	type lines struct {
		Begin int64 `json:"begin"`
	}
	type location struct {
		Path  string `json:"path"`
		Lines lines  `json:"lines"`
	}
	type issue struct {
		Description string   `json:"description"`
		CheckName   string   `json:"check_name"`
		Fingerprint string   `json:"fingerprint"`
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	list := []issue{}
	titles := r.titles()
	for i := range r.Rows {
		row := &r.Rows[i]
		if !row.fails() {
			continue
		}
		check, _ := ruleOf(r.Gate, row.Metric)
		at := location{local(row.File), lines{max(1, row.Line)}}
		if at.Path == "" { // GitLab drops what is in no file; this one is in every module
			at = location{"go.mod", lines{1}}
		}
		list = append(list, issue{
			Description: row.headline(titles[i]),
			CheckName:   check,
			Fingerprint: fingerprint(r.Gate, row.Package, row.Name, row.Metric, check),
			Severity:    "major",
			Location:    at,
		})
	}
	return writeJSON(w, list)
}
