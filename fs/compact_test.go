// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
)

// compactOf is a compact index of a layer, with spans of a quarter.
func compactOf(t *testing.T, blob []byte) []byte {
	t.Helper()
	res, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{SpanSize: spanSize / 4})
	if err != nil {
		t.Fatal(err)
	}
	s, err := compact.FromZtoc(res.Ztoc, res.Digest)
	if err != nil {
		t.Fatal(err)
	}
	b, err := compact.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reindex gives img another index: what change makes of the one it has.
func reindex(t *testing.T, img *image, change func(*index.Index)) {
	t.Helper()
	ix, err := index.Parse(img.srv.Manifest("app", img.index.String()))
	if err != nil {
		t.Fatal(err)
	}
	var blobs [][]byte
	for _, li := range ix.Layers {
		blobs = append(blobs, img.srv.Blob(li.Layer))
	}
	change(ix)
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	img.index = img.srv.PushManifest("app", "", ocispec.MediaTypeImageManifest, b).Digest
	img.desc = img.srv.PushImageWith("app", "latest", map[string]string{index.AnnotationIndexDigest: img.index.String()}, blobs...)
}

// withCompact adds compact indexes, as change leaves them, to img's index.
func withCompact(t *testing.T, img *image, change func([]byte) []byte) (added []ocispec.Descriptor) {
	t.Helper()
	reindex(t, img, func(ix *index.Index) {
		for _, li := range ix.Layers {
			desc := img.srv.PushBlob(change(compactOf(t, img.srv.Blob(li.Layer))))
			desc.MediaType = index.MediaTypeCompact
			ix.Compact = append(ix.Compact, index.CompactRef{Descriptor: desc, Layer: li.Layer})
			added = append(added, desc)
		}
	})
	return added
}

func untouched(b []byte) []byte { return b }

// gets counts the requests for a blob.
func (img *image) gets(d ocispec.Descriptor) int { return img.srv.Count("GET", d.Digest.String()) }

func TestCompactIndexIsPreferred(t *testing.T) {
	root := t.TempDir()
	img := push(t, remotetest.New(t), "app", "", 1, 2)
	added := withCompact(t, img, untouched)
	h := start(t, root, background)
	for i := range added {
		h.mount(t, img, i, "a")
	}
	for i, d := range added {
		if img.gets(d) != 1 || img.gets(img.ztocs[i]) != 0 {
			t.Errorf("layer %d: compact index loaded %d times, ztoc %d times", i, img.gets(d), img.gets(img.ztocs[i]))
		}
		verify(t, h.dir(t, img.desc.Layers[i].Digest), img.files[i])
	}
	h.waitWhole(t)
	h.stop(t)
	img.srv.Close()
	h = start(t, root, nil)
	for i := range added {
		d := img.desc.Layers[i].Digest
		if err := h.Restore(t.Context(), d, "a"); err != nil {
			t.Fatal(err)
		}
		verify(t, h.dir(t, d), img.files[i])
	}
}

func TestUnusableCompactIndexLeavesTheZtoc(t *testing.T) {
	other := func(t *testing.T) []byte {
		blob, _ := layer(t, 77, 60)
		return compactOf(t, blob)
	}(t)
	for name, change := range map[string]func([]byte) []byte{
		"version":  func(b []byte) []byte { b[8]++; return b },
		"damaged":  func(b []byte) []byte { b[len(b)/2] ^= 1; return b[:len(b)-1] },
		"nothing":  func([]byte) []byte { return []byte("{}") },
		"of other": func([]byte) []byte { return other },
	} {
		t.Run(name, func(t *testing.T) {
			img := push(t, remotetest.New(t), "app", "", 1)
			withCompact(t, img, change)
			h := start(t, t.TempDir(), nil)
			h.mount(t, img, 0, "a")
			if n := img.gets(img.ztocs[0]); n != 1 {
				t.Errorf("ztoc loaded %d times", n)
			}
			verify(t, h.dir(t, img.desc.Layers[0].Digest), img.files[0])
		})
	}
	t.Run("gone", func(t *testing.T) {
		img := push(t, remotetest.New(t), "app", "", 1)
		img.srv.DeleteBlob(withCompact(t, img, untouched)[0].Digest)
		h := start(t, t.TempDir(), nil)
		h.mount(t, img, 0, "a")
		verify(t, h.dir(t, img.desc.Layers[0].Digest), img.files[0])
	})
}

func TestCompactIndexAlone(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	withCompact(t, img, untouched)
	reindex(t, img, func(ix *index.Index) { ix.Layers = nil })
	img.desc = img.srv.PushImageWith("app", "latest", map[string]string{index.AnnotationIndexDigest: img.index.String()},
		img.srv.Blob(digestOf(t, 1)))
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	verify(t, h.dir(t, img.desc.Layers[0].Digest), img.files[0])
}

// digestOf is the digest of the layer of a seed.
func digestOf(t *testing.T, seed uint64) digest.Digest {
	t.Helper()
	blob, _ := layer(t, seed, 60)
	return digest.FromBytes(blob)
}

// A layer that is mounted by one form is shared with an image whose index
// names that form beside another one, and with no other image.
func TestSharingByEitherForm(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "ztoc only")
	added := withCompact(t, img, untouched)
	ref := img.layerRef(0)
	ref.Manifest = digest.FromString("another image of the same index")
	ref.Index = img.index
	if err := h.Mount(t.Context(), ref, "both"); err != nil {
		t.Fatal(err)
	}
	if img.gets(added[0]) != 0 || img.gets(img.ztocs[0]) != 1 {
		t.Errorf("compact index loaded %d times, ztoc %d times", img.gets(added[0]), img.gets(img.ztocs[0]))
	}
	reindex(t, img, func(ix *index.Index) {
		ix.Layers[0].Descriptor = img.srv.PushBlob([]byte("another ztoc"))
	})
	ref.Index = img.index
	if err := h.Mount(t.Context(), ref, "other ztoc"); !errors.Is(err, index.ErrNotLazy) {
		t.Errorf("index that names neither: %v", err)
	}
}

// The directory of a layer as earlier versions left it, with the ztoc as it
// was fetched, is restored, without the network.
func TestEarlierStateIsRestored(t *testing.T) {
	for name, damage := range map[string]bool{"whole": false, "damaged": true} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			img := push(t, remotetest.New(t), "app", "", 1)
			h := start(t, root, nil)
			h.mount(t, img, 0, "a")
			h.stop(t)
			d := img.desc.Layers[0].Digest
			dir := filepath.Join(root, "layers", d.Encoded())
			ztoc := bytes.Clone(img.srv.Blob(img.ztocs[0].Digest))
			if damage {
				ztoc[len(ztoc)/2] ^= 1
			}
			if err := errors.Join(os.Remove(filepath.Join(dir, "index")), os.WriteFile(filepath.Join(dir, "ztoc"), ztoc, 0o600)); err != nil {
				t.Fatal(err)
			}
			h = start(t, root, nil)
			requests := img.gets(img.ztocs[0])
			if err := h.Restore(t.Context(), d, "a"); (err != nil) != damage {
				t.Fatalf("restore: %v", err)
			}
			if n := img.gets(img.ztocs[0]); !damage && n != requests {
				t.Errorf("ztoc loaded %d times, then %d", requests, n)
			}
			if damage {
				h.mount(t, img, 0, "a") // made anew
			} else if _, err := os.Stat(filepath.Join(dir, "ztoc")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the old file is still there: %v", err)
			}
			verify(t, h.dir(t, d), img.files[0])
		})
	}
}

// A prefetch artifact counts the spans of the ztoc.
func TestPrefetchIsTranslated(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	withCompact(t, img, untouched)
	artifact, err := (&index.Prefetch{Ranges: []index.PrefetchRange{{Start: 2, End: 4}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	reindex(t, img, func(ix *index.Index) {
		desc := img.srv.PushBlob(artifact)
		desc.MediaType = index.MediaTypePrefetch
		ix.Prefetch = []index.PrefetchRef{{Descriptor: desc, Layer: ix.Layers[0].Layer}}
	})
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	waitFor(t, func() bool { l := h.Layers()[0]; return l.Spans-l.MissingSpans >= 3 })
	if n := img.gets(img.ztocs[0]); n != 1 {
		t.Errorf("ztoc loaded %d times", n)
	}
	verify(t, h.dir(t, img.desc.Layers[0].Digest), img.files[0])
}
