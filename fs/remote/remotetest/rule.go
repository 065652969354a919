// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// Rule says which requests are answered by an action instead of properly.
// The zero value of a field does not restrict.
type Rule struct {
	Method string
	Path   string // the path contains this
	Range  string // the Range header contains this: "bytes=" for any range
	Skip   int    // let so many matching requests pass first
	Times  int    // apply at most so often; 0 = for ever
	Do     Action
}

// Applied tells how often a rule was used.
type Applied struct{ n atomic.Int64 }

// Hits is the number of requests the rule decided so far.
func (a *Applied) Hits() int { return int(a.n.Load()) }

// armed is a rule in force.
type armed struct {
	Rule
	seen    int
	applied *Applied
}

// Rule adds a rule behind those in force.
func (s *Server) Rule(r Rule) *Applied {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &armed{Rule: r, applied: &Applied{}}
	s.rules = append(s.rules, a)
	return a.applied
}

// ClearRules makes the server well-behaved again.
func (s *Server) ClearRules() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// match uses up and returns the action for a request, nil for none.
func (s *Server) match(r *http.Request) Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.rules {
		if !a.matches(r) || (a.Times > 0 && a.applied.Hits() >= a.Times) {
			continue
		}
		if a.seen++; a.seen <= a.Skip {
			continue
		}
		a.applied.n.Add(1)
		return a.Do
	}
	return nil
}

func (a *armed) matches(r *http.Request) bool {
	return (a.Method == "" || a.Method == r.Method) &&
		strings.Contains(r.URL.Path, a.Path) &&
		strings.Contains(r.Header.Get("Range"), a.Range)
}
