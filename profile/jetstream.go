package profile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxStreams and maxConsumers a sample: more cost the broker, and no service
	// that one person looks at has them. Named ones count as well.
	maxStreams   = 64
	maxConsumers = 256
	// maxSubjects of one stream that are kept, for people to read.
	maxSubjects = 32
	// brokerShare: a sample that takes t is followed by 50 t of rest, as far as
	// minSamples allows. On a cluster a list of consumers asks every server.
	brokerShare = 50
	// natsReconnects in a window, a second apart: a broker that restarts is back
	// by then, one that does not must not be hammered.
	natsReconnects = 5
	// clientName is how busywork shows in the broker's list of connections.
	clientName = "busywork"
)

// NATSOptions is where a NATS server is and what to look at there.
type NATSOptions struct {
	URL       string   // nats://, tls:// or several of them joined by ","; may hold user-info
	Streams   []string // none means all of the account
	Consumers []string // of these streams; none means all
	CredsFile string   // as written by nsc; "" if none
}

// jetStreamSource samples streams and consumers through the requests STREAM.INFO,
// STREAM.NAMES, CONSUMER.INFO and CONSUMER.LIST. None of them changes anything:
// no consumer is created and no message is taken.
func jetStreamSource(o NATSOptions, interval time.Duration) Source {
	const signal = "jetstream"
	return Source{Signal: signal, Gather: func(outer context.Context, w Window, c *Capture) error {
		r := &jetStreamReader{o: o, signal: signal}
		if err := r.connect(outer, c); err != nil {
			return err
		}
		defer r.nc.Close()
		p := newPace(w, interval, brokerShare)
		return poll(outer, w, c, signal, p.next, func(ctx context.Context) error {
			begun := time.Now()
			last := time.Until(w.End) < lastLook || outer.Err() != nil
			err := r.sample(ctx, c, last)
			p.saw(time.Since(begun))
			return err
		})
	}}
}

type jetStreamReader struct {
	o      NATSOptions
	signal string
	nc     *nats.Conn
	js     jetstream.JetStream
	server string
	// refused is the last thing that the server complained of. It does so aside
	// from the answers, which then never come.
	refused  atomic.Pointer[error]
	cut      bool // that a bound was met has been noted
	numbered bool // the first sample has the number of a connection
}

func (r *jetStreamReader) connect(ctx context.Context, c *Capture) error {
	r.server = natsName(r.o.URL)
	options := []nats.Option{
		nats.Name(clientName),
		nats.Timeout(dialTimeout),
		nats.MaxReconnects(natsReconnects),
		nats.ReconnectWait(time.Second),
		nats.SetCustomDialer(contextDialer{ctx}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { r.refused.Store(&err) }),
	}
	if r.o.CredsFile != "" {
		options = append(options, nats.UserCredentials(r.o.CredsFile))
	}
	nc, err := nats.Connect(r.o.URL, options...)
	if ctx.Err() != nil {
		return unavailablef("", "interrupted while connecting to %s", r.server)
	}
	if err != nil {
		return r.explain(err)
	}
	r.nc, r.server = nc, "nats://"+printable(nc.ConnectedAddr(), 200)
	// Counting at this place counts the pages of a list as well.
	trace := &jetstream.ClientTrace{RequestSent: func(string, []byte) { c.CountBrokerRequests(1) }}
	r.js, err = jetstream.New(nc, jetstream.WithClientTrace(trace))
	return err
}

// A contextDialer gives up when the context does: the NATS client takes none.
type contextDialer struct{ ctx context.Context }

func (d contextDialer) Dial(network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	return dialer.DialContext(d.ctx, network, address)
}

// natsName is a list of server URLs without what authenticates.
func natsName(list string) string {
	var names []string
	for one := range strings.SplitSeq(list, ",") {
		if u, err := url.Parse(strings.TrimSpace(one)); err == nil && u.Host != "" {
			names = append(names, u.Scheme+"://"+u.Host)
		} else {
			names = append(names, redactURL(one))
		}
	}
	return printable(strings.Join(names, ","), 200)
}

func (r *jetStreamReader) sample(ctx context.Context, c *Capture, last bool) error {
	s := JetStreamSample{At: time.Now(), Server: r.server}
	streams, err := r.streams(ctx)
	if err != nil {
		return r.explain(err)
	}
	for _, name := range streams {
		stream, err := r.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if len(r.o.Streams) > 0 {
				return r.noStream(ctx, name)
			}
			continue // deleted since it was listed
		}
		if err != nil {
			return r.explain(err)
		}
		s.Streams = append(s.Streams, streamState(stream.CachedInfo()))
		if s.Consumers, err = r.consumers(ctx, stream, s.Consumers); err != nil {
			return r.explain(err)
		}
	}
	if len(r.o.Consumers) > 0 && len(s.Consumers) == 0 {
		return requestErrorf("without a name all consumers are looked at", "no stream has a consumer named %s",
			printable(strings.Join(r.o.Consumers, " or "), 200))
	}
	if !r.cut && (len(streams) == maxStreams || len(s.Consumers) == maxConsumers) {
		r.cut = true
		c.AddGap(r.signal, fmt.Sprintf("only the first %d streams and %d consumers are looked at", maxStreams, maxConsumers),
			"name the streams and consumers of interest")
	}
	r.number(&s, last)
	c.AddJetStream(s)
	return nil
}

// streams are the names of those to look at. They are listed for each sample,
// since streams come and go.
func (r *jetStreamReader) streams(ctx context.Context) ([]string, error) {
	if len(r.o.Streams) > 0 {
		return r.o.Streams[:min(len(r.o.Streams), maxStreams)], nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lister := r.js.StreamNames(ctx)
	names, all := take(lister.Name(), maxStreams, cancel)
	if err := lister.Err(); err != nil && all {
		return nil, err
	}
	return names, nil
}

// consumers adds the state of a stream's consumers to list.
func (r *jetStreamReader) consumers(ctx context.Context, stream jetstream.Stream, list []JetStreamConsumer) ([]JetStreamConsumer, error) {
	info := stream.CachedInfo()
	room := maxConsumers - len(list)
	if room == 0 || info.State.Consumers == 0 {
		return list, nil // spares the broker a request
	}
	if len(r.o.Consumers) > 0 {
		return r.namedConsumers(ctx, info.Config.Name, list)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lister := stream.ListConsumers(ctx)
	infos, all := take(lister.Info(), room, cancel)
	if err := lister.Err(); err != nil && all {
		return nil, err
	}
	for _, i := range infos {
		list = append(list, consumerState(i))
	}
	return list, nil
}

// take reads at most n values from a channel that its sender closes, and says
// whether those were all. Where not, it stops the sender and waits for it.
func take[T any](ch <-chan T, n int, stop func()) (list []T, all bool) {
	all = true
	for v := range ch {
		if len(list) < n {
			list = append(list, v)
			continue
		}
		all = false
		stop()
	}
	return list, all
}

func (r *jetStreamReader) namedConsumers(ctx context.Context, stream string, list []JetStreamConsumer) ([]JetStreamConsumer, error) {
	for _, name := range r.o.Consumers {
		if len(list) == maxConsumers {
			break
		}
		info, err := r.consumerInfo(ctx, stream, name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue // it may belong to another of the streams
		}
		if err != nil {
			return nil, err
		}
		list = append(list, consumerState(info))
	}
	return list, nil
}

// consumerInfo asks for one consumer. The library wants to know whether it
// pulls or is pushed to, which only the answer tells.
func (r *jetStreamReader) consumerInfo(ctx context.Context, stream, name string) (*jetstream.ConsumerInfo, error) {
	pull, err := r.js.Consumer(ctx, stream, name)
	if err == nil {
		return pull.CachedInfo(), nil
	}
	if !errors.Is(err, jetstream.ErrNotPullConsumer) {
		return nil, err
	}
	push, err := r.js.PushConsumer(ctx, stream, name)
	if err != nil {
		return nil, err
	}
	return push.CachedInfo(), nil
}

func streamState(i *jetstream.StreamInfo) JetStreamStream {
	s := JetStreamStream{
		Name:      printable(i.Config.Name, maxName),
		Retention: strings.ToLower(i.Config.Retention.String()),
		Messages:  i.State.Msgs,
		Bytes:     i.State.Bytes,
		FirstSeq:  i.State.FirstSeq,
		LastSeq:   i.State.LastSeq,
		Consumers: i.State.Consumers,
	}
	for _, subject := range i.Config.Subjects[:min(len(i.Config.Subjects), maxSubjects)] {
		s.Subjects = append(s.Subjects, printable(subject, maxName))
	}
	return s
}

func consumerState(i *jetstream.ConsumerInfo) JetStreamConsumer {
	return JetStreamConsumer{
		Stream:          printable(i.Stream, maxName),
		Name:            printable(i.Name, maxName),
		DeliveredStream: i.Delivered.Stream,
		Delivered:       i.Delivered.Consumer,
		AckFloorStream:  i.AckFloor.Stream,
		AckFloor:        i.AckFloor.Consumer,
		AckPending:      i.NumAckPending,
		Redelivered:     i.NumRedelivered,
		Waiting:         i.NumWaiting,
		Pending:         i.NumPending,
		MaxAckPending:   i.Config.MaxAckPending,
		MaxDeliver:      i.Config.MaxDeliver,
		AckWait:         i.Config.AckWait,
		BackOff:         i.Config.BackOff,
		AckPolicy:       strings.ToLower(strings.TrimPrefix(i.Config.AckPolicy.String(), "Ack")),
		Push:            i.Config.DeliverSubject != "",
	}
}

// noStream names the streams that there are: a typing error is the usual cause.
func (r *jetStreamReader) noStream(ctx context.Context, name string) error {
	hint := "the account has no stream"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if names, _ := take(r.js.StreamNames(ctx).Name(), 8, cancel); len(names) > 0 {
		hint = "the account has " + printable(strings.Join(names, ", "), 200)
	}
	return requestErrorf(hint, "%s has no stream named %s", r.server, printable(name, 100))
}

// explain turns the client's errors into one line with a hint.
func (r *jetStreamReader) explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if p := r.refused.Load(); p != nil && errors.Is(*p, nats.ErrPermissionViolation) {
		return requestErrorf("allow it to publish $JS.API.STREAM.INFO.>, $JS.API.STREAM.NAMES, $JS.API.CONSUMER.INFO.> and $JS.API.CONSUMER.LIST.>, and to subscribe to _INBOX.>",
			"the user may not read the state of streams at %s", r.server)
	}
	var e *requestError
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		e = requestErrorf("give user:password or a token in the URL, or a credentials file", "%s does not accept the credentials", r.server)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		e = requestErrorf("is this the server, and the account, of the queue?", "JetStream is not enabled at %s", r.server)
	case errors.Is(err, nats.ErrNoServers):
		e = requestErrorf("is it running, and is this its client port?", "no NATS server answers at %s", r.server)
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		e = requestErrorf("", "%s did not answer in time", r.server)
		e.temporary = true
	case errors.Is(err, nats.ErrNoInfoReceived):
		e = requestErrorf("is this the client port? the monitoring port is another", "%s is not a NATS server", r.server)
	default:
		e = requestErrorf("", "%s: %s", r.server, cause(err))
		e.temporary = errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrConnectionReconnecting)
	}
	return e
}
