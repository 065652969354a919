// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/log"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// entry is a layer that has or had owners. It changes only under the lock of
// its digest and FileSystem.mu; one of them suffices to read it.
type entry struct {
	record record
	owners map[string]struct{}
	// served is nil if the layer could not be mounted; then err says why.
	served *served
	err    error
}

// served is a mounted layer.
type served struct {
	layer      *layer.Layer
	source     *source
	ztoc       *mapping
	ztocSize   int64
	session    *session.Session
	identity   string
	mountpoint string
	mountID    uint64
}

// errUnusable says that what is on disk of a layer cannot be served: with the
// network it can be made anew.
var errUnusable = errors.New("local state is unusable")

// finish checks and completes what a ztoc says of a layer, when it is set up.
type finish func(*ztoc.Ztoc, *layer.Options) error

// serve opens the layer of rec from local state and mounts it; last is nil or
// called before that. rec's ztoc is on disk. A ztoc that cannot be used
// matches [index.ErrNotLazy].
func (f *FileSystem) serve(rec record, last finish) (*served, error) {
	m, err := f.mapZtoc(rec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnusable, err)
	}
	s := &served{identity: identity(rec), ztoc: m, ztocSize: int64(len(m.b)), source: newSource(f.options.Registry, rec.Layer, rec.Images)}
	if err = f.openLayer(s, rec, last); err == nil {
		s.mountpoint = f.mountpoint(rec.Layer)
		err = f.mount(s, rec.Layer)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.layer.Start()
	return s, nil
}

// mapZtoc maps the ztoc of rec after checking it.
func (f *FileSystem) mapZtoc(rec record) (*mapping, error) {
	if err := rec.Ztoc.Validate(); err != nil {
		return nil, fmt.Errorf("ztoc digest: %w", err)
	}
	m, err := mapFile(filepath.Join(f.dir(rec.Layer), ztocName), maxZtoc)
	if err != nil {
		return nil, err
	}
	if got := rec.Ztoc.Algorithm().FromBytes(m.b); got != rec.Ztoc {
		return nil, errors.Join(fmt.Errorf("ztoc is %s, want %s", got, rec.Ztoc), m.close())
	}
	return m, nil
}

// openLayer makes the layer of a mapped ztoc.
func (f *FileSystem) openLayer(s *served, rec record, last finish) error {
	z, o, err := describe(s.ztoc.b, rec)
	if err != nil {
		return fmt.Errorf("%w: ztoc %s: %w", index.ErrNotLazy, rec.Ztoc, err)
	}
	o.Digest, o.Dir, o.Blob = rec.Layer, f.dir(rec.Layer), s.source
	o.Scheduler, o.Memory, o.Deadline = f.options.Scheduler, f.options.Memory, f.options.Deadline
	o.Transient, o.OnDemandOnly = transient, !f.options.Background
	if last != nil {
		if err := last(z, &o); err != nil {
			return fmt.Errorf("ztoc %s: %w", rec.Ztoc, err)
		}
	}
	s.layer, err = layer.Open(o)
	return err
}

// describe turns a ztoc into the tree and spans of a layer, or says why the
// layer cannot be lazy.
func describe(b []byte, rec record) (*ztoc.Ztoc, layer.Options, error) {
	z, err := ztoc.Decode(b)
	if err != nil {
		return nil, layer.Options{}, err
	}
	if rec.Size != 0 && rec.Size != z.CompressedSize {
		return nil, layer.Options{}, fmt.Errorf("is of a blob of %d bytes, the layer has %d", z.CompressedSize, rec.Size)
	}
	if err := z.CheckLazy(); err != nil {
		return nil, layer.Options{}, err
	}
	spans, err := z.Layer()
	if err != nil {
		return nil, layer.Options{}, err
	}
	tree, err := toc.NewTree(z.Entries)
	return z, layer.Options{Spans: spans, Tree: tree}, err
}

// mount mounts an opened layer at its mountpoint.
func (f *FileSystem) mount(s *served, d digest.Digest) error {
	if err := os.MkdirAll(s.mountpoint, 0o700); err != nil {
		return err
	}
	failed := &limiter{}
	how := f.mountOptions(s.layer, s.identity)
	raw := node.New(s.layer.Tree(), s.layer, node.Options{
		NoOpen: how.NoOpen,
		OnError: func(_ toc.NodeID, off int64, err error) {
			if failed.allow() && !errors.Is(err, read.ErrClosed) {
				log.L.WithField("layer", d.String()).WithField("offset", off).WithError(err).Error("read failed")
			}
		},
	})
	sess, err := f.options.Session.Mount(s.mountpoint, raw, how)
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
	return errors.Join(err, s.ztoc.close())
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
