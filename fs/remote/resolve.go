// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Resolve finds the manifest or index that a reference names, by tag or by
// digest, with media type and size. Only hosts trusted to resolve are asked.
func (r *Registry) Resolve(ctx context.Context, ref string) (ocispec.Descriptor, error) {
	repo, err := parse(ref)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	name, want, caps := repo.tag(), repo.spec.Digest(), docker.HostCapabilityResolve
	if want != "" {
		if err := valid(want); err != nil {
			return ocispec.Descriptor{}, err
		}
		name, caps = want.String(), docker.HostCapabilityPull
	}
	if name == "" {
		return ocispec.Descriptor{}, fmt.Errorf("reference %q: no tag or digest: %w", ref, errdefs.ErrInvalidArgument)
	}
	ctx, err = repo.pull(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	ts, err := r.targets(repo, caps)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc, err := failover(ctx, r, ts, func(ctx context.Context, t target) (ocispec.Descriptor, error) {
		return r.resolveAt(ctx, t, name, want)
	})
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("resolve %s: %w", ref, err)
	}
	return desc, nil
}

// resolveAt asks one host, by HEAD when that tells everything and by GET when
// it does not.
func (r *Registry) resolveAt(ctx context.Context, t target, name string, want digest.Digest) (ocispec.Descriptor, error) {
	c := call{
		method: http.MethodHead, path: "manifests/" + name,
		header: http.Header{"Accept": {manifestTypes}},
		ok:     []int{http.StatusOK, http.StatusMethodNotAllowed},
	}
	resp, err := r.exchange(ctx, t, c)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	discard(resp)
	got := digest.Digest(resp.Header.Get("Docker-Content-Digest"))
	desc := ocispec.Descriptor{MediaType: mediaType(resp), Digest: got, Size: resp.ContentLength}
	if resp.StatusCode != http.StatusOK || valid(got) != nil || desc.Size <= 0 || desc.MediaType == "" {
		if desc, err = r.resolveByGet(ctx, t, c); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	if want != "" && desc.Digest != want {
		return ocispec.Descriptor{}, fmt.Errorf("got %s, want %s: %w", desc.Digest, want, ErrCorrupt)
	}
	return desc, nil
}

func (r *Registry) resolveByGet(ctx context.Context, t target, c call) (ocispec.Descriptor, error) {
	c.method, c.ok = http.MethodGet, []int{http.StatusOK}
	resp, err := r.exchange(ctx, t, c)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := readManifest(resp)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return ocispec.Descriptor{MediaType: mediaType(resp), Digest: digest.FromBytes(b), Size: int64(len(b))}, nil
}

// readManifest reads a small answer, which the caller closes.
func readManifest(resp *http.Response) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxManifestSize+1))
	what := "GET " + redact(resp.Request.URL)
	if err != nil {
		return nil, network(what, err)
	}
	if len(b) > maxManifestSize {
		return nil, fmt.Errorf("%s: limit %d: %w", what, maxManifestSize, ErrTooLarge)
	}
	return b, nil
}

// mediaType is the Content-Type of an answer without parameters.
func mediaType(resp *http.Response) string {
	t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}
