package analyze

import (
	"fmt"
	"math"
	"strings"
)

// KeyAlgorithm finds a service that signs with RSA so much that another
// algorithm would make a difference.
//
// An RSA signature costs what 18 signatures with ES256 do and 34 with EdDSA.
// That is a property of the algorithms, not a fault of the service, and whether
// it may be changed depends on who verifies. So this is advice: never graded above
// low, whatever it saves. Signing inside a TLS handshake is not counted: which key
// a server shows is up to its certificate.
var KeyAlgorithm = Rule{
	Name:  "key-algorithm",
	Title: "Signing with RSA takes CPU that ES256 or EdDSA would not",
	Doc: `What it is: a service that signs tokens, requests or documents of its own with RSA
keys, and spends a good part of its CPU on that.

What it costs: an RS256 signature with a key of 2048 bits takes about 1 ms of CPU,
one of ES256 0.05 ms and one of EdDSA (Ed25519) 0.03 ms: 18 and 34 times less.
Measured with golang-jwt 5.3.1 and Go 1.26, twenty runs each. With 4096 bits
RSA takes six times more again. GOAMD64 and PGO change none of it.

How to fix it: add an ES256 or EdDSA key to the published key set (JWKS), wait
until all who verify have it, then sign with it; the kid in the header says
which key to verify with. Sign less: one token for several requests, until it expires.
Verifying becomes dearer (RSA 0.03 ms, ES256 0.07 ms, EdDSA 0.06 ms): where each
token is verified many times, count both.

When this rule is wrong: those who verify accept RSA only; what is signed is
verified dozens of times on machines of yours; a regulation names RSA.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.10, "of the target's CPU", "changing a key touches everybody who verifies: below a tenth of the CPU it is not worth that"},
	},
	Check: checkKeyAlgorithm,
}

// What remains of the CPU of signing after the change, from EdDSA at the least to
// ES256 with the spread of what such figures have from machine to machine.
const (
	remainsLeast = 1.0 / 34
	remains      = 1.0 / 18
	remainsMost  = 1.0 / 10
)

// signsRSA says whether a group signs with RSA for own code.
func signsRSA(g *Group) bool {
	return g.Op == OpSign && g.Marks.has(MarkRSA) && len(g.Chain) > 0 && !g.Ops.has(OpTLSHandshake)
}

func checkKeyAlgorithm(p *Pass) {
	seconds := p.CPU.where(signsRSA)
	part := p.partOfBusy(seconds)
	if part.Value < p.Limit("share") {
		p.Clean("signing with RSA takes %s of the target's CPU", Percent(part.Value))
		return
	}
	cores := p.cores(seconds)
	waste := Interval{cores.Value * (1 - remains), cores.Low * (1 - remainsMost), cores.High * (1 - remainsLeast)}
	at := p.CPU.accused(signsRSA)
	name := short(at.Function)
	f := Finding{
		Subject:    name,
		Message:    fmt.Sprintf("%s signs with RSA: %s of the target's CPU, %.2f cores. ES256 would take an 18th of that, EdDSA a 34th.", name, Percent(part.Value), cores.Value),
		Confidence: Suspected,
		Waste:      wasteOf(waste),
		Location:   at,
		Evidence: []Evidence{
			{What: "signing with RSA", Value: part.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
			{What: "CPU of signing with RSA", Value: cores.Value, Unit: "cores", Source: "CPU profile"},
		},
		Fix: "If those who verify allow it, let " + name + " sign with ES256 or EdDSA: publish the new key beside the old one first, then change over. If not, sign less often: one token for as long as it is valid.",
		RefutedBy: []string{
			"those who verify accept RSA only",
			"what is signed is verified so often on your own machines that dearer verifying eats the saving",
		},
		severe: SeverityLow, // advice: what is signed is used, and the change needs others
		cpu:    signsRSA,
	}
	if r := p.rsaRate(); r != nil {
		perSecond := r.of(p.CPU, p.CPU.where(func(g *Group) bool { return signsRSA(g) && g.Units&r.unit != 0 }))
		f.Confidence = Inferred
		f.Evidence = append(f.Evidence,
			Evidence{What: "CPU of one " + r.Calibration.Operation, Value: 1e6 * r.Calibration.Unit, Unit: "µs", Source: "calibration on this host"},
			Evidence{What: "signatures", Value: perSecond.Value, Unit: "1/s", Source: "CPU profile ÷ unit cost measured on this host"})
		f.Message = fmt.Sprintf("%s signs %.0f times a second with RSA, at %.1f ms of CPU: %s of the target's CPU, %.2f cores. ES256 would take an 18th of that, EdDSA a 34th.",
			name, perSecond.Value, 1e3*math.Max(r.Calibration.Unit, 1e-9), Percent(part.Value), cores.Value)
	} else {
		f.Settles = "what one signature costs here: observe the live service on its own machine, and busywork measures it"
	}
	p.Report(f)
}

// rsaRate is the rate of RSA signatures, nil if their cost was not measured here.
func (p *Pass) rsaRate() *OperationRate {
	for i := range p.Rates {
		if name := p.Rates[i].Calibration.Operation; strings.HasPrefix(name, "rsa-") && strings.HasSuffix(name, "-sign") {
			return &p.Rates[i]
		}
	}
	return nil
}
