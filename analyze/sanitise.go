package analyze

import (
	"reflect"

	"busywork/profile"
)

// sanitise cleans every string and every figure of a report. Names of functions,
// processes, queues and metrics come from the target: here, in one place,
// whatever could drive a terminal is taken out, so that no form of output has to
// think of it. So are NaN and infinities, which absurd counters can lead to and
// JSON does not have.
func sanitise(r *Report) { Sanitise(r, profile.Clean) }

// Sanitise does the same for any value made of structs, slices and pointers, to
// which v points, with clean for its strings: for what packages above say of a
// target.
func Sanitise(v any, clean func(string) string) { sanitiseValue(reflect.ValueOf(v), clean) }

func sanitiseValue(v reflect.Value, clean func(string) string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			sanitiseValue(v.Elem(), clean)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sanitiseValue(v.Field(i), clean)
		}
	case reflect.Slice:
		for i := range v.Len() {
			sanitiseValue(v.Index(i), clean)
		}
	case reflect.Float64:
		if v.CanSet() {
			v.SetFloat(finite(v.Float()))
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(clean(v.String()))
		}
	}
}
