package analyze

import (
	"reflect"

	"busywork/profile"
)

// sanitise cleans every string of a report. Names of functions, processes,
// queues and metrics come from the target: here, in one place, whatever could
// drive a terminal is taken out, so that no form of output has to think of it.
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
	case reflect.String:
		if v.CanSet() {
			v.SetString(profile.Clean(v.String()))
		}
	}
}
