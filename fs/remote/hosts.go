// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// HostOptions say where references lead.
type HostOptions struct {
	// ConfigDirs are searched in order for a directory of the registry with a
	// hosts.toml or certificates, as /etc/containerd/certs.d is by containerd.
	ConfigDirs []string
	// Credentials gives what to log in with at a host; all empty is nothing,
	// a secret without a user is an identity token. nil is no credentials.
	Credentials func(host string) (user, secret string, err error)
	// PlainHTTP uses http where hosts.toml does not say otherwise. Loopback
	// hosts fall back to http without it, as in containerd.
	PlainHTTP bool
	// DialTimeout bounds connecting to a host for which hosts.toml has no
	// dial_timeout. 0 is 10 s.
	DialTimeout time.Duration
	// TokenTimeout bounds one request for a token. 0 is 10 s.
	TokenTimeout time.Duration
	// IdlePerHost is how many idle connections to a host are kept. 0 is 16.
	IdlePerHost int
}

// Hosts finds hosts by containerd's configuration. Clients, connections and
// tokens are kept from call to call, and made anew when the files of the
// registry's directory change. The result is safe for concurrent use.
func Hosts(o HostOptions) docker.RegistryHosts {
	o.DialTimeout = orDefault(o.DialTimeout, 10*time.Second)
	o.TokenTimeout = orDefault(o.TokenTimeout, 10*time.Second)
	o.IdlePerHost = orDefault(o.IdlePerHost, 16)
	c := &hostCache{options: o, known: map[string]*knownHosts{}}
	return c.hosts
}
