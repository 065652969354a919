// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// manifest is a manifest to be stored.
type manifest struct {
	desc ocispec.Descriptor
	name string // tag or digest
	body []byte
}

// putManifest stores a manifest under its name and, when it has a subject that
// the registry says nothing about, in the fallback tag.
func (r *Registry) putManifest(ctx context.Context, repo repository, m manifest) error {
	var known bool
	err := r.pushing(ctx, repo, "push "+m.desc.Digest.String(), func(ctx context.Context, t target) error {
		resp, err := r.exchange(ctx, t, manifestCall(m.name, m.desc.MediaType, m.body))
		if err != nil {
			return err
		}
		discard(resp)
		known = resp.Header.Get("OCI-Subject") != ""
		return nil
	})
	if err != nil || known {
		return err
	}
	var parsed ocispec.Manifest
	if err := json.Unmarshal(m.body, &parsed); err != nil || parsed.Subject == nil {
		return nil // the registry took it; what it is is not our business
	}
	if err := valid(parsed.Subject.Digest); err != nil {
		return fmt.Errorf("push %s: subject: %w", m.desc.Digest, err)
	}
	return r.addReferrer(ctx, repo, parsed.Subject.Digest, referrer(m.desc, parsed))
}

func manifestCall(name, mediaType string, b []byte) call {
	return call{
		method: http.MethodPut, path: "manifests/" + name,
		header: http.Header{"Content-Type": {mediaType}},
		ok:     []int{http.StatusCreated, http.StatusOK, http.StatusAccepted, http.StatusNoContent},
		body:   reader(b), size: int64(len(b)),
	}
}

// referrer is how a manifest is listed among the referrers of its subject.
func referrer(desc ocispec.Descriptor, m ocispec.Manifest) ocispec.Descriptor {
	artifactType := m.ArtifactType
	if artifactType == "" {
		artifactType = m.Config.MediaType
	}
	return ocispec.Descriptor{
		MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
		Annotations: m.Annotations, ArtifactType: artifactType,
	}
}

// addReferrer puts entry in the list under the fallback tag of subject. Two
// writers at the same time may lose an entry: the tag has no lock.
func (r *Registry) addReferrer(ctx context.Context, repo repository, subject digest.Digest, entry ocispec.Descriptor) error {
	tag := fallbackTag(subject)
	return r.pushing(ctx, repo, "push referrers of "+subject.String(), func(ctx context.Context, t target) error {
		resp, err := r.exchange(ctx, t, call{
			method: http.MethodGet, path: "manifests/" + tag,
			header: http.Header{"Accept": {ocispec.MediaTypeImageIndex}}, ok: []int{http.StatusOK},
		})
		list := &ocispec.Index{}
		if err == nil {
			defer func() { _ = resp.Body.Close() }()
			list, err = readIndex(resp)
		}
		if err != nil && !errdefs.IsNotFound(err) {
			return err
		}
		if slices.ContainsFunc(list.Manifests, func(d ocispec.Descriptor) bool { return d.Digest == entry.Digest }) {
			return nil
		}
		b, err := json.Marshal(ocispec.Index{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
			Manifests: append(list.Manifests, entry), Annotations: list.Annotations,
		})
		if err != nil {
			return err
		}
		if resp, err = r.exchange(ctx, t, manifestCall(tag, ocispec.MediaTypeImageIndex, b)); err != nil {
			return err
		}
		discard(resp)
		return nil
	})
}
