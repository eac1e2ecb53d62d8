package analyze

import (
	"math"
	"testing"

	"busywork/profile"
)

const parsingKey = "crypto/internal/fips140/bigmod.addMulVVW2048 < crypto/rsa.(*PrivateKey).Precompute < crypto/x509.ParsePKCS8PrivateKey < main.readKeys < main.sign < main.handle"

// calibratedParse says what parsing one RSA key of 2048 bits costs here.
func calibratedParse(c *profile.Capture, unit float64) {
	c.Calibrations = append(c.Calibrations, profile.Calibration{
		Operation: "rsa-2048-parse-key", Functions: []string{"crypto/x509.ParsePKCS8PrivateKey"},
		Markers: []string{"crypto/internal/fips140/bigmod.addMulVVW2048"},
		Unit:    unit, Low: unit * 0.97, High: unit * 1.03,
	})
}

func TestKeyParsePerJobNearMisses(t *testing.T) {
	for name, stacks := range map[string][]stack{
		"certificates parsed in handshakes": {
			{"crypto/x509.ParseCertificate < crypto/tls.(*Conn).verifyServerCertificate < crypto/tls.(*Conn).clientHandshake < crypto/tls.(*Conn).HandshakeContext < main.fetch", 3},
			{"encoding/json.Unmarshal < main.handle", 5},
		},
		"parsed while packages are initialised": {
			{"crypto/x509.ParsePKCS8PrivateKey < main.readKeys < main.init.0 < runtime.doInit1", 3},
			{"encoding/json.Unmarshal < main.handle", 5},
		},
		"new keys are made": {
			{"math/big.Int.ProbablyPrime < crypto/rsa.(*PrivateKey).Precompute < crypto/rsa.GenerateKey < main.issue", 6},
			{"encoding/json.Unmarshal < main.handle", 2},
		},
		"signing and verifying": {
			{"crypto/internal/fips140/bigmod.addMulVVW1024 < crypto/rsa.SignPKCS1v15 < main.sign", 6},
			{"crypto/ecdsa.VerifyASN1 < main.check", 2},
		},
		"a reload now and then": {
			{parsingKey, 0.2},
			{"encoding/json.Unmarshal < main.handle", 7},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.8, stacks...)
			counter(c, "jobs_completed_total", 500)
			if f, _ := found(t, c, &KeyParsePerJob); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

func TestKeyParsePerJob(t *testing.T) {
	rest := stack{"encoding/json.Unmarshal < main.handle", 5}
	c := newCapture(t, 0.6, 0.8, stack{parsingKey, 3}, rest)
	f, status := found(t, c, &KeyParsePerJob)
	if f == nil || f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
		t.Fatalf("by the profile alone: %+v %s", f, status.Reason)
	}
	counter(c, "jobs_completed_total", 500)
	f, _ = found(t, c, &KeyParsePerJob)
	if f.Confidence != Inferred || math.Abs(f.Waste.Cores-0.3) > 0.01 || f.Location.Function != "main.readKeys" {
		t.Errorf("with the jobs counted: %s, %.2f cores, %s", f.Confidence, f.Waste.Cores, f.Location.Function)
	}
	calibratedParse(c, 160e-6) // 0.3 cores ÷ 160 µs ÷ 500 jobs a second: 3.75
	f, _ = found(t, c, &KeyParsePerJob)
	if f.Confidence != Inferred {
		t.Errorf("with the cost of one known: %s", f.Confidence)
	}
	for _, e := range f.Evidence {
		if e.What == "keys parsed for each job" && math.Abs(e.Value-3.75) > 0.1 {
			t.Errorf("%.2f keys for each job, want 3.75", e.Value)
		}
	}
}

// Far fewer keys than jobs: they are kept, and the cache misses.
func TestKeyParsePerJobSeldom(t *testing.T) {
	c := newCapture(t, 0.6, 0.8, stack{parsingKey, 0.5}, stack{"encoding/json.Unmarshal < main.handle", 6})
	counter(c, "jobs_completed_total", 5000)
	calibratedParse(c, 160e-6) // 0.06 keys for each job
	if f, status := found(t, c, &KeyParsePerJob); f == nil || f.Confidence != Suspected {
		t.Errorf("%+v %s", f, status.Reason)
	}
}
