package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

const (
	itemSend    = "runtime.lock2 < runtime.lockWithRank < runtime.lock < runtime.chansend < runtime.chansend1 < main.split < main.handle < main.work"
	itemWake    = "runtime.casgstatus < runtime.ready < runtime.goready.func1 < runtime.systemstack < runtime.goready < runtime.send < runtime.chansend < runtime.chansend1 < main.split < main.handle < main.work"
	itemReceive = "runtime.chanrecv < runtime.chanrecv2 < main.count < main.work"
	itemSelect  = "runtime.selectgo < main.split < main.handle < main.work"
	itemPark    = "runtime.findRunnable < runtime.schedule < runtime.park_m < runtime.mcall"
	pollOnce    = "runtime.chanrecv < runtime.selectnbrecv < main.spin < main.work"
	pollSelect  = "runtime.sellock < runtime.selectgo < main.spin < main.work"
	netRead     = "internal/runtime/syscall.Syscall6 < syscall.read < internal/poll.(*FD).Read < net.(*conn).Read < bufio.(*Reader).fill < main.read < main.work"
	theirSend   = "runtime.chansend < runtime.chansend1 < github.com/nats-io/nats%2ego.(*Conn).kickFlusher < github.com/nats-io/nats%2ego.(*Conn).Publish < main.publish < main.work"
)

func TestChannelPerItemNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"an idle service is mostly scheduler":  newCapture(t, 0.02, 0.02, stack{itemPark, 1}, stack{itemSend, 0.2}, stack{itemReceive, 0.2}, stack{itemWake, 0.2}),
		"a pipeline whose work dominates":      newCapture(t, 0.6, 1, stack{itemSend, 0.5}, stack{itemWake, 0.3}, stack{itemReceive, 0.5}, stack{itemPark, 0.7}, stack{ownWork, 8}),
		"polling with a default":               newCapture(t, 0.6, 1, stack{pollOnce, 7}, stack{itemReceive, 0.1}, stack{ownWork, 2.9}),
		"polling several with a default":       newCapture(t, 0.6, 1, stack{pollSelect, 7}, stack{itemSend, 0.1}, stack{ownWork, 2.9}),
		"a client library's own channels":      newCapture(t, 0.6, 1, stack{theirSend, 3}, stack{itemPark, 2}, stack{ownWork, 5}),
		"goroutines that wait for the network": newCapture(t, 0.6, 1, stack{netRead, 4}, stack{itemPark, 4}, stack{itemSend, 0.5}, stack{itemReceive, 0.6}, stack{ownWork, 0.9}),
		"a handful of hand-overs a job, slow thread": func() *profile.Capture {
			c := newCapture(t, 0.2, 0.2, stack{itemSend, 0.15}, stack{itemWake, 0.05}, stack{itemPark, 0.3}, stack{ownWork, 1.5})
			counter(c, "jobs_completed_total", 8000)
			return c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := found(t, c, &ChannelPerItem); f != nil {
				t.Errorf("accused: %s %s", f.Severity, f.Message)
			}
		})
	}
}

func TestChannelPerItem(t *testing.T) {
	waiting := []stack{{itemSend, 1.5}, {itemWake, 1.5}, {itemReceive, 2}, {itemPark, 3}, {ownWork, 2}}
	buffered := []stack{{itemSend, 4}, {itemReceive, 3.5}, {itemPark, 0.5}, {ownWork, 2}}
	selecting := []stack{{itemSelect, 5}, {strings.Replace(itemWake, "runtime.chansend < runtime.chansend1", "runtime.selectgo", 1), 1}, {itemPark, 1}, {ownWork, 3}}
	for name, tt := range map[string]struct {
		stacks     []stack
		jobs       float64
		confidence Confidence
		waste      float64
	}{
		"each item wakes somebody":              {waiting, 100, Inferred, 0.8},
		"a buffered channel":                    {buffered, 100, Inferred, 0.8},
		"select on both sides":                  {selecting, 100, Inferred, 0.7},
		"nobody counts jobs":                    {waiting, 0, Suspected, 0.8},
		"jobs that are themselves a few values": {waiting, 60_000, Suspected, 0.8},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 1, tt.stacks...)
			if tt.jobs > 0 {
				counter(c, "jobs_completed_total", tt.jobs)
			}
			f, status := found(t, c, &ChannelPerItem)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != tt.confidence || math.Abs(f.Waste.Cores-0.9*tt.waste) > 0.02 {
				t.Errorf("%s, %.2f cores: %s", f.Confidence, f.Waste.Cores, f.Message)
			}
			if f.Location.Function != "main.split" {
				t.Errorf("at %s", f.Location.Function)
			}
		})
	}
}
