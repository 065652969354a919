// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import "io"

const (
	// feedSize is larger than anything that has to be in memory as a whole:
	// maxMemberHeader.
	feedSize = 128 << 10
	// feedMin is how much more is read at least: many small reads would
	// parse the header of a block again and again.
	feedMin = 4 << 10
	// maxEmptyReads is how often a reader may return nothing in a row.
	maxEmptyReads = 100
)

// feed gives the bytes of a reader to a bitReader in pieces.
type feed struct {
	r    io.Reader
	buf  []byte
	base int64 // position of buf[0] in the stream
	eof  bool
}

// more replaces the input of b: what is left of it, and at least one byte
// more. It returns errDone at the end of the stream.
func (f *feed) more(b *bitReader) error {
	b.unread()
	n := copy(f.buf, b.in[b.pos:])
	f.base += int64(b.pos)
	b.pos = 0
	m, err := f.read(f.buf[n:])
	b.in = f.buf[:n+m]
	if err == nil && m == 0 {
		return errDone
	}
	return err
}

// read fills p with at least feedMin bytes, with less only at the end.
func (f *feed) read(p []byte) (n int, err error) {
	for empty := 0; n < min(feedMin, len(p)) && !f.eof; {
		m, err := f.r.Read(p[n:])
		n += m
		switch {
		case err == io.EOF:
			f.eof = true
		case err != nil:
			return n, err
		case m > 0:
			empty = 0
		default:
			if empty++; empty == maxEmptyReads {
				return n, io.ErrNoProgress
			}
		}
	}
	return n, nil
}
