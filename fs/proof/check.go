// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// check looks at a span in its turn.
func (p *Proof) check(j job) error {
	p.hash.Write(j.data[p.at-j.span.Start:]) // without the byte that both spans have, see checkOrder
	p.at = j.span.End
	if c, ok := p.options.Layer.(Checkpoints); ok {
		if err := p.checkStart(c, j); err != nil {
			return err
		}
	}
	if err := p.feed(j); err != nil {
		return lie("tar stream in span %d: %v", j.span.ID, err)
	}
	p.tail = append(p.tail, j.tail...)
	if n := len(p.tail) - windowSize; n > 0 {
		p.tail = p.tail[:copy(p.tail, p.tail[n:])]
	}
	if int(j.span.ID) < p.options.Layer.Len()-1 {
		return nil
	}
	return p.checkEnd(j)
}

// checkStart says whether a span starts with the state that a decoder of the
// stream has there. For span 0 that is how the stream begins; from one span to
// the next the place was checked when the first was decoded.
func (p *Proof) checkStart(c Checkpoints, j job) error {
	if j.span.ID == 0 {
		var lead []byte
		for _, g := range p.gaps {
			lead = append(lead, g.b...)
		}
		if ok, err := c.CheckStart(append(lead, j.data[:1]...)); err != nil {
			return err
		} else if !ok {
			return lie("the stream does not start with span 0")
		}
	}
	if ok, err := c.CheckWindow(j.span.ID, p.tail); err != nil {
		return err
	} else if !ok {
		return lie("the window of span %d is not what precedes it", j.span.ID)
	}
	return nil
}

// checkEnd looks at the last span once more: the stream could go on behind it, and
// with it an archive that has no end marker.
func (p *Proof) checkEnd(j job) (err error) {
	if c, ok := p.options.Layer.(Checkpoints); ok {
		p.closedEnd, err = c.CheckEnd(j.data)
	} else { // not compressed
		p.closedEnd = j.span.UncompressedSize() == j.span.CompressedSize()
	}
	p.whole = p.closedEnd || p.entries.Ended()
	return err
}

// feed gives a span's headers to the tar reader.
func (p *Proof) feed(j job) error {
	rest := j.rest
	for piece, hole := range p.pieces(j.span) {
		var err error
		switch {
		case hole:
			err = p.entries.Skip(piece.size())
		case j.out != nil:
			err = p.push(j.out[piece.start-j.span.OutStart : piece.end-j.span.OutStart])
		default:
			err = p.push(rest[:piece.size()])
			rest = rest[piece.size():]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// push gives what is not file contents to the tar reader, and keeps it.
func (p *Proof) push(b []byte) error {
	p.headers.keep(b)
	return p.entries.Push(b)
}

// remains is what of a span is not file contents.
func (p *Proof) remains(sp span.Span, out []byte) [][]byte {
	var list [][]byte
	for piece, hole := range p.pieces(sp) {
		if !hole {
			list = append(list, out[piece.start-sp.OutStart:piece.end-sp.OutStart])
		}
	}
	return list
}

// piece is a part of the tar stream. A hole is of a file.
type piece struct {
	start, end span.UncompressedOffset
	file       toc.NodeID
}

func (p piece) size() int64 { return int64(p.end - p.start) }

// pieces cuts a span into file contents (holes), by the served tree, and what is
// between. The last byte of a file belongs to what is between: tar readers
// read it when they skip a file.
func (p *Proof) pieces(sp span.Span) iter.Seq2[piece, bool] {
	return func(yield func(piece, bool) bool) {
		at := sp.OutStart
		for id := range p.options.Tree.Files(sp.OutStart, sp.OutEnd) {
			off, size := p.options.Tree.Data(id)
			start, end := max(off, at), min(off+span.UncompressedOffset(size)-1, sp.OutEnd)
			if start >= end {
				continue
			}
			if start > at && !yield(piece{start: at, end: start}, false) {
				return
			}
			if !yield(piece{start, end, id}, true) {
				return
			}
			at = end
		}
		if at < sp.OutEnd {
			yield(piece{start: at, end: sp.OutEnd}, false)
		}
	}
}

// verdict compares everything at the end.
func (p *Proof) verdict(ctx context.Context) error {
	want := p.options.Digest
	if got := digest.NewDigest(want.Algorithm(), p.hash); got != want {
		if err := p.recheckGaps(ctx); err != nil {
			return err
		}
		return lie("blob is %s, want %s", got, want)
	}
	entries, err := p.entries.Finish()
	if err != nil {
		return lie("tar stream: %v", err)
	}
	if !p.whole {
		return lie("archive goes on behind %d bytes", p.options.Layer.Span(span.ID(p.options.Layer.Len()-1)).OutEnd)
	}
	for i := range entries {
		for _, r := range entries[i].PAX {
			if bytes.HasPrefix([]byte(r.Key), []byte("GNU.sparse.")) {
				return lie("entry %.200q is a sparse file", entries[i].Name)
			}
		}
	}
	tree, err := toc.NewTree(entries)
	if err != nil {
		return lie("tar stream: %v", err)
	}
	if diff := compare(p.options.Tree, tree); diff != "" {
		return lie("%s", diff)
	}
	return nil
}

// recheckGaps reads what is in no span once more: nothing vouched for it. It
// returns [ErrAgain] if it is something else now.
func (p *Proof) recheckGaps(ctx context.Context) error {
	for _, g := range p.gaps {
		b, err := p.options.Read(ctx, g.off, int64(len(g.b)))
		if err != nil {
			return err
		}
		if !bytes.Equal(b, g.b) {
			return fmt.Errorf("%w: bytes at %d changed", ErrAgain, g.off)
		}
	}
	return nil
}
