// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package metrics_test

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/service/metrics"
	"github.com/spryd/spry/service/status"
)

// reads are counters as a source has them.
func reads() status.Reads {
	return status.Reads{Waiting: 2, Slow: 3, WaitSeconds: 1.5, Fetched: map[string]int64{"background": 7}}
}

// layers are of two images that share one.
func layers() []status.Layer {
	return []status.Layer{
		{Digest: "sha256:aa", State: "lazy", Size: 100, Missing: 60, Spans: 4,
			Mountpoint: "/m/aa", Images: []string{"b:1", "a:1"}, Snapshots: []string{"7"}},
		{Digest: "sha256:bb", State: "plain", Size: 50, Images: []string{"a:1"}, Error: "odd"},
	}
}

// source is a daemon with these.
func source() metrics.Source {
	return metrics.Source{Version: "v1", Reads: reads, Layers: layers}
}

func TestReport(t *testing.T) {
	address := filepath.Join(t.TempDir(), "status.sock")
	l, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	s := metrics.Serve(t.Context(), l, source())
	got, err := status.Get(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	want := &status.Report{Version: "v1", Reads: reads(), Layers: layers(),
		Images: []status.Image{
			{Name: "a:1", State: "lazy", Layers: 2, Size: 150, Missing: 60},
			{Name: "b:1", State: "lazy", Layers: 1, Size: 100, Missing: 60},
		}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := status.Get(t.Context(), address); err == nil {
		t.Error("a closed server answers")
	}
}

func TestMetrics(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := metrics.Serve(t.Context(), l, source())
	defer func() { _ = s.Close() }()
	resp, err := http.Get("http://" + l.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`spry_build_info{version="v1"} 1`, `spry_layers{state="lazy"} 1`, `spry_layers{state="plain"} 1`,
		`spry_layers_missing_bytes 60`, `spry_slow_reads_total 3`, `spry_waiting_reads 2`,
		`spry_fetched_bytes_total{class="background"} 7`, `process_open_fds`,
	} {
		if !strings.Contains(string(b), line) {
			t.Errorf("no %s in:\n%s", line, b)
		}
	}
}
