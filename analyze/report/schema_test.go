package report

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"busywork/analyze"
	"busywork/profile"
)

// The schema names every member of a queue that JSON has: those who generate code
// from it see what there is.
func TestSchemaNamesEveryMemberOfAQueue(t *testing.T) {
	var schema struct {
		Properties struct {
			Queues struct {
				Items struct {
					Properties map[string]any `json:"properties"`
				} `json:"items"`
			} `json:"queues"`
		} `json:"properties"`
	}
	if err := json.Unmarshal([]byte(Schema), &schema); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Queues []map[string]any `json:"queues"`
	}
	if err := json.Unmarshal([]byte(render(t, "json", analyze.Analyze(hostile(t), analyze.Options{}))), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Queues) == 0 {
		t.Fatal("no queue in the report")
	}
	named := schema.Properties.Queues.Items.Properties
	for member := range doc.Queues[0] {
		if named[member] == nil {
			t.Errorf("the schema does not name %q", member)
		}
	}
	if len(named) != len(doc.Queues[0]) {
		t.Errorf("the schema names %d members, a queue has %d", len(named), len(doc.Queues[0]))
	}
}

// What a queue's screen needs comes through: of JetStream from the stream and the
// consumer, of Redis from INFO.
func TestQueueMembers(t *testing.T) {
	const seconds = 10
	at := func(n uint64) profile.JetStreamSample { // at the start, 0, and at the end, 1
		return profile.JetStreamSample{
			At:      epoch.Add(time.Duration(n) * seconds * time.Second),
			Streams: []profile.JetStreamStream{{Name: "JOBS", LastSeq: 1000 * n, Consumers: 3}},
			Consumers: []profile.JetStreamConsumer{{Stream: "JOBS", Name: "worker", Delivered: 900 * n, DeliveredStream: 800 * n,
				AckPending: 20, MaxAckPending: 128, Waiting: 4, Pending: 50}},
		}
	}
	c := &profile.Capture{
		Window:    profile.Window{Start: epoch, End: epoch.Add(seconds * time.Second)},
		JetStream: []profile.JetStreamSample{at(0), at(1)},
	}
	for i := range 2 {
		c.Redis = append(c.Redis, profile.RedisSample{At: at(uint64(i)).At, Info: map[string]string{"blocked_clients": "7"},
			Keys: []profile.RedisKey{{Key: "late", Type: "zset", Depth: 5}}})
	}
	got := analyze.Analyze(c, analyze.Options{}).Queues
	want := []analyze.ReportQueue{
		{Name: "key late", System: "redis", Type: "zset", Depth: 5, Consumers: 7},
		{Name: "stream JOBS, consumer worker", System: "jetstream", Depth: 70, In: 100, Delivered: 90, Redelivered: 10, Acked: 80,
			AckPending: 20, MaxAckPending: 128, Consumers: 3, WaitingPulls: 4},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
