// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
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

	tb    testing.TB
	store *storage
	http  *httptest.Server

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
	return start(tb, newStorage(), (*httptest.Server).Start)
}

// NewTLS is New with https. [Server.CA] is what clients must trust.
func NewTLS(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, newStorage(), (*httptest.Server).StartTLS)
}

// Mirror starts another server over the same content. Rules, requests and
// authentication are its own.
func (s *Server) Mirror() *Server {
	s.tb.Helper()
	return start(s.tb, s.store, (*httptest.Server).Start)
}

func start(tb testing.TB, store *storage, run func(*httptest.Server)) *Server {
	s := &Server{tb: tb, store: store, uploads: map[string][]byte{}}
	s.http = httptest.NewUnstartedServer(s)
	run(s.http)
	s.URL = s.http.URL
	_, s.Host, _ = strings.Cut(s.URL, "://")
	tb.Cleanup(s.http.Close)
	return s
}

// Close stops the server early: connections are refused from then on.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
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
