// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"archive/tar"
	"errors"
	"io"
	"iter"

	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// table reads the entries of a tar stream that is pushed at it piece by piece.
// The tar reader is a coroutine, see the package comment; close ends it.
type table struct {
	in      tarInput
	entries []toc.Entry
	budget  *budget
	repair  bool // Options.Repair
	slim    bool // forget what no tree shows

	resume func() (struct{}, bool)
	stop   func()
	ended  bool  // the tar reader has seen the end of the archive, or an error
	err    error // that error
}

// newTable returns a table whose entries count against b.
func newTable(b *budget) *table {
	t := &table{budget: b}
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.in.wait = func() bool { return yield(struct{}{}) }
		t.err = t.read()
		t.ended = true
	})
	return t
}

// push hands over the next bytes of the stream. It returns the error that
// ended the table; what follows the end of the archive is ignored.
func (t *table) push(p []byte) error {
	if !t.ended {
		t.in.piece = p
		t.resume()
	}
	return t.err
}

// skip passes over the next n bytes of the stream, which are file contents.
func (t *table) skip(n int64) error {
	if !t.ended {
		t.in.hole = n
		t.resume()
	}
	return t.err
}

// finish is called at the end of the stream. It returns where the archive
// ends, and the entries.
func (t *table) finish() (size int64, entries []toc.Entry, err error) {
	t.in.eof = true
	err = t.push(nil)
	return t.in.pos, t.entries, err
}

// close ends the coroutine; calling it again is allowed.
func (t *table) close() { t.stop() }

// read is the coroutine: the whole archive, entry by entry.
func (t *table) read() error {
	r := tar.NewReader(&t.in)
	for {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && (h == nil || !errors.Is(err, tar.ErrInsecurePath)):
			return skipf(err, "tar header %s", t.after())
		}
		e, err := newEntry(h, t.in.pos)
		if err != nil {
			return err
		}
		if t.repair && e.Type != toc.Regular {
			e.Size = 0
		}
		if t.slim {
			slim(&e)
		}
		if err := t.budget.spend(ztoc.EntrySize(&e)); err != nil {
			return err
		}
		t.entries = append(t.entries, e)
	}
}

// after says where in the archive the reader is.
func (t *table) after() string {
	if len(t.entries) == 0 {
		return "at the start"
	}
	return "after entry " + quote(t.entries[len(t.entries)-1].Name)
}
