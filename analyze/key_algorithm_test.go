package analyze

import (
	"math"
	"testing"
)

const signingRSA = "crypto/internal/fips140/bigmod.addMulVVW1024 < crypto/internal/fips140/rsa.SignPKCS1v15 < crypto/rsa.SignPKCS1v15 < github.com/golang-jwt/jwt/v5.(*Token).SignedString < main.issue < main.handle"

func TestKeyAlgorithmNearMisses(t *testing.T) {
	rest := stack{"encoding/json.Unmarshal < main.handle", 4}
	for name, s := range map[string]stack{
		"ECDSA":                         {"crypto/internal/fips140/ecdsa.Sign < crypto/ecdsa.SignASN1 < github.com/golang-jwt/jwt/v5.(*Token).SignedString < main.issue", 4},
		"a TLS server with an RSA key":  {"crypto/internal/fips140/bigmod.addMulVVW1024 < crypto/rsa.SignPKCS1v15 < crypto/tls.(*serverHandshakeStateTLS13).handshake < crypto/tls.(*Conn).serverHandshake < net/http.(*conn).serve", 4},
		"a TLS client that shows a key": {"crypto/internal/fips140/bigmod.addMulVVW1024 < crypto/rsa.SignPSS < crypto/tls.(*Conn).clientHandshake < crypto/tls.(*Conn).HandshakeContext < main.fetch", 4},
		"verifying":                     {"crypto/internal/fips140/bigmod.addMulVVW2048 < crypto/rsa.VerifyPKCS1v15 < main.check", 4},
		"decrypting":                    {"crypto/internal/fips140/bigmod.addMulVVW1024 < crypto/rsa.DecryptOAEP < main.open", 4},
		"a little of it":                {signingRSA, 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := found(t, newCapture(t, 0.6, 0.8, s, rest), &KeyAlgorithm); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

func TestKeyAlgorithm(t *testing.T) {
	c := newCapture(t, 0.6, 0.8, stack{signingRSA, 4}, stack{"encoding/json.Unmarshal < main.handle", 4})
	f, status := found(t, c, &KeyAlgorithm)
	if f == nil || f.Confidence != Suspected || f.Settles == "" {
		t.Fatalf("%+v %s", f, status.Reason)
	}
	calibrated(c, 0.001)
	f, _ = found(t, c, &KeyAlgorithm)
	if f.Confidence != Inferred || f.Severity != SeverityLow {
		t.Errorf("%s, %s: want advice, and no more", f.Confidence, f.Severity)
	}
	if want := 0.4 * (1 - 1.0/18); math.Abs(f.Waste.Cores-want) > 0.01 || f.Location.Function != "main.issue" {
		t.Errorf("%.3f cores at %s, want %.3f", f.Waste.Cores, f.Location.Function, want)
	}
}
