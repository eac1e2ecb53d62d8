package analyze

import (
	"sort"
	"strconv"
	"strings"

	"busywork/profile"
)

// A Series is one counter or gauge of the service over the window.
type Series struct {
	Source  string
	Name    string
	Labels  map[string]string
	Type    string
	First   float64
	Last    float64
	Growth  float64 // sum of all increases: a restart of the service does not make it negative
	Falls   int     // times that it went down
	Rate    float64 // Growth a second
	Total   float64 // of a histogram or summary: the growth of the sum of what was observed
	Seconds float64
	Points  []Point // every scrape at which it changed, the first included

	sum float64 // the last one seen, for Total
}

// A Point is a value at a time, in seconds after the first scrape.
type Point struct{ At, Value float64 }

// String is the series as Prometheus writes it.
func (s *Series) String() string {
	if len(s.Labels) == 0 {
		return s.Name
	}
	keys := make([]string, 0, len(s.Labels))
	for k := range s.Labels {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	b.WriteString(s.Name + "{")
	for i, k := range keys {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(k + "=\"" + s.Labels[k] + "\"")
	}
	return b.String() + "}"
}

// monotone says whether the series counts events: its type says so, or, where
// the endpoint names no types, it grew and never fell.
func (s *Series) monotone() bool {
	switch s.Type {
	case "counter", "histogram", "summary":
		return true
	case "gauge":
		return false
	}
	return s.Growth > 0 && s.Falls == 0
}

// newSeries folds scrapes, which list only what changed, into one row a series,
// in order of source and name.
func newSeries(samples []profile.CounterSample) []*Series {
	first, last := map[string]profile.CounterSample{}, map[string]profile.CounterSample{}
	byID := map[string]*Series{}
	var list []*Series
	for _, sample := range samples {
		if _, ok := first[sample.Source]; !ok {
			first[sample.Source] = sample
		}
		last[sample.Source] = sample
		at := seconds(first[sample.Source].At, sample.At)
		for _, v := range sample.Changed {
			s := &Series{Source: sample.Source, Name: v.Name, Labels: v.Labels, Type: v.Type}
			id := s.Source + "\x00" + s.String()
			if known := byID[id]; known != nil {
				s = known
			} else {
				byID[id] = s
				list = append(list, s)
				if at > 0 && (v.Type == "counter" || v.Type == "histogram" || v.Type == "summary") {
					s.Points = append(s.Points, Point{0, 0}) // a series that appears has counted from 0
				}
			}
			s.observed(v.Sum, at > 0 || len(s.Points) > 0)
			s.Points = append(s.Points, Point{at, v.Value})
		}
	}
	for _, s := range list {
		s.finish(seconds(first[s.Source].At, last[s.Source].At))
	}
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].Source != list[j].Source {
			return list[i].Source < list[j].Source
		}
		return list[i].String() < list[j].String()
	})
	return list
}

// observed adds what the sum of a histogram has grown by. One that appears, or
// starts again, has counted from 0.
func (s *Series) observed(sum float64, counts bool) {
	if counts {
		if d := sum - s.sum; d >= 0 {
			s.Total += d
		} else {
			s.Total += sum
		}
	}
	s.sum = sum
}

func (s *Series) finish(span float64) {
	s.First, s.Last = s.Points[0].Value, s.Points[len(s.Points)-1].Value
	for i := 1; i < len(s.Points); i++ {
		if d := s.Points[i].Value - s.Points[i-1].Value; d >= 0 {
			s.Growth += d
		} else {
			s.Falls++
			if s.Type != "gauge" {
				s.Growth += s.Points[i].Value // it started again from 0
			}
		}
	}
	if s.Seconds = span; span > 0 {
		s.Rate = s.Growth / span
	}
}

// number reads a figure that a server sent as text, 0 if it is none.
func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return finite(v)
}
