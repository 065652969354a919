// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"context"
	"errors"
	"hash/crc32"
	"io"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// Layer indexes the blob that r reads, to its end, in one pass, and proves that
// each span decodes from its checkpoint. Memory is some 25 MiB, or four times
// the largest span, and the result: 32 KiB a span of the ztoc, some 8 KiB one
// of the compact form, and about 300 bytes an entry.
//
// A layer that cannot be indexed is a [*SkipError]. A damaged one is an error
// of package inflate. Errors of r are returned wrapped or as they are, and so
// is that of ctx, which is looked at between reads. An index that is wrong
// matches [ErrMismatch]; it is a fault of this package or of the machine.
func Layer(ctx context.Context, r io.Reader, o Options) (*Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p := newPass(ctx, o)
	defer p.table.close()
	if o.Compression == ztoc.Gzip {
		err = p.gzip(ctx, r)
	} else {
		err = p.plain(ctx, r)
	}
	if err == nil {
		err = p.last()
	}
	if lineErr := p.line.close(); lineErr != nil {
		err = lineErr // which ended the pass, if it did not end by itself
	}
	if err != nil {
		return nil, err
	}
	return p.result()
}

// pass is the state of one Layer.
type pass struct {
	options Options
	src     source
	cut     *cutter
	line    *line
	open    *piece // whose end is not known yet
	tarSize int64
	table   *table
	budget  *budget
	points  []ztoc.Checkpoint
	windows chan []byte // buffers

	lastCoarse, lastFine int64 // tar stream positions of points
}

// newPass starts the line; the caller closes it, and the table.
func newPass(ctx context.Context, o Options) *pass {
	b := newBudget()
	p := &pass{
		options: o, budget: b, table: newTable(b), cut: newCutter(),
		open: &piece{}, windows: make(chan []byte, maxPieces),
	}
	p.table.repair = o.Repair
	p.line = newLine(ctx, o, p.recycle)
	return p
}

// recycle takes the buffers of a piece that is done with. The line calls it.
func (p *pass) recycle(done *piece) {
	p.cut.recycle(done.data)
	p.line.prover.recycle(done)
	if done.coarse || done.window == nil {
		return
	}
	select {
	case p.windows <- done.window:
	default:
	}
}

// Output implements [inflate.Sink]: the next bytes of the tar stream.
func (p *pass) Output(b []byte) error {
	n := int64(len(b))
	if p.open.size += n; p.open.size > ztoc.MaxSpanSize {
		return skipf(nil, "a block of more than %d bytes", int64(ztoc.MaxSpanSize))
	}
	p.open.crc = crc32.Update(p.open.crc, crc32.IEEETable, b)
	p.tarSize += n
	return p.table.push(b)
}

// begin ends the open piece at next, which costs so many bytes of ztoc.
func (p *pass) begin(next point, cost int64) error {
	if err := p.budget.spend(cost); err != nil {
		return err
	}
	if next.coarse {
		p.lastCoarse = int64(next.out)
	}
	if next.fine {
		p.lastFine = int64(next.out)
	}
	if next.coarse && p.options.Compression == ztoc.Gzip {
		p.points = append(p.points, next.checkpoint())
	}
	ended := p.open
	ended.data = p.cut.cut(next)
	p.open = &piece{point: next}
	return p.line.send(ended)
}

// last ends the open piece at the end of the blob.
func (p *pass) last() error {
	p.open.data = p.cut.buf
	return p.line.send(p.open)
}

// result puts together what the pass found.
func (p *pass) result() (*Result, error) {
	size, entries, err := p.table.finish()
	if err != nil {
		return nil, p.explain(err)
	}
	h := p.line.hashes
	z := &ztoc.Ztoc{
		Version:          ztoc.Version,
		BuildTool:        p.options.Tool,
		CompressedSize:   p.src.size,
		UncompressedSize: size,
		Entries:          entries,
		Compression:      p.options.Compression,
		SpanSize:         p.options.SpanSize,
		SpanDigests:      h.coarse.digests(),
		BlobVersion:      2,
		Checkpoints:      p.points,
	}
	z.MaxSpanID = int32(len(z.SpanDigests) - 1)
	res := &Result{Ztoc: z, Size: p.src.size, TarSize: p.tarSize, Spans: p.line.prover.spans}
	h.setDigests(res, p.options)
	h.fine.finish()
	for i := range res.Spans {
		res.Spans[i].Digest = h.fine.sums[i]
	}
	if n := len(res.Spans); n > 0 {
		res.Spans[n-1].End = span.CompressedOffset(p.src.size)
	}
	return res, nil
}

// explain adds to a SkipError about the start of an archive what the blob
// looks like.
func (p *pass) explain(err error) error {
	var skip *SkipError
	kind := p.src.kind()
	if p.options.Compression == ztoc.Uncompressed && kind != "" && len(p.table.entries) == 0 && errors.As(err, &skip) {
		return skipf(skip.Err, "not a plain tar but %s", kind)
	}
	return err
}

var _ inflate.Sink = (*pass)(nil)
