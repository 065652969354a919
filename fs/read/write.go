// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

// enqueueLocked hands a decoded entry to the writer, starting one if none
// runs. An entry that is queued already stays where it is.
func (r *Reader) enqueueLocked(e *entry) {
	if e.queued {
		return
	}
	e.queued = true
	e.refs++
	if e.urgent {
		r.urgent = append(r.urgent, e)
	} else {
		r.queue = append(r.queue, e)
	}
	if !r.writing {
		r.writing = true
		r.work.Go(r.writeQueue)
	}
}

// writeQueue writes entries until none is left, what was demanded first: that
// takes memory which the next demand may need.
func (r *Reader) writeQueue() {
	for {
		e := r.dequeue()
		if e == nil {
			return
		}
		err := ErrClosed
		if r.lifetime.Err() == nil {
			if r.putOff(e) {
				continue
			}
			err = r.store.Put(e.id, e.data)
		}
		r.wrote(e, err)
	}
}

// dequeue takes the next entry to be written, nil if there is none.
func (r *Reader) dequeue() *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := &r.urgent
	if len(*q) == 0 {
		q = &r.queue
	}
	if len(*q) == 0 {
		r.writing, r.queue, r.urgent = false, nil, nil
		return nil
	}
	e := (*q)[0]
	(*q)[0] = nil
	*q = (*q)[1:]
	return e
}

// wrote ends the writing of e. What could not be written stays in memory as
// long as there is room, so that a full disk does not mean fetching for each
// read.
func (r *Reader) wrote(e *entry, err error) {
	r.noteWrite(err)
	for _, old := range r.settle(e, err) {
		old.evict()
	}
}

// settle records the outcome of a write. It returns kept entries that have to
// go to make room for e.
func (r *Reader) settle(e *entry, err error) (evicted []*entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.unrefLocked(e)
	e.queued, e.putErr = false, err
	close(e.stored)
	if err != nil && !r.closed && r.flights[e.id] == e {
		e.grant.shrink(0)
		return r.memory.keep(e)
	}
	e.written = err == nil
	r.memory.forget(e)
	r.removeLocked(e)
	return nil
}

// noteWrite logs when writing begins to fail, and when it works again.
func (r *Reader) noteWrite(err error) {
	failed := err != nil && r.lifetime.Err() == nil
	r.mu.Lock()
	changed := failed != r.full
	r.full = failed
	r.mu.Unlock()
	switch {
	case !changed || r.lifetime.Err() != nil:
	case failed:
		r.log().WithError(err).Error("cannot write layer to disk, answering from memory")
	default:
		r.log().Info("writing layer to disk again")
	}
}
