// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/span"
)

// maxGap bounds the blob bytes before the first and behind the last span.
const maxGap = 1 << 20

// Proof is the proof of one layer. Make one with [New], have [Proof.Run] run,
// and close it after that. The other methods are safe for concurrent use.
type Proof struct {
	options Options
	spool   *spool

	// Only Run uses these.
	hash    hash.Hash
	at      span.CompressedOffset // hashed up to here
	entries *build.Entries
	headers *headers
	tail    []byte // the last decoded bytes, up to windowSize
	gaps    []gap
	whole   bool // the archive ends in the spans, or the stream with them
	// closedEnd: the stream ends with the spans.
	closedEnd bool

	handed  chan job      // from Span to Run
	arrived chan struct{} // the next span is in the spool
	begun   chan struct{} // a span was claimed
	ended   chan struct{} // Run returned
	lost    chan error    // a span could not be put aside

	mu      sync.Mutex // guards everything below
	next    span.ID    // that Run needs
	waiting bool       // Run waits for next
	started bool       // begun is closed
	seen    []bool     // by span
	pending map[span.ID]place
}

// gap is what was read outside of spans.
type gap struct {
	off span.CompressedOffset
	b   []byte
}

// New makes a proof. [ErrUnprovable] says that there cannot be one.
func New(o Options) (*Proof, error) {
	if err := checkOrder(o); err != nil {
		return nil, err
	}
	sp, err := newSpool(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("prove layer %s: %w", o.Digest, err)
	}
	return &Proof{
		options: o, spool: sp, hash: o.Digest.Algorithm().Hash(), entries: build.NewEntries(), headers: newHeaders(o.Dir),
		handed: make(chan job), begun: make(chan struct{}), arrived: make(chan struct{}, 1), ended: make(chan struct{}), lost: make(chan error, 1),
		seen: make([]bool, o.Layer.Len()), pending: make(map[span.ID]place),
	}, nil
}

// checkOrder makes sure that spans follow each other.
func checkOrder(o Options) error {
	if err := o.Digest.Validate(); err != nil {
		return fmt.Errorf("%w: digest: %w", ErrUnprovable, err)
	}
	if o.Layer.Len() == 0 {
		return fmt.Errorf("%w: no spans", ErrUnprovable)
	}
	at, out := o.Layer.Span(0).Start, span.UncompressedOffset(0)
	for id := range span.ID(o.Layer.Len()) {
		sp := o.Layer.Span(id)
		if shared := at - sp.Start; shared < 0 || shared > 1 || sp.End < at || sp.OutStart != out {
			return fmt.Errorf("%w: span %d does not follow the one before", ErrUnprovable, id)
		}
		at, out = sp.End, sp.OutEnd
	}
	if before, behind := int64(o.Layer.Span(0).Start), o.Layer.CompressedSize()-int64(at); before > maxGap || behind < 0 || behind > maxGap {
		return fmt.Errorf("%w: %d bytes before and %d behind the spans", ErrUnprovable, before, behind)
	}
	return nil
}

// Wanted is the first run of spans that the proof has not seen; false if it
// has seen all.
func (p *Proof) Wanted() (first, last span.ID, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := span.ID(len(p.seen))
	for first = p.next; first < n && p.seen[first]; first++ {
	}
	if first == n {
		return 0, 0, false
	}
	for last = first; last+1 < n && !p.seen[last+1]; last++ {
	}
	return first, last, true
}

// Lost receives why a span that was shown could not be put aside: it is wanted
// again.
func (p *Proof) Lost() <-chan error { return p.lost }

// Spooled is how many bytes the spool file occupies at most.
func (p *Proof) Spooled() int64 { return p.spool.size() }

// Kept is how many bytes are kept on disk for [Proof.DiffID].
func (p *Proof) Kept() int64 { return p.headers.size.Load() }

// Close frees everything. Run has returned, and Span is called no more.
func (p *Proof) Close() error {
	p.entries.Close()
	return errors.Join(p.spool.close(), p.headers.close())
}

// Run proves the layer: it returns nil when it is proven, a [LieError] when
// the index lies, [ErrAgain], an error of the spool, or that of ctx.
func (p *Proof) Run(ctx context.Context) error {
	defer close(p.ended)
	err := p.run(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (p *Proof) run(ctx context.Context) error {
	select {
	case <-p.begun:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	layer := p.options.Layer
	if err := p.gap(ctx, 0, layer.Span(0).Start); err != nil {
		return err
	}
	for p.next < span.ID(layer.Len()) { // only Run changes it
		j, err := p.take(ctx)
		if err != nil {
			return err
		}
		err = p.check(j)
		j.finish()
		if err != nil {
			return err
		}
		p.advance()
	}
	if err := p.gap(ctx, p.at, span.CompressedOffset(layer.CompressedSize())); err != nil {
		return err
	}
	return p.verdict(ctx)
}

// gap hashes blob bytes that are in no span.
func (p *Proof) gap(ctx context.Context, from, to span.CompressedOffset) error {
	if from >= to {
		return nil
	}
	b, err := p.options.Read(ctx, from, int64(to-from))
	if err != nil {
		return err
	}
	p.gaps = append(p.gaps, gap{from, b})
	p.hash.Write(b)
	p.at = to
	return nil
}
