// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// read serves r, or leaves it in the queue. It returns apart if this
// goroutine is a worker no more.
func (w *worker) read(r read) place {
	switch p := w.loop.reads.enter(r); p {
	case queued:
		return p
	case refused:
		r.session.release()
		return p
	case apart:
		r.request = append(request(nil), r.request...)
		w.loop.workers.Go(w.run)
		w.loop.serveReads(r)
		return p
	default:
		w.loop.serveReads(r)
		w.loop.reads.back()
		return p
	}
}

// serveReads serves r and then, as long as there are any, reads that waited
// in the queue.
func (l *Loop) serveReads(r read) {
	for {
		l.serveRead(r)
		next := l.reads.leave(r)
		if len(next) == 0 {
			return
		}
		for _, other := range next[1:] {
			l.workers.Go(func() { l.serveReads(other) })
		}
		r = next[0]
	}
}

// serveRead serves one read and releases its session.
func (l *Loop) serveRead(r read) {
	s, unique := r.session, r.request.unique()
	defer s.release()
	r.request.limitSize(MaxRead)
	buf, err := l.buffers.get(int(r.request.size()))
	if err != nil {
		s.log().WithError(err).Error("serve read")
		s.replyError(unique, fuse.Status(unix.ENOMEM))
		return
	}
	defer l.buffers.put(buf)
	s.beginRead(unique)
	defer s.endRead(unique)
	s.handle(r.request, buf)
}
