// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layertest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// key is what the toy encoding XORs each byte with.
const key = 0xa5

// Layer is a layer whose content is known.
type Layer struct {
	// Tree is the layer's file table.
	Tree *toc.Tree
	// Blob is the layer as a registry would serve it.
	Blob []byte
	// Stream is the decoded layer.
	Stream []byte
	// Files are the contents by path.
	Files map[string][]byte

	spans []span.Span
	// BadDecode makes Decode of that span fail, if it is not negative.
	BadDecode span.ID
}

var _ span.Layer = (*Layer)(nil)

// New makes a layer of n files with random content of up to maxSize bytes, in
// directories a few levels deep, as spans of spanSize bytes. The same
// arguments give the same layer.
func New(tb testing.TB, n, maxSize, spanSize int) *Layer {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(uint64(n), uint64(maxSize)))
	l := &Layer{Files: map[string][]byte{}, BadDecode: -1}
	var entries []toc.Entry
	for i := range n {
		size := rnd.IntN(maxSize + 1)
		switch {
		case i == n-1:
			size = maxSize
		case i%7 == 3:
			size = 0
		}
		body := make([]byte, size)
		for j := range body {
			body[j] = byte(rnd.Uint32())
		}
		name := fmt.Sprintf("d%d/e%d/file%04d", i%3, i/5%4, i)
		l.Stream = append(l.Stream, header(tb, name, size)...)
		entries = append(entries, toc.Entry{Name: name, Type: toc.Regular, Mode: 0o644,
			Offset: span.UncompressedOffset(len(l.Stream)), Size: int64(size)})
		l.Files[name] = body
		l.Stream = append(l.Stream, body...)
		l.Stream = append(l.Stream, make([]byte, -len(l.Stream)&511)...)
	}
	l.Stream = append(l.Stream, make([]byte, 1024)...)
	tree, err := toc.NewTree(entries)
	if err != nil {
		tb.Fatal(err)
	}
	l.Tree = tree
	l.encode(spanSize)
	return l
}

// Rewrite changes the decoded layer, and cuts it into spans of spanSize bytes.
func (l *Layer) Rewrite(spanSize int, change func(stream []byte)) {
	change(l.Stream)
	l.spans = nil
	l.encode(spanSize)
}

// header is the tar header of a file.
func header(tb testing.TB, name string, size int) []byte {
	tb.Helper()
	var b bytes.Buffer
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(size), Format: tar.FormatUSTAR, ModTime: time.Unix(0, 0)}
	if err := tar.NewWriter(&b).WriteHeader(&h); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// Digest is what a registry would call the layer.
func (l *Layer) Digest() digest.Digest { return digest.FromBytes(l.Blob) }

// encode cuts the stream into spans. Each but the first begins with the last
// byte of the one before.
func (l *Layer) encode(spanSize int) {
	l.Blob = []byte("head")
	for start := 0; start < len(l.Stream); start += spanSize {
		end := min(start+spanSize, len(l.Stream))
		from := len(l.Blob)
		if start > 0 {
			from--
		}
		for _, b := range l.Stream[start:end] {
			l.Blob = append(l.Blob, b^key)
		}
		l.spans = append(l.spans, span.Span{ID: span.ID(len(l.spans)),
			Start: span.CompressedOffset(from), End: span.CompressedOffset(len(l.Blob)),
			OutStart: span.UncompressedOffset(start), OutEnd: span.UncompressedOffset(end),
			Digest: sha256.Sum256(l.Blob[from:])})
	}
}

// Len implements [span.Layer].
func (l *Layer) Len() int { return len(l.spans) }

// Span implements [span.Layer].
func (l *Layer) Span(id span.ID) span.Span { return l.spans[id] }

// At implements [span.Layer].
func (l *Layer) At(off span.UncompressedOffset) span.ID {
	size := l.spans[0].UncompressedSize()
	return max(0, min(span.ID(int64(off)/size), span.ID(len(l.spans)-1)))
}

// CompressedSize implements [span.Layer].
func (l *Layer) CompressedSize() int64 { return int64(len(l.Blob)) }

// DecodeBufferSize implements [span.Layer].
func (l *Layer) DecodeBufferSize(id span.ID) int { return int(l.spans[id].UncompressedSize()) }

// Decode implements [span.Layer].
func (l *Layer) Decode(buf []byte, data span.Verified) ([]byte, error) {
	sp, in := data.Span(), data.Bytes()
	if sp.ID == l.BadDecode {
		return nil, errors.New("corrupt window")
	}
	if cap(in)-len(in) < 32 {
		return nil, fmt.Errorf("span %d: %d bytes of padding", sp.ID, cap(in)-len(in))
	}
	if sp.ID > 0 {
		in = in[1:]
	}
	out := buf[:0]
	for _, b := range in {
		out = append(out, b^key)
	}
	return out, nil
}

// Out is the decoded content of a span.
func (l *Layer) Out(id span.ID) []byte {
	return l.Stream[l.spans[id].OutStart:l.spans[id].OutEnd]
}

// Node finds the node of a path; the test ends if there is none.
func (l *Layer) Node(tb testing.TB, path string) toc.NodeID {
	tb.Helper()
	for id := toc.RootID; id <= toc.NodeID(l.Tree.Len()); id++ {
		if l.Tree.Path(id) == path {
			return id
		}
	}
	tb.Fatalf("no node %q", path)
	return 0
}

// Ending is a layer whose stream is known to end with its spans.
type Ending struct{ *Layer }

// CheckStart implements proof.Checkpoints.
func (Ending) CheckStart([]byte) (bool, error) { return true, nil }

// CheckWindow implements proof.Checkpoints.
func (Ending) CheckWindow(span.ID, []byte) (bool, error) { return true, nil }

// CheckEnd implements proof.Checkpoints.
func (Ending) CheckEnd([]byte) (bool, error) { return true, nil }
