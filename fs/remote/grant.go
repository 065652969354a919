// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
)

// wanted is what a host asked for.
type wanted struct {
	host      string
	challenge auth.Challenge
	secure    bool // the host was reached by https
}

// withoutScopes is what the host is likely to ask for any other repository.
func (w wanted) withoutScopes() wanted {
	parameters := maps.Clone(w.challenge.Parameters)
	delete(parameters, "scope")
	w.challenge.Parameters = parameters
	return w
}

// grant is the Authorization header for one host and set of scopes.
type grant struct {
	wanted

	// turn holds one element; who takes it fetches for all.
	turn chan struct{}

	mu      sync.Mutex // guards the fields below
	header  string     // "" for none
	until   time.Time  // zero: for ever
	fetched int        // how many fetches ended
	err     error      // of the last fetch
}

// newGrant is a grant for a challenge. It takes over what old has, if
// anything.
func newGrant(w wanted, old *grant) *grant {
	n := &grant{wanted: w, turn: make(chan struct{}, 1)}
	n.turn <- struct{}{}
	if g := old; g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		n.header, n.until = g.header, g.until
	}
	return n
}

// value is the header, fetched when there is none that still holds. Of many
// callers one fetches; the others take its result, also when it is an error,
// but not when only that caller was cancelled.
func (g *grant) value(ctx context.Context, fetch func(context.Context, *grant) (string, time.Duration, error)) (string, error) {
	header, seen := g.current()
	if header != "" {
		return header, nil
	}
	select {
	case <-g.turn:
		defer func() { g.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	g.mu.Lock()
	done, err := g.fetched != seen, g.err
	g.mu.Unlock()
	if header, _ = g.current(); header != "" {
		return header, nil
	}
	if done && err != nil {
		return "", err
	}
	header, lasts, err := fetch(ctx, g)
	if ctx.Err() == nil {
		g.store(header, lasts, err)
	}
	return header, err
}

func (g *grant) current() (string, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.until.IsZero() && time.Now().After(g.until) {
		g.header = ""
	}
	return g.header, g.fetched
}

func (g *grant) store(header string, lasts time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fetched++
	g.header, g.err, g.until = header, err, time.Time{}
	if lasts > 0 {
		// Used a little before it ends it would be refused on the way.
		g.until = time.Now().Add(lasts - min(lasts/4, 10*time.Second))
	}
}

// refused forgets a header that a host did not take, unless a newer one is
// here already.
func (g *grant) refused(header string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.header == header {
		g.header = ""
	}
}
