// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"errors"
	"io"
	"math"
)

// errStopped ends a tar reader that nobody waits for any more.
var errStopped = errors.New("reading was stopped")

// errHole ends a tar reader that reads what was passed over as file contents.
var errHole = errors.New("a header is where a file's data should be")

// tarInput is the reader below a tar reader: it gives out the current piece
// and waits for the next. It can skip, which spares copying file contents.
type tarInput struct {
	piece []byte
	hole  int64       // instead of a piece: bytes that can only be skipped
	pos   int64       // bytes given out or skipped
	eof   bool        // no piece will follow
	ran   bool        // more was wanted at the end of the stream
	wait  func() bool // returns when there is a new piece; false: give up
}

var _ io.ReadSeeker = (*tarInput)(nil)

// more makes sure that the piece, or the hole, has bytes.
func (in *tarInput) more() error {
	for len(in.piece) == 0 && in.hole == 0 {
		if in.eof {
			in.ran = true
			return io.EOF
		}
		if !in.wait() {
			return errStopped
		}
	}
	return nil
}

// Read implements [io.Reader].
func (in *tarInput) Read(p []byte) (int, error) {
	if err := in.more(); err != nil {
		return 0, err
	}
	if in.hole > 0 {
		return 0, errHole
	}
	n := copy(p, in.piece)
	in.advance(n)
	return n, nil
}

// Seek implements [io.Seeker] as far as archive/tar uses it to skip data:
// forward from the current position. At the end of the stream it moves on
// into nothing; the read that follows meets the end.
func (in *tarInput) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || offset < 0 {
		return 0, errors.ErrUnsupported
	}
	target := int64(math.MaxInt64)
	if offset < target-in.pos {
		target = in.pos + offset
	}
	for in.pos < target {
		err := in.more()
		if errors.Is(err, io.EOF) {
			return target, nil
		}
		if err != nil {
			return 0, err
		}
		if n := min(in.hole, target-in.pos); n > 0 {
			in.hole -= n
			in.pos += n
			continue
		}
		in.advance(int(min(int64(len(in.piece)), target-in.pos)))
	}
	return target, nil
}

func (in *tarInput) advance(n int) {
	in.piece = in.piece[n:]
	in.pos += int64(n)
}
