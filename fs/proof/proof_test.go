// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/proof"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// options prove l.
func options(t *testing.T, l *layertest.Layer) proof.Options {
	t.Helper()
	return proof.Options{Digest: l.Digest(), Layer: l, Tree: l.Tree, Dir: t.TempDir(),
		Read: func(_ context.Context, off span.CompressedOffset, n int64) ([]byte, error) {
			return slices.Clone(l.Blob[off : int64(off)+n]), nil
		}}
}

// running starts a proof and returns its verdict's channel.
func running(t *testing.T, o proof.Options) (*proof.Proof, <-chan error) {
	t.Helper()
	p, err := proof.New(o)
	if err != nil {
		t.Fatal(err)
	}
	verdict := make(chan error, 1)
	ended := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	go func() {
		defer close(ended)
		verdict <- p.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, verdict
}

// show gives a span to p.
func show(t *testing.T, p *proof.Proof, l span.Layer, blob []byte, id span.ID) {
	t.Helper()
	sp := l.Span(id)
	// As runs do: the buffers are used again afterwards.
	data := slices.Clone(blob[sp.Start:sp.End])
	verified, err := span.Verify(sp, data)
	if err != nil {
		t.Error(err)
		return
	}
	out, err := l.Decode(nil, verified)
	if err != nil {
		t.Error(err)
		return
	}
	if see := p.Span(id); see != nil {
		see(verified, out)
	}
	clear(data)
	clear(out)
}

func TestAnyOrder(t *testing.T) {
	l := layertest.New(t, 60, 9000, 3000)
	n := l.Len()
	forwards := make([]int, n)
	for i := range forwards {
		forwards[i] = i
	}
	backwards := slices.Clone(forwards)
	slices.Reverse(backwards)
	for name, order := range map[string][]int{"forwards": forwards, "backwards": backwards,
		"random": rand.New(rand.NewPCG(1, 2)).Perm(n), "twice": append(slices.Clone(backwards), forwards...)} {
		t.Run(name, func(t *testing.T) {
			o := options(t, l)
			o.Layer = layertest.Ending{Layer: l}
			p, verdict := running(t, o)
			for _, id := range order {
				show(t, p, l, l.Blob, span.ID(id))
			}
			if err := <-verdict; err != nil {
				t.Fatal(err)
			}
			if n := p.Spooled(); n != 0 {
				t.Errorf("%d bytes left in the spool", n)
			}
			if _, _, ok := p.Wanted(); ok {
				t.Error("a proven layer wants more")
			}
			id, err := p.DiffID(t.Context(), func(id toc.NodeID, p []byte, off int64) error {
				data, size := l.Tree.Data(id)
				if off+int64(len(p)) > size {
					t.Errorf("%d bytes at %d of %d", len(p), off, size)
				}
				copy(p, l.Stream[int64(data)+off:])
				return nil
			})
			if want := digest.FromBytes(l.Stream); err != nil || id != want {
				t.Errorf("DiffID %s, %v, want %s", id, err, want)
			}
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	l := layertest.New(t, 200, 9000, 2000)
	p, verdict := running(t, options(t, l))
	var work sync.WaitGroup
	for w := range 8 {
		work.Go(func() {
			for i := w; i < l.Len(); i += 8 {
				show(t, p, l, l.Blob, span.ID(i))
			}
		})
	}
	work.Wait()
	if err := <-verdict; err != nil {
		t.Fatal(err)
	}
}

func TestWanted(t *testing.T) {
	l := layertest.New(t, 20, 9000, 3000)
	p, _ := running(t, options(t, l))
	for _, id := range []span.ID{0, 1, 5, 6} {
		show(t, p, l, l.Blob, id)
	}
	if first, last, ok := p.Wanted(); first != 2 || last != 4 || !ok {
		t.Errorf("wants %d to %d, %v", first, last, ok)
	}
	if p.Spooled() == 0 {
		t.Error("nothing waits in the spool")
	}
}

// TestDamagedSpool: what the disk makes of spans that wait is no lie of the index.
func TestDamagedSpool(t *testing.T) {
	l := layertest.New(t, 20, 9000, 3000)
	o := options(t, l)
	p, verdict := running(t, o)
	for id := span.ID(l.Len()) - 1; id > 0; id-- {
		show(t, p, l, l.Blob, id)
	}
	f, err := os.OpenFile(filepath.Join(o.Dir, "spool"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteAt([]byte{1, 2, 3}, p.Spooled()/2); err != nil {
		t.Fatal(err)
	}
	show(t, p, l, l.Blob, 0)
	if err := <-verdict; err == nil || errors.Is(err, proof.ErrLie) {
		t.Errorf("got %v, want an error of the spool", err)
	}
}

// TestFullSpool: a span that cannot be put aside is wanted again.
func TestFullSpool(t *testing.T) {
	l := layertest.New(t, 20, 9000, 3000)
	p, verdict := running(t, options(t, l))
	show(t, p, l, l.Blob, 0)
	for p.Spooled() > 0 { // it may have been put aside
		time.Sleep(time.Millisecond)
	}
	full := p.LoseSpool(t)
	show(t, p, l, l.Blob, 2)
	select {
	case err := <-p.Lost():
		if err == nil {
			t.Error("no error")
		}
	case <-t.Context().Done():
		t.Fatal("nobody is told")
	}
	if first, last, ok := p.Wanted(); first != 1 || int(last) != l.Len()-1 || !ok {
		t.Errorf("wants %d to %d, %v", first, last, ok)
	}
	full()
	for id := range span.ID(l.Len()) {
		show(t, p, l, l.Blob, id)
	}
	if err := <-verdict; err != nil {
		t.Error(err)
	}
}

func TestWrongDigest(t *testing.T) {
	l := layertest.New(t, 20, 9000, 3000)
	o := options(t, l)
	o.Digest = digest.FromString("another blob")
	p, verdict := running(t, o)
	for id := range span.ID(l.Len()) {
		show(t, p, l, l.Blob, id)
	}
	if err := <-verdict; !errors.Is(err, proof.ErrLie) || !strings.Contains(err.Error(), l.Digest().String()) {
		t.Errorf("verdict %v", err)
	}
}

// Bytes outside of spans are vouched for by nothing: if they were wrong on
// their way this is no lie of the index.
func TestWrongGapOnTheWay(t *testing.T) {
	l := layertest.New(t, 20, 9000, 3000)
	o := options(t, l)
	right, calls := o.Read, 0
	o.Read = func(ctx context.Context, off span.CompressedOffset, n int64) ([]byte, error) {
		b, err := right(ctx, off, n)
		if calls++; calls == 1 {
			b[0]++
		}
		return b, err
	}
	p, verdict := running(t, o)
	for id := range span.ID(l.Len()) {
		show(t, p, l, l.Blob, id)
	}
	if err := <-verdict; !errors.Is(err, proof.ErrAgain) || errors.Is(err, proof.ErrLie) {
		t.Errorf("verdict %v", err)
	}
}

func TestAnotherTree(t *testing.T) {
	l, other := layertest.New(t, 20, 9000, 3000), layertest.New(t, 21, 9000, 3000)
	for _, order := range []string{"forwards", "backwards"} {
		t.Run(order, func(t *testing.T) {
			o := options(t, l)
			o.Tree = other.Tree
			p, verdict := running(t, o)
			for id := range span.ID(l.Len()) {
				if order == "backwards" {
					id = span.ID(l.Len()) - 1 - id
				}
				show(t, p, l, l.Blob, id)
			}
			if err := <-verdict; !errors.Is(err, proof.ErrLie) {
				t.Errorf("verdict %v", err)
			}
		})
	}
}

func TestEndsWithContext(t *testing.T) {
	l := layertest.New(t, 20, 9000, 3000)
	p, err := proof.New(options(t, l))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	show(t, p, l, l.Blob, 0)
	show(t, p, l, l.Blob, 1)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoSpool(t *testing.T) {
	l := layertest.New(t, 20, 9000, 3000)
	o := options(t, l)
	target := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Symlink(target, filepath.Join(o.Dir, "spool")); err != nil {
		t.Fatal(err)
	}
	if _, err := proof.New(o); err == nil {
		t.Error("a spool that leads elsewhere was opened")
	}
	o.Digest = "sha256:junk"
	if _, err := proof.New(o); !errors.Is(err, proof.ErrUnprovable) {
		t.Errorf("error %v", err)
	}
}
