// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
)

// content is one immutable thing in a repository: a blob, or a manifest by
// digest.
type content struct {
	registry *Registry
	repo     repository
	path     string // below the repository
	accept   string // media types to ask for, "" for any
	digest   digest.Digest
	size     int64 // 0 when unknown
	sticky   bool  // redirects are worth remembering
}

// piece is an open answer that starts at the wanted offset.
type piece struct {
	body io.ReadCloser
	end  int64  // offset at which the body ends, -1 when only EOF tells
	size int64  // of the whole content, -1 when unknown
	host string // key of who answered
}

// open asks the hosts for [off, end), or for everything from off when end is
// -1. What comes back may end earlier but starts at off.
func (c *content) open(ctx context.Context, off, end int64) (*piece, error) {
	ctx, err := c.repo.pull(ctx)
	if err != nil {
		return nil, err
	}
	ts, err := c.registry.targets(c.repo, docker.HostCapabilityPull)
	if err != nil {
		return nil, err
	}
	ask := call{
		method: http.MethodGet, path: c.path, header: http.Header{}, sticky: c.sticky,
		ok: []int{http.StatusOK, http.StatusPartialContent},
	}
	if c.accept != "" {
		ask.header.Set("Accept", c.accept)
	}
	switch {
	case off == 0 && end == c.size: // everything: no range needed
	case end >= 0:
		ask.header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, end-1))
	case off > 0:
		ask.header.Set("Range", fmt.Sprintf("bytes=%d-", off))
	}
	return failover(ctx, c.registry, ts, func(ctx context.Context, t target) (*piece, error) {
		resp, err := c.registry.exchange(ctx, t, ask)
		if err != nil {
			return nil, err
		}
		p, err := c.check(resp, off, end)
		if err != nil {
			_ = resp.Body.Close()
			c.registry.locations.drop(locationKey(t, ask))
			return nil, fmt.Errorf("GET %s: %w", redact(resp.Request.URL), err)
		}
		p.host = t.key()
		return p, nil
	})
}

// check compares the headers of an answer with the question and skips to off
// when the server sent everything.
func (c *content) check(resp *http.Response, off, end int64) (*piece, error) {
	p := &piece{body: resp.Body, end: -1, size: resp.ContentLength}
	if resp.StatusCode == http.StatusPartialContent {
		cr, err := parseContentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			return nil, err
		}
		if cr.first != off || (end >= 0 && cr.last >= end) || (resp.ContentLength >= 0 && resp.ContentLength != cr.last-cr.first+1) {
			return nil, fmt.Errorf("got bytes %d-%d, %d of them, want %d-%d: %w", cr.first, cr.last, resp.ContentLength, off, end-1, ErrProtocol)
		}
		p.end, p.size = cr.last+1, cr.total
	} else if p.size >= 0 {
		p.end = p.size
	}
	if p.size >= 0 && c.size > 0 && p.size != c.size {
		return nil, fmt.Errorf("size is %d, want %d: %w", p.size, c.size, ErrCorrupt)
	}
	if p.size >= 0 && (p.size < end || p.size < off) {
		return nil, fmt.Errorf("size is %d, want bytes %d-%d: %w", p.size, off, end-1, errdefs.ErrOutOfRange)
	}
	if resp.StatusCode == http.StatusOK && off > 0 {
		if _, err := io.CopyN(io.Discard, resp.Body, off); err != nil {
			return nil, network(fmt.Sprintf("skip to %d", off), premature(err))
		}
	}
	return p, nil
}

// premature is err, or io.ErrUnexpectedEOF where an EOF comes too early.
func premature(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
