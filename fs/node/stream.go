// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"iter"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// streamUnit divides the size of a stream: that of a tar archive's blocks.
const streamUnit = 512

// stream is immutable. What it does not implement answers ENOSYS.
type stream struct {
	fuse.RawFileSystem
	tree    *toc.Tree
	content Content
	onError func(id toc.NodeID, off int64, err error)
	size    int64
}

var _ fuse.RawFileSystem = (*stream)(nil)

// NewStream presents the decompressed layer as a file, the root of its file system: the
// contents of tree's files lie where the layer has them, with zeros between them. It is read
// past the page cache, as whoever reads it has one of its own. The result is safe for concurrent use and
// holds no resources.
func NewStream(tree *toc.Tree, c Content, o Options) fuse.RawFileSystem {
	end := (int64(tree.DataEnd()) + streamUnit - 1) / streamUnit * streamUnit
	return &stream{RawFileSystem: fuse.NewDefaultRawFileSystem(), tree: tree, content: c, onError: o.OnError, size: end}
}

// String names the file system in go-fuse's messages.
func (s *stream) String() string { return "spry" }

// GetAttr is stat(2).
func (s *stream) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if in.NodeId != fuse.FUSE_ROOT_ID {
		return fuse.ENOENT
	}
	out.AttrValid = forever
	out.Attr = fuse.Attr{Ino: in.NodeId, Mode: unix.S_IFREG | 0o400, Nlink: 1, Blksize: blockBytes,
		Size: uint64(s.size), Blocks: sectors(s.size)}
	return fuse.OK
}

// Open has the file read past the page cache.
func (s *stream) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if in.Flags&unix.O_ACCMODE != unix.O_RDONLY {
		return fuse.EROFS
	}
	out.OpenFlags = fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH
	return fuse.OK
}

// Read reads what is in the files there, and zeros elsewhere.
func (s *stream) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	if in.NodeId != fuse.FUSE_ROOT_ID {
		return nil, fuse.ENOENT
	}
	if in.Offset >= uint64(s.size) {
		return filled(0), fuse.OK
	}
	start := int64(in.Offset)
	p := buf[:min(int64(len(buf)), int64(in.Size), s.size-start)]
	at := start
	for part := range Parts(s.tree, start, int64(len(p))) {
		clear(p[at-start : part.At-start])
		into := p[part.At-start:][:part.Size]
		if err := s.content.ReadAt(requestContext{cancel}, part.File, into, part.Off); err != nil {
			st := errno(err)
			if st != fuse.EINTR && s.onError != nil {
				s.onError(part.File, part.Off, err)
			}
			return nil, st
		}
		at = part.At + part.Size
	}
	clear(p[at-start:])
	return filled(len(p)), fuse.OK
}

// Part is a piece of a stream that is in a file.
type Part struct {
	At   int64 // where it is in the stream
	File toc.NodeID
	Off  int64 // where it is in the file
	Size int64
}

// Parts yields what of size bytes from start on is in files, in order.
func Parts(tree *toc.Tree, start, size int64) iter.Seq[Part] {
	return func(yield func(Part) bool) {
		for id := range tree.Files(span.UncompressedOffset(start), span.UncompressedOffset(start+size)) {
			off, length := tree.Data(id)
			from, to := max(start, int64(off)), min(start+size, int64(off)+length)
			if !yield(Part{At: from, File: id, Off: from - int64(off), Size: to - from}) {
				return
			}
		}
	}
}

// Flush answers ENOSYS once, which makes close(2) cost nothing.
func (s *stream) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.ENOSYS }

// Release has nothing to release.
func (s *stream) Release(<-chan struct{}, *fuse.ReleaseIn) {}

// Forget has nothing to forget.
func (s *stream) Forget(_, _ uint64) {}
