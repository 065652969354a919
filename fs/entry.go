// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/toc"
)

// entry is a layer that has or had owners. It changes only under the lock of
// its digest and FileSystem.mu; one of them suffices to read it.
type entry struct {
	record record
	owners map[string]struct{}
	// plain is nil as long as the layer is served through FUSE. Afterwards
	// served is what the users of the old mount still need, or nil.
	plain *plain
	// handed is when somebody was told to mount what served shows.
	handed time.Time
	// served is nil if the layer could not be mounted; then err says why.
	served *served
	err    error
	xattrs xattrs
}

// newEntry is the entry of a layer that this host may have on disk.
func (f *FileSystem) newEntry(rec record) *entry {
	return &entry{record: rec, owners: map[string]struct{}{}, xattrs: f.storedXattrs(rec.Layer)}
}

// served is a mounted layer.
type served struct {
	layer      *layer.Layer
	source     *source
	index      *mapping
	session    *session.Session
	identity   string
	mountpoint string
	mountID    uint64
	followed   followed
	noXattrs   atomic.Bool // see hideXattrs
	look       atomic.Pointer[look]
	// inherited says that containers of an earlier process are served, of
	// which the session does not tell when they end.
	inherited bool
}

// errUnusable says that what is on disk of a layer cannot be served: with the
// network it can be made anew.
var errUnusable = errors.New("local state is unusable")

// serve opens the layer of rec from local state and mounts it; last is nil or
// completes its options. rec's index is on disk. An index of another layer
// matches [index.ErrNotLazy].
func (f *FileSystem) serve(rec record, last func(*layer.Options)) (*served, error) {
	m, err := f.openIndex(rec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnusable, err)
	}
	m.layer.Repair(func() error { return f.repair(rec, m) })
	s := &served{index: m, identity: identity(rec), source: newSource(f.options.Registry, rec.Layer, rec.Images)}
	s.source.fetched = f.stir
	s.noXattrs.Store(f.storedXattrs(rec.Layer) == xattrsHidden)
	if err = f.openLayer(s, rec, last); err == nil {
		s.mountpoint = f.mountpoint(rec.Layer)
		err = errors.Join(f.mount(s, rec.Layer), s.index.idle())
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.layer.Start()
	return s, nil
}

// openIndex maps the index of rec.
func (f *FileSystem) openIndex(rec record) (*mapping, error) {
	dir := f.dir(rec.Layer)
	m, err := mapIndex(filepath.Join(dir, indexName))
	if !errors.Is(err, iofs.ErrNotExist) {
		return m, err
	}
	if err := upgrade(dir, rec); err != nil {
		return nil, err
	}
	return mapIndex(filepath.Join(dir, indexName))
}

// openLayer makes the layer of a mapped index.
func (f *FileSystem) openLayer(s *served, rec record, last func(*layer.Options)) error {
	spans := s.index.layer
	err := rec.checkSize(spans.CompressedSize())
	if d := spans.LayerDigest(); err == nil && d != "" && d != rec.Layer {
		err = fmt.Errorf("is of layer %s", d)
	}
	if err != nil {
		return fmt.Errorf("%w: index %s: %w", index.ErrNotLazy, rec.Ztoc, err)
	}
	_, lies := f.condemned.find(rec.Layer, rec.Ztoc)
	o := layer.Options{
		Spans: spans, Tree: spans.Tree(), Digest: rec.Layer, Dir: f.dir(rec.Layer), Blob: s.source,
		Scheduler: f.options.Scheduler, Memory: f.options.Memory, Deadline: f.options.Deadline,
		Slow: f.options.Slow, Counters: f.options.Counters, Images: func() []string { return f.images(rec.Layer) },
		OnDemandOnly: !f.options.Background,
		Index:        rec.Ztoc, Condemned: lies, ReadCondemned: f.options.ReadCondemned,
		Begun:       func(id toc.NodeID, head []byte) { f.follow(s, id, head) },
		OnPlain:     func() { f.goWork(func() { f.toPlain(rec.Layer, s) }) },
		OnCondemned: func(err error) { f.condemn(rec, err) },
	}
	if last != nil {
		last(&o)
	}
	s.layer, err = layer.Open(o)
	return err
}

// mount mounts an opened layer at its mountpoint.
func (f *FileSystem) mount(s *served, d digest.Digest) error {
	// Not MkdirAll: that asks what is there, which may be a mount of a
	// predecessor that nobody serves before this ends.
	if err := os.Mkdir(s.mountpoint, 0o700); err != nil && !errors.Is(err, iofs.ErrExist) {
		return err
	}
	failed := &limiter{}
	ways := f.ways(s, d, func(_ toc.NodeID, off int64, err error) {
		if failed.allow() && !errors.Is(err, read.ErrClosed) {
			log.L.WithField("layer", d.String()).WithField("offset", off).WithError(err).Error("read failed")
		}
	})
	mount := f.options.Session.Mount
	if same(s.mountpoint, filepath.Join(f.dir(d), "fs")) {
		mount = f.options.Session.TakeOver // the plain directory stays where it is
	}
	var sess *session.Session
	var err error
	for i, way := range ways {
		if sess, err = mount(s.mountpoint, way.raw, way.options); err == nil {
			look := way.look // and nothing else of it
			s.look.Store(&look)
			break
		}
		if i+1 < len(ways) {
			log.L.WithField("layer", d.String()).WithError(err).Warnf("layer is not shown as %s", way.as)
		}
	}
	if err != nil {
		return err
	}
	s.session = sess
	s.mountID, err = mountID(s.mountpoint)
	return err
}

// alive says whether the mount is there and served.
func (s *served) alive() bool {
	select {
	case <-s.session.Done():
		return false
	default:
	}
	id, err := mountID(s.mountpoint)
	return err == nil && id == s.mountID
}

// close unmounts and closes; what is on disk stays. It is safe to call again
// after an error: a mount that cannot be removed is served on.
func (s *served) close() error {
	if s.session != nil {
		if err := s.session.Unmount(); err != nil {
			return err
		}
		s.session = nil
	}
	var err error
	if s.layer != nil {
		err = s.layer.Close()
	}
	if s.mountpoint != "" {
		_ = os.Remove(s.mountpoint) // Sweep looks for what is left
	}
	return errors.Join(err, s.index.close())
}

// mountID identifies the mount at path without asking who serves it.
func mountID(path string) (uint64, error) {
	var st unix.Statx_t
	flags := unix.AT_STATX_DONT_SYNC | unix.AT_SYMLINK_NOFOLLOW
	if err := unix.Statx(unix.AT_FDCWD, path, flags, unix.STATX_MNT_ID, &st); err != nil {
		return 0, fmt.Errorf("statx %s: %w", path, err)
	}
	return st.Mnt_id, nil
}
