// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// Layer indexes the blob that r reads, to its end, in one pass, in which each
// span is decoded from its checkpoint. Memory is some 10 MiB, or four times
// the largest span compressed, and the result: 32 KiB a span of the ztoc, some 8 KiB one
// of the compact form, and about 300 bytes an entry.
//
// A layer that cannot be indexed is a [*SkipError]. A damaged one is an error
// of package inflate. Errors of r are returned wrapped or as they are, and so
// is that of ctx, which is looked at between reads.
func Layer(ctx context.Context, r io.Reader, o Options) (*Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p := newPass(o)
	defer p.table.close()
	if o.Compression == ztoc.Gzip {
		err = p.gzip(ctx, r)
	} else {
		err = p.plain(ctx, r)
	}
	if err == nil {
		p.last()
	}
	p.line.close()
	if err != nil {
		return nil, err
	}
	return p.result()
}

// pass is the state of one Layer.
type pass struct {
	options Options
	src     source
	walker  inflate.Walker
	cut     *cutter
	line    *line
	open    *piece // whose end is not known yet
	tarSize int64
	diffID  hash.Hash // nil if nobody wants it, or it is that of the blob
	table   *table
	budget  *budget
	points  []ztoc.Checkpoint
	fine    fineSpans

	part                 int64 // Options.part
	lastCoarse, nextFine int64 // tar stream positions: of a point, and behind which one is wanted
}

// newPass starts the line; the caller closes it, and the table.
func newPass(o Options) *pass {
	b := newBudget()
	p := &pass{options: o, part: o.part(), budget: b, table: newTable(b), cut: newCutter(), open: &piece{}}
	p.table.repair = o.Repair
	if !o.OmitDiffID && o.Compression == ztoc.Gzip {
		p.diffID = sha256.New()
	}
	p.line = newLine(o, p.cut.recycle)
	return p
}

// Output implements [inflate.Sink]: the next bytes of the tar stream.
func (p *pass) Output(b []byte) error {
	n := int64(len(b))
	if p.open.size += n; p.open.size > ztoc.MaxSpanSize {
		return skipf(nil, "a block of more than %d bytes", int64(ztoc.MaxSpanSize))
	}
	if p.diffID != nil {
		p.diffID.Write(b)
	}
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
		// The next multiple of a part, if that is not near already.
		parts := (int64(next.out) - p.lastCoarse + p.part/2) / p.part
		p.nextFine = p.lastCoarse + (parts+1)*p.part
	}
	ended := p.open
	ended.data = p.cut.cut(next)
	p.open = &piece{point: next}
	p.line.send(ended)
	return nil
}

// last ends the open piece at the end of the blob.
func (p *pass) last() {
	p.open.data = p.cut.buf
	p.fine.end()
	p.line.send(p.open)
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
	res := &Result{Ztoc: z, Size: p.src.size, TarSize: p.tarSize, Spans: p.fine.list}
	p.setDigests(res)
	for i := range res.Spans {
		res.Spans[i].Digest = h.fine.sums[i]
	}
	if n := len(res.Spans); n > 0 {
		res.Spans[n-1].End = span.CompressedOffset(p.src.size)
	}
	return res, nil
}

// setDigests fills in those of the whole blob.
func (p *pass) setDigests(res *Result) {
	h := p.line.hashes
	h.fine.finish()
	res.Digest = p.options.Digest
	if h.blob != nil {
		res.Digest = digest.NewDigest(digest.SHA256, h.blob)
	}
	switch {
	case p.diffID != nil:
		res.DiffID = digest.NewDigest(digest.SHA256, p.diffID)
	case !p.options.OmitDiffID:
		res.DiffID = res.Digest // of a plain tar
	}
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
