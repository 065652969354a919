// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"slices"
	"strings"
	"testing"
)

// A hostile image lists the DiffID of another image's layer in the place of its
// own. When that layer has arrived no new container gets it, of either image, and the
// error names the image; without it the other one has its own files.
func TestLyingDiffID(t *testing.T) {
	r := newRegistry(t)
	honest, hostile := image(t, "busybox", "data"), image(t, "busybox", "other")
	hostile.Layers = slices.Clone(hostile.Layers)
	hostile.Layers[1].DiffID = honest.Layers[1].DiffID
	evil, good := r.convert("evil", hostile), r.convert("good", honest)
	n := newNode(t, "2", "")
	n.pull(evil)
	for _, l := range hostile.Layers {
		n.eventually("plain layer", func() bool { return tree{layer: l}.status(n).State == "plain" })
	}
	n.pull(good)
	for _, ref := range []string{evil, good} {
		out, err := n.tryRun("default", ref)
		if err == nil || !strings.Contains(out+err.Error(), evil) || !strings.Contains(out+err.Error(), hostile.Layers[1].Descriptor.Digest.String()) {
			t.Errorf("%s: started, or the error does not name the image and its layer: %v: %s", ref, err, out)
		}
	}
	n.removeImage("default", evil)
	n.removeImage("default", good)
	n.pull(good)
	n.ready("default", good)
}
