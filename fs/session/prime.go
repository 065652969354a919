// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"path/filepath"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// primeName is a file in the root that exists for ProtocolServer only: it
// refuses to poll it.
const primeName = ".go-fuse-epoll-hack"

// prime makes the kernel learn that POLL is not served, before anybody opens
// a file of the mount in this process: Go's runtime adds every file it opens
// to its epoll instance, on a P that it does not give up, so a few such opens
// would wait for a POLL that nobody is left to answer. Best effort, and only
// for Options.ReadsOwn.
//
// Once primed, names are looked up in the file system only.
func (s *Session) prime() {
	fd, err := unix.Open(filepath.Join(s.mountpoint, primeName), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		s.log().WithError(err).Debug("fuse mount may be polled")
		return
	}
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) // all it does is ask
	_ = unix.Close(fd)
}

// lookup asks the file system itself and returns the length of the reply.
func (s *Session) lookup(r request, out []byte) (n int) {
	defer func() {
		if v := recover(); v != nil {
			n = putHeader(out, r.unique(), s.raw.panicked(v), 0)
		}
	}()
	var entry fuse.EntryOut
	header := fuse.InHeader{Opcode: opLookup, Unique: r.unique(), NodeId: r.nodeID()}
	st := s.raw.Lookup(nil, &header, string(r.name()), &entry)
	n = putHeader(out, r.unique(), st, entryOutBytes)
	putEntry(out[outHeaderBytes:], &entry)
	return n
}

// putEntry copies e as the kernel expects it.
func putEntry(b []byte, e *fuse.EntryOut) {
	copy(b, unsafe.Slice((*byte)(unsafe.Pointer(e)), entryOutBytes))
}
