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

// lead serves the session until it ends or a READ comes that may have to wait, or such
// an OPEN, which it serves after it made another goroutine the leader. The caller
// holds a reference of the session for it.
func (s *Session) lead() {
	for {
		k, n, err := s.receive()
		if err != nil {
			s.fail(err)
			s.release()
			return
		}
		r := request(k.in[:n])
		if s.readsAtOnce(r) {
			s.readHere(r)
			s.loop.kits.put(k)
			continue
		}
		if r.opcode() == opRead {
			s.read(append(request(nil), r...), k)
			return
		}
		if r.opcode() == opOpen && s.isChanged(r.nodeID()) {
			s.openChanged(append(request(nil), r...), k)
			return
		}
		s.serve(r, k.out)
		s.loop.kits.put(k)
	}
}

// receive waits for a request, which is in the kit that it returns. An error
// means that there will be none. While it waits, no thread and no buffer are
// held.
func (s *Session) receive() (k *kit, n int, err error) {
	wait := s.conn.Read(func(fd uintptr) bool {
		k = s.loop.kits.get()
		n, err = readRequest(int(fd), k.in)
		if err == nil {
			return true
		}
		s.loop.kits.put(k)
		return !errors.Is(err, unix.EAGAIN)
	})
	return k, n, errors.Join(wait, err)
}

// readRequest reads one request, passing over those that were given up
// meanwhile (ENOENT).
func readRequest(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT), err == nil && n < inHeaderBytes:
			continue
		default:
			return n, err
		}
	}
}

// fail ends the session for the reason that receive gave.
func (s *Session) fail(err error) {
	// The runtime may see the end before read(2) does.
	over := errors.Is(err, unix.ENODEV) || s.isEnded() || errors.Is(checkConnected(s.fd), unix.ENODEV)
	if !over {
		s.log().WithError(err).Error("read fuse request, connection is given up")
	}
	s.end()
}

// serve answers a request that does not block.
func (s *Session) serve(r request, out []byte) {
	switch r.opcode() {
	case opReadDir, opReadDirPlus:
		r.limitSize(maxDirReply)
	case opInterrupt:
		if s.spares(r.target()) || s.takeQueued(r.target()) {
			return
		}
	case opLookup:
		if s.primed.Load() && r.nodeID() == fuse.FUSE_ROOT_ID && string(r.name()) == primeName {
			s.reply(out[:s.lookup(r, out)])
			return
		}
	}
	s.handle(r, out)
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
