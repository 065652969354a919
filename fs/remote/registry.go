// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"net/http"
	"sync"
)

// maxManifestSize bounds every manifest, index and referrers page. The
// distribution specification asks registries to take at least 4 MiB.
const maxManifestSize = 8 << 20

// Registry talks to registries. It is safe for concurrent use; make one with
// [New] and [Registry.Close] it.
type Registry struct {
	options   Options
	health    *health
	locations *locations

	mu      sync.Mutex // guards clients
	clients map[*http.Client]struct{}
}

// New returns a Registry. Nothing is contacted yet.
func New(o Options) *Registry {
	return &Registry{
		options:   o.withDefaults(),
		health:    newHealth(),
		locations: newLocations(),
		clients:   map[*http.Client]struct{}{},
	}
}

// Close drops idle connections. Requests under way are the business of their
// contexts. The error is always nil.
func (r *Registry) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clients {
		c.CloseIdleConnections()
	}
	clear(r.clients)
	return nil
}

// use remembers a client whose connections Close drops.
func (r *Registry) use(c *http.Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients[c] = struct{}{}
}
