// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"encoding/json"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image says what PushImage stored.
type Image struct {
	Manifest ocispec.Descriptor
	Config   ocispec.Descriptor
	Layers   []ocispec.Descriptor
}

// PushBlob stores a blob; the content is shared by all repositories.
func (s *Server) PushBlob(b []byte) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: "application/octet-stream", Digest: s.store.putBlob(b), Size: int64(len(b)),
	}
}

// DeleteBlob makes a blob unknown.
func (s *Server) DeleteBlob(d digest.Digest) { s.store.deleteBlob(d) }

// Blob is the content of a stored blob, nil for none.
func (s *Server) Blob(d digest.Digest) []byte {
	b, _ := s.store.blob(d)
	return b
}

// Manifest is the content of a manifest by tag or digest, nil for none.
func (s *Server) Manifest(repo, name string) []byte {
	m, _ := s.store.manifest(repo, name)
	return m.body
}

// PushManifest stores a manifest of any type by digest and, unless "", by tag.
// v is encoded as JSON; a []byte is stored as it is.
func (s *Server) PushManifest(repo, tag, mediaType string, v any) ocispec.Descriptor {
	s.tb.Helper()
	b, ok := v.([]byte)
	if !ok {
		b = s.encode(v)
	}
	m := stored{mediaType: mediaType, body: b, digest: digest.FromBytes(b)}
	s.store.putManifest(repo, tag, m)
	return ocispec.Descriptor{MediaType: mediaType, Digest: m.digest, Size: int64(len(b))}
}

// PushImage stores a linux/amd64 image of layer blobs (see [Tar], [Gzip],
// [Zstd]; media types and DiffIDs follow from their bytes).
func (s *Server) PushImage(repo, tag string, layers ...[]byte) Image {
	s.tb.Helper()
	return s.PushImageWith(repo, tag, nil, layers...)
}

// PushImageWith is PushImage with annotations on the manifest.
func (s *Server) PushImageWith(repo, tag string, annotations map[string]string, layers ...[]byte) Image {
	s.tb.Helper()
	config := ocispec.Image{
		Platform: ocispec.Platform{Architecture: "amd64", OS: "linux"},
		RootFS:   ocispec.RootFS{Type: "layers"},
		Config:   ocispec.ImageConfig{Cmd: s.Command},
	}
	var img Image
	for _, b := range layers {
		mediaType, tar := inspect(s.tb, b)
		desc := s.PushBlob(b)
		desc.MediaType = mediaType
		img.Layers = append(img.Layers, desc)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(tar))
	}
	img.Config = s.PushBlob(s.encode(config))
	img.Config.MediaType = ocispec.MediaTypeImageConfig
	img.Manifest = s.PushManifest(repo, tag, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   ocispec.MediaTypeImageManifest,
		Config:      img.Config,
		Layers:      img.Layers,
		Annotations: annotations,
	})
	return img
}

func (s *Server) encode(v any) []byte {
	s.tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		s.tb.Fatal(err)
	}
	return b
}
