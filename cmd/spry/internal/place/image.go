// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source is an image that can be read. All methods are safe for concurrent
// use.
type Source interface {
	// Resolve finds the image: the descriptor of its index or manifest. A
	// missing image matches errdefs.ErrNotFound.
	Resolve(ctx context.Context) (ocispec.Descriptor, error)
	// Open streams a blob or manifest, unverified. Missing content matches
	// errdefs.ErrNotFound. The caller closes the stream.
	Open(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error)
	// ReadRange streams exactly n bytes of a blob from off, unverified. The
	// caller closes the stream.
	ReadRange(ctx context.Context, desc ocispec.Descriptor, off, n int64) (io.ReadCloser, error)
}

// Sink is a place that takes content. Put is safe for concurrent use; Tag and
// Attach are called once everything is there.
type Sink interface {
	// Put stores content that open yields, unless it is there, and verifies
	// size and digest. Content that a manifest names is put before it.
	Put(ctx context.Context, desc ocispec.Descriptor, open Content) error
	// Tag makes desc, an index or manifest that was put, the image of this
	// name.
	Tag(ctx context.Context, desc ocispec.Descriptor, manifest []byte) error
	// Attach makes desc, a v1 index that was put, findable from its subject,
	// an image manifest that is there.
	Attach(ctx context.Context, a Attachment) error
}

// Content opens a new stream of the same bytes each time it is called.
type Content func() (io.ReadCloser, error)

// fileContent is a stream of Content that may be a file. Then a place may copy
// the file instead of reading the stream.
type fileContent interface {
	// File is nil if it is none.
	File() *os.File
	// Copied is told that the first n bytes are in the file of that name,
	// which is there until Put ends. They are not verified before that.
	Copied(name string, n int64)
}

// Attachment is a manifest about another manifest.
type Attachment struct {
	// Subject is what the attachment is about.
	Subject ocispec.Descriptor
	// Desc describes the attachment, with artifact type and annotations.
	Desc ocispec.Descriptor
	// Manifest is the attachment's content.
	Manifest []byte
}

// Indexed is implemented by places that can list the indexes they hold.
type Indexed interface {
	// Indexes lists the indexes of this name's image, or of the whole place
	// if the name has no image part. Entries that cannot be read are left
	// out.
	Indexes(ctx context.Context) ([]Found, error)
	// RemoveIndex removes a v1 index and what only it used. A missing one
	// matches errdefs.ErrNotFound; one that an image is bound to cannot be
	// removed.
	RemoveIndex(ctx context.Context, dgst digest.Digest) error
}

// Image is an image at a place, which may not exist yet. Close releases what
// the place holds for it.
type Image interface {
	Source
	Sink
	// Name is the name the image was opened by.
	Name() Name
	// Local says whether content is on this host, cheap to read twice.
	Local() bool
	// Close ends the use of the place; for an archive it writes the file.
	Close() error
}
