// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/proof"
	"github.com/spryd/spry/index/build/buildtest"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// forms are the layers that an index makes of a blob: the ztoc's own, and that
// of a compact index.
func forms(t *testing.T, z *ztoc.Ztoc, blob []byte) map[string]span.Layer {
	t.Helper()
	own, err := z.Layer()
	if err != nil {
		t.Fatal(err)
	}
	s, err := compact.FromZtoc(z, digest.FromBytes(blob))
	if err != nil {
		t.Fatal(err)
	}
	b, err := compact.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	other, err := compact.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]span.Layer{"ztoc": own, "compact": other}
}

// judge shows a whole layer to a proof, in some order, and returns
// the first error.
func judge(t *testing.T, z *ztoc.Ztoc, l span.Layer, blob []byte, order []span.ID) error {
	t.Helper()
	tree, err := toc.NewTree(z.Entries)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proof.New(proof.Options{Digest: digest.FromBytes(blob), Layer: l, Tree: tree, Dir: t.TempDir(),
		Read: func(_ context.Context, off span.CompressedOffset, n int64) ([]byte, error) {
			return slices.Clone(blob[off : int64(off)+n]), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	verdict := make(chan error, 1)
	go func() { verdict <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, id := range order {
		sp := l.Span(id)
		data, err := span.Verify(sp, blob[sp.Start:sp.End])
		if err != nil {
			t.Fatal(err)
		}
		out, err := l.Decode(nil, data)
		if err != nil {
			cancel()
			return errors.Join(err, <-verdict)
		}
		if see := p.Span(id); see != nil {
			see(data, out)
		}
	}
	return <-verdict
}

// TestStream wants indexes refused that lie about where the stream goes, even
// though windows, sizes, digests and headers are right.
func TestStream(t *testing.T) {
	for _, lie := range buildtest.Lies(t) {
		for name, l := range forms(t, lie.False, lie.Blob) {
			t.Run(lie.Name+"/"+name, func(t *testing.T) {
				order := make([]span.ID, l.Len())
				for i := range order {
					order[i] = span.ID(i)
				}
				for range 2 {
					err := judge(t, lie.False, l, lie.Blob, order)
					if !errors.Is(err, proof.ErrLie) && !errors.Is(err, inflate.ErrEnd) {
						t.Errorf("a false index: %v", err)
					}
					slices.Reverse(order)
				}
			})
		}
		for name, l := range forms(t, lie.Honest, lie.Blob) {
			t.Run(lie.Name+"/honest/"+name, func(t *testing.T) {
				var order []span.ID
				for i := range l.Len() {
					order = append([]span.ID{span.ID(i)}, order...)
				}
				if err := judge(t, lie.Honest, l, lie.Blob, order); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
