// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// one is the sample of that name.
func one(tb testing.TB, name string) sample {
	tb.Helper()
	all := samples(tb)
	i := slices.IndexFunc(all, func(s sample) bool { return s.name == name })
	if i < 0 {
		tb.Fatalf("no sample %s", name)
	}
	return all[i]
}

func TestVerifyFinds(t *testing.T) {
	other := digest.FromString("other")
	tests := map[string]struct {
		change func(r *build.Result, blob []byte) []byte
		want   []error
	}{
		"byte of a span": {func(_ *build.Result, b []byte) []byte { b[len(b)/2]++; return b }, []error{span.ErrVerify}},
		"last byte":      {func(_ *build.Result, b []byte) []byte { b[len(b)-1]++; return b }, []error{span.ErrVerify}},
		"gzip header":    {func(_ *build.Result, b []byte) []byte { b[0]++; return b }, []error{ztoc.ErrInvalid}},
		"time in header": {func(_ *build.Result, b []byte) []byte { b[4]++; return b }, []error{build.ErrMismatch}},
		"short":          {func(_ *build.Result, b []byte) []byte { return b[:len(b)-1] }, []error{build.ErrMismatch}},
		"long":           {func(_ *build.Result, b []byte) []byte { return append(b, 0) }, []error{build.ErrMismatch}},
		"nothing":        {func(*build.Result, []byte) []byte { return nil }, []error{build.ErrMismatch}},
		"window": {func(r *build.Result, b []byte) []byte {
			clear(r.Ztoc.Checkpoints[1].Window)
			return b
		}, []error{build.ErrMismatch, build.ErrSkip}},
		"boundary": {func(r *build.Result, b []byte) []byte {
			r.Ztoc.Checkpoints[1].Out++
			return b
		}, []error{build.ErrMismatch, build.ErrSkip, inflate.ErrCorrupt, inflate.ErrTruncated}},
		"bits": {func(r *build.Result, b []byte) []byte {
			r.Ztoc.Checkpoints[1].Bits ^= 1
			return b
		}, []error{build.ErrMismatch, build.ErrSkip, inflate.ErrCorrupt, inflate.ErrTruncated, inflate.ErrEnd, span.ErrVerify}},
		"digest of a span": {func(r *build.Result, b []byte) []byte { r.Ztoc.SpanDigests[1] = other; return b }, []error{span.ErrVerify}},
		"digest":           {func(r *build.Result, b []byte) []byte { r.Digest = other; return b }, []error{build.ErrMismatch}},
		"DiffID":           {func(r *build.Result, b []byte) []byte { r.DiffID = other; return b }, []error{build.ErrMismatch}},
		"mode":             {func(r *build.Result, b []byte) []byte { r.Ztoc.Entries[2].Mode |= 0o4000; return b }, []error{build.ErrMismatch}},
		"name":             {func(r *build.Result, b []byte) []byte { r.Ztoc.Entries[2].Name += "x"; return b }, []error{build.ErrMismatch}},
		"missing entry":    {func(r *build.Result, b []byte) []byte { r.Ztoc.Entries = r.Ztoc.Entries[1:]; return b }, []error{build.ErrMismatch}},
		"archive size":     {func(r *build.Result, b []byte) []byte { r.Ztoc.UncompressedSize -= 512; return b }, []error{build.ErrMismatch}},
		"counts":           {func(r *build.Result, b []byte) []byte { r.Ztoc.MaxSpanID++; return b }, []error{ztoc.ErrInvalid}},
	}
	s := one(t, "gzip-6")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			res := index(t, s)
			blob := test.change(res, bytes.Clone(s.blob))
			err := build.Verify(t.Context(), bytes.NewReader(blob), res)
			if !slices.ContainsFunc(test.want, func(w error) bool { return errors.Is(err, w) }) {
				t.Errorf("got %v, want one of %v", err, test.want)
			}
		})
	}
}

// TestVerifyForeign verifies an index of which only the ztoc is known.
func TestVerifyForeign(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			z, err := ztoc.Decode(encode(t, index(t, s).Ztoc))
			if err != nil {
				t.Fatal(err)
			}
			if err := build.Verify(t.Context(), bytes.NewReader(s.blob), &build.Result{Ztoc: z}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVerifyStops(t *testing.T) {
	s := one(t, "gzip-6")
	res := index(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := build.Verify(ctx, bytes.NewReader(s.blob), res); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	broken := errors.New("line is dead")
	for _, n := range []int{0, 5, 1000, len(s.blob)} {
		if err := build.Verify(t.Context(), breaking(s.blob[:n], broken), res); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: got %v, want %v", n, err, broken)
		}
	}
}
