// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// maxRedirects is how many hops one answer may take.
const maxRedirects = 10

// exchange gets the answer of one host: an http.Response with a status that
// the call takes for an answer, whose body the caller closes, or an error.
func (r *Registry) exchange(ctx context.Context, t target, c call) (*http.Response, error) {
	if resp := r.shortcut(ctx, t, c); resp != nil {
		return resp, nil
	}
	return r.exchangeAt(ctx, t, c, t.url(c.path, c.query))
}

// exchangeAt is exchange with a URL of this host.
func (r *Registry) exchangeAt(ctx context.Context, t target, c call, u *url.URL) (*http.Response, error) {
	resp, err := r.authorized(ctx, t, c, u)
	moved := false
	for hop := 0; err == nil && redirects(c, resp); hop++ {
		if hop == maxRedirects {
			discard(resp)
			return nil, fmt.Errorf("%s %s: more than %d redirects: %w", c.method, redact(u), maxRedirects, ErrProtocol)
		}
		var foreign bool
		if resp, foreign, err = r.follow(ctx, t, c, resp); foreign {
			moved = true
		}
	}
	if err != nil {
		return nil, err
	}
	if !slices.Contains(c.ok, resp.StatusCode) {
		return nil, statusError(resp)
	}
	if moved && c.sticky {
		r.locations.put(locationKey(t, c), resp.Request.URL)
	}
	return resp, nil
}

// shortcut asks the place the content was redirected to last time. Any failure
// there sends us back to the registry: signed locations expire.
func (r *Registry) shortcut(ctx context.Context, t target, c call) *http.Response {
	key := locationKey(t, c)
	u := r.locations.get(key)
	if u == nil || !c.sticky {
		return nil
	}
	resp, err := r.plain(ctx, t, c, u)
	if err == nil && slices.Contains(c.ok, resp.StatusCode) {
		return resp
	}
	if err == nil {
		discard(resp)
	}
	r.locations.drop(key)
	return nil
}

// locationKey is what redirects are remembered under.
func locationKey(t target, c call) string { return t.url(c.path, nil).String() }

// redirects tells whether an answer sends us elsewhere.
func redirects(c call, resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return c.method == http.MethodGet || c.method == http.MethodHead
	}
	return false
}

// follow goes where an answer points. foreign says that this is another host
// than the configured one, which gets no credentials.
func (r *Registry) follow(ctx context.Context, t target, c call, from *http.Response) (resp *http.Response, foreign bool, err error) {
	at := from.Request.URL
	next, err := from.Location()
	discard(from)
	if err != nil || (next.Scheme != "http" && next.Scheme != "https") {
		return nil, false, fmt.Errorf("%s %s: unusable redirect: %w", c.method, redact(at), ErrProtocol)
	}
	if next.Host == t.Host && next.Host == at.Host && next.Scheme == at.Scheme {
		resp, err = r.authorized(ctx, t, c, next)
		return resp, false, err
	}
	resp, err = r.plain(ctx, t, c, next)
	return resp, true, err
}
