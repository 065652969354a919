// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"runtime"
	"sync"

	"github.com/containerd/log"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// guard adds to a file system what a session needs: a read that starts when
// the session has ended returns at once, and the first panic is logged.
type guard struct {
	fuse.RawFileSystem
	session *Session
	once    sync.Once
}

// Read is called after ProtocolServer registered the request. Session.end
// sets its flag before it cancels, so a read is either cancelled or sees it.
func (g *guard) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	if g.session.isEnded() {
		return nil, fuse.EINTR
	}
	return g.RawFileSystem.Read(cancel, in, buf)
}

// panicked logs the first panic of the session; the request gets EIO.
func (g *guard) panicked(v any) fuse.Status {
	g.once.Do(func() {
		stack := make([]byte, 16<<10)
		stack = stack[:runtime.Stack(stack, false)]
		g.session.log().Errorf("panic in a fuse handler, answered with EIO (later ones are not logged): %v\n%s", v, stack)
	})
	return fuse.EIO
}

// log is the logger of the session.
func (s *Session) log() *log.Entry {
	return log.L.WithField("mountpoint", s.mountpoint)
}

// protocolLog passes go-fuse's own messages on.
type protocolLog struct{ session *Session }

func (p protocolLog) Write(b []byte) (int, error) {
	p.session.log().Debugf("fuse protocol: %s", b)
	return len(b), nil
}
