// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/layer"
)

// LayerStatus describes a layer of this host.
type LayerStatus struct {
	Layer digest.Digest
	Ztoc  digest.Digest
	// State is layer.Described for one that could not be mounted; Err says
	// why. That of a condemned layer says what is wrong, and that of a plain
	// one why its FUSE mount stays all the same.
	State layer.State
	Err   error
	// FUSE says that a mount of the layer is served through FUSE.
	FUSE bool
	// Shown is what new containers get: "directory", "erofs" (an image of the names, with
	// contents through FUSE), "passthrough" (FUSE, but the kernel reads complete large files on its
	// own), "fuse", or "" if the layer could not be mounted.
	Shown string
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
	return f.dirLocked(d)
}

func (f *FileSystem) dirLocked(d digest.Digest) (string, error) {
	e := f.entries[d]
	switch {
	case e == nil || e.plain == nil && e.served == nil:
		return "", notMounted(d)
	case e.plain != nil:
		return e.plain.dir, nil
	default:
		e.handed = time.Now()
		return e.served.mountpoint, nil
	}
}

// Usage is about what the layer occupies on disk, its index included.
func (f *FileSystem) Usage(_ context.Context, d digest.Digest) (Usage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.entries[d]
	if e == nil || e.plain == nil && e.served == nil {
		return Usage{}, notMounted(d)
	}
	return e.usage(), nil
}

// usage is what the layer of e occupies. FileSystem.mu is held.
func (e *entry) usage() Usage {
	// The directory and the files beside fs: ref.json and its copy, spans, index, sealed.
	own := Usage{Bytes: 5 * 4096, Inodes: 6}
	switch {
	case e.plain != nil:
		own.Bytes, own.Inodes = own.Bytes+e.plain.usage.Bytes, own.Inodes+e.plain.usage.Inodes
	case e.served != nil:
		bytes, inodes := e.served.layer.Usage()
		own.Bytes, own.Inodes = own.Bytes+bytes+e.served.index.size+e.served.imageBytes(), own.Inodes+inodes
	}
	return own
}

// images are the images that are known to have layer d.
func (f *FileSystem) images(d digest.Digest) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.entries[d]; e != nil {
		return slices.Clone(e.record.Images)
	}
	return nil
}

// Layers describes every layer that has owners, by digest.
func (f *FileSystem) Layers() []LayerStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]LayerStatus, 0, len(f.entries))
	for d, e := range f.entries {
		st := LayerStatus{Layer: d, Ztoc: e.record.Ztoc, Size: e.record.Size, Err: e.err,
			Images: slices.Clone(e.record.Images), Owners: slices.Sorted(maps.Keys(e.owners))}
		if c, lies := f.condemned.find(d, e.record.Ztoc); lies {
			st.State, st.Err = layer.Condemned, c.Err()
		}
		if s := e.served; s != nil {
			st.FUSE = true
			if look := s.look.Load(); look != nil {
				st.Shown = look.as
			}
			st.State, st.Mountpoint = s.layer.State(), s.mountpoint
			st.Spans, st.MissingSpans = s.layer.Spans()
			st.Size, st.MissingBytes = s.layer.Bytes()
		}
		if p := e.plain; p != nil {
			st.State, st.Shown, st.Mountpoint, st.Err = layer.Plain, "directory", p.alias, p.err
		}
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b LayerStatus) int { return cmp.Compare(a.Layer, b.Layer) })
	return list
}
