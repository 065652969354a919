// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

const (
	// DefaultDeadline is how long a read may take.
	DefaultDeadline = 60 * time.Second
	// DefaultSlow is when a read is reported that still waits.
	DefaultSlow = 10 * time.Second
	// DefaultAttempts is how often a span is fetched without a pause whose bytes
	// are wrong.
	DefaultAttempts = 4
	// DefaultRunSize is the size in bytes of the largest range request for
	// more than one span.
	DefaultRunSize = 4 << 20
)

// BlobReader serves ranges of the layer's blob. It must be safe for
// concurrent use.
type BlobReader interface {
	// ReadRange returns a body of exactly n bytes at off, or that fails.
	ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

// Distruster is a [BlobReader] that wants to know of a body whose bytes were
// wrong, to ask another host the next time.
type Distruster interface{ Distrust(body io.ReadCloser) }

// Options configure a [Reader]. Layer, Tree, Store, Blob and Scheduler must be
// set; other zero values give the documented defaults.
type Options struct {
	// Digest names the layer in errors and logs.
	Digest digest.Digest
	Layer  span.Layer
	Tree   *toc.Tree
	// Store keeps what was decoded. The reader does not close it.
	Store     *store.Store
	Blob      BlobReader
	Scheduler *fetch.Scheduler
	// Memory is shared by the readers of a host (a new one).
	Memory *Memory
	// Deadline bounds a read, and a transfer without progress
	// (DefaultDeadline).
	Deadline time.Duration
	// Slow is after what time a read that waits is logged and counted
	// (DefaultSlow).
	Slow time.Duration
	// Images names the images that have the layer, for logs; it may be nil.
	Images func() []string
	// Counters are shared by the readers of a host (new ones).
	Counters *Counters
	// Attempts is how often in all a span is fetched without a pause whose
	// bytes are wrong (DefaultAttempts).
	Attempts int
	// RunSize bounds a range request for more than one span, in bytes
	// (DefaultRunSize).
	RunSize int64
	// Begun, if set, is told of reads of a file's beginning, with the bytes,
	// while spans of the layer are missing. It may not keep the bytes. The
	// reader waits for it. Called concurrently.
	Begun func(id toc.NodeID, head []byte)
	// Lost, if set, is told that spans were dropped which the disk had lost. It
	// may not wait. Called concurrently.
	Lost func()
	// Observer, if set, is asked about every span before it is published. If
	// what it returns is not nil, it is called after that with the verified
	// bytes and what they decode to, neither of which it may keep. The run
	// waits for it, readers of the span do not. Called concurrently.
	Observer func(id span.ID) (see func(data span.Verified, out []byte))
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.Memory == nil {
		o.Memory = NewMemory(0)
	}
	if o.Deadline <= 0 {
		o.Deadline = DefaultDeadline
	}
	if o.Slow <= 0 {
		o.Slow = DefaultSlow
	}
	if o.Counters == nil {
		o.Counters = new(Counters)
	}
	if o.Attempts <= 0 {
		o.Attempts = DefaultAttempts
	}
	if o.RunSize <= 0 {
		o.RunSize = DefaultRunSize
	}
	return o
}
