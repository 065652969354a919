// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
)

// copies is how many blobs are copied at once.
const copies = 4

// copier brings the blobs of an image to another place, in order, and lets
// whoever needs one there wait for it. A nil copier has nothing to do.
type copier struct {
	src, dst place.Image
	display  *progress.Display
	blobs    []*blobCopy
	byDigest map[digest.Digest]*blobCopy
}

// blobCopy is one blob under way; err is valid once done is closed.
type blobCopy struct {
	desc     ocispec.Descriptor
	required bool // it is an error if the source lacks it
	growth   growth
	done     chan struct{}
	err      error
}

// newCopier makes a copier without blobs; nil if the places are the same.
func newCopier(src, dst place.Image, d *progress.Display) *copier {
	if src.Name().SamePlace(dst.Name()) {
		return nil
	}
	return &copier{src: src, dst: dst, display: d, byDigest: map[digest.Digest]*blobCopy{}}
}

// add plans to copy the blobs of a manifest, which the source must have.
func (c *copier) add(m *manifest) { c.plan(m, true) }

// offer plans to copy the blobs of a manifest that the source has.
func (c *copier) offer(m *manifest) { c.plan(m, false) }

func (c *copier) plan(m *manifest, required bool) {
	if c == nil {
		return
	}
	for _, desc := range m.blobs() {
		b := c.byDigest[desc.Digest]
		if b == nil {
			b = &blobCopy{desc: desc, growth: newGrowth(), done: make(chan struct{})}
			c.blobs = append(c.blobs, b)
			c.byDigest[desc.Digest] = b
		}
		b.required = b.required || required
	}
}

// complete says whether all blobs of a manifest are at the destination, once
// run has ended well.
func (c *copier) complete(m *manifest) bool {
	if c == nil {
		return true
	}
	for _, desc := range m.blobs() {
		if c.byDigest[desc.Digest].err != nil {
			return false
		}
	}
	return true
}

// run copies everything. It must be called once for wait to end.
func (c *copier) run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(copies)
	for _, b := range c.blobs {
		g.Go(func() error {
			defer close(b.done)
			b.err = c.copy(ctx, b)
			if b.err != nil && ctx.Err() != nil {
				b.err = context.Cause(ctx) // what stopped this copy, not that it was stopped
			}
			if !b.required && errdefs.IsNotFound(b.err) {
				return nil
			}
			return b.err
		})
	}
	return g.Wait()
}

// wait waits until a blob is at the destination.
func (c *copier) wait(ctx context.Context, dgst digest.Digest) error {
	if c == nil {
		return nil
	}
	b := c.byDigest[dgst]
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *copier) copy(ctx context.Context, b *blobCopy) error {
	desc := b.desc
	t := c.display.Task("copy "+short(desc.Digest), desc.Size)
	defer t.Done("")
	err := c.dst.Put(ctx, desc, func() (io.ReadCloser, error) {
		rc, err := c.src.Open(ctx, desc)
		if err != nil {
			return nil, err
		}
		t.Set(0)
		return counted{t.Reader(rc), rc, &b.growth}, nil
	})
	if errdefs.IsNotFound(err) && images.IsNonDistributable(desc.MediaType) {
		return nil // by definition kept elsewhere
	}
	if err != nil {
		return fmt.Errorf("copy %s from %s to %s: %w", desc.Digest, c.src.Name(), c.dst.Name(), err)
	}
	return nil
}

// counted is a stream that counts for a task.
type counted struct {
	io.Reader
	io.Closer
	growth *growth
}

// File is the file behind the stream, or nil. What is read from it is not
// counted.
func (c counted) File() *os.File {
	f, _ := c.Closer.(*os.File)
	return f
}

// Copied lets those who follow the copy go on.
func (c counted) Copied(name string, n int64) { c.growth.grow(name, n) }

// short is a digest as people read it.
func short(d digest.Digest) string {
	if d.Validate() != nil {
		return d.String()
	}
	return d.Algorithm().String() + ":" + d.Encoded()[:12]
}
