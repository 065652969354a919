// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/containerd/log"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/proof"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
)

// prover is a proof that runs.
type prover struct {
	proof *proof.Proof
	close func() error  // of proof, once
	done  chan struct{} // closed when err is set
	err   error
}

// startProof begins the proof of the layer. Nothing is read before a span
// arrives.
func (l *Layer) startProof(ctx context.Context) error {
	p, err := proof.New(proof.Options{Digest: l.options.Digest, Layer: l.options.Spans, Tree: l.options.Tree,
		Dir: l.options.Dir, Read: l.readGap})
	if err != nil {
		return err
	}
	pr := &prover{proof: p, close: sync.OnceValue(p.Close), done: make(chan struct{})}
	l.work.Go(func() {
		defer close(pr.done)
		if pr.err = p.Run(ctx); isLie(pr.err) {
			l.condemn(ctx, pr.err) // also if the rest cannot be fetched
		}
	})
	l.prover.Store(pr)
	return nil
}

// observe offers a span to the proof.
func (l *Layer) observe(id span.ID) func(data span.Verified, out []byte) {
	if pr := l.prover.Load(); pr != nil {
		return pr.proof.Span(id)
	}
	return nil
}

// prove has the layer proven: it fetches what the proof has not seen, and waits
// for the verdict. Errors that match isLie will not pass.
func (l *Layer) prove(ctx context.Context) error {
	pr := l.prover.Load()
	if pr == nil {
		if err := l.startProof(ctx); err != nil {
			return err
		}
		pr = l.prover.Load()
	}
	select {
	case err := <-pr.proof.Lost():
		log.G(ctx).WithError(err).Debug("span is shown to the proof again")
	default:
	}
	for {
		first, last, ok := pr.proof.Wanted()
		if !ok || pr.ended() {
			break
		}
		if err := l.refetch(ctx, pr, first, min(last, l.part(first))); err != nil {
			return err
		}
	}
	select {
	case <-pr.done:
	case err := <-pr.proof.Lost():
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := pr.err
	if err != nil && !isLie(err) { // it has to begin again
		err = errors.Join(err, l.endProof(pr))
	}
	return err
}

// endProof frees a proof.
func (l *Layer) endProof(pr *prover) error {
	l.prover.CompareAndSwap(pr, nil)
	return pr.close()
}

// hash finds the DiffID of a layer that this process has proven, and ends the proof.
// Nobody compares with one that cannot be found. Errors are that of ctx and, if the
// disk lost something meanwhile, store.ErrIncomplete.
func (l *Layer) hash(ctx context.Context) error {
	pr := l.prover.Load()
	if pr == nil {
		return nil
	}
	losses := l.store.Losses()
	id, err := pr.proof.DiffID(ctx, l.store.ReadAt)
	if _, missing := l.Spans(); missing > 0 || l.store.Losses() != losses {
		return fmt.Errorf("find DiffID: %w", store.ErrIncomplete)
	}
	if err = errors.Join(err, l.endProof(pr)); err != nil {
		log.G(ctx).WithError(err).Debug("DiffID of layer is not known")
	} else {
		l.diffID.Store(&id)
	}
	return context.Cause(ctx)
}

// sealPlain records that the layer is plain.
func (l *Layer) sealPlain(context.Context) error {
	if id := l.diffID.Load(); id != nil {
		return l.store.SealProven(*id)
	}
	return l.store.SealProven("")
}

// ended says whether there is a verdict.
func (pr *prover) ended() bool {
	select {
	case <-pr.done:
		return true
	default:
		return false
	}
}

// refetch fetches spans for the proof alone.
func (l *Layer) refetch(ctx context.Context, pr *prover, first, last span.ID) error {
	lease, err := l.options.Scheduler.Acquire(ctx, fetch.Background)
	if err != nil {
		return err
	}
	defer lease.Release()
	start, end := l.options.Spans.Span(first).Start, l.options.Spans.Span(last).End
	body, err := l.options.Blob.ReadRange(ctx, int64(start), int64(end-start))
	if err != nil {
		return fmt.Errorf("fetch spans %d to %d again: %w", first, last, err)
	}
	defer func() { _ = body.Close() }()
	var data, out []byte
	at := start
	for id := first; id <= last; id++ {
		if err := lease.Yield(ctx); err != nil {
			return err
		}
		sp := l.options.Spans.Span(id)
		next := make([]byte, sp.CompressedSize(), sp.CompressedSize()+32)
		copy(next, data[len(data)-int(at-sp.Start):])
		if _, err := io.ReadFull(body, next[at-sp.Start:]); err != nil {
			return fmt.Errorf("fetch span %d again: %w", id, err)
		}
		data, at = next, sp.End
		if out, err = l.show(pr, sp, data, out); err != nil {
			if d, ok := l.options.Blob.(read.Distruster); ok && errors.Is(err, span.ErrVerify) {
				d.Distrust(body)
			}
			return err
		}
	}
	return nil
}

// show verifies and decodes a span for the proof, and corrects what an earlier
// process stored of it. It returns the buffer to use
// next.
func (l *Layer) show(pr *prover, sp span.Span, data, buf []byte) ([]byte, error) {
	verified, err := span.Verify(sp, data)
	if err != nil {
		return buf, err
	}
	out, err := l.options.Spans.Decode(buf, verified)
	if err != nil {
		return buf, read.Undecodable(sp.ID, err)
	}
	wrong, err := l.store.Correct(sp.ID, out)
	if err != nil {
		return buf, err
	}
	if wrong {
		log.L.WithField("layer", l.options.Digest.String()).WithField("span", sp.ID).Warn("disk held other bytes than were written")
	}
	if see := pr.proof.Span(sp.ID); see != nil {
		see(verified, out)
	}
	return out[:0], nil
}

// readGap reads blob bytes that are in no span, until it succeeds.
func (l *Layer) readGap(ctx context.Context, off span.CompressedOffset, n int64) ([]byte, error) {
	b := make([]byte, n)
	err := l.persist(ctx, "prove", func(ctx context.Context) error {
		lease, err := l.options.Scheduler.Acquire(ctx, fetch.Background)
		if err != nil {
			return err
		}
		defer lease.Release()
		body, err := l.options.Blob.ReadRange(ctx, int64(off), n)
		if err != nil {
			return err
		}
		_, err = io.ReadFull(body, b)
		return errors.Join(err, body.Close())
	})
	return b, err
}

// isLie says whether err means that the layer is not what its index says.
func isLie(err error) bool {
	return errors.Is(err, proof.ErrLie) || errors.Is(err, read.ErrDecode)
}

// condemn takes the layer out of use, once.
func (l *Layer) condemn(ctx context.Context, err error) {
	l.condemned.Do(func() {
		log.G(ctx).WithField("index", l.options.Index.String()).WithError(err).Error("layer is condemned")
		if l.options.OnCondemned != nil {
			l.options.OnCondemned(err)
		}
		l.refuse()
	})
}

// refuse makes the layer condemned, and ends what completes it.
func (l *Layer) refuse() {
	l.state.Store(int32(Condemned))
	l.endCompleting()
}

// advance enters a state, unless the layer is condemned.
func (l *Layer) advance(to State) {
	for {
		now := l.state.Load()
		if State(now) == Condemned || l.state.CompareAndSwap(now, int32(to)) {
			return
		}
	}
}
