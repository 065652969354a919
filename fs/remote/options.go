// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// Options say how a [Registry] behaves. The zero value is usable.
type Options struct {
	// Hosts finds the hosts of a reference; nil is Hosts(HostOptions{}).
	Hosts docker.RegistryHosts
	// Retries is how often a request that failed at every host is begun again,
	// and how often in a row a broken body is resumed. 0 is 5; negative is
	// none.
	Retries int
	// Backoff is the pause before the first retry; it doubles up to
	// MaxBackoff, and half of it is random. 0 is 100 ms.
	Backoff time.Duration
	// MaxBackoff bounds every pause, a Retry-After included. 0 is 30 s.
	MaxBackoff time.Duration
	// HeaderTimeout is how long an answer may take to begin, connecting
	// included. 0 is 20 s.
	HeaderTimeout time.Duration
	// StallWindow and StallBytes: a body is given up that yields fewer than
	// StallBytes in StallWindow of waiting for it. Time the reader spends
	// elsewhere does not count. 0 are 10 s and 10 KiB.
	StallWindow time.Duration
	StallBytes  int64
	// UserAgent is sent with every request; "" is "spry".
	UserAgent string
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.Hosts == nil {
		o.Hosts = Hosts(HostOptions{})
	}
	switch {
	case o.Retries == 0:
		o.Retries = 5
	case o.Retries < 0:
		o.Retries = 0
	}
	o.Backoff = orDefault(o.Backoff, 100*time.Millisecond)
	o.MaxBackoff = orDefault(o.MaxBackoff, 30*time.Second)
	o.HeaderTimeout = orDefault(o.HeaderTimeout, 20*time.Second)
	o.StallWindow = orDefault(o.StallWindow, 10*time.Second)
	o.StallBytes = orDefault(o.StallBytes, 10<<10)
	if o.UserAgent == "" {
		o.UserAgent = "spry"
	}
	return o
}

// orDefault is v unless that is zero or negative.
func orDefault[T time.Duration | int64 | int](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
