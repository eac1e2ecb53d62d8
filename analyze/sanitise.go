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
func sanitise(r *Report) { sanitiseValue(reflect.ValueOf(r)) }

func sanitiseValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			sanitiseValue(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sanitiseValue(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			sanitiseValue(v.Index(i))
		}
	case reflect.Float64:
		if v.CanSet() {
			v.SetFloat(finite(v.Float()))
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(profile.Clean(v.String()))
		}
	}
}
