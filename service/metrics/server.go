// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	address net.Addr
}

// Listen serves src at address: the path of a unix socket, which only root may
// use and which replaces one that is left over, or HOST:PORT.
func Listen(ctx context.Context, address string, src Source) (*Server, error) {
	l, err := listen(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("serve status at %s: %w", address, err)
	}
	s := &Server{address: l.Addr()}
	s.http.Handler, s.http.ReadHeaderTimeout = handler(src), headerTimeout
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.G(ctx).WithError(err).Error("status is no longer served")
		}
	})
	return s, nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	if !strings.HasPrefix(address, "/") {
		return lc.Listen(ctx, "tcp", address)
	}
	if err := os.MkdirAll(filepath.Dir(address), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := lc.Listen(ctx, "unix", address)
	if err != nil {
		return nil, err
	}
	// A successor may have replaced it by then.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(address, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.address }

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
