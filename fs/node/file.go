// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node

import (
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/toc"
)

// Open lets the kernel keep its pages. Without FLUSH, close(2) costs nothing.
func (f *fileSystem) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if in.Flags&unix.O_ACCMODE != unix.O_RDONLY {
		return fuse.EROFS
	}
	if f.options.NoOpen {
		return fuse.ENOSYS
	}
	out.Fh, out.OpenFlags = 0, fuse.FOPEN_KEEP_CACHE|fuse.FOPEN_NOFLUSH
	return fuse.OK
}

// Read reads up to the end of the file.
func (f *fileSystem) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	id := toc.NodeID(in.NodeId)
	a, ok := f.tree.Attr(id)
	switch {
	case !ok:
		return nil, fuse.ENOENT
	case a.Mode&unix.S_IFMT == unix.S_IFDIR:
		return nil, fuse.Status(unix.EISDIR)
	case a.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, fuse.EINVAL
	case in.Offset >= uint64(a.Size):
		return filled(0), fuse.OK
	}
	off := int64(in.Offset)
	p := buf[:min(int64(len(buf)), int64(in.Size), a.Size-off)]
	if err := f.content.ReadAt(requestContext{cancel}, id, p, off); err != nil {
		st := errno(err)
		if st != fuse.EINTR && f.options.OnError != nil {
			f.options.OnError(id, off, err)
		}
		return nil, st
	}
	return filled(len(p)), fuse.OK
}

// Flush answers ENOSYS once, which makes close(2) cost nothing also where
// files are not opened by us and so without NOFLUSH.
func (f *fileSystem) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.ENOSYS }

// Release has nothing to release.
func (f *fileSystem) Release(<-chan struct{}, *fuse.ReleaseIn) {}

// inPlace is the result of a read that filled the first n bytes of the buffer
// it was given; go-fuse's own result would copy them onto themselves.
type inPlace struct{ n int }

var _ fuse.ReadResult = (*inPlace)(nil)

// results are those that are done.
var results = sync.Pool{New: func() any { return new(inPlace) }}

// filled is the result of a read of n bytes.
func filled(n int) *inPlace {
	r := results.Get().(*inPlace)
	r.n = n
	return r
}

func (r *inPlace) Size() int { return r.n }

// Done is called once, when nothing of the result is needed any more.
func (r *inPlace) Done() { results.Put(r) }

// Bytes returns the part of the buffer that was filled.
func (r *inPlace) Bytes(buf []byte) ([]byte, fuse.Status) { return buf[:r.n], fuse.OK }

// Readv is told where the buffer is, and that is where the data is already.
func (r *inPlace) Readv([][]byte) (int, fuse.Status) { return r.n, fuse.OK }
