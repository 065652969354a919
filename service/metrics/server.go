// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/containerd/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/spryd/spry/service/status"
)

// headerTimeout bounds how long a client may take to ask.
const headerTimeout = 10 * time.Second

// Source is what is reported. Its functions are called at each request, by
// several goroutines.
type Source struct {
	Version string
	Layers  func() []status.Layer
	Reads   func() status.Reads
}

// Server answers over HTTP until it is closed.
type Server struct {
	http    http.Server
	serving sync.WaitGroup
}

// Serve serves src at l, which the server closes.
func Serve(ctx context.Context, l net.Listener, src Source) *Server {
	s := &Server{}
	s.http.Handler, s.http.ReadHeaderTimeout = handler(src), headerTimeout
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.G(ctx).WithError(err).Error("status is no longer served")
		}
	})
	return s
}

// Close ends the server at once and waits for it.
func (s *Server) Close() error {
	err := s.http.Close()
	s.serving.Wait()
	return err
}

// handler answers from src.
func handler(src Source) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collector{src},
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(newReport(src)) // the client is gone
	})
	return mux
}

// newReport is the state of this moment.
func newReport(src Source) status.Report {
	layers := src.Layers()
	return status.Report{Version: src.Version, Reads: src.Reads(), Images: status.Images(layers), Layers: layers}
}
