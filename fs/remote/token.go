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
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
)

// Bounds on a token server.
const (
	maxTokenAnswer = 1 << 20
	// defaultTokenLife is what the token specification says when the server
	// does not.
	defaultTokenLife = 60 * time.Second
	tokenClientID    = "spry"
)

// token asks the realm of a challenge for a bearer token.
func (a *authorizer) token(ctx context.Context, g *grant, user, secret string) (string, time.Duration, error) {
	options, err := auth.GenerateTokenOptions(ctx, g.host, user, secret, g.challenge)
	if err != nil {
		return "", 0, err
	}
	realm, err := url.Parse(options.Realm)
	if err != nil || (realm.Scheme != "http" && realm.Scheme != "https") {
		return "", 0, fmt.Errorf("unusable token realm: %w", ErrProtocol)
	}
	if secret != "" && g.secure && realm.Scheme != "https" {
		return "", 0, fmt.Errorf("token realm %s would get the password in the clear: %w", redact(realm), errdefs.ErrUnauthenticated)
	}
	options.Scopes = docker.GetTokenScopes(ctx, options.Scopes)
	ctx, cancel := context.WithTimeoutCause(ctx, a.timeout, errNoAnswer)
	defer cancel()
	token, seconds, err := a.request(ctx, options)
	if err != nil {
		return "", 0, err
	}
	if seconds <= 0 {
		return "Bearer " + token, defaultTokenLife, nil
	}
	return "Bearer " + token, time.Duration(seconds) * time.Second, nil
}

// request uses OAuth where there is a secret, and the older GET where the
// server does not know OAuth or nobody logs in.
func (a *authorizer) request(ctx context.Context, options auth.TokenOptions) (string, int, error) {
	if options.Secret != "" {
		t, err := auth.FetchTokenWithOAuth(ctx, a.client, a.header, tokenClientID, options)
		if err == nil {
			return t.AccessToken, t.ExpiresInSeconds, nil
		}
		var status remoteerrors.ErrUnexpectedStatus
		if !errors.As(err, &status) || !withoutOAuth(status.StatusCode) || options.Username == "" {
			return "", 0, err
		}
	}
	t, err := auth.FetchToken(ctx, a.client, a.header, options)
	if err != nil {
		return "", 0, err
	}
	return t.Token, t.ExpiresInSeconds, nil
}

// withoutOAuth lists how servers without the OAuth endpoint refuse it.
func withoutOAuth(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return false
}

// limitedTransport bounds answers, which are decoded as they come.
type limitedTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (l limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = limitedBody{Reader: io.LimitReader(resp.Body, maxTokenAnswer), Closer: resp.Body}
	}
	return resp, err
}

type limitedBody struct {
	io.Reader
	io.Closer
}
