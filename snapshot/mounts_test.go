// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

// A chain of every kind of layer, in every order, shows all files.
func TestMixedChain(t *testing.T) {
	kinds := map[string]plan{
		"lazy":     {},
		"unpacked": {mountErr: index.ErrNotLazy},
		"ordinary": {mountErr: index.ErrNoIndex},
	}
	for _, layers := range [][]string{
		{"lazy"}, {"unpacked"}, {"ordinary"},
		{"lazy", "unpacked", "ordinary"}, {"ordinary", "lazy", "unpacked"}, {"unpacked", "ordinary", "lazy"},
	} {
		t.Run(strings.Join(layers, "-"), func(t *testing.T) {
			b := newBed(t, snapshot.Options{})
			want := map[string]string{}
			for _, l := range layers {
				b.set(l, kinds[l])
				want[l] = l
			}
			top := b.pull(image{name: "r.example/a:1", layers: layers})
			mounts, err := b.sn.View(b.ctx, "view", top)
			b.must(err)
			if diff := cmp.Diff(want, b.tree(mounts)); diff != "" {
				t.Errorf("view (-want +got):\n%s", diff)
			}
			_, err = b.sn.Prepare(b.ctx, "container", top)
			b.must(err)
			mounts, err = b.sn.Mounts(b.ctx, "container")
			b.must(err)
			b.mounted(mounts, func(dir string) { b.must(os.Remove(filepath.Join(dir, layers[0]))) })
			delete(want, layers[0])
			if diff := cmp.Diff(want, b.tree(mounts)); diff != "" {
				t.Errorf("container after a removal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRepeatedLayerIsMountedOnce(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("a", "b")
	top := b.pull(image{name: "r.example/a:1", layers: []string{"a", "b", "a", "a"}})
	mounts, err := b.sn.Prepare(b.ctx, "container", top)
	b.must(err)
	want := "lowerdir=" + b.fsys.path(layerOf("a")) + ":" + b.fsys.path(layerOf("b"))
	if !strings.Contains(strings.Join(mounts[0].Options, ","), want) {
		t.Errorf("options %v, want %s", mounts[0].Options, want)
	}
	if diff := cmp.Diff(map[string]string{"a": "a", "b": "b"}, b.tree(mounts)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	same := b.pull(image{name: "r.example/b:1", layers: []string{"a", "a"}})
	mounts, err = b.sn.View(b.ctx, "view", same)
	b.must(err)
	if mounts[0].Type != "bind" || !mounts[0].ReadOnly() {
		t.Errorf("view of one distinct layer is %v, want a read-only bind mount", mounts)
	}
}

func TestUnpackSeesParents(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one")
	b.set("two", plan{mountErr: index.ErrNotLazy})
	b.set("three", plan{mountErr: index.ErrNotLazy})
	b.pull(image{name: "r.example/a:1", layers: []string{"one", "two", "three"}})
	want := []index.Lower{{Dir: filepath.Join(b.root, "snapshots", "2", "fs")}, {Layer: layerOf("one")}}
	if diff := cmp.Diff(want, b.fsys.unpacked); diff != "" {
		t.Errorf("parents of Unpack (-want +got):\n%s", diff)
	}
}

func TestBrokenLayer(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one", "two")
	top := b.pull(image{name: "r.example/a:1", layers: []string{"one", "two"}})
	broken := errors.New("condemned")
	b.fsys.broken[layerOf("one")] = broken
	b.set("one", plan{mountErr: errors.New("registry is gone")})

	_, err := b.sn.Prepare(b.ctx, "container", top)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), layerOf("one").String()) {
		t.Fatalf("Prepare on a broken layer: %v, want its cause and the layer's digest", err)
	}
	if n := len(b.all()); n != 2 {
		t.Errorf("%d snapshots, want the 2 pulled", n)
	}

	b.lazy("one") // can be mounted again: a new container heals it
	mounts, err := b.sn.Prepare(b.ctx, "container", top)
	b.must(err)
	if diff := cmp.Diff(map[string]string{"one": "one", "two": "two"}, b.tree(mounts)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// TestLayerThatIsLazyNoMore: a layer that was condemned, or lost with its index, is
// unpacked for the next container. Those that run keep what they have.
func TestLayerThatIsLazyNoMore(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one", "two")
	top := b.pull(image{name: "r.example/a:1", layers: []string{"one", "two"}})
	owners := b.fsys.ownersOf(layerOf("one"))
	b.fsys.broken[layerOf("one")] = errors.New("its index lies")
	b.set("one", plan{mountErr: fmt.Errorf("%w: its index lies", index.ErrNotLazy), diffID: diffIDOf("evil")})
	_, err := b.sn.Prepare(b.ctx, "container", top)
	if !errors.Is(err, index.ErrNotLazy) || !strings.Contains(err.Error(), diffIDOf("evil").String()) || len(b.dirs()) > 0 {
		t.Fatalf("Prepare where it unpacks to something else: %v, directories %v", err, b.dirs())
	}

	b.set("one", plan{mountErr: fmt.Errorf("%w: its index lies", index.ErrNotLazy)})
	for _, key := range []string{"container", "another", "after a restart"} {
		if key == "after a restart" {
			b.must(b.sn.Close())
			b.set("one", plan{})
			b.open()
			b.set("one", plan{mountErr: index.ErrNotLazy, unpackErr: errors.New("unpacked again")})
		}
		mounts, err := b.sn.Prepare(b.ctx, key, top)
		b.must(err)
		if diff := cmp.Diff(map[string]string{"one": "one", "two": "two"}, b.tree(mounts)); diff != "" {
			t.Errorf("%s: tree (-want +got):\n%s", key, diff)
		}
	}
	info, err := b.sn.Stat(b.ctx, top)
	b.must(err)
	info, err = b.sn.Stat(b.ctx, info.Parent)
	b.must(err)
	if why, remote := info.Labels[index.LabelReason], info.Labels[index.LabelRemote]; !strings.Contains(why, "its index lies") || remote != "" {
		t.Errorf("reason %q, label of lazy snapshots %q", why, remote)
	}
	if usage, err := b.sn.Usage(b.ctx, info.Name); err != nil || usage.Inodes != 2 || usage.Size == 0 {
		t.Errorf("usage %v, %v: want a directory and a file", usage, err)
	}
	if diff := cmp.Diff(owners, b.fsys.ownersOf(layerOf("one"))); diff != "" {
		t.Errorf("owners of the layer (-before +after):\n%s", diff)
	}
	for _, key := range []string{"container", "another", "after a restart", top, info.Name} {
		b.must(b.sn.Remove(b.ctx, key))
	}
	if left := b.fsys.ownersOf(layerOf("one")); len(left) > 0 || len(b.dirs()) > 0 {
		t.Errorf("owners %v, directories %v after the removal", left, b.dirs())
	}
}

func TestUsage(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one")
	b.set("two", plan{mountErr: index.ErrNotLazy})
	top := b.pull(image{name: "r.example/a:1", layers: []string{"one", "two"}})
	info, err := b.sn.Stat(b.ctx, top)
	b.must(err)
	lazy, err := b.sn.Usage(b.ctx, info.Parent)
	b.must(err)
	if want := (snapshots.Usage{Size: 4711, Inodes: 42}); lazy != want {
		t.Errorf("usage of a lazy snapshot %v, want %v", lazy, want)
	}
	unpacked, err := b.sn.Usage(b.ctx, top)
	b.must(err)
	if unpacked.Inodes != 2 || unpacked.Size == 0 {
		t.Errorf("usage of an unpacked snapshot %v, want a directory and a file", unpacked)
	}
	mounts, err := b.sn.Prepare(b.ctx, "container", top)
	b.must(err)
	b.mounted(mounts, func(dir string) {
		b.must(writeFiles(dir, map[string]string{"big": strings.Repeat("x", 1<<20)}))
	})
	active, err := b.sn.Usage(b.ctx, "container")
	b.must(err)
	if active.Size < 1<<20 || active.Size > 2<<20 {
		t.Errorf("usage of an active snapshot %v, want about 1 MiB", active)
	}
}
