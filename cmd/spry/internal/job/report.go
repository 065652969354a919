// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Report says what a job did.
type Report struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	// Digest is of the converted image, "" if none was made.
	Digest digest.Digest `json:"digest,omitempty"`
	// Platforms are those that were asked for.
	Platforms []PlatformReport `json:"platforms"`
}

// PlatformReport says what became of one platform of an image.
type PlatformReport struct {
	Platform string        `json:"platform"`
	Manifest digest.Digest `json:"manifest"`
	// Index is "" if no layer could be indexed.
	Index  digest.Digest `json:"index,omitempty"`
	Layers []LayerReport `json:"layers"`
}

// LayerReport says what became of one layer.
type LayerReport struct {
	Digest digest.Digest `json:"digest"`
	// Size is of the layer blob in bytes.
	Size int64 `json:"size"`
	// Ztoc is "" if the layer has no index.
	Ztoc     digest.Digest `json:"ztoc,omitempty"`
	ZtocSize int64         `json:"ztoc_size,omitempty"`
	Spans    int           `json:"spans,omitempty"`
	// Compact is "" if the layer has no compact index; NoCompact says why it
	// has none although one was wanted.
	Compact      digest.Digest `json:"compact,omitempty"`
	CompactSize  int64         `json:"compact_size,omitempty"`
	CompactSpans int           `json:"compact_spans,omitempty"`
	NoCompact    string        `json:"no_compact,omitempty"`
	// Reused says that an index that was there was verified and taken.
	Reused bool `json:"reused,omitempty"`
	// Skipped says why the layer has no index.
	Skipped string `json:"skipped,omitempty"`
}

// NothingError says that no layer of any platform could be indexed.
type NothingError struct{ Platforms []PlatformReport }

// Error implements error, with the reason of each layer.
func (e *NothingError) Error() string {
	var b strings.Builder
	b.WriteString("no layer could be indexed")
	for _, p := range e.Platforms {
		for _, l := range p.Layers {
			fmt.Fprintf(&b, "\n  %s layer %s: %s", p.Platform, l.Digest, l.Skipped)
		}
		if len(p.Layers) == 0 {
			fmt.Fprintf(&b, "\n  %s: image has no layers", p.Platform)
		}
	}
	return b.String()
}
