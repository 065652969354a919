// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Blob is one blob of a repository, read in ranges. It holds nothing open and
// is safe for concurrent use.
type Blob struct {
	content *content
	err     error // why no range can be read
}

// Blob names a blob. That ref or dgst is invalid, or that there is no such
// blob, shows when it is read.
func (r *Registry) Blob(ref string, dgst digest.Digest) *Blob {
	c, err := r.reach(ref, ocispec.Descriptor{Digest: dgst})
	return &Blob{content: c, err: err}
}

// ReadRange opens n bytes from offset off. The body yields exactly these, then
// io.EOF, or fails; it is resumed at the byte when it breaks, by whichever
// host can. The bytes are not verified. ctx ends the body too; the caller
// closes it and does not use it from several goroutines.
//
// A range that goes past the end of the blob matches errdefs.IsOutOfRange.
func (b *Blob) ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	switch {
	case b.err != nil:
		return nil, b.err
	case off < 0 || n < 0 || off+n < 0:
		return nil, fmt.Errorf("read %s: range of %d bytes at %d: %w", b.content.digest, n, off, errdefs.ErrInvalidArgument)
	case n == 0:
		return http.NoBody, nil
	}
	return newBody(ctx, b.content, off, off+n)
}

// Distrust is [Distrust] as a method, for callers that know a blob only by an
// interface.
func (b *Blob) Distrust(rc io.ReadCloser) { Distrust(rc) }

// Distrust says that the bytes of a body from ReadRange or Open were wrong.
// The host that sent them is tried last for a while, so that the next read is
// answered by another one if there is any.
func Distrust(rc io.ReadCloser) {
	if from, ok := rc.(*body); ok {
		from.content.distrust(from.host)
	}
}
