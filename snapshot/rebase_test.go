// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

// rebase pulls as containerd does when the proxy plugin has the capability
// "rebase": parents are named at Commit.
func (b *bed) rebase(im image, skip ...string) string {
	b.Helper()
	keys := map[int]string{}
	for i := range im.layers {
		labels := im.labels(i)
		for _, s := range skip {
			delete(labels, s)
		}
		key := "extract " + im.chain(i+1)
		mounts, err := b.sn.Prepare(b.ctx, key, "", snapshots.WithLabels(labels))
		if errdefs.IsAlreadyExists(err) {
			continue
		}
		b.must(err)
		keys[i] = key
		if !mounts[len(mounts)-1].ReadOnly() {
			b.apply(mounts, im.layers[i])
		}
	}
	parent := ""
	for i := range im.layers {
		key, ok := keys[i]
		if !ok {
			parent = b.find(im.chain(i+1), parent).Name
			continue
		}
		name := "testing/2/" + im.chain(i+1)
		b.must(b.sn.Commit(b.ctx, name, key, snapshots.WithLabels(im.labels(i)), snapshots.WithParent(parent)))
		parent = name
	}
	return parent
}

// apply writes a layer like containerd's applier: straight into the upper
// directory of an overlay mount.
func (b *bed) apply(mounts []mount.Mount, word string) {
	b.Helper()
	if mounts[0].Type == "bind" {
		b.must(writeFiles(mounts[0].Source, map[string]string{word: word}))
		return
	}
	for _, o := range mounts[0].Options {
		if upper, ok := strings.CutPrefix(o, "upperdir="); ok {
			b.must(writeFiles(upper, map[string]string{word: word}))
			return
		}
	}
	b.Fatalf("no upper directory in %v", mounts)
}

func TestRebase(t *testing.T) {
	im := image{name: "r.example/a:1", layers: []string{"one", "two", "three", "four"}}
	want := map[string]string{"one": "one", "two": "two", "three": "three", "four": "four"}
	tests := map[string]struct {
		plans map[string]plan
		skip  []string
		lazy  int
	}{
		"all lazy":                        {plans: map[string]plan{"one": {}, "two": {}, "three": {}, "four": {}}, lazy: 4},
		"nothing":                         {},
		"one unpacked":                    {plans: map[string]plan{"one": {}, "two": {}, "three": {mountErr: index.ErrNotLazy}, "four": {}}, lazy: 3},
		"one needs to know what is below": {plans: map[string]plan{"one": {}, "two": {unfit: layerOf("one")}, "three": {}, "four": {}}, lazy: 3},
		"old containerd":                  {plans: map[string]plan{"two": {}}, skip: []string{snapshots.LabelSnapshotDiffID}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, snapshot.Options{})
			for word, p := range tc.plans {
				b.set(word, p)
			}
			top := b.rebase(im, tc.skip...)
			lazy := 0
			for name, info := range b.all() {
				if info.Labels["containerd.io/snapshot/remote/spry.staged"] != "" {
					t.Errorf("snapshot %s is still marked as staged", name)
				}
				if info.Labels[index.LabelLazyLayer] != "" {
					lazy++
				}
			}
			if lazy != tc.lazy {
				t.Errorf("%d lazy snapshots, want %d", lazy, tc.lazy)
			}
			mounts, err := b.sn.Prepare(b.ctx, "container", top)
			b.must(err)
			if diff := cmp.Diff(want, b.tree(mounts)); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		})
	}
}

// A staged snapshot that is abandoned gives its layer back.
func TestStagedIsRemoved(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("two")
	im := image{name: "r.example/a:1", layers: []string{"one", "two"}}
	mounts, err := b.sn.Prepare(b.ctx, "key", "", snapshots.WithLabels(im.labels(1)))
	b.must(err)
	if !mounts[0].ReadOnly() {
		t.Errorf("mounts %v are not read-only", mounts)
	}
	again, err := b.sn.Mounts(b.ctx, "key")
	b.must(err)
	if diff := cmp.Diff(mounts, again); diff != "" {
		t.Errorf("Mounts differ from Prepare (-prepare +mounts):\n%s", diff)
	}
	b.must(b.sn.Remove(b.ctx, "key"))
	if owners := b.fsys.ownersOf(layerOf("two")); len(owners) != 0 {
		t.Errorf("layer still has owners %v", owners)
	}
}
