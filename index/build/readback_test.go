// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/toc"
)

// indexed is the result for a layer of some spans with windows.
func indexed(t *testing.T) *Result {
	t.Helper()
	var blob, data bytes.Buffer
	for i := range 60_000 {
		fmt.Fprintf(&data, "%x ", i*i*7919)
	}
	zw := gzip.NewWriter(&blob)
	tw := tar.NewWriter(zw)
	err := tw.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(data.Len()), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = tw.Write(data.Bytes())
	}
	if err = errors.Join(err, tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	res, err := Layer(t.Context(), &blob, Options{SpanSize: 200 << 10, FineSpanSize: 50 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Ztoc.Checkpoints) < 2 || len(res.Spans) < 4 || len(res.Spans[2].Window) < 2 {
		t.Fatalf("%d checkpoints, %d spans", len(res.Ztoc.Checkpoints), len(res.Spans))
	}
	return res
}

// TestReadZtoc reads a ztoc back as another one.
func TestReadZtoc(t *testing.T) {
	for name, change := range map[string]func(r *Result){
		"size":      func(r *Result) { r.Ztoc.CompressedSize++ },
		"archive":   func(r *Result) { r.Ztoc.UncompressedSize-- },
		"span size": func(r *Result) { r.Ztoc.SpanSize++ },
		"digest":    func(r *Result) { r.Ztoc.SpanDigests[1] = digest.FromString("other") },
		"in":        func(r *Result) { r.Ztoc.Checkpoints[1].In++ },
		"out":       func(r *Result) { r.Ztoc.Checkpoints[1].Out++ },
		"bits":      func(r *Result) { r.Ztoc.Checkpoints[1].Bits ^= 1 },
		"window":    func(r *Result) { r.Ztoc.Checkpoints[1].Window[7]++ },
		"no window": func(r *Result) { r.Ztoc.Checkpoints[1].Window = nil },
		"fewer":     func(r *Result) { r.Ztoc.Checkpoints = r.Ztoc.Checkpoints[:1] },
		"entry":     func(r *Result) { r.Ztoc.Entries[0].Mode++ },
		"entries":   func(r *Result) { r.Ztoc.Entries = nil },
	} {
		res := indexed(t)
		b, err := res.EncodeZtoc()
		if err != nil {
			t.Fatal(err)
		}
		change(res)
		if err := res.readZtoc(b); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
		if err := res.readZtoc(b[:len(b)/2]); err == nil {
			t.Errorf("%s: half of it is read", name)
		}
	}
}

// TestReadCompact reads a compact form back as another one.
func TestReadCompact(t *testing.T) {
	for name, change := range map[string]func(r *Result){
		"layer":   func(r *Result) { r.Digest = digest.FromString("other") },
		"size":    func(r *Result) { r.Size++ },
		"archive": func(r *Result) { r.Ztoc.UncompressedSize++ },
		"start":   func(r *Result) { r.Spans[2].Start++ },
		"end":     func(r *Result) { r.Spans[2].End++ },
		"out":     func(r *Result) { r.Spans[2].OutStart++ },
		"bits":    func(r *Result) { r.Spans[2].Bits ^= 1 },
		"digest":  func(r *Result) { r.Spans[2].Digest[0]++ },
		"window":  func(r *Result) { r.Spans[2].Window[0]++ },
		"known more": func(r *Result) {
			m := *r.Spans[2].Mask
			for i := range inflate.WindowSize {
				if !m.Has(i) {
					m.Add(i, i+1)
					break
				}
			}
			r.Spans[2].Mask, r.Spans[2].Window = &m, append(r.Spans[2].Window, 0)
		},
		"known less": func(r *Result) { r.Spans[2].Mask, r.Spans[2].Window = nil, nil },
		"fewer":      func(r *Result) { r.Spans = r.Spans[:2] },
	} {
		res := indexed(t)
		b, err := res.Compact()
		if err != nil {
			t.Fatal(err)
		}
		tree, err := toc.NewTree(res.Ztoc.Entries)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.readCompact(b, tree); err != nil {
			t.Fatal(err)
		}
		change(res)
		if err := res.readCompact(b, tree); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	res := indexed(t)
	b, err := res.Compact()
	if err != nil {
		t.Fatal(err)
	}
	res.Ztoc.Entries[0].Mode = 0o600
	tree, err := toc.NewTree(res.Ztoc.Entries)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.readCompact(b, tree); !errors.Is(err, ErrMismatch) {
		t.Errorf("tree: %v", err)
	}
}
