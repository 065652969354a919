// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"net/http"
	"strings"
)

// Request is one request as it was received and answered.
type Request struct {
	Method string
	Path   string
	Query  string
	Range  string // the Range header, "" for none
	Header http.Header
	Status int   // as sent; 0 while the request is being served
	Bytes  int64 // body bytes sent
}

// Requests are all requests since the start or the last Reset, in order of
// arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.requests))
	for i, r := range s.requests {
		all[i] = *r
	}
	return all
}

// Count is the number of requests with this method ("" for any) whose path
// contains path.
func (s *Server) Count(method, path string) int {
	n := 0
	for _, r := range s.Requests() {
		if (method == "" || r.Method == method) && strings.Contains(r.Path, path) {
			n++
		}
	}
	return n
}

// Ranges are the Range headers of the GETs whose path contains path, in order
// of arrival; a request without one counts as "".
func (s *Server) Ranges(path string) []string {
	var ranges []string
	for _, r := range s.Requests() {
		if r.Method == http.MethodGet && strings.Contains(r.Path, path) {
			ranges = append(ranges, r.Range)
		}
	}
	return ranges
}

// Reset forgets the requests so far.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *Server) record(r *http.Request) *Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &Request{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		Range: r.Header.Get("Range"), Header: r.Header.Clone(),
	}
	s.requests = append(s.requests, n)
	return n
}

func (s *Server) recordAnswer(n *Request, rec *recorder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.Status, n.Bytes = rec.status, rec.bytes
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
