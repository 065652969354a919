// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/integration/testbed"
)

// An image that is removed while it streams in leaves nothing on the disk, and
// nobody fetches it any more.
func TestRemovalStopsFetching(t *testing.T) {
	r := newRegistry(t)
	img := smallImage(t)
	r.convert("a", img)
	r.convert("b", image(t, "data2"))
	proxy := r.outage()
	n := newNode(t, "2", "")
	data := img.Layers[1].Descriptor.Digest.String()
	proxy.SetFor(testbed.Stalled, data)
	n.pull(r.host + "/a:soci")
	n.eventually("background fetching", func() bool { return proxy.Waiting() > 0 })
	before := n.occupied()
	n.removeImage("default", r.host+"/a:soci")
	n.nothingLeft()
	if now := n.occupied(); now >= before || now > 64<<10 {
		t.Errorf("%d bytes on disk after removal, %d before", now, before)
	}
	n.eventually("the end of fetches", func() bool { return proxy.Waiting() == 0 })
	proxy.Set(testbed.Healthy)
	n.pull(r.host + "/b:soci")
	n.eventually("plain layers", n.plain) // all that there was to do
	if asked := proxy.Ranges(data); len(asked) != 0 {
		t.Errorf("fetched after removal: %v", asked)
	}
}

// diskCap has room for the layers data and data2, but not for other too.
const diskCap = "[store]\nmax_bytes = 13100000\n"

// Layers that no image has any more stay up to the cap, for the next pull; the
// one that was used least recently goes first.
func TestDiskCap(t *testing.T) {
	r := newRegistry(t)
	layer := map[string]string{}
	for _, name := range []string{"data", "data2", "other"} {
		img := image(t, name)
		r.convert(name, img)
		layer[name] = img.Layers[0].Descriptor.Digest.Encoded()
	}
	proxy := r.outage()
	n := newNode(t, "2", diskCap)
	ref := func(name string) string { return r.host + "/" + name + ":soci" }
	remove := func(name string) {
		n.eventually("plain layers", n.plain)
		n.removeImage("default", ref(name))
		if m := n.lazyMounts(); len(m) != 0 {
			t.Errorf("mounted without an image: %v", m)
		}
	}
	for _, name := range []string{"data", "other"} {
		n.pull(ref(name))
		remove(name)
	}
	asked := proxy.Ranges("sha256:" + layer["data"])
	n.pull(ref("data"))
	remove("data")
	if d := cmp.Diff(asked, proxy.Ranges("sha256:"+layer["data"])); d != "" {
		t.Errorf("a layer that was kept was fetched again:\n%s", d)
	}
	n.pull(ref("data2"))
	remove("data2")
	want := []string{layer["data"], layer["data2"]}
	slices.Sort(want)
	if d := cmp.Diff(want, n.leftovers()); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
}

// The cap does not take from snapshots what they use.
func TestDiskCapSparesImages(t *testing.T) {
	r := newRegistry(t)
	a, b := r.convert("a", smallImage(t)), r.convert("b", image(t, "busybox", "data2"))
	n := newNode(t, "2", "[store]\nmax_bytes = 1\n")
	n.pull(a)
	n.pull(b)
	n.eventually("plain layers", n.plain)
	n.removeImage("default", b)
	if got := len(n.lazyMounts()); got != 3 {
		t.Errorf("%d layers of the image that stays, want 3", got)
	}
	n.ready("default", a)
	n.removeImage("default", a)
	n.nothingLeft()
}
