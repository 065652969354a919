// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	// ioctls of linux/fuse.h: FUSE_DEV_IOC_BACKING_OPEN and _CLOSE.
	backingOpen  = 0x4010e501
	backingClose = 0x4004e502
	// uniqueResend marks a request that was sent before
	// (FUSE_UNIQUE_RESEND).
	uniqueResend = 1 << 63
)

// backing opens the file whose bytes are those of a node: see MountOptions.
type backing func(node uint64) (*os.File, bool)

// noBacking has no files.
func noBacking(uint64) (*os.File, bool) { return nil, false }

// A table entry is how many files are open on a node, in its low half, and the
// backing id that they have, in its high half; 0 if they are not passed
// through. The kernel wants all open files of an inode to be of one kind and
// to have the same id (else EIO), so the first one decides until the last one
// is closed. One word, so that no SIGKILL can come in between.
const idShift = 32

// keptIDs is how many backing ids a session keeps registered with no file
// open, for the next one: to register and unregister costs 60 us, twice an
// OPEN. Each pins an inode.
const keptIDs = 64

// openPoll is how often an OPEN looks that waits for a backing file.
const openPoll = 5 * time.Millisecond

// idle are the nodes whose backing ids are kept, the oldest first. Safe for
// concurrent use.
type idle struct {
	mu    sync.Mutex
	nodes []uint64 // guarded by mu
}

// push adds a node and returns the one that is to go, if any.
func (i *idle) push(node uint64) (oldest uint64, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.nodes = append(i.nodes, node)
	if len(i.nodes) <= keptIDs {
		return 0, false
	}
	oldest = i.nodes[0]
	i.nodes = append(i.nodes[:0], i.nodes[1:]...)
	return oldest, true
}

// Open opens a file of the file system, passed through if its backing file is
// complete.
func (g *guard) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	st := g.RawFileSystem.Open(cancel, in, out)
	s := g.session
	if !st.Ok() || s.backing == nil {
		return st
	}
	entry := s.state.opens(in.NodeId)
	if entry == nil {
		return st
	}
	if id := s.openFile(in.NodeId, entry); id != 0 {
		out.BackingID = id
		// The kernel refuses others together with passthrough.
		out.OpenFlags = out.OpenFlags&fuse.FOPEN_NOFLUSH | fuse.FOPEN_PASSTHROUGH
	}
	return st
}

// Release counts one open file less. One that is sent again may have been
// counted already: then the count stays too high, and the node as it is until
// the session ends, which is harmless; too low would be EIO.
func (g *guard) Release(cancel <-chan struct{}, in *fuse.ReleaseIn) {
	g.RawFileSystem.Release(cancel, in)
	s := g.session
	if s.backing == nil || in.Unique&uniqueResend != 0 {
		return
	}
	if entry := s.state.opens(in.NodeId); entry != nil {
		s.closeFile(in.NodeId, entry)
	}
}

// isChanged says whether node is open with a backing file that is not what it
// was: as long as it is open, others get the same. For one that is not, see
// openFile.
func (s *Session) isChanged(node uint64) bool {
	if s.intact == nil {
		return false
	}
	entry := s.state.opens(node)
	if entry == nil {
		return false
	}
	v := entry.Load()
	return uint32(v) != 0 && v>>idShift != 0 && !s.intact(node)
}

// openChanged makes another goroutine the leader, and answers an OPEN when the
// backing file is what it was. The reference that the leader held becomes its.
func (s *Session) openChanged(r request, k *kit) {
	defer s.release()
	s.handOver(k)
	for end := time.Now().Add(s.openWait); s.isChanged(r.nodeID()); time.Sleep(openPoll) {
		if s.isEnded() {
			return // a successor gets it again
		}
		if time.Now().After(end) {
			s.replyError(r.unique(), fuse.EIO)
			return
		}
	}
	s.handle(r, make([]byte, replySlack))
}

// openFile counts one more open file of node and returns its backing id or 0.
func (s *Session) openFile(node uint64, entry *atomic.Uint64) int32 {
	for {
		v := entry.Load()
		if v != 0 { // files are open, or the id was kept
			if uint32(v) == 0 && s.intact != nil && !s.intact(node) {
				if entry.CompareAndSwap(v, 0) {
					s.unregister(int32(v >> idShift))
				}
				continue
			}
			if entry.CompareAndSwap(v, v+1) {
				return int32(v >> idShift)
			}
			continue
		}
		id := s.register(node)
		if entry.CompareAndSwap(0, uint64(id)<<idShift|1) {
			return id
		}
		s.unregister(id) // somebody else was first
	}
}

// closeFile undoes openFile. The last one leaves the id for the next.
func (s *Session) closeFile(node uint64, entry *atomic.Uint64) {
	for {
		v := entry.Load()
		if uint32(v) == 0 {
			return // not counted by us
		}
		if !entry.CompareAndSwap(v, v-1) {
			continue
		}
		if uint32(v) == 1 && v>>idShift != 0 {
			s.keepID(node)
		}
		return
	}
}

// keepID notes that no file of node is open, and unregisters the id that has
// been idle for longest.
func (s *Session) keepID(node uint64) {
	oldest, ok := s.idle.push(node)
	if !ok {
		return
	}
	entry := s.state.opens(oldest)
	if v := entry.Load(); uint32(v) == 0 && v != 0 && entry.CompareAndSwap(v, 0) {
		s.unregister(int32(v >> idShift))
	}
}

// register gives the kernel the backing file of node: its id, or 0.
func (s *Session) register(node uint64) int32 {
	f, ok := s.backing(node)
	if !ok {
		return 0
	}
	defer func() { _ = f.Close() }()
	id, err := registerBacking(s.fd, f)
	if err != nil {
		s.noPassthrough.Do(func() { s.log().WithError(err).Warn("no passthrough for a file, it is read through fuse") })
		return 0
	}
	return id
}

func registerBacking(device int, f *os.File) (int32, error) {
	m := fuse.BackingMap{Fd: int32(f.Fd())}
	id, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(device), backingOpen, uintptr(unsafe.Pointer(&m)))
	if errno != 0 {
		return 0, os.NewSyscallError("FUSE_DEV_IOC_BACKING_OPEN", errno)
	}
	return int32(id), nil
}

// unregister takes a backing id back.
func (s *Session) unregister(id int32) {
	if id == 0 {
		return
	}
	n := uint32(id)
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(s.fd), backingClose, uintptr(unsafe.Pointer(&n)))
}
