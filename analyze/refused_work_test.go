package analyze

import (
	"math"
	"testing"

	"busywork/profile"
)

// The service of the tests: 400 jobs a second come in, 200 a second can be
// started; one signature costs 1 ms.
const (
	sign    = "crypto/internal/fips140/bigmod.addMulVVW1024 < crypto/rsa.SignPKCS1v15 < main.prepare"
	request = "net/http.(*Client).Do < main.prepare"
	intake  = " < main.offer < main.handleMessage < main.consume"
	restart = " < main.offer < main.takeNext < main.workerFree"
)

// twice is a job that is prepared when it comes in and again when it is
// started: 400 + 200 signatures a second.
func twice(t *testing.T) *profile.Capture {
	return newCapture(t, 0.9, 0.9,
		stack{sign + intake, 4}, stack{sign + restart, 2},
		stack{request + intake, 1}, stack{request + restart, 0.5},
		stack{"main.ack < main.handleMessage < main.consume", 1.5})
}

// once is a job that is prepared when it comes in, and kept: 400 a second.
func once(t *testing.T) *profile.Capture {
	return newCapture(t, 0.8, 0.65,
		stack{sign + intake, 4}, stack{request + intake, 1},
		stack{"main.ack < main.handleMessage < main.consume", 1.5})
}

func offers(c *profile.Capture, accepted, refused float64) {
	counter(c, `offers_total{result="accepted"}`, accepted)
	counter(c, `offers_total{result="refused"}`, refused)
}

func TestRefusedWorkMeasured(t *testing.T) {
	for name, count := range map[string]func(c *profile.Capture){
		"one metric with a label": func(c *profile.Capture) { offers(c, 200, 400) },
		"status codes of a client": func(c *profile.Capture) {
			counter(c, `worker_client_responses_total{code="202"}`, 200)
			counter(c, `worker_client_responses_total{code="503"}`, 400)
		},
		"attempts and refusals only": func(c *profile.Capture) {
			counter(c, "worker_offers_total", 600)
			counter(c, "worker_offers_rejected_total", 400)
		},
		"a better-named counter that is of something else": func(c *profile.Capture) {
			counter(c, `http_requests_total{outcome="rejected"}`, 300)
			counter(c, `http_requests_total{outcome="accepted"}`, 580)
			counter(c, `assign_total{code="202"}`, 200)
			counter(c, `assign_total{code="409"}`, 400)
		},
		"three counters that add up": func(c *profile.Capture) {
			counter(c, "jobsAssigned", 200)
			counter(c, "jobsBounced", 400)
			counter(c, "assignAttempts", 600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := twice(t)
			calibrated(c, 0.001)
			count(c)
			f, status := found(t, c, &RefusedWork)
			if f == nil {
				t.Fatalf("no finding: %v", status)
			}
			if f.Confidence != Measured || f.Severity != SeverityHigh {
				t.Errorf("%s, %s", f.Confidence, f.Severity)
			}
			// Two thirds of the 0.75 cores under offer are for refused jobs.
			if math.Abs(f.Waste.Cores-0.5) > 0.03 {
				t.Errorf("waste %.3f cores, want 0.50", f.Waste.Cores)
			}
			if f.Location.Function != "main.offer" {
				t.Errorf("at %s, want main.offer", f.Location.Function)
			}
		})
	}
}

func TestRefusedWorkWithoutCounters(t *testing.T) {
	c := twice(t)
	calibrated(c, 0.001)
	jetStream(c, "JOBS", "intake", 400, 400, 20, 20)
	jetStream(c, "WAITING", "takers", 400, 200, 1000, 3000)
	f, status := found(t, c, &RefusedWork)
	if f == nil || f.Confidence != Inferred {
		t.Fatalf("%+v %v", f, status)
	}
}

// What must not be accused.
func TestRefusedWorkNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"refused as often, but what was prepared is kept with the job": func() *profile.Capture {
			c := once(t)
			offers(c, 200, 400)
			counter(c, "jobs_received_total", 400)
			return c
		}(),
		"a token service that refuses before it signs": func() *profile.Capture {
			c := newCapture(t, 0.4, 0.6, stack{sign + " < main.issue < main.serve", 4}, stack{"main.serve", 2})
			counter(c, `token_requests_total{status="200"}`, 400)
			counter(c, `token_requests_total{status="401"}`, 50)
			counter(c, `token_requests_total{status="429"}`, 250)
			return c
		}(),
		"a token service whose signatures cost 1.63 times what calibration says": func() *profile.Capture {
			c := newCapture(t, 0.5, 0.8, stack{sign + " < main.issue < main.serve", 6.52}, stack{"main.serve", 2})
			counter(c, `token_requests_total{status="200"}`, 400)
			counter(c, `token_requests_total{status="429"}`, 150)
			return c
		}(),
		"load is shed before anything is prepared": func() *profile.Capture {
			c := newCapture(t, 0.4, 0.6, stack{sign + " < main.issue < main.serve", 4}, stack{"main.serve", 2})
			counter(c, `requests_total{result="accepted"}`, 400)
			counter(c, `requests_total{result="shed"}`, 120)
			return c
		}(),
		"an occasional refusal": func() *profile.Capture {
			c := once(t)
			offers(c, 380, 20)
			return c
		}(),
		"two stages that each sign, the queue between them empty": func() *profile.Capture {
			c := twice(t)
			jetStream(c, "JOBS", "stage-1", 400, 400, 0, 0)
			jetStream(c, "STAGE2", "stage-2", 400, 200, 0, 0)
			return c
		}(),
		"prepared only when there is room": func() *profile.Capture {
			c := newCapture(t, 0.4, 0.4, stack{sign + restart, 2}, stack{request + restart, 0.5}, stack{"main.handleMessage < main.consume", 1.5})
			counter(c, "jobs_received_total", 400)
			counter(c, `offers_total{result="accepted"}`, 200)
			counter(c, `offers_total{result="breaker_rejected"}`, 400)
			return c
		}(),
		"an RSA key of another size": func() *profile.Capture {
			c := once(t) // 4096 bits: 7 ms a signature, 57 a second
			c.Calibrations = nil
			offers(c, 57, 60)
			return c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			calibrated(c, 0.001)
			if f, _ := found(t, c, &RefusedWork); f != nil && f.Severity > SeverityLow {
				t.Errorf("accused: %s, %s", f.Confidence, f.Message)
			}
		})
	}
}

// A refusal that nobody counted preparations for stays a suspicion, and says
// what would settle it.
func TestRefusedWorkSuspected(t *testing.T) {
	c := once(t)
	offers(c, 200, 400)
	f, _ := found(t, c, &RefusedWork)
	if f == nil || f.Confidence != Suspected || f.Settles == "" || f.Severity != SeverityLow {
		t.Fatalf("%+v", f)
	}
}

// With some workers free now and then, offers at intake are accepted too: then
// the two paths have the shares of what came in and what was tried later, not of
// what was refused and accepted.
func TestRefusedWorkPartlyAccepted(t *testing.T) {
	c := newCapture(t, 0.5, 0.4, // 105 come in, 60 of them are refused and tried again
		stack{sign + intake, 1.05}, stack{sign + restart, 0.6}, stack{request + intake, 0.5}, stack{request + restart, 0.3})
	calibrated(c, 0.0012) // the host was busier during the calibration
	offers(c, 105, 60)
	counter(c, "jobs_received_total", 105)
	f, status := found(t, c, &RefusedWork)
	if f == nil || f.Confidence != Measured {
		t.Fatalf("%+v %v", f, status)
	}
}

// A job that is prepared, refused and dropped is prepared once, and in vain.
func TestRefusedWorkDropped(t *testing.T) {
	c := once(t)
	calibrated(c, 0.001)
	counter(c, `offers_total{result="accepted"}`, 150)
	counter(c, `offers_total{result="dropped"}`, 250)
	counter(c, "jobs_received_total", 400)
	f, status := found(t, c, &RefusedWork)
	if f == nil || f.Confidence != Measured {
		t.Fatalf("%+v %v", f, status)
	}
}

func TestRefusedWorkRetryLoop(t *testing.T) {
	c := newCapture(t, 0.9, 0.8,
		stack{sign + " < main.try < main.work", 6}, stack{request + " < main.try < main.work", 2})
	calibrated(c, 0.001)
	counter(c, "attempts_total", 600)
	counter(c, "busy_total", 500)
	counter(c, "accepted_total", 100)
	counter(c, "jobs_received_total", 100)
	f, status := found(t, c, &RefusedWork)
	if f == nil || f.Confidence != Measured || math.Abs(f.Waste.Cores-0.8*5/6) > 0.05 {
		t.Fatalf("%+v %v", f, status)
	}
}

func TestRefusedWorkRedelivered(t *testing.T) {
	c := newCapture(t, 0.9, 0.8, stack{sign + " < main.handle", 6}, stack{request + " < main.handle", 2})
	calibrated(c, 0.001)
	jetStream(c, "JOBS", "worker", 150, 600, 500, 500)
	for i := range c.JetStream { // three of four deliveries are of messages seen before
		c.JetStream[i].Consumers[0].DeliveredStream = uint64(1000 + 150*i)
	}
	f, status := found(t, c, &RefusedWork)
	if f == nil || f.Confidence != Inferred || math.Abs(f.Waste.Cores-0.6) > 0.05 {
		t.Fatalf("%+v %v", f, status)
	}
}

// jetStream adds a stream with a consumer: messages published and delivered a
// second, and the depth at both ends of the window.
func jetStream(c *profile.Capture, stream, consumer string, published, delivered, from, to float64) {
	for i := range window + 1 {
		at := float64(i)
		if i == len(c.JetStream) {
			c.JetStream = append(c.JetStream, profile.JetStreamSample{At: after(at), Server: "nats://127.0.0.1:4222"})
		}
		s := &c.JetStream[i]
		s.Streams = append(s.Streams, profile.JetStreamStream{Name: stream, LastSeq: uint64(1000 + published*at)})
		s.Consumers = append(s.Consumers, profile.JetStreamConsumer{
			Stream: stream, Name: consumer,
			Delivered: uint64(1000 + delivered*at), DeliveredStream: uint64(1000 + delivered*at),
			Pending: uint64(from + (to-from)*at/window),
		})
	}
}
