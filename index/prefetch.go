// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

import (
	"encoding/json"
	"fmt"
)

// MaxPrefetchSize bounds the bytes of a prefetch artifact.
const MaxPrefetchSize = 1 << 20

// prefetchVersion is the only version of the artifact.
const prefetchVersion = "1.0"

// Prefetch is what a prefetch artifact says: the spans of one ztoc that a
// starting container needs.
type Prefetch struct {
	// Ranges has at least one range.
	Ranges []PrefetchRange
}

type prefetchJSON struct {
	Version string          `json:"version"`
	Ranges  []PrefetchRange `json:"prefetch_spans"`
}

// ParsePrefetch reads a prefetch artifact. It cannot know how many spans the
// ztoc has: the caller checks the ends. Errors match [ErrInvalid].
func ParsePrefetch(b []byte) (*Prefetch, error) {
	if len(b) > MaxPrefetchSize {
		return nil, fmt.Errorf("%w: prefetch of %d bytes, at most %d allowed", ErrInvalid, len(b), MaxPrefetchSize)
	}
	var p prefetchJSON
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("%w: prefetch: %w", ErrInvalid, err)
	}
	if p.Version != prefetchVersion {
		return nil, fmt.Errorf("%w: prefetch version %q", ErrInvalid, p.Version)
	}
	out := &Prefetch{Ranges: p.Ranges}
	if err := out.validate(); err != nil {
		return nil, err
	}
	return out, nil
}

// Encode writes the artifact in canonical form.
func (p *Prefetch) Encode() ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(prefetchJSON{Version: prefetchVersion, Ranges: p.Ranges})
	if err != nil {
		return nil, fmt.Errorf("encode prefetch: %w", err)
	}
	return b, nil
}

func (p *Prefetch) validate() error {
	if len(p.Ranges) == 0 {
		return fmt.Errorf("%w: prefetch without spans", ErrInvalid)
	}
	for i, r := range p.Ranges {
		if r.Start < 0 || r.End < r.Start {
			return fmt.Errorf("%w: prefetch range %d: spans %d to %d", ErrInvalid, i, r.Start, r.End)
		}
	}
	return nil
}
