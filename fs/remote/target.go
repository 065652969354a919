// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"fmt"
	"net/url"
	"path"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
)

// dockerHub is the one namespace whose host has another name.
const (
	dockerHub     = "docker.io"
	dockerHubHost = "registry-1.docker.io"
)

// target is one host that can answer for a repository.
type target struct {
	docker.RegistryHost
	repo repository
}

// key tells hosts apart.
func (t target) key() string { return t.Scheme + "://" + t.Host + t.Path }

// url is where path (below the repository) is found at this host. A host that
// stands in for another is told for which, as containerd does.
func (t target) url(p string, query url.Values) *url.URL {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	ns := t.repo.namespace
	if ns != t.Host && (ns != dockerHub || t.Host != dockerHubHost) {
		q.Set("ns", ns)
	}
	full := path.Join("/", t.Path, t.repo.name, p)
	if p[len(p)-1] == '/' {
		full += "/"
	}
	return &url.URL{Scheme: t.Scheme, Host: t.Host, Path: full, RawQuery: q.Encode()}
}

// targets are the hosts with the wanted capabilities, in configured order.
func (r *Registry) targets(p repository, caps docker.HostCapabilities) ([]target, error) {
	hosts, err := r.options.Hosts(p.namespace)
	if err != nil {
		return nil, fmt.Errorf("hosts of %s: %w", p.namespace, err)
	}
	var found []target
	for _, h := range hosts {
		if h.Capabilities.Has(caps) {
			if h.Client != nil {
				r.use(h.Client)
			}
			found = append(found, target{RegistryHost: h, repo: p})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("hosts of %s: none is configured for this: %w", p.namespace, errdefs.ErrFailedPrecondition)
	}
	return found, nil
}
