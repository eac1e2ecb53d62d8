package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxExpvarDepth nested objects; expvar.Map within expvar.Map is 3.
const maxExpvarDepth = 16

// parseExpvar lists the numbers of a JSON object by the path of their keys. It
// walks over tokens, so that hostile JSON costs its size and no more. Arrays,
// texts and booleans count nothing and are passed over. Of what Go itself
// publishes, only memstats has figures worth keeping, and only some.
func parseExpvar(a *answer) (_ []reading, problem string, _ error) {
	w := expvarWalk{in: json.NewDecoder(bytes.NewReader(a.body))}
	w.in.UseNumber()
	if t, err := w.in.Token(); err != nil || t != json.Delim('{') {
		return nil, "", notThat(a, "a metrics endpoint")
	}
	err := w.object(1)
	switch {
	case errors.Is(err, errFull):
		return w.list, tooManySeries(), nil
	case err != nil && len(w.list) == 0:
		return nil, "", unavailablef("", "%s sent JSON that is malformed", a.from)
	case err != nil:
		return w.list, "its JSON is malformed; what stands before that is kept", nil
	}
	return w.list, "", nil
}

// memstats are the fields of runtime.MemStats that say what allocating and
// collecting cost, with their types, which JSON does not give.
var memstats = map[string]string{
	"Mallocs": "counter", "TotalAlloc": "counter", "NumGC": "counter",
	"NextGC": "gauge", "Sys": "gauge", "HeapReleased": "gauge",
}

var errFull = errors.New("more series than are kept")

type expvarWalk struct {
	in   *json.Decoder
	path []string
	list []reading
}

// object reads the members of an object up to and with its closing brace.
func (w *expvarWalk) object(depth int) error {
	for {
		t, err := w.in.Token()
		if err != nil {
			return noEOF(err)
		}
		key, ok := t.(string)
		if !ok {
			return nil // the closing brace
		}
		if depth == 2 && w.path[0] == "memstats" && memstats[key] == "" {
			if err := w.skip(); err != nil {
				return err
			}
			continue
		}
		w.path = append(w.path, key)
		if err := w.value(depth); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
}

func (w *expvarWalk) value(depth int) error {
	t, err := w.in.Token()
	if err != nil {
		return noEOF(err)
	}
	switch t := t.(type) {
	case json.Number:
		return w.number(t)
	case json.Delim:
		if t == '{' && depth < maxExpvarDepth {
			return w.object(depth + 1)
		}
		return w.skipRest()
	}
	return nil
}

func (w *expvarWalk) number(n json.Number) error {
	v, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return nil // beyond float64
	}
	if len(w.list) == maxSeries {
		return errFull
	}
	name, kind := strings.Join(w.path, "."), "untyped"
	if len(w.path) == 2 && w.path[0] == "memstats" {
		kind = memstats[w.path[1]]
	}
	w.list = append(w.list, reading{key: name, Series: Series{Name: name, Type: kind, Value: v}})
	return nil
}

// skip passes over one value of any kind.
func (w *expvarWalk) skip() error {
	t, err := w.in.Token()
	if err != nil {
		return noEOF(err)
	}
	if _, ok := t.(json.Delim); ok {
		return w.skipRest()
	}
	return nil
}

// skipRest passes over the rest of an array or object just opened.
func (w *expvarWalk) skipRest() error {
	for depth := 1; depth > 0; {
		t, err := w.in.Token()
		if err != nil {
			return noEOF(err)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

// noEOF: inside an object the end of the input is a fault.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
