package profile

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsServer starts a NATS server with JetStream, unless o says otherwise.
func natsServer(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	o.Host, o.Port, o.StoreDir, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, t.TempDir(), true, true
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func connectNATS(t *testing.T, url string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// jobsStream makes a work queue of ten jobs, three of them delivered and one
// acknowledged, and a stream beside it with a consumer that is pushed to.
func jobsStream(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	ctx := t.Context()
	jobs := must[jetstream.Stream](t)(js.CreateStream(ctx, jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"jobs.>"}, Retention: jetstream.WorkQueuePolicy}))
	for range 10 {
		must[*jetstream.PubAck](t)(js.Publish(ctx, "jobs.new", []byte("x")))
	}
	pull := must[jetstream.Consumer](t)(jobs.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 5, MaxDeliver: 7, AckWait: time.Hour}))
	batch := must[jetstream.MessageBatch](t)(pull.Fetch(3))
	first := true
	for m := range batch.Messages() {
		if first {
			if err := m.DoubleAck(ctx); err != nil {
				t.Fatal(err)
			}
		}
		first = false
	}
	events := must[jetstream.Stream](t)(js.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events"}}))
	must[jetstream.PushConsumer](t)(events.CreatePushConsumer(ctx, jetstream.ConsumerConfig{Durable: "audit", DeliverSubject: "audit", AckPolicy: jetstream.AckNonePolicy}))
}

// TestJetStream also proves that nothing but reading goes over the wire: a
// second connection sees all that is published.
func TestJetStream(t *testing.T) {
	s := natsServer(t, server.Options{JetStream: true, Username: "ann", Password: "hunter2"})
	url := strings.Replace(s.ClientURL(), "://", "://ann:hunter2@", 1)
	nc, js := connectNATS(t, url)
	jobsStream(t, js)

	var mu sync.Mutex
	var subjects []string
	must[*nats.Subscription](t)(nc.Subscribe(">", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		// Answers, and what the server itself tells, do not count.
		if !strings.HasPrefix(m.Subject, "_INBOX.") && !strings.HasPrefix(m.Subject, "$JS.EVENT.") {
			subjects = append(subjects, m.Subject)
		}
	}))
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name               string
		o                  NATSOptions
		streams, consumers []string
		requests           []string
	}{
		{"all", NATSOptions{URL: url}, []string{"EVENTS", "JOBS"}, []string{"audit", "workers"},
			[]string{"$JS.API.CONSUMER.LIST.EVENTS", "$JS.API.CONSUMER.LIST.JOBS", "$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.INFO.JOBS", "$JS.API.STREAM.NAMES"}},
		{"named", NATSOptions{URL: url, Streams: []string{"EVENTS", "JOBS"}, Consumers: []string{"audit", "workers"}}, []string{"EVENTS", "JOBS"}, []string{"audit", "workers"},
			[]string{"$JS.API.CONSUMER.INFO.EVENTS.audit", "$JS.API.CONSUMER.INFO.EVENTS.workers", "$JS.API.CONSUMER.INFO.JOBS.audit", "$JS.API.CONSUMER.INFO.JOBS.workers", "$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.INFO.JOBS"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mu.Lock()
			subjects = nil
			mu.Unlock()
			c := observe(t, 300*time.Millisecond, jetStreamSource(test.o, time.Second))
			if len(c.Gaps) != 0 || len(c.JetStream) < 2 {
				t.Fatalf("%d samples, gaps %+v", len(c.JetStream), c.Gaps)
			}
			for _, sample := range c.JetStream {
				checkJobs(t, sample, test.streams, test.consumers)
				if sample.Server != "nats://"+s.Addr().String() {
					t.Errorf("server %q", sample.Server)
				}
			}
			if err := nc.Flush(); err != nil {
				t.Fatal(err)
			}
			// The messages are here; the goroutine that notes them may not be done.
			eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(subjects) >= c.Self.BrokerRequests
			})
			mu.Lock()
			defer mu.Unlock()
			if c.Self.BrokerRequests != len(subjects) {
				t.Errorf("%d requests counted, %d seen", c.Self.BrokerRequests, len(subjects))
			}
			slices.Sort(subjects)
			if diff := cmp.Diff(test.requests, slices.Compact(subjects)); diff != "" {
				t.Errorf("subjects asked, -want +got:\n%s", diff)
			}
			checkKept(t, c)
		})
	}
}

func checkJobs(t *testing.T, s JetStreamSample, streams, consumers []string) {
	t.Helper()
	var gotStreams, gotConsumers []string
	for _, stream := range s.Streams {
		gotStreams = append(gotStreams, stream.Name)
		want := JetStreamStream{Name: "JOBS", Subjects: []string{"jobs.>"}, Retention: "workqueue", Messages: 9, Bytes: stream.Bytes, FirstSeq: 2, LastSeq: 10, Consumers: 1}
		if diff := cmp.Diff(want, stream); stream.Name == "JOBS" && (diff != "" || stream.Bytes == 0) {
			t.Errorf("stream, -want +got:\n%s", diff)
		}
	}
	for _, consumer := range s.Consumers {
		gotConsumers = append(gotConsumers, consumer.Name)
		want := JetStreamConsumer{Stream: "JOBS", Name: "workers", DeliveredStream: 3, Delivered: 3, AckFloorStream: 1, AckFloor: 1,
			AckPending: 2, Pending: 7, MaxAckPending: 5, MaxDeliver: 7, AckWait: time.Hour, AckPolicy: "explicit"}
		if consumer.Name == "audit" {
			want = JetStreamConsumer{Stream: "EVENTS", Name: "audit", AckPolicy: "none", Push: true, MaxDeliver: -1, AckWait: consumer.AckWait, MaxAckPending: consumer.MaxAckPending}
		}
		if diff := cmp.Diff(want, consumer); diff != "" {
			t.Errorf("consumer, -want +got:\n%s", diff)
		}
	}
	if !slices.Equal(gotStreams, streams) || !slices.Equal(gotConsumers, consumers) {
		t.Errorf("streams %v, consumers %v", gotStreams, gotConsumers)
	}
}

func TestJetStreamFailures(t *testing.T) {
	s := natsServer(t, server.Options{JetStream: true})
	_, js := connectNATS(t, s.ClientURL())
	jobsStream(t, js)
	locked := natsServer(t, server.Options{JetStream: true, Username: "ann", Password: "hunter2"})
	plain := natsServer(t, server.Options{})
	narrow := natsServer(t, server.Options{JetStream: true, Users: []*server.User{{Username: "ann", Password: "hunter2",
		Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"jobs.>"}}}}}})
	withUser := func(s *server.Server) string {
		return strings.Replace(s.ClientURL(), "://", "://ann:hunter2@", 1)
	}
	wrong := strings.Replace(locked.ClientURL(), "://", "://ann:hunter22@", 1)
	for _, test := range []struct {
		name, reason, hint string
		o                  NATSOptions
	}{
		{"no stream", "has no stream named JOBZ", "the account has EVENTS, JOBS", NATSOptions{URL: s.ClientURL(), Streams: []string{"JOBZ"}}},
		{"no consumer", "no stream has a consumer named nobody", "without a name", NATSOptions{URL: s.ClientURL(), Streams: []string{"JOBS"}, Consumers: []string{"nobody"}}},
		{"bad name", "invalid stream name", "", NATSOptions{URL: s.ClientURL(), Streams: []string{"a.*"}}},
		{"no password", "does not accept the credentials", "credentials file", NATSOptions{URL: locked.ClientURL()}},
		{"wrong password", "does not accept the credentials", "credentials file", NATSOptions{URL: wrong}},
		{"no JetStream", "JetStream is not enabled at nats://127.0.0.1", "server", NATSOptions{URL: plain.ClientURL()}},
		{"no permission", "may not read the state of streams", "$JS.API.STREAM.INFO", NATSOptions{URL: withUser(narrow), Streams: []string{"JOBS"}}},
		{"nobody there", "no NATS server answers at nats://127.0.0.1:1", "running", NATSOptions{URL: "nats://ann:hunter2@127.0.0.1:1"}},
		{"no credentials file", "no such file", "", NATSOptions{URL: s.ClientURL(), CredsFile: "/no/such.creds"}},
		{"another protocol", "is not a NATS server", "client port", NATSOptions{URL: "nats://" + babbler(t, "HTTP/1.1 400 Bad Request\r\n\r\n")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := observe(t, 200*time.Millisecond, jetStreamSource(test.o, time.Second))
			gap := onlyGap(t, c)
			if gap.Signal != "jetstream" || !strings.Contains(gap.Reason, test.reason) || !strings.Contains(gap.Hint, test.hint) {
				t.Errorf("gap = %+v\nwant reason %q, hint %q", gap, test.reason, test.hint)
			}
			checkKept(t, c)
		})
	}
}

// babbler is the address of a server that says the same at once and to every
// question. If that is not a whole line, it says it once and hangs up.
func babbler(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, text)
				more := text == "" || strings.HasSuffix(text, "\n")
				for buf := make([]byte, 4096); more; fmt.Fprint(conn, text) {
					if _, err := conn.Read(buf); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestJetStreamIsBounded: of an account with more streams and consumers than
// anybody looks at, the first are taken, with a word about it.
func TestJetStreamIsBounded(t *testing.T) {
	s := natsServer(t, server.Options{JetStream: true})
	_, js := connectNATS(t, s.ClientURL())
	for i := range maxStreams + 3 {
		name := fmt.Sprintf("S%03d", i)
		stream := must[jetstream.Stream](t)(js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name}, Storage: jetstream.MemoryStorage}))
		for j := range map[bool]int{true: maxConsumers + 3, false: 1}[i == 1] {
			must[jetstream.Consumer](t)(stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Name: fmt.Sprintf("c%d", j), MemoryStorage: true}))
		}
	}
	c := observe(t, 200*time.Millisecond, jetStreamSource(NATSOptions{URL: s.ClientURL()}, time.Second))
	if gap := onlyGap(t, c); !strings.Contains(gap.Reason, "only the first 64 streams and 256 consumers") {
		t.Errorf("%+v", gap)
	}
	if n, m := len(c.JetStream[0].Streams), len(c.JetStream[0].Consumers); n != maxStreams || m != maxConsumers {
		t.Errorf("%d streams, %d consumers", n, m)
	}
}

// TestJetStreamInterrupted keeps a last sample.
func TestJetStreamInterrupted(t *testing.T) {
	s := natsServer(t, server.Options{JetStream: true})
	_, js := connectNATS(t, s.ClientURL())
	jobsStream(t, js)
	source := jetStreamSource(NATSOptions{URL: s.ClientURL()}, time.Hour)
	c := observeInterrupted(t, source, func(c *Capture) int { return len(c.JetStream) })
	if len(c.JetStream) != 2 || len(c.Gaps) != 0 {
		t.Errorf("%d samples, %+v", len(c.JetStream), c.Gaps)
	}
}

// eventually waits until ok, but not for ever: the test then says what is wrong.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// TestNATSClients counts the connections of others between two samples.
func TestNATSClients(t *testing.T) {
	s := natsServer(t, server.Options{JetStream: true, Username: "ann", Password: "hunter2"})
	url := strings.Replace(s.ClientURL(), "://", "://ann:hunter2@", 1)
	_, js := connectNATS(t, url)
	jobsStream(t, js)
	now := time.Now()
	c := &Capture{Window: Window{Start: now, End: now.Add(time.Second)}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		gatherAll(t.Context(), []Source{jetStreamSource(NATSOptions{URL: url}, time.Second/4)}, c)
	}()
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.JetStream) > 0
	})
	for range 25 {
		nc, _ := connectNATS(t, url)
		nc.Close()
	}
	<-done
	first, last := c.JetStream[0], c.JetStream[len(c.JetStream)-1]
	if first.ServerID == "" || first.ServerID != last.ServerID {
		t.Fatalf("server %q, then %q", first.ServerID, last.ServerID)
	}
	if n := (last.ClientID - last.Own) - (first.ClientID - first.Own); n != 25 {
		t.Errorf("%d connections counted, 25 were made", n)
	}
	for _, s := range c.JetStream[1 : len(c.JetStream)-1] {
		if s.ClientID != 0 {
			t.Errorf("a connection was made inside the window")
		}
	}
	checkKept(t, c)
}
