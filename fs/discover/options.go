// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package discover

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Options say how a [Finder] looks. The zero value is usable.
type Options struct {
	// V1 also looks for v1 indexes, which nothing but the registry's list of
	// referrers binds to an image.
	V1 bool
	// Local reads content that is on this host already, such as from
	// containerd's content store; nil is none. Any error, and content that
	// does not match its digest, leads to the registry. It is called from
	// several goroutines.
	Local func(ctx context.Context, desc ocispec.Descriptor) ([]byte, error)
	// Remember is how many images' indexes are kept. 0 is 128.
	Remember int
	// NoneFor is how long "no index" is remembered. 0 is 30 s.
	NoneFor time.Duration
	// Attempts is how often a search that fails for a reason which may pass
	// is made. 0 is 3. The registry client retries on its own within each.
	Attempts int
	// Timeout bounds a search with all its attempts: whoever pulls waits for
	// it. That it was not enough is remembered for NoneFor, so that it is
	// waited for once a pull and not for each layer. 0 is 30 s.
	Timeout time.Duration
	// Backoff is the pause after the first attempt; it doubles. 0 is 1 s.
	Backoff time.Duration
}

func (o Options) withDefaults() Options {
	if o.Remember <= 0 {
		o.Remember = 128
	}
	if o.NoneFor <= 0 {
		o.NoneFor = 30 * time.Second
	}
	if o.Attempts <= 0 {
		o.Attempts = 3
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Backoff <= 0 {
		o.Backoff = time.Second
	}
	return o
}
