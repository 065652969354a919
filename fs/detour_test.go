// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/build/buildtest"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/ztoc"
)

// TestDetours condemns layers whose index lies about where the stream goes, as
// a ztoc and as a compact index.
func TestDetours(t *testing.T) {
	seed := uint64(6200)
	for _, l := range buildtest.Lies(t) {
		for form, change := range map[string]func(*testing.T, *image){
			"ztoc":    func(*testing.T, *image) {},
			"compact": func(t *testing.T, img *image) { withCompact(t, img, falsely(t, l)) },
		} {
			seed++
			given(seed, l.Blob, func(z *ztoc.Ztoc) { *z = *l.False })
			of := seed
			t.Run(l.Name+"/"+form, func(t *testing.T) {
				t.Parallel()
				img := push(t, remotetest.New(t), "app", "", of)
				change(t, img)
				h := start(t, t.TempDir(), background)
				h.mount(t, img, 0, "a")
				h.waitState(t, img.desc.Layers[0].Digest, "condemned")
				refused(t, h, img)
			})
		}
	}
}

// falsely is the compact form of l's false index, whatever it is given.
func falsely(t *testing.T, l buildtest.Lie) func([]byte) []byte {
	t.Helper()
	s, err := compact.FromZtoc(l.False, digest.FromBytes(l.Blob))
	if err != nil {
		t.Fatal(err)
	}
	b, err := compact.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return func([]byte) []byte { return b }
}
