// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"encoding/json"
	"sort"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// stored is one manifest with the media type it was pushed with.
type stored struct {
	mediaType string
	body      []byte
	digest    digest.Digest
}

// storage is what a registry holds. Several servers may share one.
type storage struct {
	mu        sync.Mutex // guards the fields below
	blobs     map[digest.Digest][]byte
	manifests map[string]map[string]stored // repository -> tag or digest
}

func newStorage() *storage {
	return &storage{blobs: map[digest.Digest][]byte{}, manifests: map[string]map[string]stored{}}
}

func (s *storage) blob(d digest.Digest) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[d]
	return b, ok
}

func (s *storage) putBlob(b []byte) digest.Digest {
	d := digest.FromBytes(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[d] = b
	return d
}

func (s *storage) deleteBlob(d digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blobs, d)
}

func (s *storage) manifest(repo, name string) (stored, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.manifests[repo][name]
	return m, ok
}

// putManifest stores under the digest and, when given, under a tag.
func (s *storage) putManifest(repo, tag string, m stored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.manifests[repo] == nil {
		s.manifests[repo] = map[string]stored{}
	}
	s.manifests[repo][m.digest.String()] = m
	if tag != "" {
		s.manifests[repo][tag] = m
	}
}

// referrers lists what has subject as its subject, in order of digest.
func (s *storage) referrers(repo string, subject digest.Digest) []ocispec.Descriptor {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []ocispec.Descriptor{}
	for name, m := range s.manifests[repo] {
		var parsed ocispec.Manifest
		if name != m.digest.String() || json.Unmarshal(m.body, &parsed) != nil {
			continue
		}
		if parsed.Subject == nil || parsed.Subject.Digest != subject {
			continue
		}
		artifact := parsed.ArtifactType
		if artifact == "" {
			artifact = parsed.Config.MediaType
		}
		found = append(found, ocispec.Descriptor{
			MediaType: m.mediaType, Digest: m.digest, Size: int64(len(m.body)),
			Annotations: parsed.Annotations, ArtifactType: artifact,
		})
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Digest < found[j].Digest })
	return found
}
