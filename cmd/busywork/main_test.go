package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"busywork/fixtures/lab"
)

func TestMain(m *testing.M) {
	lab.Play()
	testscript.Main(m, map[string]func(){
		"busywork": func() {
			os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
		},
	})
}

// TestScripts runs the command line as users meet it: what it prints, where,
// and how it exits.
func TestScripts(t *testing.T) {
	service := httptest.NewServer(http.DefaultServeMux) // the profiles of this test
	t.Cleanup(service.Close)                            // scripts run in parallel, after this function has returned
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!DOCTYPE html><title>Sign in</title>")
	}))
	t.Cleanup(login.Close)
	captures, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("SERVICE", service.URL)
			e.Setenv("LOGIN", login.URL)
			e.Setenv("BUSYWORK", filepath.Join(filepath.SplitList(e.Getenv("PATH"))[0], "busywork"))
			e.Setenv("CAPTURES", captures+"/../../fixtures/captures")
			return forGo(e)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"conforms": conforms},
	})
}
