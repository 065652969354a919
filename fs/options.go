// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index"
)

// Finder finds indexes and reads artifacts; *discover.Finder is one.
type Finder interface {
	Find(ctx context.Context, ref index.LayerRef) (*discover.Found, error)
	Artifact(ctx context.Context, ref index.LayerRef, desc ocispec.Descriptor, limit int64) ([]byte, error)
}

var _ Finder = (*discover.Finder)(nil)

// Options configure a [FileSystem]. Root, Registry, Finder and Session must be
// set, and belong to the caller, who closes them after the FileSystem.
type Options struct {
	// Root is a directory of ours alone, on a real file system.
	Root     string
	Registry *remote.Registry
	Finder   Finder
	Session  *session.Loop
	// IndexTimeout bounds the loading of one layer's index, while a pull waits
	// (DefaultIndexTimeout).
	IndexTimeout time.Duration
	// IndexRetry is how long after such a failure nothing is loaded any more for
	// other layers of the image (30 s).
	IndexRetry time.Duration
	// Scheduler is of all transfers of this host (one with defaults).
	Scheduler *fetch.Scheduler
	// Memory is for spans between network and disk (one with defaults).
	Memory *read.Memory
	// MaxBytes is how much disk space all layers may occupy before those without
	// owners go, least recently used first; 0 removes these at once.
	MaxBytes int64
	// ReadCondemned lets running containers go on reading a layer whose index
	// was found to lie; otherwise their reads fail.
	ReadCondemned bool
	// MountGrace is how long after Dir a mount of what it named may still be
	// under way (DefaultMountGrace).
	MountGrace time.Duration
	// Background fetches the rest of every mounted layer.
	Background bool
	// Deadline bounds a read (read.DefaultDeadline).
	Deadline time.Duration
	// Slow is after what time a read that waits is reported
	// (read.DefaultSlow).
	Slow time.Duration
	// Erofs has the kernel know the names and attributes of layers, by EROFS images
	// of them: see TryErofs.
	Erofs bool
	// Counters count the reads of this host (new ones).
	Counters *read.Counters
}

// DefaultMountGrace is the default of Options.MountGrace.
const DefaultMountGrace = 10 * time.Second

// DefaultIndexTimeout is the default of Options.IndexTimeout.
const DefaultIndexTimeout = 30 * time.Second

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.Scheduler == nil {
		o.Scheduler = fetch.New(fetch.Options{})
	}
	if o.MountGrace <= 0 {
		o.MountGrace = DefaultMountGrace
	}
	if o.IndexTimeout <= 0 {
		o.IndexTimeout = DefaultIndexTimeout
	}
	if o.IndexRetry <= 0 {
		o.IndexRetry = 30 * time.Second
	}
	if o.Memory == nil {
		o.Memory = read.NewMemory(0)
	}
	if o.Counters == nil {
		o.Counters = new(read.Counters)
	}
	return o
}
