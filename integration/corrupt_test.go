// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"context"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index"
)

// onDemand is a daemon that fetches nothing on its own and gives up soon.
const onDemand = "[index]\nv1 = true\n[fetch]\nbackground = false\ndeadline = \"3s\"\n"

// A span whose bytes are not the image's gives an error, never wrong bytes;
// files in other spans read right, and the next read after the registry is
// mended does too.
func TestCorruptSpan(t *testing.T) {
	r := newRegistry(t)
	tamper := r.tampered()
	img := smallImage(t)
	ref := r.convert("small", img)
	n := newNode(t, "2", onDemand)
	n.pull(ref)
	layer := img.Layers[1].Descriptor
	tamper.Flip(layer.Digest.String(), layer.Size/2)
	// every file on its own: its checksum, or the error of reading it
	script := "for f in /data/d*/f*; do if sum=$(sha256sum $f 2>/dev/null); then grep -q \"$sum\" /data/SUMS && echo right || echo wrong $f; else echo unreadable $f; fi; done"
	out := n.run(ref, "/bin/sh", "-c", script)
	right, wrong, unreadable := strings.Count(out, "right"), strings.Count(out, "wrong"), strings.Count(out, "unreadable")
	if wrong != 0 || unreadable == 0 || unreadable > 4 || right+unreadable != 40 {
		t.Errorf("%d files right, %d wrong, %d unreadable: %q", right, wrong, unreadable, out)
	}
	if !strings.Contains(n.spryd.Log(), layer.Digest.String()) {
		t.Error("the log does not name the layer")
	}
	tamper.Mend()
	n.ready("default", ref)
}

// A ztoc that is not what the index says makes its layer an ordinary one; of a
// compact index like that the ztoc takes the place; an index that is not what
// its digest says makes the image an ordinary one.
func TestCorruptIndex(t *testing.T) {
	for _, c := range []struct {
		name, format string
		pick         func(p parts) digest.Digest
		lazy         int
	}{
		{"ztoc", "soci", func(p parts) digest.Digest { return p.ztoc }, 2},
		{"compact", "soci,compact", func(p parts) digest.Digest { return p.compact }, 3},
		{"index", "soci,compact", func(p parts) digest.Digest { return p.index }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			tamper := r.tampered()
			img := smallImage(t)
			ref := r.push("small", img)
			ix := r.create(ref, "--format", c.format)
			bad := c.pick(partsOf(t, ref, ix, img.Layers[1].Descriptor.Digest))
			tamper.Flip(bad.String(), 50)
			n := newNode(t, "2", onDemand)
			n.pull(ref)
			if got := len(n.lazyMounts()); got != c.lazy {
				t.Errorf("%d layers are lazy, want %d", got, c.lazy)
			}
			n.ready("default", ref)
			if !strings.Contains(n.spryd.Log(), bad.String()) {
				t.Errorf("the log does not name %s", bad)
			}
			// nothing about it is remembered once the registry is mended
			tamper.Mend()
			n.removeImage("default", ref)
			n.pull(ref)
			if got := len(n.lazyMounts()); got != 3 {
				t.Errorf("%d layers are lazy after the registry is mended, want 3", got)
			}
			n.ready("default", ref)
		})
	}
}

// parts are the digests of an index, and of what it has for a layer; compact
// may be "".
type parts struct{ index, ztoc, compact digest.Digest }

// partsOf reads a pushed index.
func partsOf(t *testing.T, ref string, ix, layer digest.Digest) parts {
	t.Helper()
	reg := remote.New(remote.Options{Hosts: remote.Hosts(remote.HostOptions{})})
	defer func() { _ = reg.Close() }()
	b, err := reg.Get(context.Background(), ref, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: ix}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := index.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	l, ok := parsed.ForLayer(layer)
	if !ok {
		t.Fatalf("index %s has no ztoc of layer %s", ix, layer)
	}
	compact, _ := parsed.CompactFor(layer)
	return parts{index: ix, ztoc: l.Descriptor.Digest, compact: compact.Digest}
}
