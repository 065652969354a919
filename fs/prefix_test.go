// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/klauspost/compress/gzip"

	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/ztoc"
)

// oldForm makes a ztoc one of version 1, which takes for granted that the
// gzip header has 10 bytes.
func oldForm(z *ztoc.Ztoc) {
	z.BlobVersion = 1
	z.Checkpoints[0] = ztoc.Checkpoint{In: 10}
}

// named is a gzip stream whose header is longer: it has a file name.
func named(t *testing.T, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Name = "layer.tar"
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestGzipHeaderIsCheckedBeforeMounting(t *testing.T) {
	const body = "content"
	tarball := remotetest.Tar(t, remotetest.File{Name: "file", Body: body})
	short, long := remotetest.Gzip(t, tarball), named(t, tarball)
	tests := map[string]struct {
		blob   []byte
		change func(*ztoc.Ztoc)
		do     remotetest.Action // on reads of the layer, nil: proper
		want   error             // nil: it is mounted
		reads  bool              // the header is read
	}{
		"old form":                    {blob: short, change: oldForm, reads: true},
		"old form, other header":      {blob: long, change: oldForm, want: index.ErrNotLazy, reads: true},
		"old form, damaged":           {blob: short, change: oldForm, do: remotetest.Corrupt(1), want: index.ErrNotLazy, reads: true},
		"old form, registry troubled": {blob: short, change: oldForm, do: remotetest.Status(503), want: errdefs.ErrUnavailable, reads: true},
		"old form, cut":               {blob: short, change: oldForm, do: remotetest.Cut(6), reads: true},
		"new form":                    {blob: short},
		"new form, other header":      {blob: long},
	}
	seed := uint64(2000)
	for name, tt := range tests {
		seed++
		given(seed, tt.blob, tt.change)
		t.Run(name, func(t *testing.T) {
			img := push(t, remotetest.New(t), "app", "", seed)
			h := start(t, t.TempDir(), nil)
			d := img.desc.Layers[0].Digest
			if tt.do != nil {
				img.srv.Rule(remotetest.Rule{Path: d.String(), Do: tt.do})
			}
			err := h.Mount(t.Context(), img.layerRef(0), "a")
			if !errors.Is(err, tt.want) || (tt.want == nil && err != nil) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if got := slices.Contains(img.srv.Ranges(d.String()), "bytes=0-9"); got != tt.reads {
				t.Errorf("header was read: %t; ranges %q", got, img.srv.Ranges(d.String()))
			}
			if err != nil && (!strings.Contains(err.Error(), img.ztocs[0].Digest.String()) || len(h.Layers()) != 0) {
				t.Errorf("error %v does not name the ztoc, or layers are left: %v", err, h.Layers())
			}
			if errors.Is(tt.want, index.ErrNotLazy) && tt.do == nil {
				return
			}
			img.srv.ClearRules()
			h.mount(t, img, 0, "a") // nothing of a failure was remembered
			if b, err := os.ReadFile(filepath.Join(h.dir(t, d), "file")); err != nil || string(b) != body {
				t.Errorf("read %q, %v", b, err)
			}
		})
	}
}

func TestZtocMustBeOfABlobOfThatSize(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, t.TempDir(), nil)
	ref := img.layerRef(0)
	ref.Size++
	err := h.Mount(t.Context(), ref, "a")
	if !errors.Is(err, index.ErrNotLazy) {
		t.Fatalf("other size: %v", err)
	}
	for _, part := range []string{img.ztocs[0].Digest.String(), ref.Layer.String(),
		strconv.FormatInt(ref.Size, 10), strconv.FormatInt(ref.Size-1, 10)} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %s", err, part)
		}
	}
	ref.Size = 0 // unknown
	if err := h.Mount(t.Context(), ref, "a"); err != nil {
		t.Errorf("unknown size: %v", err)
	}
}
