// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/proof"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// plainLayer is a tar stream as it is, in spans of one size.
type plainLayer struct {
	blob []byte
	size int
}

func (l plainLayer) Len() int { return (len(l.blob) + l.size - 1) / l.size }

func (l plainLayer) Span(id span.ID) span.Span {
	start := int(id) * l.size
	end := min(start+l.size, len(l.blob))
	return span.Span{ID: id, Start: span.CompressedOffset(start), End: span.CompressedOffset(end),
		OutStart: span.UncompressedOffset(start), OutEnd: span.UncompressedOffset(end), Digest: sha256.Sum256(l.blob[start:end])}
}

func (l plainLayer) At(off span.UncompressedOffset) span.ID {
	return span.ID(min(max(int(off), 0)/l.size, l.Len()-1))
}

func (l plainLayer) CompressedSize() int64 { return int64(len(l.blob)) }

func (l plainLayer) Decode(buf []byte, data span.Verified) ([]byte, error) {
	return append(buf[:0], data.Bytes()...), nil
}

func (l plainLayer) DecodeBufferSize(span.ID) int { return l.size }

// treeOf reads an archive with the standard library alone; nil: it cannot be
// one of a layer.
func treeOf(b []byte) *toc.Tree {
	entries, err := toctest.Entries(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if slices.ContainsFunc(e.PAX, func(r toc.Record) bool { return strings.HasPrefix(r.Key, "GNU.sparse.") }) {
			return nil
		}
	}
	tree, err := toc.NewTree(entries)
	if err != nil {
		return nil
	}
	return tree
}

// shown is all that a container sees of a tree, and where its contents lie.
func shown(t *toc.Tree) string {
	var b strings.Builder
	for id := toc.RootID; id <= toc.NodeID(t.Len()); id++ {
		a, _ := t.Attr(id)
		off, size := t.Data(id)
		if size == 0 {
			off = 0
		}
		fmt.Fprintf(&b, "%d %q %+v %v %q %q %d", id, t.Path(id), a, t.Implied(id), t.Readlink(id), t.Xattrs(id), off)
		for i := range t.Children(id) {
			name, child := t.Child(id, i)
			fmt.Fprintf(&b, " %q:%d", name, child)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// FuzzHeaders proves layers against the tables of archives that may be others:
// the proof accepts what the standard library reads of the layer, in whatever
// pieces and order it arrives, and nothing else.
func FuzzHeaders(f *testing.F) {
	plain := remotetest.Tar(f, remotetest.File{Name: "a/"}, remotetest.File{Name: "a/b", Body: strings.Repeat("x", 1500)},
		remotetest.File{Name: "a/c", Link: "b"}, remotetest.File{Name: "a/d", Type: tar.TypeLink, Link: "a/b"})
	odd := remotetest.Tar(f, remotetest.File{Name: strings.Repeat("n", 150) + "/x", Body: "1", Xattrs: map[string]string{"user.a": "b"}},
		remotetest.File{Name: ".wh.gone"}, remotetest.File{Name: "o/.wh..wh..opq"}, remotetest.File{Name: "null", Type: tar.TypeChar, Major: 1, Minor: 3},
		remotetest.File{Name: "p", Type: tar.TypeFifo}, remotetest.File{Name: "x", Body: "1"}, remotetest.File{Name: "x", Body: "22"})
	hidden := remotetest.Tar(f, remotetest.File{Name: "f", Body: string(plain[:1024])}) // headers in a file's content
	for i, b := range [][]byte{plain, odd, hidden} {
		f.Add(b, []byte{}, uint16(512), uint64(i))
		f.Add(b, plain, uint16(100), uint64(i))
		f.Add(b, append(slices.Clone(b), make([]byte, 3000)...), uint16(4000), uint64(i))
		f.Add(b[:len(b)-1024], b, uint16(700), uint64(i))
	}
	f.Fuzz(func(t *testing.T, blob, served []byte, size uint16, order uint64) {
		l := plainLayer{blob: blob, size: max(int(size), 1+len(blob)/50)}
		real := treeOf(blob)
		tree := real
		if len(served) > 0 {
			tree = treeOf(served)
		}
		if tree == nil || len(blob) == 0 {
			return
		}
		err := proveIn(t, l, tree, rand.New(rand.NewPCG(order, 0)).Perm(l.Len()))
		truth := real != nil && shown(real) == shown(tree)
		switch {
		case err == nil && !truth:
			t.Error("a table that is not the layer's was proven")
		case err != nil && truth:
			t.Errorf("the layer's own table was refused: %v", err)
		case err != nil && !errors.Is(err, proof.ErrLie):
			t.Errorf("error %v, want a lie", err)
		}
	})
}

// proveIn shows the spans of l in an order.
func proveIn(t *testing.T, l plainLayer, tree *toc.Tree, order []int) error {
	t.Helper()
	p, err := proof.New(proof.Options{Digest: digest.FromBytes(l.blob), Layer: l, Tree: tree, Dir: t.TempDir(),
		Read: func(_ context.Context, off span.CompressedOffset, n int64) ([]byte, error) {
			return slices.Clone(l.blob[off : int64(off)+n]), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	verdict := make(chan error, 1)
	go func() { verdict <- p.Run(t.Context()) }()
	for _, id := range order {
		show(t, p, l, l.blob, span.ID(id))
	}
	err = <-verdict
	if closed := p.Close(); closed != nil {
		t.Error(closed)
	}
	return err
}
