// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/remote"
)

// maxImages is how many images are remembered as places to get a layer from.
const maxImages = 16

// source reads a layer's blob from the registries of every image that has it.
// Safe for concurrent use.
type source struct {
	registry *remote.Registry
	layer    digest.Digest
	fetched  func() // told of each request; may be nil

	mu    sync.Mutex     // guards blobs
	blobs []*remote.Blob // the one that answered last first
}

var (
	_ read.BlobReader = (*source)(nil)
	_ read.Distruster = (*source)(nil)
)

// newSource reads layer from the repositories of images.
func newSource(reg *remote.Registry, layer digest.Digest, images []string) *source {
	s := &source{registry: reg, layer: layer}
	for _, image := range images {
		s.add(image)
	}
	return s
}

// add appends one more image.
func (s *source) add(image string) {
	b := s.registry.Blob(image, s.layer)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs = append(s.blobs, b)
}

// ReadRange implements [read.BlobReader]: the first image whose registry
// answers.
func (s *source) ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	if s.fetched != nil {
		s.fetched()
	}
	s.mu.Lock()
	blobs := slices.Clone(s.blobs)
	s.mu.Unlock()
	var failed []error
	for i, b := range blobs {
		rc, err := b.ReadRange(ctx, off, n)
		if err == nil {
			if i > 0 {
				s.prefer(b)
			}
			return rc, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(failed) == 0 {
		return nil, fmt.Errorf("layer %s: no image to read it from", s.layer)
	}
	return nil, errors.Join(failed...)
}

// prefer moves b to the front.
func (s *source) prefer(b *remote.Blob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.blobs, b); i > 0 {
		s.blobs = slices.Insert(slices.Delete(s.blobs, i, i+1), 0, b)
	}
}

// Distrust implements [read.Distruster]: another host, and another image, are
// tried next.
func (s *source) Distrust(body io.ReadCloser) {
	remote.Distrust(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.blobs) > 1 {
		s.blobs = append(s.blobs[1:], s.blobs[0])
	}
}
