// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"

	"github.com/containerd/log"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/erofs"
	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index/toc"
)

// imageName is the file of a layer's EROFS image, for as long as it is being mounted.
const imageName = "erofs"

// way is a way to show a layer: as an EROFS image, so that the kernel knows all names
// and attributes and asks for contents only, or through FUSE alone.
type way struct {
	look
	raw     fuse.RawFileSystem
	options session.MountOptions
}

// look is what is to be known of a way once it is taken.
type look struct {
	as    string // see LayerStatus.Shown
	image int64  // bytes of the EROFS image, 0 if there is none
}

// ways are the ways to show the layer of s, the best one first. What a predecessor left stays
// as it is.
func (f *FileSystem) ways(s *served, d digest.Digest, onError func(toc.NodeID, int64, error)) (ways []way) {
	_ = os.Remove(f.imageFile(d)) // of a process that was killed while it mounted it
	noOpen := f.options.Session.Support().Passthrough != nil || !prefersPassthrough(s.layer.Tree())
	image := noOpen && f.options.Erofs
	for _, orphan := range f.options.Session.Orphans() {
		if orphan.Identity == s.identity {
			image, noOpen = orphan.Above, orphan.NoOpen
		}
	}
	if image {
		im, err := erofs.New(s.layer.Tree())
		if err == nil {
			ways = append(ways, f.showImage(s, d, im, onError))
		} else {
			log.L.WithField("layer", d.String()).WithError(err).Debug("layer has no EROFS image")
		}
	}
	return append(ways, f.showTree(s, noOpen, onError))
}

// showTree shows a layer through FUSE alone.
func (f *FileSystem) showTree(s *served, noOpen bool, onError func(toc.NodeID, int64, error)) way {
	o := session.MountOptions{Identity: s.identity, NoOpen: noOpen, AtOnce: func(node, offset uint64, n uint32) bool {
		return s.layer.AtOnce(toc.NodeID(node), int64(offset), int64(n))
	}}
	as := "fuse"
	if !noOpen {
		as = "passthrough"
		f.passThrough(s.layer, &o)
	}
	return way{look{as, 0}, node.New(s.layer.Tree(), s.layer, node.Options{NoOpen: noOpen, NoXattrs: &s.noXattrs, OnError: onError}), o}
}

// showImage shows a layer as an image whose contents come through FUSE.
func (f *FileSystem) showImage(s *served, d digest.Digest, im *erofs.Image, onError func(toc.NodeID, int64, error)) way {
	l := s.layer
	o := session.MountOptions{
		Identity: s.identity,
		AtOnce: func(_, offset uint64, n uint32) bool {
			for part := range node.Parts(l.Tree(), int64(offset), int64(n)) {
				if !l.AtOnce(part.File, part.Off, part.Size) {
					return false
				}
			}
			return true
		},
		Above: mountImage(im, f.imageFile(d)),
	}
	return way{look{"erofs", im.Size()}, node.NewStream(l.Tree(), l, node.Options{OnError: onError}), o}
}

func (f *FileSystem) imageFile(d digest.Digest) string { return filepath.Join(f.dir(d), imageName) }

// mountImage mounts an image above its layer, by a file that is there meanwhile.
func mountImage(im *erofs.Image, file string) func(root string) (*os.File, error) {
	return func(root string) (*os.File, error) {
		defer func() { _ = os.Remove(file) }()
		if err := writeImage(file, im); err != nil {
			return nil, err
		}
		return erofs.Mount(file, root)
	}
}

func writeImage(file string, im *erofs.Image) error {
	w, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(im.Write(w), w.Close())
}

// imageBytes is the length of the EROFS image that shows the layer, 0 if there is none.
func (s *served) imageBytes() int64 {
	if look := s.look.Load(); look != nil {
		return look.image
	}
	return 0
}

// passThrough has the kernel read complete large files on its own.
func (f *FileSystem) passThrough(l *layer.Layer, o *session.MountOptions) {
	tree := l.Tree()
	o.Nodes = tree.Len()
	o.Backing = func(node uint64) (*os.File, bool) {
		id := toc.NodeID(node)
		if _, size := tree.Data(id); size < passedSize {
			return nil, false
		}
		return l.Backing(id)
	}
	o.Intact = func(node uint64) bool { return l.Intact(toc.NodeID(node)) }
	o.OpenWait = cmp.Or(f.options.Deadline, read.DefaultDeadline)
}

// identity names what is mounted for a layer: processes with the same one
// give every node the same id.
func identity(rec record) string {
	return rec.Layer.String() + " " + rec.Ztoc.String() + " 1"
}
