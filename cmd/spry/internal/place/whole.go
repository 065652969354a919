// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// wholeIndex is a layout's index.json taken as the index of one image, which
// is how some tools keep the platforms of an image. It is no blob of the
// layout.
type wholeIndex struct {
	desc  ocispec.Descriptor
	bytes []byte
}

// newWholeIndex takes the entries of ix whose content is there.
func newWholeIndex(ix ocispec.Index, has func(ocispec.Descriptor) (bool, error)) (*wholeIndex, error) {
	out := newIndexFile(ix)
	for _, m := range ix.Manifests {
		ok, err := has(m)
		if err != nil {
			return nil, err
		}
		if ok && m.ArtifactType == "" {
			out.Manifests = append(out.Manifests, m)
		}
	}
	if len(out.Manifests) == 0 {
		return nil, fmt.Errorf("no manifest of index.json is there: %w", errdefs.ErrNotFound)
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode index: %w", err)
	}
	desc := ocispec.Descriptor{MediaType: out.MediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
	return &wholeIndex{desc: desc, bytes: b}, nil
}

// open yields the index if that is what desc describes. A nil w has none.
func (w *wholeIndex) open(desc ocispec.Descriptor) (io.ReadCloser, bool) {
	if w == nil || desc.Digest != w.desc.Digest {
		return nil, false
	}
	return io.NopCloser(bytes.NewReader(w.bytes)), true
}
