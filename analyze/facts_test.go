package analyze

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"busywork/profile"
	"busywork/profile/stacks"
)

// Idle and iowait run backwards on real kernels; a program that takes that for
// an overflow reports a machine at 1 % as one at 100 %.
func TestHostSurvivesCountersRunningBackwards(t *testing.T) {
	c := newCapture(t, 0.01, 0)
	c.Host[5].CPU.IOWait -= 1 // 100 ticks
	c.Host[5].CPU.Idle -= 0.5
	h := newHost(c.Host)
	if h.Busy() > 0.02 || h.Idle < 0.95 {
		t.Errorf("busy %.3f, idle %.3f", h.Busy(), h.Idle)
	}
}

func TestHostLeavesRebootsOut(t *testing.T) {
	c := newCapture(t, 0.5, 0)
	for i := 6; i < len(c.Host); i++ {
		c.Host[i].BootTime = 99
		c.Host[i].CPU.User += 1e6
	}
	h := newHost(c.Host)
	if h.Resets != 1 || math.Abs(h.Busy()-0.5) > 0.01 || math.Abs(h.Seconds-9) > 0.01 {
		t.Errorf("%d resets, busy %.3f over %.1f s", h.Resets, h.Busy(), h.Seconds)
	}
}

func TestVerdicts(t *testing.T) {
	for want, h := range map[string]Host{
		VerdictUser:    {CPUs: 2, User: 0.95, Idle: 0.05},
		VerdictKernel:  {CPUs: 2, User: 0.3, System: 0.6, Idle: 0.1},
		VerdictDisk:    {CPUs: 2, User: 0.2, IOWait: 0.5, Idle: 0.3},
		VerdictStolen:  {CPUs: 2, User: 0.6, Steal: 0.3, Idle: 0.1},
		VerdictIdle:    {CPUs: 2, User: 0.02, Idle: 0.98},
		VerdictHealthy: {CPUs: 2, User: 0.5, Idle: 0.5},
	} {
		if v := judgeHost(&h, nil, 0, ""); v.Word != want {
			t.Errorf("%+v is %s, want %s", h, v.Word, want)
		}
	}
	idle := Host{CPUs: 2, User: 0.05, Idle: 0.95}
	if v := judgeHost(&idle, nil, 0, "900 waiting"); v.Word != VerdictBacklog {
		t.Error(v)
	}
	if v := judgeHost(&idle, &Cgroup{Quota: 0.5, Throttled: 0.4}, 0, ""); v.Word != VerdictThrottled {
		t.Error(v)
	}
}

// Whatever was seen and missed, the ledger accounts for every core-second.
func TestLedgerAddsUp(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		c := newCapture(t, 0.2+0.7*r.Float64(), 0.2*r.Float64(), stack{"main.work < main.main", 2}, stack{"runtime.gcBgMarkWorker", 1})
		litterOf(c, []string{"make"}, float64(r.IntN(20)), 0.01, 0, "cc")
		total := 0.0
		for _, row := range Analyze(c, Options{}).Ledger {
			if row.Cores < 0 {
				t.Errorf("%s: %.3f cores", row.Name, row.Cores)
			}
			total += row.Cores
		}
		if math.Abs(total-2) > 0.02 {
			t.Fatalf("the ledger of 2 CPUs adds up to %.3f", total)
		}
	}
}

// The CPU of a child that was alive when the window began is in its parent's
// account with all that it had used before.
func TestDeadAreCountedFromTheWindowOn(t *testing.T) {
	c := newCapture(t, 0.5, 0)
	parent, child := profile.ProcessKey{PID: 7, Start: 1}, profile.ProcessKey{PID: 8, Start: 2}
	c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: parent, Name: "p"}, profile.ProcessIdentity{ProcessKey: child, PPID: 7, Name: "c"})
	first, last := &c.Processes[0], &c.Processes[window]
	first.Changed = append(first.Changed, profile.Process{ProcessKey: parent, ChildUser: 100}, profile.Process{ProcessKey: child, User: 30})
	last.Changed = append(last.Changed, profile.Process{ProcessKey: parent, ChildUser: 135}) // 30 before, 5 inside
	last.Gone = append(last.Gone, child)
	if dead := newProcesses(c).pid(7).Dead; math.Abs(dead-0.5) > 1e-9 {
		t.Errorf("%.3f cores, want 0.5", dead)
	}
}

// The same holds for a grandchild, whose time reaches the account by way of a
// child that ended as well.
func TestDeadGrandchildren(t *testing.T) {
	c := newCapture(t, 0.5, 0)
	key := func(pid int) profile.ProcessKey { return profile.ProcessKey{PID: pid, Start: float64(pid)} }
	for pid, parent := range map[int]int{7: 1, 8: 7, 9: 8} {
		c.Identities = append(c.Identities, profile.ProcessIdentity{ProcessKey: key(pid), PPID: parent, Name: "p"})
	}
	first, last := &c.Processes[0], &c.Processes[window]
	first.Changed = append(first.Changed, profile.Process{ProcessKey: key(7)}, profile.Process{ProcessKey: key(8), User: 1}, profile.Process{ProcessKey: key(9), User: 60})
	last.Changed = append(last.Changed, profile.Process{ProcessKey: key(7), ChildUser: 63}) // 61 before, 2 inside
	last.Gone = append(last.Gone, key(8), key(9))
	if dead := newProcesses(c).pid(7).Dead; math.Abs(dead-0.2) > 1e-9 {
		t.Errorf("%.3f cores, want 0.2", dead)
	}
}

func TestOperationOf(t *testing.T) {
	for name, want := range map[string]Operation{
		"crypto/rsa.SignPKCS1v15":                                   OpSign,
		"crypto/rsa.(*PrivateKey).Sign":                             OpSign,
		"github.com/golang-jwt/jwt/v5.(*Token).SignedString":        OpSign,
		"crypto/internal/fips140/bigmod.addMulVVW1024":              OpNone,
		"math/big.nat.expNN":                                        OpNone,
		"net/http.(*Client).Do":                                     OpHTTPClient,
		"net/http.(*conn).serve":                                    OpHTTPServer,
		"github.com/redis/go-redis/v9.(*Client).Process":            OpRedis,
		"gopkg.in/yaml%2ev3.Unmarshal":                              OpSerialise,
		"runtime.mallocgc":                                          OpAllocation,
		"runtime.gcDrainMarkWorkerIdle":                             OpGCIdle,
		"slices.IndexFunc[go.shape.[]*example.com/x.T,go.shape.*T]": OpSearch,
		// A generic type's name carries struct tags, a middleware's name its package.
		"main.Map[go.shape.struct { A string \"json:\\\"a\\\"\" }]":                 OpNone,
		"github.com/aws/aws-sdk-go-v2/aws/signer/v4.(*signHTTPRequestMiddleware).H": OpNone,
	} {
		if got := operationOf(name, "", true); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]Operation{
		"json.loads (json/__init__.py)": OpJSON, "ActiveRecord::Relation#load": OpSQL,
		"com.fasterxml.jackson.databind.ObjectMapper.readValue": OpJSON, "JSON.parse": OpJSON,
	} {
		if got := operationOf(name, "", false); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestOwnership(t *testing.T) {
	for _, c := range []struct {
		module, name, file string
		want               bool
	}{
		{"", "main.work", "", true},
		{"", "example.com/svc/queue.(*Q).Pop", "/src/svc/queue/q.go", true},
		{"", "example.com/lib.Do", "/go/pkg/mod/example.com/lib@v1.2.3/do.go", false},
		{"", "example.com/lib.Do", "/src/svc/vendor/example.com/lib/do.go", false},
		{"", "net/http.(*conn).serve", "/usr/local/go/src/net/http/server.go", false},
		{"example.com/svc", "example.com/svc/queue.Pop", "", true},
		{"example.com/svc", "example.com/svc2/queue.Pop", "/src/svc2/q.go", false},
		{"busywork", "busywork/fixtures/dispatch.offer", "", true},
	} {
		o := ownership{golang: true, module: c.module}
		if got := o.owns(&stacks.Function{Name: c.name, File: c.file}); got != c.want {
			t.Errorf("module %q owns %s (%s): %v", c.module, c.name, c.file, got)
		}
	}
}

// Meaning is found in names that no two companies write alike.
func TestMeaning(t *testing.T) {
	for series, want := range map[string]Role{
		`offers_total{result="refused"}`:           RoleRefused,
		`offers_total{result="accepted"}`:          RoleAccepted,
		`jobs_rejected_total`:                      RoleRefused,
		`jobsRequeued`:                             RoleRefused,
		`dispatcher.assign.busy`:                   RoleRefused,
		`http_client_requests_total{code="503"}`:   RoleRefused,
		`http_client_requests_total{status="202"}`: RoleAccepted,
		`jobs_completed_total`:                     RoleCompleted,
		`messages_received_total`:                  RoleIntake,
		`jwt_tokens_signed_total`:                  RolePrepared,
		`go_gc_cycles_total`:                       RoleNone,
		`process_open_fds`:                         RoleNone,
		`cache_size_bytes`:                         RoleNone,
		`offers_total{accepted="false"}`:           RoleRefused,
		`offers_total{accepted="true"}`:            RoleAccepted,
		`pool_exhausted_total`:                     RoleRefused,
	} {
		name, rest, _ := strings.Cut(series, "{")
		s := &Series{Name: name, Type: "counter", Growth: 1, Labels: map[string]string{}}
		if key, value, ok := strings.Cut(strings.TrimSuffix(rest, "}"), "="); ok {
			s.Labels[key] = strings.Trim(value, `"`)
		}
		if got := meaningOf(s); got.Role != want {
			t.Errorf("%s is %q, want %q", series, got.Role, want)
		}
	}
}

func TestShareHoldsTheTruth(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	missed := 0
	for range 2000 {
		k := 0.0
		for range 300 {
			if r.Float64() < 0.07 {
				k++
			}
		}
		if i := share(k, 300); 0.07 < i.Low || 0.07 > i.High {
			missed++
		}
	}
	if missed > 2000*7/100 {
		t.Errorf("a 95 %% interval missed %d of 2000 times", missed)
	}
}

// A panic in one rule is that rule's failure; the others go on.
func TestEngine(t *testing.T) {
	rules := []*Rule{
		{Name: "bad", Check: func(*Pass) { panic("boom") }},
		{Name: "blind", Needs: Signals{All: SignalRedis}, Check: func(*Pass) { t.Error("must not run") }},
		{Name: "good", Check: func(p *Pass) {
			p.Report(Finding{Subject: "x\x1b[31m", Waste: Waste{Cores: 1}, Confidence: Measured})
		}},
		{Name: "unsure", Check: func(p *Pass) { p.Blind("insufficient: %d samples", 3) }},
		{Name: "silent", Check: func(p *Pass) { p.Clean("%d of them", 0) }},
	}
	r := Run(NewFacts(newCapture(t, 0.5, 0.5)), rules, Options{})
	for i, want := range []string{"failed", "skipped", "found", "skipped", "clean"} {
		if r.Rules[i].Status != want {
			t.Errorf("%s: %s (%s)", r.Rules[i].Rule, r.Rules[i].Status, r.Rules[i].Reason)
		}
	}
	f := r.Findings[0]
	if f.Severity != SeverityHigh || f.Prediction.After != 0 || strings.ContainsRune(f.Subject, '\x1b') {
		t.Errorf("%+v", f)
	}
	if CheckLimits(map[string]float64{"refused-work.no-such": 1}) == nil {
		t.Error("an unknown limit was taken")
	}
}

// Every rule is written down in full, and says why each of its numbers is what
// it is.
func TestCatalogueIsDocumented(t *testing.T) {
	for _, r := range Catalogue {
		for _, part := range []string{"What it is", "What it costs", "How to fix it", "When this rule is wrong"} {
			if !strings.Contains(r.Doc, part) {
				t.Errorf("%s does not say %q", r.Name, part)
			}
		}
		if r.Title == "" || len(r.Limits) == 0 {
			t.Errorf("%s has no title or no limits", r.Name)
		}
		for _, l := range r.Limits {
			if l.Unit == "" || l.Why == "" {
				t.Errorf("%s.%s has no unit or no reason", r.Name, l.Key)
			}
		}
	}
}
