// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Push stores the content of desc, a manifest by digest or a blob, unless the
// registry has it. open gives the content from its start, once for every time
// it is sent; desc.Size must be right. A manifest that has a subject is made
// findable as its referrer, by the registry or by the fallback tag.
func (r *Registry) Push(ctx context.Context, ref string, desc ocispec.Descriptor, open func() (io.ReadCloser, error)) error {
	c, err := r.reach(ref, desc)
	if err != nil {
		return err
	}
	if isManifest(desc.MediaType) {
		b, err := readSource(desc, open)
		if err != nil {
			return err
		}
		return r.putManifest(ctx, c.repo, manifest{desc: desc, name: desc.Digest.String(), body: b})
	}
	return r.pushing(ctx, c.repo, "push "+desc.Digest.String(), func(ctx context.Context, t target) error {
		there, err := r.exists(ctx, t, c)
		if there || err != nil {
			return err
		}
		return r.upload(ctx, t, desc, open)
	})
}

// Tag stores a manifest, whose descriptor is desc, under the tag of ref.
func (r *Registry) Tag(ctx context.Context, ref string, desc ocispec.Descriptor, body []byte) error {
	repo, err := parse(ref)
	if err != nil {
		return err
	}
	tag := repo.tag()
	if tag == "" {
		return fmt.Errorf("reference %q: no tag: %w", ref, errdefs.ErrInvalidArgument)
	}
	if err := check(desc, body); err != nil {
		return err
	}
	return r.putManifest(ctx, repo, manifest{desc: desc, name: tag, body: body})
}

// pushing runs a step of a push at the one host that takes pushes.
func (r *Registry) pushing(ctx context.Context, repo repository, what string, step func(context.Context, target) error) error {
	ctx, err := repo.push(ctx)
	if err != nil {
		return err
	}
	ts, err := r.targets(repo, docker.HostCapabilityPush)
	if err != nil {
		return err
	}
	_, err = failover(ctx, r, ts[:1], func(ctx context.Context, t target) (struct{}, error) {
		return struct{}{}, step(ctx, t)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// exists asks whether a host has a blob.
func (r *Registry) exists(ctx context.Context, t target, c *content) (bool, error) {
	resp, err := r.exchange(ctx, t, call{
		method: http.MethodHead, path: c.path, header: http.Header{},
		ok: []int{http.StatusOK, http.StatusNotFound},
	})
	if err != nil {
		return false, err
	}
	discard(resp)
	return resp.StatusCode == http.StatusOK, nil
}

// upload sends a blob in one piece: POST for a place, PUT of the bytes.
func (r *Registry) upload(ctx context.Context, t target, desc ocispec.Descriptor, open func() (io.ReadCloser, error)) error {
	resp, err := r.exchange(ctx, t, call{
		method: http.MethodPost, path: "blobs/uploads/", header: http.Header{}, ok: []int{http.StatusAccepted},
	})
	if err != nil {
		return err
	}
	discard(resp)
	place, err := resp.Location()
	if err != nil {
		return fmt.Errorf("POST %s: no location: %w", redact(resp.Request.URL), ErrProtocol)
	}
	q := place.Query()
	q.Set("digest", desc.Digest.String())
	place.RawQuery = q.Encode()
	put := call{
		method: http.MethodPut, header: http.Header{"Content-Type": {"application/octet-stream"}},
		body: open, size: desc.Size,
	}
	// Only the registry itself gets credentials.
	send := r.plain
	if at := resp.Request.URL; place.Host == at.Host && place.Scheme == at.Scheme {
		send = r.authorized
	}
	if resp, err = send(ctx, t, put, place); err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusCreated, http.StatusOK, http.StatusNoContent:
		discard(resp)
		return nil
	}
	return statusError(resp)
}

// readSource reads and checks a manifest that is to be pushed.
func readSource(desc ocispec.Descriptor, open func() (io.ReadCloser, error)) ([]byte, error) {
	rc, err := open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rc.Close() }()
	b, err := io.ReadAll(io.LimitReader(rc, maxManifestSize+1))
	if err != nil {
		return nil, err
	}
	return b, check(desc, b)
}

// check compares content that is to be pushed with its descriptor.
func check(desc ocispec.Descriptor, b []byte) error {
	if err := valid(desc.Digest); err != nil {
		return err
	}
	if len(b) > maxManifestSize {
		return fmt.Errorf("push %s: limit %d: %w", desc.Digest, maxManifestSize, ErrTooLarge)
	}
	if got := desc.Digest.Algorithm().FromBytes(b); got != desc.Digest {
		return fmt.Errorf("push %s: got %s: %w", desc.Digest, got, ErrCorrupt)
	}
	return nil
}

// reader is a source of bytes that are in memory.
func reader(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}
