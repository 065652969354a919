// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/fs/unpack"
	"github.com/spryd/spry/index"
)

// LayerStatus describes a layer of this host.
type LayerStatus struct {
	Layer digest.Digest
	Ztoc  digest.Digest
	// State is layer.Described for one that could not be mounted; Err says
	// why.
	State layer.State
	Err   error
	// Spans and MissingSpans count spans; Size and MissingBytes are bytes of
	// the blob.
	Spans, MissingSpans int
	Size, MissingBytes  int64
	// Mountpoint is "" if the layer is not mounted.
	Mountpoint string
	Images     []string
	Owners     []string
}

// Usage is what a layer occupies on disk.
type Usage struct{ Bytes, Inodes int64 }

// notMounted is the error of a layer that is not there.
func notMounted(d digest.Digest) error {
	return fmt.Errorf("layer %s is not mounted: %w", d, errdefs.ErrNotFound)
}

// Dir is the directory that shows the layer to new containers. A layer that
// is not mounted matches errdefs.ErrNotFound; see [FileSystem.Check].
func (f *FileSystem) Dir(d digest.Digest) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.entries[d]
	if e == nil || e.served == nil {
		return "", notMounted(d)
	}
	return e.served.mountpoint, nil
}

// Usage is about what the layer occupies on disk, its index included.
func (f *FileSystem) Usage(_ context.Context, d digest.Digest) (Usage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.entries[d]
	if e == nil || e.served == nil {
		return Usage{}, notMounted(d)
	}
	bytes, inodes := e.served.layer.Usage()
	const own = 4 // the directory, ref.json, index, spans
	return Usage{Bytes: bytes + e.served.index.size, Inodes: inodes + own}, nil
}

// Unpack downloads ref's layer and unpacks it the ordinary way. It
// returns the DiffID of what it unpacked: see [unpack.Layer].
func (f *FileSystem) Unpack(ctx context.Context, ref index.LayerRef, dir string, parents []string) (digest.Digest, error) {
	return unpack.Layer(ctx, f.options.Registry, ref, dir, parents)
}

// Layers describes every layer that has owners, by digest.
func (f *FileSystem) Layers() []LayerStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]LayerStatus, 0, len(f.entries))
	for d, e := range f.entries {
		st := LayerStatus{Layer: d, Ztoc: e.record.Ztoc, Size: e.record.Size, Err: e.err,
			Images: slices.Clone(e.record.Images), Owners: slices.Sorted(maps.Keys(e.owners))}
		if s := e.served; s != nil {
			st.State, st.Mountpoint = s.layer.State(), s.mountpoint
			st.Spans, st.MissingSpans = s.layer.Spans()
			st.Size, st.MissingBytes = s.layer.Bytes()
		}
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b LayerStatus) int { return cmp.Compare(a.Layer, b.Layer) })
	return list
}
