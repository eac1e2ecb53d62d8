package profile

import (
	"time"

	"github.com/nats-io/nats.go"
)

// A NATS server numbers its connections in turn and tells each its number. The
// number of one that is made at each end of the window counts what was
// connected in between, without the rights that the server's monitoring needs.

// lastLook is how near its end a window's last sample is expected.
const lastLook = 20 * time.Millisecond

// number adds the number of a connection to the first sample and to the last.
func (r *jetStreamReader) number(s *JetStreamSample, last bool) {
	switch {
	case !r.numbered:
		r.numbered = true
		s.ClientID, s.Own, s.ServerID = clientNumber(r.nc), 1, r.nc.ConnectedServerId()
	case last:
		r.numberFresh(s)
	}
}

// numberFresh makes a connection to the same server, for its number alone. That
// it cannot be had is no loss worth a word.
func (r *jetStreamReader) numberFresh(s *JetStreamSample) {
	options := []nats.Option{nats.Name(clientName), nats.Timeout(lastTimeout), nats.NoReconnect(), nats.IgnoreDiscoveredServers()}
	if r.o.CredsFile != "" {
		options = append(options, nats.UserCredentials(r.o.CredsFile))
	}
	nc, err := nats.Connect(r.nc.ConnectedUrl(), options...)
	if err != nil {
		return
	}
	defer nc.Close()
	s.ClientID, s.Own, s.ServerID = clientNumber(nc), 2+r.nc.Stats().Reconnects, nc.ConnectedServerId()
}

// clientNumber is 0 where the server is too old to tell.
func clientNumber(nc *nats.Conn) uint64 {
	id, err := nc.GetClientID()
	if err != nil {
		return 0
	}
	return id
}
