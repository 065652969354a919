// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Server is a running registry. Make one with [New] or [NewTLS].
type Server struct {
	// URL is the base address, http://127.0.0.1:port.
	URL string
	// Host is the registry part of references, 127.0.0.1:port.
	Host string
	// Command is what images that are pushed run. Set it before.
	Command []string

	tb     testing.TB
	store  *storage
	behind http.Handler // another registry, that has the content; or nil
	http   *httptest.Server

	mu          sync.Mutex // guards the fields below
	rules       []*armed
	requests    []*Request
	auth        *guard
	uploads     map[string][]byte
	noReferrers bool
	noFilter    bool
	pageSize    int
}

var _ http.Handler = (*Server)(nil)

// New starts a registry on a loopback port; it ends with the test.
func New(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, &Server{store: newStorage()}, (*httptest.Server).Start)
}

// Front is New for the content of another registry, which target names as
// references do. Rules, requests and tokens are of this server.
func Front(tb testing.TB, target string) *Server {
	tb.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target})
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		writeError(w, http.StatusBadGateway, "FRONT", err.Error())
	}
	return start(tb, &Server{behind: proxy}, (*httptest.Server).Start)
}

// NewTLS is New with https. [Server.CA] is what clients must trust.
func NewTLS(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, &Server{store: newStorage()}, (*httptest.Server).StartTLS)
}

// Mirror starts another server over the same content. Rules, requests and
// authentication are its own.
func (s *Server) Mirror() *Server {
	s.tb.Helper()
	return start(s.tb, &Server{store: s.store, behind: s.behind}, (*httptest.Server).Start)
}

func start(tb testing.TB, s *Server, run func(*httptest.Server)) *Server {
	s.tb, s.uploads = tb, map[string][]byte{}
	s.http = httptest.NewUnstartedServer(s)
	run(s.http)
	s.URL = s.http.URL
	_, s.Host, _ = strings.Cut(s.URL, "://")
	tb.Cleanup(s.Close)
	return s
}

// Close stops the server early: connections are refused from then on.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Reopen makes a closed server without TLS listen at its address again.
func (s *Server) Reopen() {
	s.tb.Helper()
	l, err := net.Listen("tcp", s.Host)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.http = httptest.NewUnstartedServer(s)
	_ = s.http.Listener.Close()
	s.http.Listener = l
	s.http.Start()
}

// CA is the certificate of a TLS server in PEM form.
func (s *Server) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

// Ref is the reference of a tag (or of "sha256:...") in a repository here.
func (s *Server) Ref(repo, name string) string {
	if strings.Contains(name, ":") {
		return s.Host + "/" + repo + "@" + name
	}
	return s.Host + "/" + repo + ":" + name
}

// DisableReferrers makes the referrers API answer 404 and manifests with a
// subject be stored without a word about it, as registries before OCI 1.1 do.
func (s *Server) DisableReferrers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noReferrers = true
}

// DisableFilter makes the referrers API ignore artifactType, as it may.
func (s *Server) DisableFilter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noFilter = true
}

// PageReferrers makes the referrers API give n descriptors a page.
func (s *Server) PageReferrers(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pageSize = n
}

// ServeHTTP counts, applies rules and authentication, and answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w}
	n := s.record(r)
	defer func() { s.recordAnswer(n, rec) }()
	proper := http.HandlerFunc(s.serve)
	if do := s.match(r); do != nil {
		do(rec, r, proper)
		return
	}
	proper(rec, r)
}
