// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Range is spans from First to Last, both inclusive.
type Range struct{ First, Last span.ID }

// Options describe a [Layer]. Digest, Dir, Tree, Spans, Blob and Scheduler
// must be set; other zero values give the documented defaults.
type Options struct {
	Digest digest.Digest
	// Dir is the directory of the store.
	Dir   string
	Tree  *toc.Tree
	Spans span.Layer
	Blob  read.BlobReader
	// Scheduler and Memory are shared by the layers of a host (Memory: a new
	// one).
	Scheduler *fetch.Scheduler
	Memory    *read.Memory
	// Deadline bounds a read (read.DefaultDeadline).
	Deadline time.Duration
	// Slow is after what time a read that waits is reported, with the names
	// of Images, and Counters are shared by the layers of a host: see
	// [read.Options].
	Slow     time.Duration
	Images   func() []string
	Counters *read.Counters
	// Prefetch, if set, finds what to fetch first. It is called once, behind
	// Start; ranges that are not of this layer are ignored.
	Prefetch func(ctx context.Context) ([]Range, error)
	// Begun, if set, is told what read.Options.Begun is.
	Begun func(id toc.NodeID, head []byte)
	// OnDemandOnly leaves out the fetching of everything else. Such a layer is
	// not proven and does not become plain.
	OnDemandOnly bool
	// Index names the index in the log.
	Index digest.Digest
	// Condemned says that the layer is, since an earlier process.
	Condemned bool
	// ReadCondemned lets reads of a condemned layer go on; otherwise they fail
	// with [ErrCondemned].
	ReadCondemned bool
	// OnPlain and OnCondemned, if set, are told when the layer becomes that,
	// by a goroutine that Close waits for.
	OnPlain     func()
	OnCondemned func(error)
}
