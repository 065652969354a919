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
	// Transient says whether an error of Blob may pass (all may).
	Transient func(error) bool
	// Prefetch, if set, finds what to fetch first. It is called once, behind
	// Start; ranges that are not of this layer are ignored.
	Prefetch func(ctx context.Context) ([]Range, error)
	// OnDemandOnly leaves out the fetching of everything else.
	OnDemandOnly bool
}
