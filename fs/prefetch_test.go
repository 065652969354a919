// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

// withPrefetch gives img another index that lists a prefetch artifact.
func withPrefetch(t *testing.T, img *image, artifact []byte) {
	t.Helper()
	ix, err := index.Parse(img.srv.Manifest("app", img.index.String()))
	if err != nil {
		t.Fatal(err)
	}
	desc := img.srv.PushBlob(artifact)
	desc.MediaType = index.MediaTypePrefetch
	ix.Prefetch = []index.PrefetchRef{{Descriptor: desc, Layer: ix.Layers[0].Layer}}
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	img.index = img.srv.PushManifest("app", "", ocispec.MediaTypeImageManifest, b).Digest
	blob := img.srv.Blob(ix.Layers[0].Layer)
	img.desc = img.srv.PushImageWith("app", "latest", map[string]string{index.AnnotationIndexDigest: img.index.String()}, blob)
}

func TestPrefetchArtifactIsFetched(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	artifact, err := (&index.Prefetch{Ranges: []index.PrefetchRange{{Start: 2, End: 4}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	withPrefetch(t, img, artifact)
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	waitFor(t, func() bool { l := h.Layers()[0]; return l.Spans-l.MissingSpans == 3 })
	verify(t, h.dir(t, img.desc.Layers[0].Digest), img.files[0])
}

// Prefetch never blocks a mount, nor does a bad artifact.
func TestMountDoesNotNeedThePrefetchArtifact(t *testing.T) {
	img := push(t, remotetest.New(t), "app", "", 1)
	withPrefetch(t, img, []byte(`{"version":"7"}`))
	h := start(t, t.TempDir(), nil)
	h.mount(t, img, 0, "a")
	verify(t, h.dir(t, img.desc.Layers[0].Digest), img.files[0])
}
