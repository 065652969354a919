// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/errdefs"
	"golang.org/x/sync/singleflight"
)

// hostCache keeps the hosts of each namespace as long as their files stay as
// they are.
type hostCache struct {
	options HostOptions
	loading singleflight.Group

	mu    sync.Mutex // guards known
	known map[string]*knownHosts
}

type knownHosts struct {
	stamp string
	hosts []docker.RegistryHost
}

// hosts implements docker.RegistryHosts.
func (c *hostCache) hosts(namespace string) ([]docker.RegistryHost, error) {
	dir, err := c.dir(namespace)
	if err != nil {
		return nil, err
	}
	stamp, err := stampOf(dir)
	if err != nil {
		return nil, err
	}
	if hosts, ok := c.unchanged(namespace, stamp); ok {
		return hosts, nil
	}
	// Together with whoever else finds it new: one set of connections.
	v, err, _ := c.loading.Do(namespace+"\n"+stamp, func() (any, error) {
		if hosts, ok := c.unchanged(namespace, stamp); ok {
			return hosts, nil
		}
		hosts, err := c.load(namespace, dir)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.known[namespace] = &knownHosts{stamp: stamp, hosts: hosts}
		return hosts, nil
	})
	if err != nil {
		return nil, err
	}
	return v.([]docker.RegistryHost), nil
}

func (c *hostCache) unchanged(namespace, stamp string) ([]docker.RegistryHost, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[namespace]
	if k == nil || k.stamp != stamp {
		return nil, false
	}
	return k.hosts, true
}

// dir is the configuration directory of a namespace, "" for none.
func (c *hostCache) dir(namespace string) (string, error) {
	if namespace == "." || namespace == ".." || strings.ContainsAny(namespace, `/\`) {
		return "", fmt.Errorf("registry %q: %w", namespace, errdefs.ErrInvalidArgument)
	}
	for _, root := range c.options.ConfigDirs {
		dir, err := config.HostDirFromRoot(root)(namespace)
		if err == nil {
			return dir, nil
		}
		if !errdefs.IsNotFound(err) {
			return "", err
		}
	}
	return "", nil
}

// stampOf changes when any file of a directory does.
func stampOf(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(dir)
	for _, e := range entries {
		info, err := os.Stat(dir + "/" + e.Name()) // of what links lead to
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n%s %d %d", e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return b.String(), nil
}

// load reads the configuration and makes clients.
func (c *hostCache) load(namespace, dir string) ([]docker.RegistryHost, error) {
	scheme := ""
	if c.options.PlainHTTP {
		scheme = "http"
	}
	bases := map[*http.Client]*http.Transport{}
	hosts, err := config.ConfigureHosts(context.Background(), config.HostOptions{
		HostDir:       func(string) (string, error) { return dir, nil },
		DefaultScheme: scheme,
		UpdateClient: func(client *http.Client) error {
			base, ok := client.Transport.(*http.Transport)
			if !ok {
				return fmt.Errorf("hosts of %s: transport is a %T", namespace, client.Transport)
			}
			c.tune(base, len(bases) == 0)
			bases[client] = base
			return nil
		},
	})(namespace)
	if err != nil {
		return nil, fmt.Errorf("hosts of %s: %w", namespace, err)
	}
	wrapped := map[*http.Client]bool{}
	for i, h := range hosts {
		if !wrapped[h.Client] {
			// What ConfigureHosts wraps around a transport hides how to close it.
			h.Client.Transport = closable{RoundTripper: h.Client.Transport, base: bases[h.Client]}
			wrapped[h.Client] = true
		}
		hosts[i].Authorizer = newAuthorizer(h.Client, h.Header, c.options)
	}
	return hosts, nil
}

// tune sets what reading many ranges wants. Only the first transport gets our
// dialer: the others are its copies or have the dial_timeout of hosts.toml.
func (c *hostCache) tune(t *http.Transport, first bool) {
	t.MaxIdleConns = 8 * c.options.IdlePerHost
	t.MaxIdleConnsPerHost = c.options.IdlePerHost
	t.IdleConnTimeout = 90 * time.Second
	t.DisableCompression = true
	t.ReadBufferSize = 64 << 10
	if first {
		t.DialContext = (&net.Dialer{Timeout: c.options.DialTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
}

// closable is a transport whose idle connections can be dropped.
type closable struct {
	http.RoundTripper
	base *http.Transport
}

// CloseIdleConnections is what http.Client looks for.
func (c closable) CloseIdleConnections() { c.base.CloseIdleConnections() }
