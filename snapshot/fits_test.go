// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session/sessiontest"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

// A layer that cannot be lazy above one parent still is above another, and on
// its own.
func TestUnfitLayer(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one", "two")
	b.set("top", plan{unfit: layerOf("one")})
	lazy := map[string]bool{}
	for name, layers := range map[string][]string{"one": {"one", "top"}, "two": {"two", "top"}, "alone": {"top"}} {
		im := image{name: "r.example/" + name + ":1", layers: layers}
		info, err := b.sn.Stat(b.ctx, b.pull(im))
		b.must(err)
		lazy[name] = info.Labels[index.LabelLazyLayer] != ""
		if reason := info.Labels[index.LabelReason]; strings.Contains(reason, "not above") == lazy[name] {
			t.Errorf("above %s: lazy: %t, reason %q", name, lazy[name], reason)
		}
	}
	if lazy["one"] || !lazy["two"] || !lazy["alone"] {
		t.Errorf("lazy above: %v, want all but one", lazy)
	}
	if owners := b.fsys.ownersOf(layerOf("top")); len(owners) != 2 {
		t.Errorf("owners of the layer: %v, want the two lazy snapshots", owners)
	}
	if len(b.told) != 0 {
		t.Errorf("told %q, but nothing fell back to containerd", b.told)
	}
}

// TestNobodyAnswers: no call looks into a mounted layer. The process that
// serves the mount is ours: a thread that is killed while it waits for an answer
// of its own process never dies.
func TestNobodyAnswers(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one", "two")
	b.set("unfit", plan{unfit: layerOf("two")})
	b.set("unpacked", plan{mountErr: index.ErrNotLazy})
	im := image{name: "r.example/a:1", layers: []string{"one", "two"}}
	below := b.pull(im)
	heard := make(chan uint32, 1)
	for _, word := range im.layers {
		m := sessiontest.NewDeaf(t, b.fsys.path(layerOf(word)))
		go func() {
			for opcode := range m.Heard() {
				m.Close() // so that who waits goes on
				heard <- opcode
			}
		}()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, word := range []string{"unfit", "unpacked"} {
			top := image{name: im.name, layers: append(im.layers[:2:2], word)}
			if _, _, err := b.prepare(top, 2, below); !errdefs.IsAlreadyExists(err) {
				t.Errorf("Prepare of %s: %v, want ErrAlreadyExists", word, err)
			}
		}
		_, err := b.sn.Prepare(b.ctx, "container", below)
		_, viewErr := b.sn.View(b.ctx, "view", below)
		_, mountsErr := b.sn.Mounts(b.ctx, "container")
		_, usageErr := b.sn.Usage(b.ctx, "container")
		for _, err := range []error{err, viewErr, mountsErr, usageErr, b.sn.Remove(b.ctx, "container"), b.sn.Cleanup(b.ctx)} {
			if err != nil {
				t.Error(err)
			}
		}
	}()
	select {
	case opcode := <-heard:
		t.Errorf("a layer was asked (opcode %d)", opcode)
	case <-done:
	}
	<-done
}

// TestUpperOwner: what covers the root of the layer below belongs to the same
// user.
func TestUpperOwner(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("lazy")
	b.set("unpacked", plan{mountErr: index.ErrNotLazy})
	lazy := b.pull(image{name: "r.example/a:1", layers: []string{"lazy"}})
	unpacked := b.pull(image{name: "r.example/b:1", layers: []string{"unpacked"}})
	upper := func(id string) string { return filepath.Join(b.root, "snapshots", id, "fs") }
	b.must(os.Chown(upper("2"), 5, 6))
	for i, parent := range []string{lazy, unpacked} {
		_, err := b.sn.Prepare(b.ctx, fmt.Sprint(i), parent)
		b.must(err)
		var st unix.Stat_t
		b.must(unix.Stat(upper(fmt.Sprint(3+i)), &st))
		if want := [][2]uint32{{0, 0}, {5, 6}}[i]; [2]uint32{st.Uid, st.Gid} != want {
			t.Errorf("above %s: %d:%d, want %v", parent, st.Uid, st.Gid, want)
		}
	}
}
