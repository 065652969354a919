// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Bounds on what one subject may have.
const (
	maxReferrerPages = 64
	maxReferrers     = 4096
)

// Referrers lists what refers to a manifest, in the registry's order: by the
// referrers API or, where that is unknown, by the fallback tag. artifactType
// filters unless it is "". An empty list means that there is nothing.
func (r *Registry) Referrers(ctx context.Context, ref string, subject digest.Digest, artifactType string) ([]ocispec.Descriptor, error) {
	repo, err := parse(ref)
	if err != nil {
		return nil, err
	}
	if err := valid(subject); err != nil {
		return nil, err
	}
	if ctx, err = repo.pull(ctx); err != nil {
		return nil, err
	}
	found, err := r.referrersByAPI(ctx, repo, subject, artifactType)
	if errdefs.IsNotFound(err) || errdefs.IsFailedPrecondition(err) {
		found, err = r.referrersByTag(ctx, repo, subject)
	}
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("referrers of %s: %w", subject, err)
	}
	return slices.DeleteFunc(found, func(d ocispec.Descriptor) bool {
		return (artifactType != "" && d.ArtifactType != artifactType) || valid(d.Digest) != nil || d.Size < 0
	}), nil
}

func (r *Registry) referrersByAPI(ctx context.Context, repo repository, subject digest.Digest, artifactType string) ([]ocispec.Descriptor, error) {
	ts, err := r.targets(repo, docker.HostCapabilityReferrers)
	if err != nil {
		return nil, err
	}
	c := call{
		method: http.MethodGet, path: "referrers/" + subject.String(),
		header: http.Header{"Accept": {ocispec.MediaTypeImageIndex}},
		// Registries that never heard of the API use any of the last three.
		ok: []int{http.StatusOK, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented},
	}
	if artifactType != "" {
		c.query = url.Values{"artifactType": {artifactType}}
	}
	return failover(ctx, r, ts, func(ctx context.Context, t target) ([]ocispec.Descriptor, error) {
		return r.referrerPages(ctx, t, c)
	})
}

// referrerPages reads all pages from one host.
func (r *Registry) referrerPages(ctx context.Context, t target, c call) ([]ocispec.Descriptor, error) {
	var all []ocispec.Descriptor
	next := t.url(c.path, c.query)
	for page := 0; next != nil; page++ {
		resp, err := r.exchangeAt(ctx, t, c, next)
		if err != nil {
			return nil, err
		}
		what := "GET " + redact(resp.Request.URL)
		if resp.StatusCode != http.StatusOK {
			discard(resp)
			return nil, fmt.Errorf("%s: status %d: %w", what, resp.StatusCode, errdefs.ErrNotFound)
		}
		found, err := readIndex(resp)
		if err != nil {
			return nil, err
		}
		all = append(all, found.Manifests...)
		if len(all) > maxReferrers || page == maxReferrerPages {
			return nil, fmt.Errorf("%s: more than %d referrers or %d pages: %w", what, maxReferrers, maxReferrerPages, ErrTooLarge)
		}
		at := resp.Request.URL
		if next = nextPage(at, resp.Header); next != nil && next.Host != at.Host {
			return nil, fmt.Errorf("%s: next page is at another host: %w", what, ErrProtocol)
		}
	}
	return all, nil
}

// nextPage reads the Link header (RFC 8288) of a page: nil for the last one.
func nextPage(at *url.URL, h http.Header) *url.URL {
	for _, link := range h.Values("Link") {
		target, params, ok := strings.Cut(link, ">")
		target, open := strings.CutPrefix(strings.TrimSpace(target), "<")
		if !ok || !open || !strings.Contains(strings.ReplaceAll(params, `"`, ""), "rel=next") {
			continue
		}
		if u, err := at.Parse(target); err == nil {
			return u
		}
	}
	return nil
}

func (r *Registry) referrersByTag(ctx context.Context, repo repository, subject digest.Digest) ([]ocispec.Descriptor, error) {
	ts, err := r.targets(repo, docker.HostCapabilityResolve)
	if err != nil {
		return nil, err
	}
	c := call{
		method: http.MethodGet, path: "manifests/" + fallbackTag(subject),
		header: http.Header{"Accept": {ocispec.MediaTypeImageIndex + ", */*"}}, ok: []int{http.StatusOK},
	}
	return failover(ctx, r, ts, func(ctx context.Context, t target) ([]ocispec.Descriptor, error) {
		resp, err := r.exchange(ctx, t, c)
		if err != nil {
			return nil, err
		}
		defer func() { _ = resp.Body.Close() }()
		found, err := readIndex(resp)
		if err != nil {
			return nil, err
		}
		if len(found.Manifests) > maxReferrers {
			return nil, fmt.Errorf("GET %s: more than %d referrers: %w", redact(resp.Request.URL), maxReferrers, ErrTooLarge)
		}
		return found.Manifests, nil
	})
}

// fallbackTag is the tag under which clients keep the referrers of a manifest
// where the registry does not (distribution specification 1.1, "Referrers Tag
// Schema").
func fallbackTag(subject digest.Digest) string {
	return subject.Algorithm().String() + "-" + subject.Encoded()
}

// readIndex reads and closes an answer that must be an image index.
func readIndex(resp *http.Response) (*ocispec.Index, error) {
	b, err := readManifest(resp)
	if err != nil {
		return nil, err
	}
	var ix ocispec.Index
	if err := json.Unmarshal(b, &ix); err != nil {
		return nil, fmt.Errorf("GET %s: %w: %w", redact(resp.Request.URL), err, ErrProtocol)
	}
	if ix.MediaType != "" && ix.MediaType != ocispec.MediaTypeImageIndex {
		return nil, fmt.Errorf("GET %s: media type %.80q: %w", redact(resp.Request.URL), ix.MediaType, ErrProtocol)
	}
	return &ix, nil
}
