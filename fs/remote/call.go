// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// call is one request as any host of a repository could answer it.
type call struct {
	method string
	path   string // below the repository: "blobs/sha256:..."
	query  url.Values
	header http.Header
	ok     []int // statuses that answer the question
	// body is opened once for each time the request is sent; nil for none.
	body func() (io.ReadCloser, error)
	size int64
	// sticky: the content never changes, remember where it was redirected to.
	sticky bool
}

// request makes the HTTP request without anything secret in it.
func (c call) request(ctx context.Context, u *url.URL, agent string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, c.method, "", nil)
	if err != nil {
		return nil, err
	}
	clean := *u
	clean.User = nil
	req.URL, req.Host = &clean, clean.Host
	for k, v := range c.header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", agent)
	// Content is compared with digests: no encoding on the way.
	req.Header.Set("Accept-Encoding", "identity")
	if c.body != nil && c.size > 0 {
		if req.Body, err = c.body(); err != nil {
			return nil, err
		}
		req.GetBody, req.ContentLength = c.body, c.size
	}
	return req, nil
}
