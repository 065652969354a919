// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"net/url"
	"strings"
	"sync"
)

// maxLocations bounds the remembered redirects: far more than a host has
// layers in use.
const maxLocations = 4096

// locations remembers where blobs were last redirected to, so that ranges of
// one blob do not each ask the registry. An entry is used until it fails once.
type locations struct {
	mu   sync.Mutex // guards urls
	urls map[string]*url.URL
}

func newLocations() *locations { return &locations{urls: map[string]*url.URL{}} }

func (l *locations) get(key string) *url.URL {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.urls[key]
}

func (l *locations) put(key string, u *url.URL) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.urls) >= maxLocations {
		clear(l.urls) // each comes back with the next request
	}
	l.urls[key] = u
}

func (l *locations) drop(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.urls, key)
}

// dropAll forgets what was redirected from any URL whose path holds path.
func (l *locations) dropAll(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.urls {
		if strings.Contains(key, path) {
			delete(l.urls, key)
		}
	}
}
