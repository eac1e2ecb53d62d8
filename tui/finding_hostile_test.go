package tui

import (
	"math"
	"strings"
	"testing"

	"busywork/analyze"
)

// absurdFinding is a finding as no rule gives it.
func absurdFinding(name string) analyze.Finding {
	nan, limit := math.NaN(), -1e300
	f := analyze.Finding{
		Rule: name, Subject: name, Message: strings.Repeat(name+" ", 20), Severity: analyze.SeverityHigh, Confidence: analyze.Confidence(name),
		Fix: name, Settles: name, RefutedBy: []string{name, ""},
		Location:   analyze.Location{Function: name, File: name, Line: -4, Path: []string{name, name, "b" + name}},
		Waste:      analyze.Waste{Cores: nan, Low: math.Inf(-1), High: math.Inf(1), ShareOfHost: nan},
		Prediction: &analyze.Prediction{Before: nan, After: math.Inf(1), Low: -3, High: 1e300},
		After:      &analyze.Interval{Value: nan}, Delay: &analyze.Delay{JobHours: math.Inf(1)},
	}
	for _, v := range []float64{nan, math.Inf(1), math.Inf(-1), -5, 1e300, 0} {
		f.Evidence = append(f.Evidence, analyze.Evidence{What: name, Unit: name, Value: v, Source: name, Limit: &limit}, analyze.Evidence{What: name, Unit: "fraction", Value: v, Limit: &v})
	}
	f.Kin = []analyze.Finding{{Rule: name, Message: name}}
	return f
}

func TestFindingOfHostileNames(t *testing.T) {
	base := examined(t, "dispatch-waste")
	for _, name := range hostile {
		e, r := *base, *base.Report
		f := absurdFinding(name)
		r.Findings, r.Gaps, e.Report = []analyze.Finding{f}, []analyze.ReportGap{{Signal: "host", Reason: name, Hint: name}}, &r
		s := sceneOf(t, &e).markedAt(&e)
		s.filter = name
		for _, size := range allSizes {
			v := findingOf(s, size.w, size.h)
			for range 4 {
				checkFrame(t, v.View(), size.w, size.h)
				v.Wheel(size.h)
			}
		}
	}
}
