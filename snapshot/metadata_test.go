// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/spryd/spry/snapshot"
)

// containerd opens containerd's own metadata store over the snapshotter, which
// is what clients really talk to.
func (b *bed) containerd() *metadata.DB {
	b.Helper()
	dir := b.TempDir()
	cs, err := local.NewStore(filepath.Join(dir, "content"))
	b.must(err)
	db, err := bbolt.Open(filepath.Join(dir, "meta.db"), 0o600, nil)
	b.must(err)
	b.Cleanup(func() { _ = db.Close() })
	m := metadata.NewDB(db, cs, map[string]snapshots.Snapshotter{"spry": b.sn})
	b.must(m.Init(b.ctx))
	return m
}

// TestUnderContainerd pulls into two namespaces, with one layer that
// containerd unpacks itself, and lets the garbage collector remove it all.
func TestUnderContainerd(t *testing.T) {
	b := newBed(t, snapshot.Options{AsyncRemove: true})
	b.lazy("one", "three")
	m := b.containerd()
	sn := m.Snapshotter("spry")
	im := image{name: "r.example/a:1", layers: []string{"one", "two", "three"}}
	want := map[string]string{"one": "one", "two": "two", "three": "three"}

	spaces := []context.Context{
		namespaces.WithNamespace(t.Context(), "first"),
		namespaces.WithNamespace(t.Context(), "second"),
	}
	for _, ctx := range spaces {
		for i, parent := 0, ""; i < 3; i++ {
			chain := im.chain(i + 1)
			mounts, err := sn.Prepare(ctx, "extract "+chain, parent, snapshots.WithLabels(im.labels(i)))
			if i == 1 {
				b.must(err)
				b.mounted(mounts, func(dir string) { b.must(writeFiles(dir, map[string]string{"two": "two"})) })
				b.must(sn.Commit(ctx, chain, "extract "+chain, snapshots.WithLabels(im.labels(i))))
			} else if !errdefs.IsAlreadyExists(err) {
				t.Fatalf("Prepare layer %d: %v, want ErrAlreadyExists", i, err)
			}
			if _, err := sn.Stat(ctx, chain); err != nil {
				t.Fatalf("layer %d is not known to containerd: %v", i, err)
			}
			parent = chain
		}
		mounts, err := sn.Prepare(ctx, "container", im.chain(3), snapshots.WithLabels(map[string]string{"containerd.io/gc.root": "now"}))
		b.must(err)
		if diff := cmp.Diff(want, b.tree(mounts)); diff != "" {
			t.Errorf("container (-want +got):\n%s", diff)
		}
	}
	for n, ctx := range spaces {
		b.must(sn.Remove(ctx, "container"))
		_, err := m.GarbageCollect(t.Context())
		b.must(err)
		if got, want := len(b.fsys.ownersOf(layerOf("one"))), 1-n; got != want {
			t.Errorf("lowest layer has %d owners after namespace %d is gone, want %d", got, n, want)
		}
	}
	if len(b.all())+len(b.dirs()) != 0 {
		t.Errorf("left: %v %v", b.all(), b.dirs())
	}
}
