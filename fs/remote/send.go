// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// send makes one HTTP request, without following redirects. The body of the
// answer fails with errStalled when it stops moving.
//
// The transport is used directly: an http.Client would parse, and quote in
// errors, a Location that may be signed.
func (r *Registry) send(client *http.Client, req *http.Request) (*http.Response, error) {
	parent := req.Context()
	ctx, cancel := context.WithCancelCause(parent)
	if req.Body == nil {
		// An upload may take any time before its answer begins; the
		// transport's own limit counts from its end.
		timer := time.AfterFunc(r.options.HeaderTimeout, func() { cancel(errNoAnswer) })
		defer timer.Stop()
	}
	resp, err := transport(client).RoundTrip(req.WithContext(ctx))
	if err != nil {
		if parent.Err() == nil && context.Cause(ctx) != nil {
			err = context.Cause(ctx)
		}
		cancel(nil)
		what := req.Method + " " + redact(req.URL)
		if parent.Err() != nil {
			return nil, fmt.Errorf("%s: %w", what, parent.Err())
		}
		_, err = bare(err)
		return nil, network(what, err)
	}
	resp.Body = &watchedBody{
		body: resp.Body, cancel: cancel, window: r.options.StallWindow, least: r.options.StallBytes,
	}
	return resp, nil
}

func transport(client *http.Client) http.RoundTripper {
	if client == nil || client.Transport == nil {
		return http.DefaultTransport
	}
	return client.Transport
}
