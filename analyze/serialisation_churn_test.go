package analyze

import (
	"strings"
	"testing"

	"busywork/profile"
)

// Frames of a worker that takes an order, copies it through JSON and prices it.
const (
	cloneEncode = "encoding/json.(*encodeState).marshal < encoding/json.Marshal < main.clone < main.handle < main.work"
	cloneDecode = "encoding/json.(*decodeState).object < encoding/json.Unmarshal < main.clone < main.handle < main.work"
	takeDecode  = "encoding/json.(*decodeState).object < encoding/json.Unmarshal < main.take < main.handle < main.work"
	sendEncode  = "encoding/json.(*encodeState).marshal < encoding/json.Marshal < main.send < main.handle < main.work"
	acknowledge = "syscall.Syscall < syscall.write < github.com/nats-io/nats.go.(*Conn).publish < main.handle < main.work"
	pricing     = "main.price < main.handle < main.work"
)

func TestSerialisationChurnNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"a gateway decodes once and encodes once": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{takeDecode, 4}, stack{sendEncode, 2}, stack{acknowledge, 0.5}, stack{pricing, 1.5})
			inputOutput(c, 1000, 12e6, 500, 12e6) // 27 and 17 ns a byte
			return c
		}(),
		"a converter does nothing else, and all of it comes in and goes out": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{cloneEncode, 3}, stack{cloneDecode, 4}, stack{acknowledge, 1})
			inputOutput(c, 1000, 12e6, 500, 12e6)
			return c
		}(),
		"its input is compressed": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{cloneEncode, 1}, stack{cloneDecode, 5}, stack{"compress/flate.(*decompressor).Read < main.take < main.handle < main.work", 2})
			inputOutput(c, 1000, 2e6, 500, 2e6) // 250 ns a byte that came in, 30 a byte of the text
			return c
		}(),
		"logging in JSON": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{"encoding/json.Marshal < log/slog.(*JSONHandler).Handle < log/slog.(*Logger).Info < main.clone < main.handle < main.work", 4}, stack{takeDecode, 2}, stack{pricing, 2})
			inputOutput(c, 1000, 1e5, 500, 1e5)
			return c
		}(),
		"a client encodes a request and decodes the answer": func() *profile.Capture {
			c := newService(t, 0.6, 0.8,
				stack{"encoding/json.Marshal < main.ask < main.work", 2}, stack{"encoding/json.Unmarshal < main.ask < main.work", 3},
				stack{"syscall.write < net/http.(*Client).Do < main.ask < main.work", 1}, stack{pricing, 2})
			inputOutput(c, 1000, 1e6, 500, 1e6)
			return c
		}(),
		"an RPC client does so inside its library": func() *profile.Capture {
			c := newService(t, 0.6, 0.8,
				stack{"google.golang.org/protobuf/proto.Marshal < google.golang.org/grpc.(*ClientConn).Invoke < main.ask < main.work", 2},
				stack{"google.golang.org/protobuf/proto.Unmarshal < google.golang.org/grpc.(*ClientConn).Invoke < main.ask < main.work", 3},
				stack{pricing, 3})
			inputOutput(c, 1000, 1e5, 500, 1e5)
			return c
		}(),
		"copies now and then": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{cloneEncode, 0.1}, stack{cloneDecode, 0.4}, stack{takeDecode, 2}, stack{pricing, 5.5})
			inputOutput(c, 1000, 1e5, 500, 1e5)
			return c
		}(),
		"few samples": newService(t, 0.1, 0.01, stack{cloneEncode, 0.2}, stack{cloneDecode, 0.4}),
	} {
		if f, _ := alone(t, c, &SerialisationChurn); f != nil {
			t.Errorf("%s: accused: %s", name, f.Message)
		}
	}
}

func TestSerialisationChurn(t *testing.T) {
	stacks := []stack{
		{cloneEncode, 1}, {cloneDecode, 4}, {"runtime.mallocgc < " + cloneDecode, 1}, {"main.clone < main.handle < main.work", 0.2},
		{takeDecode, 0.6}, {acknowledge, 0.4}, {pricing, 0.8},
	}
	t.Run("the bytes go nowhere", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stacks...)
		inputOutput(c, 1500, 700e3, 500, 60e3)
		counter(c, "jobs_completed_total", 500)
		f, status := alone(t, c, &SerialisationChurn)
		wants(t, f, status, Inferred, "main.clone", 0.6)
		if !strings.Contains(f.Message, "1.20 ms a job") || f.Severity != SeverityHigh {
			t.Error(f.Severity, f.Message)
		}
	})
	t.Run("nobody counts bytes", func(t *testing.T) {
		f, status := alone(t, newService(t, 0.6, 0.8, stacks...), &SerialisationChurn)
		wants(t, f, status, Suspected, "main.clone", 0.6)
		if f.Severity != SeverityLow {
			t.Error(f.Severity)
		}
	})
	t.Run("through helpers, in a handler of an HTTP server", func(t *testing.T) {
		root := " < main.layer < main.handle < net/http.(*conn).serve"
		c := newService(t, 0.6, 0.8,
			stack{"encoding/gob.(*Encoder).Encode < main.pack" + root, 3}, stack{"encoding/gob.(*Decoder).Decode < main.unpack" + root, 4},
			stack{"main.price < main.handle < net/http.(*conn).serve", 1})
		inputOutput(c, 1500, 700e3, 500, 60e3)
		f, status := alone(t, c, &SerialisationChurn)
		wants(t, f, status, Inferred, "main.layer", 0.7)
	})
}
