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
	"github.com/spryd/spry/index/ztoc"
)

// Layer indexes the blob that r reads, to its end, in one pass. Memory is a
// few MiB and the result: 32 KiB a span and about 300 bytes an entry.
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
	if err != nil {
		return nil, err
	}
	return p.result()
}

// pass is the state of one Layer.
type pass struct {
	options Options
	src     *source
	spans   *spanHash
	diffID  hash.Hash
	tarSize int64
	table   *table
	budget  *budget
	points  []ztoc.Checkpoint
}

func newPass(o Options) *pass {
	b := newBudget()
	p := &pass{
		options: o, budget: b, table: newTable(b),
		src: newSource(), spans: newSpanHash(), diffID: sha256.New(),
	}
	p.table.repair = o.Repair
	return p
}

// Output implements [inflate.Sink]: the next bytes of the tar stream.
func (p *pass) Output(b []byte) error {
	p.diffID.Write(b)
	p.tarSize += int64(len(b))
	return p.table.push(b)
}

// result puts together what the pass found.
func (p *pass) result() (*Result, error) {
	size, entries, err := p.table.finish()
	if err != nil {
		return nil, p.explain(err)
	}
	z := &ztoc.Ztoc{
		Version:          ztoc.Version,
		BuildTool:        p.options.Tool,
		CompressedSize:   p.src.size,
		UncompressedSize: size,
		Entries:          entries,
		Compression:      p.options.Compression,
		SpanSize:         p.options.SpanSize,
		SpanDigests:      p.spans.close(),
		BlobVersion:      2,
		Checkpoints:      p.points,
	}
	z.MaxSpanID = int32(len(z.SpanDigests) - 1)
	return &Result{
		Ztoc: z, Digest: p.src.digest(), Size: p.src.size,
		DiffID: digest.NewDigest(digest.SHA256, p.diffID), TarSize: p.tarSize,
	}, nil
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
