package profile

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// parseProm reads Prometheus text or OpenMetrics. The text goes through a
// filter first, which makes the one form into the other and bounds what the
// parser, that believes everything, is given.
func parseProm(a *answer, f *promFilter) (_ []reading, problem string, _ error) {
	f.openMetrics = strings.Contains(a.header.Get("Content-Type"), "openmetrics") || bytes.HasSuffix(bytes.TrimSpace(a.body), []byte("# EOF"))
	text := f.run(a.body)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	readings := readFamilies(families)
	switch {
	case len(readings) == 0 && f.unchanged == 0 && (err != nil || f.good == 0):
		return nil, "", notThat(a, "a metrics endpoint")
	case err != nil:
		f.lines = nil // the parser stopped: which series it had is not known
		problem = "its metrics are malformed: " + printable(err.Error(), 160) + "; those before are kept"
	case f.malformed:
		problem = fmt.Sprintf("its metrics are malformed: sample %d has no value; those before are kept", f.samples)
	case f.full:
		problem = tooManySeries()
	}
	return readings, problem, nil
}

// A promFilter rewrites metrics text line by line: comments but TYPE go, as do
// timestamps, exemplars, buckets and quantiles, none of which are kept, and lines
// that are as they were in the scrape before: most are, and parsing is what a
// scrape costs.
type promFilter struct {
	before, lines map[string]string // value by series, as written; nil to keep all

	openMetrics bool
	out         bytes.Buffer
	family      string // of the last TYPE line
	kind        string
	samples     int // sample lines met
	good        int // those with a number
	unchanged   int // those left out as known
	series      int // those of interest
	labels      int // roughly, of those
	full        bool
	malformed   bool
}

// maxLabels bounds a scrape's labels: ten for each series, at 130 bytes in the
// parser. A single line could otherwise hold millions.
const maxLabels = 10 * maxSeries

func (f *promFilter) run(text []byte) []byte {
	for len(text) > 0 && !f.full && !f.malformed {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
		case line[0] == '#':
			f.comment(line)
		default:
			f.sample(line)
		}
	}
	return f.out.Bytes()
}

// openTypes are OpenMetrics' types in the words of the older form, with the
// suffix that the samples have.
var openTypes = map[string]struct{ kind, suffix string }{
	"counter":   {"counter", "_total"},
	"gauge":     {"gauge", ""},
	"histogram": {"histogram", ""},
	"summary":   {"summary", ""},
	"info":      {"gauge", "_info"},
	"stateset":  {"gauge", ""},
	"unknown":   {"untyped", ""},
}

func (f *promFilter) comment(line []byte) {
	word := strings.Fields(string(line[:min(len(line), 2*maxName)]))
	if len(word) != 4 || word[0] != "#" || word[1] != "TYPE" {
		return
	}
	name, kind := word[2], word[3]
	if f.openMetrics {
		t, ok := openTypes[kind]
		if !ok {
			return // gaugehistogram; its parts pass as untyped
		}
		kind = t.kind
		name = strings.TrimSuffix(name, t.suffix) + t.suffix
	}
	f.family, f.kind = name, kind
	fmt.Fprintf(&f.out, "# TYPE %s %s\n", name, kind)
}

func (f *promFilter) sample(line []byte) {
	f.samples++
	series, value, ok := splitSample(line)
	if !ok {
		f.malformed = true
		return
	}
	f.good++
	name, _, _ := bytes.Cut(series, []byte("{"))
	if f.skips(string(bytes.TrimSpace(name[:min(len(name), 2*maxName)]))) {
		return
	}
	f.series++
	f.labels += bytes.Count(series, []byte(`"`)) / 2
	// A histogram's sum and count are two lines of one series.
	if f.series > 2*maxSeries || f.labels > maxLabels {
		f.full = true
		return
	}
	if f.isKnown(string(series), string(value)) {
		f.unchanged++
		return
	}
	f.out.Write(series)
	f.out.WriteByte(' ')
	f.out.Write(value)
	f.out.WriteByte('\n')
}

// isKnown is true for a series that has not changed, or that the scrape has
// already had. The parts of a histogram or summary make sense only together.
func (f *promFilter) isKnown(series, value string) bool {
	if f.lines == nil || f.kind == "histogram" || f.kind == "summary" {
		return false
	}
	if _, twice := f.lines[series]; twice {
		return true
	}
	f.lines[series] = value
	before, known := f.before[series]
	return known && before == value
}

// skips is true for what is not kept anyway.
func (f *promFilter) skips(name string) bool {
	if f.openMetrics && strings.HasSuffix(name, "_created") {
		return true // a time, not a measurement
	}
	switch f.kind {
	case "histogram":
		return name == f.family+"_bucket"
	case "summary":
		return name == f.family
	}
	return false
}

// splitSample cuts a line into its series and its value; what follows, a
// timestamp or an exemplar, is dropped. Label values may hold anything.
func splitSample(line []byte) (series, value []byte, ok bool) {
	end, quoted := -1, false
	for i := 0; i < len(line) && end < 0; i++ {
		switch ch := line[i]; {
		case quoted && ch == '\\':
			i++
		case ch == '"':
			quoted = !quoted
		case quoted:
		case ch == '}':
			end = i + 1
		case ch == ' ' || ch == '\t':
			// Blanks may stand before the brace and inside it.
			if rest := bytes.TrimLeft(line[i:], " \t"); !bytes.ContainsRune(line[:i], '{') && !bytes.HasPrefix(rest, []byte("{")) {
				end = i
			}
		}
	}
	if end < 0 {
		return nil, nil, false
	}
	rest := bytes.Fields(line[end:min(len(line), end+200)])
	if len(rest) == 0 {
		return nil, nil, false
	}
	return line[:end], rest[0], isNumber(string(rest[0]))
}

// isNumber accepts what the parser accepts. Of anything else that would keep a
// sample of value 0 before it complains.
func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && !strings.ContainsAny(s, "pP_")
}

// readFamilies lists all series in order of name and labels, at most maxSeries.
// Values that are not numbers are dropped: nothing can be made of them.
func readFamilies(families map[string]*dto.MetricFamily) []reading {
	var list []reading
	for name, family := range families {
		for _, m := range family.GetMetric() {
			r := readMetric(name, family.GetType(), m)
			if isFinite(r.Value) && isFinite(r.Sum) {
				r.key = rawKey(name, m.GetLabel())
				list = append(list, r)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b reading) int { return strings.Compare(a.key, b.key) })
	return list[:min(len(list), maxSeries)]
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func readMetric(name string, kind dto.MetricType, m *dto.Metric) reading {
	r := reading{Series: Series{Name: name}}
	for _, l := range m.GetLabel() {
		if r.Labels == nil {
			r.Labels = make(map[string]string, len(m.GetLabel()))
		}
		r.Labels[l.GetName()] = l.GetValue()
	}
	switch kind {
	case dto.MetricType_COUNTER:
		r.Type, r.Value = "counter", m.GetCounter().GetValue()
	case dto.MetricType_GAUGE:
		r.Type, r.Value = "gauge", m.GetGauge().GetValue()
	case dto.MetricType_HISTOGRAM:
		r.Type, r.Value, r.Sum = "histogram", float64(m.GetHistogram().GetSampleCount()), m.GetHistogram().GetSampleSum()
	case dto.MetricType_SUMMARY:
		r.Type, r.Value, r.Sum = "summary", float64(m.GetSummary().GetSampleCount()), m.GetSummary().GetSampleSum()
	default:
		r.Type, r.Value = "untyped", m.GetUntyped().GetValue()
	}
	return r
}

// rawKey joins a series' name and labels, in order, with a byte that neither
// can hold.
func rawKey(name string, labels []*dto.LabelPair) string {
	pairs := make([]string, 0, 1+len(labels))
	for _, l := range labels {
		pairs = append(pairs, l.GetName()+"\xff"+l.GetValue())
	}
	slices.Sort(pairs)
	return name + "\xff" + strings.Join(pairs, "\xff")
}

// seriesID is rawKey for a series as kept.
func seriesID(s *Series) string {
	pairs := make([]string, 0, len(s.Labels))
	for name, value := range s.Labels {
		pairs = append(pairs, name+"\xff"+value)
	}
	slices.Sort(pairs)
	return s.Name + "\xff" + strings.Join(pairs, "\xff")
}
