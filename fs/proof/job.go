// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"context"
	"fmt"

	"github.com/spryd/spry/index/span"
)

// job is a span whose turn it is.
type job struct {
	span span.Span
	data []byte // compressed
	out  []byte // decoded; nil if it comes from the spool
	tail []byte // the last decoded bytes, up to windowSize
	rest []byte // from the spool: what is not file contents
	done chan struct{}
}

// finish gives back the buffers.
func (j job) finish() {
	if j.done != nil {
		close(j.done)
	}
}

// Span claims span id for the proof: nil if it has seen it, or what to show its
// verified bytes to and what they decode to, once. That keeps neither, and may
// wait for Run to look at them. After Run has returned it does nothing.
func (p *Proof) Span(id span.ID) func(data span.Verified, out []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[id] {
		return nil
	}
	p.seen[id] = true
	if !p.started {
		p.started = true
		close(p.begun)
	}
	return func(data span.Verified, out []byte) {
		p.show(job{span: data.Span(), data: data.Bytes(), out: out, tail: tailOf(out), done: make(chan struct{})})
	}
}

// show hands a claimed span to Run if it is its turn, or puts it aside.
func (p *Proof) show(j job) {
	p.mu.Lock()
	now := p.waiting && j.span.ID == p.next
	p.waiting = p.waiting && !now
	p.mu.Unlock()
	if now {
		select {
		case p.handed <- j:
			<-j.done
		case <-p.ended:
		}
		return
	}
	select {
	case <-p.ended:
	default:
		p.putAside(j)
	}
}

// putAside puts a span aside until its turn. If that fails the span counts as
// not seen.
func (p *Proof) putAside(j job) {
	at, err := p.spool.put(j.data, j.tail, p.remains(j.span, j.out))
	id := j.span.ID
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.seen[id] = false
		select {
		case p.lost <- fmt.Errorf("put span %d aside: %w", id, err):
		default: // one is enough
		}
		return
	}
	p.pending[id] = at
	if p.waiting && id == p.next {
		p.waiting = false
		p.arrived <- struct{}{}
	}
}

// take waits for the next span.
func (p *Proof) take(ctx context.Context) (job, error) {
	p.mu.Lock()
	at, ok := p.pending[p.next]
	p.waiting = !ok
	p.mu.Unlock()
	if ok {
		return p.fromSpool(at)
	}
	select {
	case j := <-p.handed:
		return j, nil
	case <-p.arrived:
		p.mu.Lock()
		at = p.pending[p.next]
		p.mu.Unlock()
		return p.fromSpool(at)
	case <-ctx.Done():
		return job{}, context.Cause(ctx)
	}
}

func (p *Proof) fromSpool(at place) (job, error) {
	data, tail, rest, err := p.spool.take(at)
	return job{span: p.options.Layer.Span(p.next), data: data, tail: tail, rest: rest}, err
}

// advance goes on to the next span.
func (p *Proof) advance() {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, p.next)
	p.next++
}

// tailOf is the part of out that the next span may refer to.
func tailOf(out []byte) []byte { return out[max(0, len(out)-windowSize):] }
