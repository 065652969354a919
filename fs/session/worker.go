// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"errors"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// maxDirReply bounds one READDIR or READDIRPLUS, in bytes; recent kernels
// ask for up to MaxRead.
const maxDirReply = 64 << 10

// worker is one waiter of the loop, with the buffers it needs for everything
// but the payload of reads.
type worker struct {
	loop *Loop
	mem  []byte // the mapping that in and out are parts of
	in   []byte
	out  []byte
}

func newWorker(l *Loop) (*worker, error) {
	b, err := mapLocked(requestBytes + replyBytes)
	if err != nil {
		return nil, err
	}
	return &worker{loop: l, mem: b, in: b[:requestBytes], out: b[requestBytes:]}, nil
}

// run serves until the loop stops or the worker gave its place away.
func (w *worker) run() {
	for {
		s, stop := w.wait()
		if stop {
			_ = unix.Munmap(w.mem)
			return
		}
		if s == nil {
			continue
		}
		r := w.receive(s)
		if r == nil {
			s.release()
			continue
		}
		if r.opcode() == opRead {
			if w.read(read{s, r}) == apart {
				return
			}
			continue
		}
		w.serve(s, r)
		s.release()
	}
}

// wait returns a session, held, that has a request; nil for a spurious event.
func (w *worker) wait() (s *Session, stop bool) {
	var ev [1]unix.EpollEvent
	n, err := unix.EpollWait(w.loop.epoll, ev[:], -1)
	if err != nil || n == 0 {
		return nil, err != nil && !errors.Is(err, unix.EINTR)
	}
	if ev[0].Fd == 0 {
		return nil, true
	}
	return w.loop.acquire(ev[0].Fd), false
}

// receive reads one request and arms the descriptor again; nil if there was
// none or the connection ended.
func (w *worker) receive(s *Session) request {
	n, err := unix.Read(s.fd, w.in)
	switch {
	case err == nil && n >= inHeaderBytes:
	case err == nil, errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT):
		n = 0 // another worker had it, or it was given up meanwhile
	case errors.Is(err, unix.ENODEV):
		s.end()
		return nil
	default:
		s.log().WithError(err).Error("read fuse request, connection is given up")
		s.end()
		return nil
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: s.id}
	if err := unix.EpollCtl(w.loop.epoll, unix.EPOLL_CTL_MOD, s.fd, &ev); err != nil && !errors.Is(err, unix.ENOENT) {
		s.log().WithError(err).Error("arm fuse descriptor, connection is given up")
		s.end()
	}
	if n == 0 {
		return nil
	}
	return request(w.in[:n])
}

// serve answers a request that does not block.
func (w *worker) serve(s *Session, r request) {
	switch r.opcode() {
	case opReadDir, opReadDirPlus:
		r.limitSize(maxDirReply)
	case opInterrupt:
		if w.loop.reads.take(s, r.target()) {
			s.replyError(r.target(), fuse.EINTR)
			s.release()
			return
		}
	case opLookup:
		if s.primed.Load() && r.nodeID() == fuse.FUSE_ROOT_ID && string(r.name()) == primeName {
			s.reply(w.out[:s.lookup(r, w.out)])
			return
		}
	}
	s.handle(r, w.out)
}

// handle lets the protocol server answer r, using out for the reply.
func (s *Session) handle(r request, out []byte) {
	n, st := s.call(r, out)
	switch {
	case n > 0:
		s.reply(out[:n])
	case !st.Ok():
		s.replyError(r.unique(), st)
	}
}

// call is HandleRequest; a panic outside of handlers becomes EIO as well.
func (s *Session) call(r request, out []byte) (n int, st fuse.Status) {
	defer func() {
		if v := recover(); v != nil {
			n, st = 0, s.raw.panicked(v)
		}
	}()
	return s.server.HandleRequest([][]byte{r}, [][]byte{out})
}
