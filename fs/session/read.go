// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

// read makes another goroutine the leader, and serves r or queues it. The
// reference that the leader held becomes that of r.
func (s *Session) read(r request, k *kit) {
	s.handOver(k)
	switch job := (read{s, r}); s.loop.reads.enter(job) {
	case run:
		s.loop.serveReads(job)
	case refused:
		s.release()
	case queued:
	}
}

// readsAtOnce says whether r is a READ that does not have to wait.
func (s *Session) readsAtOnce(r request) bool {
	return r.opcode() == opRead && s.atOnce != nil && r.size() <= MaxRead && s.atOnce(r.nodeID(), r.offset(), r.size())
}

// readHere serves a READ that does not have to wait, and so cannot be
// interrupted.
func (s *Session) readHere(r request) {
	buf := s.loop.buffers.get(int(r.size()))
	defer s.loop.buffers.put(buf)
	s.handle(r, buf)
}

// handOver makes another goroutine the leader.
func (s *Session) handOver(k *kit) {
	s.loop.kits.put(k)
	if s.acquire() {
		s.loop.serving.Go(s.lead)
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
			l.serving.Go(func() { l.serveReads(other) })
		}
		r = next[0]
	}
}

// serveRead serves one read and releases its session.
func (l *Loop) serveRead(r read) {
	s, unique := r.session, r.request.unique()
	defer s.release()
	r.request.limitSize(MaxRead)
	buf := l.buffers.get(int(r.request.size()))
	defer l.buffers.put(buf)
	s.beginRead(r.request)
	defer s.endRead(unique)
	s.handle(r.request, buf)
}
