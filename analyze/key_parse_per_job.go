package analyze

import (
	"fmt"
	"strings"
)

// KeyParsePerJob finds keys that are read and parsed again for each job.
//
// Parsing a private key is no mere decoding: an RSA key is checked and prepared
// for its use with arithmetic on its primes, an ECDSA key multiplied with the
// curve's base point to find its public half. A service has few keys, and needs to
// parse each once; where parsing takes a share of its CPU while it works, it
// parses the same again. That there is about as much of it as there are jobs
// is the second witness: parses a second, by what one costs on this machine, or
// where that is unknown the CPU of parsing for each job, held against what one
// takes at the least.
//
// Certificates that are parsed inside a TLS handshake are the handshake's. Making
// new keys is another thing, and may be what is wanted.
var KeyParsePerJob = Rule{
	Name:  "key-parse-per-job",
	Title: "Keys are parsed anew for each job",
	Doc: `What it is: a private key or a certificate is read from PEM or DER inside the
function that signs or verifies, so that each job parses it: jwt.ParseRSAPrivateKeyFromPEM
before SignedString, tls.X509KeyPair in a handler, a keyring or a JWKS document
parsed at each look-up.

What it costs: 160 µs for a private RSA key of 2048 bits and 400 µs for 3072, 25 µs
for an ECDSA key, and the garbage; often the file is read each time as well. With
ECDSA or EdDSA, parsing costs about as much as signing.

How to fix it: parse at start-up and keep the parsed key; where keys are rotated,
keep them by their id (kid) with a time to live, and parse when a new one comes.

When this rule is wrong: each job brings a key of its own, as in a service that
imports or checks other people's keys.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.04, "of the target's CPU", "what it could save at most; less is no more than what a profile of 10 s is sure of"},
		{"samples", 25, "samples", "fewer may be one reload of the keys, as happens every few minutes"},
		{"each-job", 0.5, "keys parsed for each job", "at one for every second job a cache would have to miss every other time"},
		{"each-job-cpu", 10, "µs of CPU a job", "where the cost of one is unknown: the cheapest private key takes 10 to 25 µs; a public key alone is not worth a finding"},
	},
	Check: checkKeyParsePerJob,
}

func checkKeyParsePerJob(p *Pass) {
	ch := p.charge(p.parsesKeys)
	samples := ch.seconds / p.CPU.weight
	if samples < p.Limit("samples") || ch.share.Value < p.Limit("share") {
		p.Clean("parsing keys takes %s of the target's CPU", Percent(ch.share.Value))
		return
	}
	at := p.CPU.accused(p.parsesKeys)
	name := short(at.Function)
	f := Finding{
		Subject:    name,
		Message:    fmt.Sprintf("%s parses keys again and again: %s of the target's CPU, %.2f cores.", name, Percent(ch.share.Value), ch.cores.Value),
		Confidence: Suspected,
		Waste:      wasteOf(ch.cores),
		Location:   at,
		Evidence: []Evidence{
			{What: "parsing keys", Value: ch.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
			{What: "samples of it", Value: samples, Unit: "1", Limit: limit(p.Limit("samples")), Source: "CPU profile"},
		},
		Fix: "Parse the key once, at start-up, and hand the parsed key to " + name + "; where keys are rotated, keep them by their id and parse only those that are new.",
		RefutedBy: []string{
			"each job brings another key",
			"the CPU of parsing is gone in a second window: the keys were loaded just then",
		},
		cpu: p.parsesKeys,
	}
	p.weighKeyParsing(&f, ch)
	p.Report(f)
}

// parsesKeys says whether a group parses a key because own code asked for that,
// outside of the initialisation of packages.
func (p *Pass) parsesKeys(g *Group) bool {
	if g.Op != OpKeyParse || len(g.Chain) == 0 || g.Ops.has(OpTLSHandshake) {
		return false
	}
	for _, f := range g.Chain {
		if isInit(p.CPU.name(f)) {
			return false
		}
	}
	return true
}

// weighKeyParsing holds the parsing against the jobs.
func (p *Pass) weighKeyParsing(f *Finding, ch charge) {
	each, counted := p.eachJob(ch.cores.Value)
	switch {
	case !counted:
		f.Settles = "how many jobs were done in the window (--metrics URL, or --nats URL)"
		return
	case p.Target == nil || p.Target.Young:
		f.Settles = "a window in which the service does not start: run busywork on its machine, some seconds after its start"
		return
	}
	f.Evidence = append(f.Evidence, Evidence{What: "parsing keys, for each job", Value: 1e6 * each, Unit: "µs", Limit: limit(p.Limit("each-job-cpu")), Source: "CPU profile, against " + p.Done.Source})
	text := fmt.Sprintf("%.0f µs of CPU for each of %.0f jobs a second", 1e6*each, p.Done.PerSecond.Value)
	enough := 1e6*each >= p.Limit("each-job-cpu")
	if r := p.parseRate(); r != nil {
		seconds := p.CPU.where(func(g *Group) bool { return p.parsesKeys(g) && g.Units&r.unit != 0 })
		perJob := quotient(r.of(p.CPU, seconds), p.Done.PerSecond)
		f.Evidence = append(f.Evidence, Evidence{What: "keys parsed for each job", Value: perJob.Value, Unit: "1", Limit: limit(p.Limit("each-job")), Source: "CPU profile ÷ unit cost measured on this host (" + r.Calibration.Operation + "), against " + p.Done.Source})
		text = fmt.Sprintf("%.1f keys for each of %.0f jobs a second", perJob.Value, p.Done.PerSecond.Value)
		enough = perJob.Value >= p.Limit("each-job")
	}
	f.Message = fmt.Sprintf("%s parses keys again and again: %s, %s of the target's CPU, %.2f cores.", f.Subject, text, Percent(ch.share.Value), ch.cores.Value)
	if enough {
		f.Confidence = Inferred
	} else {
		f.Settles = "a counter of how often keys are parsed: there is too little of it for each job to do so"
	}
}

// parseRate is the rate at which keys of one kind are parsed, nil if none could be
// measured here.
func (p *Pass) parseRate() *OperationRate {
	for i := range p.Rates {
		if r := &p.Rates[i]; strings.HasSuffix(r.Calibration.Operation, "-parse-key") {
			return r
		}
	}
	return nil
}
