package analyze

import (
	"math"
	"slices"
	"strings"
)

// A Request is one kind of HTTP request that the target answers, by its own
// metrics.
type Request struct {
	Handler   string // route or name, "" if the metrics do not say
	Method    string // "POST"; "" if the metrics do not say
	PerSecond float64
	Seconds   float64 // time to answer, mean; 0 if unknown
	Source    string  // name of the metric
}

// inFlight is how many are being answered at a time, by Little's law.
func (r *Request) inFlight() float64 { return r.PerSecond * r.Seconds }

// writes says by the method that a request is meant to change something.
func (r *Request) writes() bool {
	switch r.Method {
	case "POST", "PUT", "PATCH", "DELETE":
		return true
	}
	return false
}

// What the labels are called by which services say what a request was.
var (
	methodLabels  = []string{"method", "verb", "http_method", "http_request_method", "request_method"}
	handlerLabels = []string{"handler", "route", "path", "endpoint", "uri", "http_route", "url", "operation", "action"}
)

// newRequests reads the histogram, or summary, of how long requests took; of
// several the one with most observations, so that none is counted twice. Statuses
// are added up.
func newRequests(series []*Series) []Request {
	var families [][]*Series // series are in order of source and name
	for _, s := range series {
		if !isRequestTime(s) {
			continue
		}
		if n := len(families) - 1; n >= 0 && families[n][0].Source == s.Source && families[n][0].Name == s.Name {
			families[n] = append(families[n], s)
		} else {
			families = append(families, []*Series{s})
		}
	}
	var best []Request
	for _, family := range families {
		if list := requestsOf(family); requestsPerSecond(list) > requestsPerSecond(best) {
			best = list
		}
	}
	return best
}

// isRequestTime says that a series tells how long requests took that were
// answered, not made.
func isRequestTime(s *Series) bool {
	list := words(s.Name)
	return isDistribution(s) && s.Growth > 0 && !notWork[list[0]] &&
		has(list, []string{"http", "request", "requests"}) &&
		has(list, []string{"duration", "latency", "seconds", "milliseconds", "time"}) &&
		!has(list, []string{"client", "outgoing", "outbound", "upstream", "size", "bytes", "dependency", "external"})
}

func requestsOf(family []*Series) []Request {
	unit := 1.0
	if list := words(family[0].Name); has(list, []string{"milliseconds", "millis", "ms"}) {
		unit = 1e-3
	}
	at := map[Request]int{}
	var list []Request
	for _, s := range family {
		key := Request{Handler: labelled(s, handlerLabels), Method: strings.ToUpper(labelled(s, methodLabels))}
		if strings.HasPrefix(key.Handler, "/debug/") || key.Handler == "/metrics" || strings.HasPrefix(key.Handler, "/health") {
			continue // what watches the service, busywork too
		}
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			list = append(list, Request{Handler: key.Handler, Method: key.Method, Source: s.Name})
		}
		list[i].PerSecond += s.Rate
		list[i].Seconds += s.Total * unit
	}
	for i := range list {
		if r := &list[i]; family[0].Seconds > 0 {
			r.Seconds /= r.PerSecond * family[0].Seconds
		}
	}
	return slices.DeleteFunc(list, func(r Request) bool { return r.PerSecond <= 0 })
}

func labelled(s *Series, names []string) string {
	for _, n := range names {
		if v := s.Labels[n]; v != "" {
			return v
		}
	}
	return ""
}

func requestsPerSecond(list []Request) float64 {
	n := 0.0
	for _, r := range list {
		n += r.PerSecond
	}
	return n
}

// requestWith is the kind of request of which that many are in flight by the
// service's own times: goroutine samples and histogram, two counts of the same.
// It must be the only one that fits and that keep says yes to.
func (f *Facts) requestWith(inFlight float64, keep func(*Request) bool) (*Request, bool) {
	// Half a request either way is the noise of some twenty samples; a third is
	// what a load that comes in bursts adds to it.
	near := func(r *Request) bool { return math.Abs(r.inFlight()-inFlight) <= 0.5+inFlight/3 }
	var found *Request
	for i := range f.Requests {
		if r := &f.Requests[i]; r.Seconds > 0 && keep(r) && near(r) {
			if found != nil {
				return nil, false
			}
			found = r
		}
	}
	return found, found != nil
}
