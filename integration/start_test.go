// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spryd/spry/integration/testbed"
)

// A multi-layer Debian image starts lazily under both containerd lines.
func TestLazyStart(t *testing.T) {
	img, err := testbed.DebianImage(testContext(t), tools.Cache, testbed.Python)
	if err != nil {
		t.Fatal(err)
	}
	r := newRegistry(t)
	ref := r.convert("python", img, "--min-layer-size", "0", "--plain-http")
	for _, line := range lines {
		t.Run("containerd-"+line, func(t *testing.T) {
			n := newNode(t, line, "")
			n.pullAnywhere(line, ref)
			if got, want := len(n.lazyMounts()), len(img.Layers); got != want {
				t.Errorf("%d layers are lazy, want %d", got, want)
			}
			if out := n.run(ref); !strings.Contains(out, "READY") {
				t.Errorf("the container printed %q", out)
			}
		})
	}
}

// A layer of small files is an EROFS image where the kernel can, unless that is switched off.
func TestErofsSwitch(t *testing.T) {
	r := newRegistry(t)
	ref := r.convert("a", readersImage(t))
	for config, want := range map[string]bool{"": true, "[snapshotter]\nerofs = false\n": false} {
		n := newNode(t, "2", lazily+config)
		if want && strings.Contains(n.spryd.Log(), "cannot have the names of layers") {
			t.Skip("this kernel shows no layer as an EROFS image")
		}
		n.pull(ref)
		if got := len(n.mounts("erofs")) > 0; got != want {
			t.Errorf("%q: EROFS images %t", config, got)
		}
		n.ready("default", ref)
	}
}

// pullAnywhere pulls with ctr where its transfer service passes annotations
// to a proxy snapshotter, and with spry pull elsewhere.
func (n *node) pullAnywhere(line, ref string) {
	n.t.Helper()
	if line == "2" {
		n.pull(ref)
		return
	}
	n.spry("pull", "--plain-http", ref)
}

// Every way to find an index makes every indexed layer lazy.
func TestDiscovery(t *testing.T) {
	const v1 = "[index]\nv1 = true\n"
	for _, c := range []struct {
		name, config string
		registry     func(*testing.T) *registryFixture
		v1           bool
	}{
		{"v2", "", newRegistry, false},
		{"v2 old registry", "", newOldRegistry, false},
		{"v1 referrers API", v1, newRegistry, true},
		{"v1 referrers tag", v1, newOldRegistry, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.registry(t)
			var ref string
			if c.v1 {
				ref = r.push("small", smallImage(t))
				r.create(ref)
			} else {
				ref = r.convert("small", smallImage(t))
			}
			n := newNode(t, "2", c.config)
			n.pull(ref)
			if got := len(n.lazyMounts()); got != 3 {
				t.Errorf("%d layers are lazy, want 3", got)
			}
			if out := n.run(ref); !strings.Contains(out, "READY") {
				t.Errorf("the container printed %q", out)
			}
		})
	}
}

// v1 is off by default: the image is pulled in full and runs.
func TestV1OffByDefault(t *testing.T) {
	r := newRegistry(t)
	ref := r.push("small", smallImage(t))
	r.create(ref)
	n := newNode(t, "2", "")
	n.pull(ref)
	n.wantPlain(ref)
}

// An image without an index is containerd's to pull; the reason is on record.
func TestFallback(t *testing.T) {
	r := newRegistry(t)
	ref := r.push("plain", smallImage(t))
	for _, line := range lines {
		t.Run("containerd-"+line, func(t *testing.T) {
			n := newNode(t, line, "")
			n.pullAnywhere(line, ref)
			n.wantPlain(ref)
			if strings.Count(n.spryd.Log(), "level=warning") > 1 {
				t.Error("more than one warning for one image")
			}
			status := n.layerStatus(ref)
			for _, l := range status {
				if l.Lazy || l.Reason == "" {
					t.Errorf("layer %s: lazy %v, reason %q", l.Digest, l.Lazy, l.Reason)
				}
			}
		})
	}
}

// wantPlain wants no lazy layer, and a container of ref that finds its files.
func (n *node) wantPlain(ref string) {
	n.t.Helper()
	if m := n.lazyMounts(); len(m) != 0 {
		n.t.Errorf("lazy layers %v, want none", m)
	}
	if out := n.run(ref); !strings.Contains(out, "READY") {
		n.t.Errorf("the container printed %q", out)
	}
}

// layerStatus is what "spry pull --json" says of each layer.
type layerStatus struct {
	Digest string `json:"digest"`
	Lazy   bool   `json:"lazy"`
	Reason string `json:"reason"`
}

func (n *node) layerStatus(ref string) []layerStatus {
	n.t.Helper()
	var out struct {
		Layers []layerStatus `json:"layers"`
	}
	if err := json.Unmarshal([]byte(n.spry("pull", "--json", "--plain-http", ref)), &out); err != nil {
		n.t.Fatal(err)
	}
	if len(out.Layers) == 0 {
		n.t.Fatal("spry pull names no layer")
	}
	return out.Layers
}

// A layer without a ztoc in an indexed image works beside lazy ones.
func TestSparseIndex(t *testing.T) {
	r := newRegistry(t)
	img := smallImage(t)
	// only the data layer is this large
	ref := r.convert("sparse", img, "--span-size", "65536", "--min-layer-size", "1500000", "--plain-http")
	n := newNode(t, "2", "")
	n.pull(ref)
	if got := len(n.lazyMounts()); got != 1 {
		t.Errorf("%d layers are lazy, want 1", got)
	}
	if out := n.run(ref); !strings.Contains(out, "READY") {
		t.Errorf("the container printed %q", out)
	}
	if out := n.run(ref, "/bin/sh", "-c", "ls /data/gone /opaque 2>&1; cat /opaque/above"); !strings.Contains(out, "No such file") || strings.Contains(out, "below") || !strings.Contains(out, "above") {
		t.Errorf("changes of the upper layer are wrong: %q", out)
	}
	for i, l := range n.layerStatus(ref) {
		if want := i == 1; l.Lazy != want || (l.Reason == "") != want {
			t.Errorf("layer %d: lazy %v, reason %q", i, l.Lazy, l.Reason)
		}
	}
}

// An index named by its digest is used although nothing else leads to it.
func TestExplicitIndex(t *testing.T) {
	r := newRegistry(t)
	ref := r.push("small", smallImage(t))
	ix := r.create(ref)
	n := newNode(t, "2", "") // v1 is off: only the digest can lead to it
	n.spry("pull", "--plain-http", "--soci-index-digest", ix.String(), ref)
	if got := len(n.lazyMounts()); got != 3 {
		t.Errorf("%d layers are lazy, want 3", got)
	}
	if out := n.run(ref); !strings.Contains(out, "READY") {
		t.Errorf("the container printed %q", out)
	}
}
