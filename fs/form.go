// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/ztoc"
)

// form is one of the blobs that describe a layer to make it lazy.
type form struct {
	desc    ocispec.Descriptor
	compact bool // a compact index, otherwise a ztoc
}

// formsOf are the forms in which ix describes layer d, the best one first.
func formsOf(ix *index.Index, d digest.Digest) []form {
	var forms []form
	if desc, ok := ix.CompactFor(d); ok {
		forms = append(forms, form{desc: desc, compact: true})
	}
	if li, ok := ix.ForLayer(d); ok {
		forms = append(forms, form{desc: li.Descriptor})
	}
	return forms
}

// described are the layers that ix describes, in the order of the image.
func described(ix *index.Index) []digest.Digest {
	var layers []digest.Digest
	for _, li := range ix.Layers {
		layers = append(layers, li.Layer)
	}
	for _, c := range ix.Compact {
		if !slices.Contains(layers, c.Layer) {
			layers = append(layers, c.Layer)
		}
	}
	return layers
}

// String is the form for errors.
func (m form) String() string {
	if m.compact {
		return "compact index " + m.desc.Digest.String()
	}
	return "ztoc " + m.desc.Digest.String()
}

// limit is the size of the largest blob that is used, in bytes.
func (m form) limit() int64 {
	if m.compact {
		return min(discover.MaxArtifact, compact.MaxSize)
	}
	return min(discover.MaxArtifact, ztoc.MaxSize)
}
