// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/index"
)

// oneArtifact finds the same content for everything.
type oneArtifact struct{ Finder }

func (oneArtifact) Artifact(context.Context, index.LayerRef, ocispec.Descriptor, int64) ([]byte, error) {
	return []byte("index"), nil
}

// TestTakenArtifactIsForgotten: what was loaded ahead is not kept in memory once it
// was handed out, though it would have been for a minute otherwise.
func TestTakenArtifactIsForgotten(t *testing.T) {
	a := newArtifacts(t.Context(), Options{Finder: oneArtifact{}, IndexTimeout: time.Minute})
	d := digest.FromString("index")
	item := func() weak.Pointer[artifact] {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.loadLocked(index.LayerRef{}, ocispec.Descriptor{Digest: d, Size: 5})
		return weak.Make(a.items[d])
	}()
	a.close() // loading has ended
	if b, ok := a.loaded(t.Context(), d); !ok || string(b) != "index" {
		t.Fatalf("%q, %v", b, ok)
	}
	runtime.GC()
	if item.Value() != nil {
		t.Error("it is still in memory")
	}
}
