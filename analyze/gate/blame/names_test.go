package blame

import "testing"

func TestPlainName(t *testing.T) {
	for name, want := range map[string]string{
		"example.com/svc/queue.(*Delayed).Cancel":                      "example.com/svc/queue.(*Delayed).Cancel",
		"example.com/svc/queue.(*Delayed).Cancel.func1":                "example.com/svc/queue.(*Delayed).Cancel",
		"example.com/svc/queue.(*Delayed).Cancel.func2.1.3":            "example.com/svc/queue.(*Delayed).Cancel",
		"example.com/svc/queue.(*Delayed).Cancel-fm":                   "example.com/svc/queue.(*Delayed).Cancel",
		"example.com/svc/queue.Walk.func1-range2":                      "example.com/svc/queue.Walk",
		"example.com/svc/queue.Start.gowrap1":                          "example.com/svc/queue.Start",
		"example.com/svc/queue.Start.deferwrap2":                       "example.com/svc/queue.Start",
		"example.com/svc/queue.functor":                                "example.com/svc/queue.functor",
		"example.com/svc/queue.Job.func":                               "example.com/svc/queue.Job.func",
		"slices.IndexFunc[go.shape.[]*example.com/q.Job,go.shape.int]": "slices.IndexFunc",
		"example.com/svc/queue.(*Heap[...]).Push":                      "example.com/svc/queue.(*Heap).Push",
		"gopkg.in/yaml%2ev3.Unmarshal":                                 "gopkg.in/yaml.v3.Unmarshal",
		"example.com/svc/queue.(*D).run.func2.(*D).each.func1":         "example.com/svc/queue.(*D).each",
		"example.com/svc/queue.(*D).run.each.func1":                    "example.com/svc/queue.each",
		"example.com/svc/queue.run.func1.each.func2":                   "example.com/svc/queue.each",
		"example.com/svc/queue.Type.each.func2":                        "example.com/svc/queue.Type.each",
		"runtime.mallocgc":                                             "runtime.mallocgc",
		"memmove":                                                      "memmove",
		"1":                                                            "1",
		".func1":                                                       ".func1",
		"]a[b":                                                         "]a",
		"":                                                             "",
	} {
		if got := plainName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestOwns(t *testing.T) {
	for function, want := range map[string]bool{
		"example.com/svc.New":                  true,
		"example.com/svc/queue.New":            true,
		"example.com/svc_test.BenchmarkNew":    true,
		"example.com/svc/queue_test.Benchmark": true,
		"main.main":                            true,
		"example.com/svcx.New":                 false,
		"example.com/svc-tools/queue.New":      false,
		"example.com/svc_testing.New":          false,
		"runtime.mallocgc":                     false,
		"example.com/svc":                      false,
	} {
		if got := owns("example.com/svc", function); got != want {
			t.Errorf("%s: got %v", function, got)
		}
	}
	if owns("", "runtime.mallocgc") {
		t.Error("without a module, nothing but main is known to be of it")
	}
}
