// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// walkSize is the output decoded at once, in bytes; 512 KiB and 1 MiB measured
// the same.
const walkSize = 256 << 10

// Walker inflates a (multi-member) gzip stream in one pass and constant
// memory, reporting block starts as it goes; member CRC and ISIZE are checked.
// The zero value is ready. It may be used again after a walk, to save its
// buffers, but not by two goroutines at once.
type Walker struct {
	dec  decoder
	feed feed
	sink Sink

	refs  refs   // of Trace
	done  int    // output up to here, in out.buf, was given to the sink
	total int64  // bytes given to the sink
	crc   uint32 // of the member so far
	size  uint32 // of the member so far
}

// Walk walks with a new [Walker].
func Walk(r io.Reader, s Sink) (compressedBytes int64, err error) {
	return new(Walker).Walk(r, s)
}

// Walk reads r to its end and reports to s. It returns the number of
// compressed bytes up to the end of the stream or to where it stopped. Memory
// does not depend on the stream.
//
// Errors: ErrNotGzip, ErrCorrupt, ErrTruncated (also when r is empty),
// [TrailingError]; those of r and s as they are.
func (w *Walker) Walk(r io.Reader, s Sink) (compressedBytes int64, err error) {
	w.reset(r, s)
	defer func() { w.feed.r, w.sink, w.dec.refs = nil, nil, nil }()
	for err == nil {
		err = w.member()
	}
	if errors.Is(err, errDone) {
		err = nil
	}
	return w.feed.base + w.dec.bits.bitPos()>>3, err
}

func (w *Walker) reset(r io.Reader, s Sink) {
	if w.feed.buf == nil {
		w.feed.buf = make([]byte, feedSize)
		w.dec.out.buf = make([]byte, WindowSize+walkSize+OutputSlack)
	}
	w.feed = feed{r: r, buf: w.feed.buf}
	w.dec.out = output{buf: w.dec.out.buf, limit: len(w.dec.out.buf) - OutputSlack}
	w.sink = s
	w.dec.refs = nil
	w.done, w.total = 0, 0
	w.dec.start(nil, 0)
}

// member walks one member. It returns errDone where the stream ends instead.
func (w *Walker) member() error {
	if err := w.header(); err != nil {
		return err
	}
	w.dec.restart()
	w.dec.out.hist = w.dec.out.pos
	w.crc, w.size = 0, 0
	if err := w.block(); err != nil {
		return err
	}
	for {
		ev, err := w.dec.decode()
		if err != nil {
			return at(err, w.bitPos())
		}
		switch ev {
		case evInput:
			err = w.need()
		case evLimit:
			err = w.flush()
			w.dec.out.slide()
			w.done = w.dec.out.pos
		case evBlock:
			err = w.block()
		case evEnd:
			return w.trailer()
		}
		if err != nil {
			return err
		}
	}
}

// header consumes the header of the next member.
func (w *Walker) header() error {
	b := &w.dec.bits
	for {
		n, err := memberHeader(b.in[b.pos:])
		if err == nil {
			b.pos += n
			return nil
		}
		short, first, empty := errors.Is(err, errShort), w.feed.base+int64(b.pos) == 0, b.pos == len(b.in)
		switch {
		case short && empty && !first:
			if err = w.feed.more(b); err != nil {
				return err // errDone: the regular end
			}
		case short:
			if err = w.need(); err != nil {
				return err
			}
		case errors.Is(err, errNoMember) && first:
			return ErrNotGzip
		case errors.Is(err, errNoMember):
			return w.trailing()
		default:
			return at(err, w.bitPos())
		}
	}
}

// trailing reads the rest of the stream to tell what it is.
func (w *Walker) trailing() error {
	b := &w.dec.bits
	e := &TrailingError{Offset: w.feed.base + int64(b.pos), Zero: true}
	for {
		for _, c := range b.in[b.pos:] {
			if c != 0 {
				e.Zero = false
				return e
			}
		}
		b.pos = len(b.in)
		if err := w.feed.more(b); errors.Is(err, errDone) {
			return e
		} else if err != nil {
			return err
		}
	}
}

// block reports a block start.
func (w *Walker) block() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.sink.Block(Block{BitPos: w.bitPos(), Out: w.total}, w.dec.out.window())
}

// Trace may be called by a sink in its Block: the block begins a piece. The
// decoder is started anew at the position that Block was told, as a reader of
// the piece will start it, and until the next call adds to used the bytes of
// the window that what follows refers to. Nil ends this.
func (w *Walker) Trace(used *Mask) {
	w.dec.bits.startAt(w.dec.bits.in, w.dec.bits.bitPos())
	w.dec.restart()
	w.dec.refs, w.dec.out.watch = nil, 0
	if used != nil {
		w.refs = refs{mask: used, add: true, past: true}
		w.dec.refs, w.dec.out.watch = &w.refs, w.dec.out.pos
	}
}

// flush gives new output to the sink.
func (w *Walker) flush() error {
	p := w.dec.out.buf[w.done:w.dec.out.pos]
	if len(p) == 0 {
		return nil
	}
	w.done = w.dec.out.pos
	w.total += int64(len(p))
	w.size += uint32(len(p))
	w.crc = crc32.Update(w.crc, crc32.IEEETable, p)
	return w.sink.Output(p)
}

// trailer ends a member.
func (w *Walker) trailer() error {
	if err := w.flush(); err != nil {
		return err
	}
	b := &w.dec.bits
	b.align()
	for len(b.in)-b.pos < memberTrailer {
		if err := w.need(); err != nil {
			return err
		}
	}
	crc, size := binary.LittleEndian.Uint32(b.in[b.pos:]), binary.LittleEndian.Uint32(b.in[b.pos+4:])
	if crc != w.crc || size != w.size {
		return fmt.Errorf("%w: member that ends at byte %d has crc32 %08x and size %d, trailer says %08x and %d",
			ErrCorrupt, w.bitPos()>>3, w.crc, w.size, crc, size)
	}
	b.pos += memberTrailer
	return nil
}

// need gets more input, of which there must be some.
func (w *Walker) need() error {
	err := w.feed.more(&w.dec.bits)
	if errors.Is(err, errDone) {
		return at(ErrTruncated, w.bitPos())
	}
	return err
}

// bitPos is the position in the stream.
func (w *Walker) bitPos() int64 { return w.feed.base*8 + w.dec.bits.bitPos() }
