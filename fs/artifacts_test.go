// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
)

// A ztoc that could not be loaded, ahead of its use or for it, or arrived
// damaged, says nothing of the next pull.
func TestFailedZtocIsNotRemembered(t *testing.T) {
	tests := map[string]struct {
		do   remotetest.Action
		want error
	}{
		"503":     {remotetest.Status(503), errdefs.ErrUnavailable},
		"429":     {remotetest.Status(429), errdefs.ErrUnavailable},
		"404":     {remotetest.Status(404), index.ErrNotLazy},
		"damaged": {remotetest.Corrupt(100), index.ErrNotLazy},
		"other":   {remotetest.Override([]byte("{}")), index.ErrNotLazy},
		"cut":     {remotetest.Cut(100), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			img := push(t, remotetest.New(t), "app", "", 1, 2, 3)
			h := start(t, t.TempDir(), nil)
			for _, z := range img.ztocs[1:] {
				hits := img.srv.Rule(remotetest.Rule{Path: z.Digest.String(), Do: tt.do})
				defer func() {
					if hits.Hits() == 0 {
						t.Error("ztoc was never loaded: the test does not test")
					}
				}()
			}
			h.mount(t, img, 0, "a") // loads the others ahead
			err := h.Mount(t.Context(), img.layerRef(1), "b")
			if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if !errors.Is(tt.want, index.ErrNotLazy) && errors.Is(err, index.ErrNotLazy) {
				t.Errorf("error that may pass means to unpack the layer: %v", err)
			}
			waitFor(t, func() bool { return img.srv.Count("GET", img.ztocs[2].Digest.String()) > 0 })
			img.srv.ClearRules()
			h.mount(t, img, 1, "b") // failed when it was wanted
			h.mount(t, img, 2, "c") // failed ahead
			for i := range img.files {
				verify(t, h.dir(t, img.desc.Layers[i].Digest), img.files[i])
			}
		})
	}
}

// A registry that stalls keeps a pull waiting once, not for each layer, and
// what it gave before is used.
func TestStalledIndexIsWaitedForOnce(t *testing.T) {
	const timeout = time.Second
	srv := remotetest.New(t)
	img := push(t, srv, "app", "", 1, 2, 3, 4)
	for _, z := range img.ztocs[1:3] {
		srv.Rule(remotetest.Rule{Path: z.Digest.String(), Do: remotetest.Stall(10)})
	}
	h := start(t, t.TempDir(), func(o *spryfs.Options) { o.IndexTimeout, o.IndexRetry = timeout, 4*timeout })
	h.mount(t, img, 0, "a")
	waitFor(t, func() bool { return srv.Count("GET", img.ztocs[3].Digest.String()) == 1 })
	asked := 0
	for i, d := range img.ztocs[1:3] {
		err := h.Mount(t.Context(), img.layerRef(1+i), "a")
		if err == nil || errors.Is(err, index.ErrNotLazy) || !strings.Contains(err.Error(), timeout.String()) {
			t.Errorf("layer of ztoc %s: %v", d.Digest, err)
		}
		if i == 0 {
			asked = srv.Count("GET", img.ztocs[2].Digest.String())
		}
	}
	if again := srv.Count("GET", img.ztocs[2].Digest.String()); again != asked {
		t.Error("the registry was asked again for the second layer")
	}
	h.mount(t, img, 3, "a")
	verify(t, h.dir(t, img.desc.Layers[3].Digest), img.files[3])
	srv.ClearRules()
	waitFor(t, func() bool { return h.Mount(t.Context(), img.layerRef(1), "a") == nil })
}
