// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"context"
	"errors"
	"hash/crc32"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/fetch"
)

const (
	// manyFiles is how many files a span must have to be staged: making a file
	// costs 50 µs of CPU, and several times that where many were removed a
	// minute ago.
	manyFiles = 4
	// maxStaged bounds the stage of a layer in bytes, as all of it is written
	// twice.
	maxStaged = 256 << 20
	// longestStaged is how long a span may wait for calm, and stagePoll how
	// often that is looked for.
	longestStaged = 5 * time.Second
	stagePoll     = 100 * time.Millisecond
	// flushPoll is how often is looked whether all is written.
	flushPoll = 5 * time.Millisecond
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stage has spans of many small files at their places in the tar stream, while
// a container starts that needs the CPU more than the files: a read does not
// care which file its bytes come from. It has no name, and so does not outlive
// a process that is killed; what was on it is fetched again then. Safe for
// concurrent use.
type stage struct {
	mu    sync.Mutex // guards everything below
	file  *os.File
	ended bool // takes no more
	bytes int64
}

// put writes a span.
func (s *stage) put(open func() (*os.File, error), data []byte, off int64) error {
	f, err := s.reserve(open, int64(len(data)))
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(data, off); err != nil {
		s.free(off, int64(len(data)))
	}
	return err
}

// reserve opens the stage and takes n bytes of it.
func (s *stage) reserve(open func() (*os.File, error), n int64) (_ *os.File, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.bytes+n > maxStaged {
		return nil, errors.New("no room to stage a span")
	}
	if s.file == nil {
		if s.file, err = open(); err != nil {
			s.ended = true
			return nil, err
		}
	}
	s.bytes += n
	return s.file, nil
}

// readAt fills p from what put wrote.
func (s *stage) readAt(p []byte, off int64) error {
	s.mu.Lock()
	f := s.file
	s.mu.Unlock()
	if f == nil {
		return os.ErrClosed
	}
	_, err := f.ReadAt(p, off)
	return err
}

// free gives n bytes back; who reads them may get zeros.
func (s *stage) free(off, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= n
	if s.file != nil {
		// Where holes cannot be made the space is free when the file is closed.
		_ = unix.Fallocate(int(s.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	}
}

// end has the stage take no more.
func (s *stage) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// closing says whether the stage takes no more.
func (s *stage) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

func (s *stage) close() error {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// putOff stages e, which the writer has, and says whether it did.
func (r *Reader) putOff(e *entry) bool {
	sp := r.layer.Span(e.id)
	if !e.early || r.scheduler.Calm() || !r.hasManyFiles(e) {
		return false
	}
	sum := crc32.Checksum(e.data, castagnoli)
	if err := r.stage.put(r.store.Scratch, e.data, int64(sp.OutStart)); err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.queued, e.staged, e.sum = false, time.Now(), sum
	r.freeLocked(e)
	r.staged = append(r.staged, e)
	if !r.settling {
		r.settling = true
		r.work.Go(r.writeStaged)
	}
	return true
}

func (r *Reader) hasManyFiles(e *entry) bool {
	sp, n := r.layer.Span(e.id), 0
	for range r.tree.Files(sp.OutStart, sp.OutEnd) {
		if n++; n == manyFiles {
			return true
		}
	}
	return false
}

// copyHere fills p with the bytes of the span from off on, from memory or the
// stage; false if they are in neither any more. The caller has seen e.done closed
// and e.err nil.
func (e *entry) copyHere(p []byte, off int64) bool {
	// The writer may take it from the stage back into memory meanwhile.
	return e.copyTo(p, off) || e.copyStaged(p, off) || e.copyTo(p, off)
}

// copyStaged is copyHere from the stage.
func (e *entry) copyStaged(p []byte, off int64) bool {
	r := e.reader
	if r.stagedAt(e).IsZero() {
		return false
	}
	if err := r.stage.readAt(p, int64(r.layer.Span(e.id).OutStart)+off); err != nil {
		r.loseStaged(e, err)
		return false
	}
	return !r.stagedAt(e).IsZero() // or else these may be zeros
}

// stagedAt is when e was staged; zero if it is not.
func (r *Reader) stagedAt(e *entry) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return e.staged
}

// loseStaged makes a span missing that the stage could not give back.
func (r *Reader) loseStaged(e *entry, cause error) {
	if r.lifetime.Err() != nil {
		return
	}
	r.mu.Lock()
	lost := !e.staged.IsZero()
	if lost {
		e.staged, e.queued = time.Time{}, true // nobody else is to write it
	}
	r.mu.Unlock()
	if !lost {
		return
	}
	// As long as it is in the flights nobody can stage it anew in the same place.
	sp := r.layer.Span(e.id)
	r.stage.free(int64(sp.OutStart), sp.UncompressedSize())
	r.mu.Lock()
	e.putErr = errLost
	close(e.stored)
	r.removeLocked(e)
	r.unrefLocked(e) // as the writer
	r.mu.Unlock()
	r.log().WithError(cause).WithField("span", e.id).Warn("staged span is lost, fetching it again")
}

// writeStaged writes what was staged to its files when nobody reads what is
// not here, or it has waited long enough.
func (r *Reader) writeStaged() {
	for {
		r.mu.Lock()
		if len(r.staged) == 0 {
			r.staged, r.settling = nil, false
			r.mu.Unlock()
			return
		}
		next := r.staged[0]
		r.mu.Unlock()
		for !r.mayWrite(next) {
			select {
			case <-time.After(stagePoll):
			case <-r.lifetime.Done():
				return
			}
		}
		r.mu.Lock()
		r.staged = r.staged[1:]
		r.mu.Unlock()
		if err := r.unstage(next); err != nil {
			r.loseStaged(next, err)
		}
	}
}

// mayWrite says whether e, the oldest staged span, has waited long enough.
func (r *Reader) mayWrite(e *entry) bool {
	return r.scheduler.Calm() || time.Since(r.stagedAt(e)) >= longestStaged || r.stage.closing()
}

// Flush writes what is in memory or staged, puts nothing off any more, and
// returns when all of it is written, or ctx has ended.
func (r *Reader) Flush(ctx context.Context) error {
	r.stage.end()
	for {
		r.mu.Lock()
		over := !r.writing && !r.settling
		r.mu.Unlock()
		if over {
			return nil
		}
		select {
		case <-time.After(flushPoll):
		case <-r.lifetime.Done():
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// unstage takes e back into memory and writes it.
func (r *Reader) unstage(e *entry) error {
	sp := r.layer.Span(e.id)
	size := sp.UncompressedSize()
	g, err := r.memory.acquire(r.lifetime, fetch.Background, size)
	if err != nil {
		return err
	}
	buf := r.memory.buffers.get(int(size))[:size]
	err = r.stage.readAt(buf, int64(sp.OutStart))
	if err == nil && crc32.Checksum(buf, castagnoli) != e.sum {
		err = errors.New("not what was written")
	}
	if err != nil {
		r.memory.buffers.put(buf)
		g.shrink(0)
		return err
	}
	r.mu.Lock()
	lost := e.staged.IsZero()
	here := e.data != nil // somebody copies from it still
	if !lost {
		e.staged, e.queued = time.Time{}, true
	}
	if !lost && !here {
		e.data, e.buf, e.grant = buf, buf, g
	}
	r.mu.Unlock()
	if lost || here {
		r.memory.buffers.put(buf)
		g.shrink(0)
	}
	if lost {
		return nil
	}
	err = r.store.Put(e.id, e.data)
	r.stage.free(int64(sp.OutStart), size) // before it may be staged again
	r.wrote(e, err)
	return nil
}
