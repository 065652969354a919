// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spryd/spry/service/status"
)

// answer serves r as a daemon would, and returns the address.
func answer(t *testing.T, r status.Report) string {
	t.Helper()
	address := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(r)
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return address
}

func TestStatus(t *testing.T) {
	address := answer(t, status.Report{
		Images: []status.Image{{Name: "reg/app:1", State: "lazy", Layers: 2, Size: 2048, Missing: 1024}},
		Reads:  status.Reads{Waiting: 3, Slow: 2, Failed: 1},
		Layers: []status.Layer{{Digest: "sha256:aa", State: "condemned", Error: "table lies"}},
	})
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"IMAGE", "reg/app:1", "lazy", "3 reads wait", "2 waited longer than fetch.slow", "1 failed"}},
		{[]string{"--layers"}, []string{"sha256:aa", "condemned", "table lies"}},
		{[]string{"--json"}, []string{`"reg/app:1"`, `"condemned"`}},
	} {
		var out bytes.Buffer
		a := &app{out: &out}
		cmd := a.statusCommand()
		cmd.SetArgs(append([]string{"--status-address", address}, tt.args...))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, w := range tt.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%v: no %q in:\n%s", tt.args, w, out.String())
			}
		}
	}
}

func TestStatusOfNoDaemon(t *testing.T) {
	address := filepath.Join(t.TempDir(), "nobody")
	cmd := (&app{}).statusCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs([]string{"--status-address", address})
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
}
