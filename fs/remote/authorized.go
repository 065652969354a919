// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
)

// authorized sends a call to a configured host with its headers and
// credentials, and once more when a 401 says what was missing.
func (r *Registry) authorized(ctx context.Context, t target, c call, u *url.URL) (*http.Response, error) {
	var refused []*http.Response
	for {
		resp, err := r.attempt(ctx, t, c, u)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || t.Authorizer == nil || len(refused) > 0 {
			return resp, err
		}
		refused = append(refused, resp)
		err = t.Authorizer.AddResponses(ctx, refused)
		if errdefs.IsNotImplemented(err) {
			return resp, nil // no scheme we know: the 401 is the answer
		}
		discard(resp)
		if err != nil {
			return nil, authError(ctx, t, err)
		}
	}
}

func (r *Registry) attempt(ctx context.Context, t target, c call, u *url.URL) (*http.Response, error) {
	req, err := c.request(ctx, u, r.options.UserAgent)
	if err != nil {
		return nil, err
	}
	for k, v := range t.Header {
		req.Header[http.CanonicalHeaderKey(k)] = v
	}
	if t.Authorizer != nil {
		if err := t.Authorizer.Authorize(ctx, req); err != nil {
			return nil, authError(ctx, t, err)
		}
	}
	return r.send(t.Client, req)
}

// plain sends a call to a host that we were redirected to: no credentials, no
// configured headers.
func (r *Registry) plain(ctx context.Context, t target, c call, u *url.URL) (*http.Response, error) {
	req, err := c.request(ctx, u, r.options.UserAgent)
	if err != nil {
		return nil, err
	}
	return r.send(t.Client, req)
}

// authError sorts what an authorizer fails with.
func authError(ctx context.Context, t target, err error) error {
	what := "authorize at " + t.Host
	var status remoteerrors.ErrUnexpectedStatus
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case errors.As(err, &status):
		e := &StatusError{Method: status.RequestMethod, URL: "token server", Status: status.StatusCode}
		if errdefs.IsUnavailable(e) {
			return fmt.Errorf("%s: %w", what, e)
		}
		// As text: a 404 of the token server is no missing content.
		return fmt.Errorf("%s: %s: %w", what, e.Error(), errdefs.ErrUnauthenticated)
	case errors.Is(err, docker.ErrInvalidAuthorization):
		return fmt.Errorf("%s: %w: %w", what, err, errdefs.ErrUnauthenticated)
	}
	if failed, inner := bare(err); failed || errors.Is(err, io.ErrUnexpectedEOF) {
		return network(what, inner)
	}
	return fmt.Errorf("%s: %w", what, err)
}
