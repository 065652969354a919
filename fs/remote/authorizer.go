// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	"github.com/containerd/errdefs"
)

// maxGrants bounds the remembered tokens; the repositories of a host are fewer.
const maxGrants = 4096

// authorizer answers challenges for a process that lives for weeks. (The one
// that containerd makes per pull remembers a failed token request for good and
// asks for a token with the scopes of the first repository it met.)
//
// It keeps a grant for each host and set of scopes. Credentials are asked for
// with every token, so that changed ones are used.
type authorizer struct {
	client      *http.Client
	header      http.Header
	credentials func(host string) (user, secret string, err error)
	timeout     time.Duration // of a token request

	mu     sync.Mutex        // guards the fields below
	hosts  map[string]wanted // what a host wants, without scopes
	grants map[string]*grant
}

var _ docker.Authorizer = (*authorizer)(nil)

func newAuthorizer(client *http.Client, header http.Header, o HostOptions) *authorizer {
	if o.Credentials == nil {
		o.Credentials = func(string) (string, string, error) { return "", "", nil }
	}
	limited := &http.Client{Transport: limitedTransport{transport(client)}}
	return &authorizer{
		client: limited, header: header, credentials: o.Credentials, timeout: o.TokenTimeout,
		hosts: map[string]wanted{}, grants: map[string]*grant{},
	}
}

// Authorize implements docker.Authorizer.
func (a *authorizer) Authorize(ctx context.Context, req *http.Request) error {
	g := a.grant(ctx, req.URL.Host, nil)
	if g == nil {
		return nil // never challenged
	}
	value, err := g.value(ctx, a.fetch)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", value)
	return nil
}

// AddResponses implements docker.Authorizer: the last response is a 401 whose
// challenge replaces what was known.
func (a *authorizer) AddResponses(ctx context.Context, responses []*http.Response) error {
	last := responses[len(responses)-1]
	for _, c := range auth.ParseAuthHeader(last.Header) {
		if c.Scheme != auth.BearerAuth && c.Scheme != auth.BasicAuth {
			continue
		}
		// The scheme of the answer: a transport may have fallen back to http.
		at := last.Request.URL
		g := a.grant(ctx, at.Host, &wanted{host: at.Host, challenge: c, secure: at.Scheme == "https"})
		g.refused(last.Request.Header.Get("Authorization"))
		return nil
	}
	return fmt.Errorf("no authentication scheme that is known: %w", errdefs.ErrNotImplemented)
}

// grant finds the grant of a host for the scopes of ctx, and makes it when the
// host is known to want one; a new challenge replaces the grant's.
func (a *authorizer) grant(ctx context.Context, host string, challenged *wanted) *grant {
	key := host + " " + strings.Join(docker.GetTokenScopes(ctx, nil), " ")
	a.mu.Lock()
	defer a.mu.Unlock()
	w, known := a.hosts[host]
	if challenged != nil {
		w, known = *challenged, true
		a.hosts[host] = w.withoutScopes()
	}
	g := a.grants[key]
	if known && (g == nil || challenged != nil) {
		if len(a.grants) >= maxGrants {
			clear(a.grants)
		}
		g = newGrant(w, g)
		a.grants[key] = g
	}
	return g
}

// fetch gets the header value for a challenge and how long it holds; 0 is for
// ever.
func (a *authorizer) fetch(ctx context.Context, g *grant) (string, time.Duration, error) {
	user, secret, err := a.credentials(g.host)
	if err != nil {
		return "", 0, fmt.Errorf("credentials: %w", err)
	}
	if g.challenge.Scheme == auth.BearerAuth {
		return a.token(ctx, g, user, secret)
	}
	if user == "" || secret == "" {
		return "", 0, fmt.Errorf("no user name and password: %w", errdefs.ErrUnauthenticated)
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret)), 0, nil
}
