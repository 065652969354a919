// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

func TestRemove(t *testing.T) {
	for name, o := range map[string]snapshot.Options{"sync": {}, "async": {AsyncRemove: true}} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, o)
			b.lazy("one")
			b.set("two", plan{mountErr: index.ErrNotLazy})
			top := b.pull(image{name: "r.example/a:1", layers: []string{"one", "two"}})
			info, err := b.sn.Stat(b.ctx, top)
			b.must(err)
			if err := b.sn.Remove(b.ctx, info.Parent); !errdefs.IsFailedPrecondition(err) {
				t.Errorf("Remove of a parent: %v, want ErrFailedPrecondition", err)
			}
			if len(b.fsys.ownersOf(layerOf("one"))) != 1 {
				t.Error("a refused Remove released the layer")
			}
			b.must(b.sn.Remove(b.ctx, top))
			b.must(b.sn.Remove(b.ctx, info.Parent))
			if len(b.all()) != 0 {
				t.Errorf("snapshots %v are left", b.all())
			}
			if held := len(b.dirs()) + len(b.fsys.ownersOf(layerOf("one"))); (held == 0) == o.AsyncRemove {
				t.Errorf("directories and owners after Remove: %d", held)
			}
			b.must(b.sn.Cleanup(b.ctx))
			if held := len(b.dirs()) + len(b.fsys.ownersOf(layerOf("one"))); held != 0 {
				t.Errorf("directories and owners after Cleanup: %d, want none", held)
			}
		})
	}
}

// A layer that two chains show stays until the second is gone.
func TestRemoveSharedLayer(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("a", "b")
	first := b.pull(image{name: "r.example/a:1", layers: []string{"a", "b"}})
	second := b.pull(image{name: "r.example/b:1", layers: []string{"b"}})
	b.must(b.sn.Remove(b.ctx, first))
	mounts, err := b.sn.View(b.ctx, "view", second)
	b.must(err)
	if diff := cmp.Diff(map[string]string{"b": "b"}, b.tree(mounts)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

func TestRestart(t *testing.T) {
	b := newBed(t, snapshot.Options{RestoreParallel: 2})
	b.lazy("one", "two", "three")
	b.set("four", plan{mountErr: index.ErrNotLazy})
	im := image{name: "r.example/a:1", layers: []string{"one", "two", "three", "four"}}
	top := b.pull(im)
	before := b.all()
	b.must(b.sn.Close())

	// What a crash may leave: a directory without record, and layers that
	// the new process does not have; one of them fails to come back.
	b.must(os.MkdirAll(filepath.Join(b.root, "snapshots", "4711", "fs"), 0o700))
	owners := map[digest.Digest][]string{}
	for _, w := range im.layers[:3] {
		owners[layerOf(w)] = b.fsys.ownersOf(layerOf(w))
		delete(b.fsys.owners, layerOf(w))
	}
	b.set("two", plan{mountErr: errors.New("no table of contents")})
	b.open()

	if diff := cmp.Diff(before, b.all()); diff != "" {
		t.Errorf("snapshots (-before +after):\n%s", diff)
	}
	if len(b.dirs()) != 1 {
		t.Errorf("directories %v, want one", b.dirs())
	}
	for _, w := range []string{"one", "three"} {
		if diff := cmp.Diff(owners[layerOf(w)], b.fsys.ownersOf(layerOf(w))); diff != "" {
			t.Errorf("owners of %s (-before +after):\n%s", w, diff)
		}
	}
	if b.fsys.swept != 2 {
		t.Errorf("Sweep ran %d times, want once for each start", b.fsys.swept)
	}
	if _, err := b.sn.View(b.ctx, "view", top); err == nil {
		t.Error("View of a chain with a lost layer succeeded")
	}
	b.lazy("two")
	mounts, err := b.sn.View(b.ctx, "view", top)
	b.must(err)
	if got := len(b.tree(mounts)); got != 4 {
		t.Errorf("%d files, want 4", got)
	}
}

// A process that dies inside Prepare leaves a record that only containerd's
// garbage collection knows how to name; it must be removable.
func TestRestartAfterCrashInPrepare(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	block := make(chan struct{})
	b.set("one", plan{block: block, entered: make(chan struct{}, 1)})
	p := b.fsys.plan(layerOf("one"))
	im := image{name: "r.example/a:1", layers: []string{"one"}}
	done := make(chan error)
	go func() {
		_, err := b.sn.Prepare(b.ctx, "key", "", snapshots.WithLabels(im.labels(0)))
		done <- err
	}()
	<-p.entered
	b.must(b.sn.Close()) // the metadata is gone, as after kill -9
	close(block)
	if err := <-done; err == nil || errdefs.IsAlreadyExists(err) {
		t.Errorf("Prepare without metadata: %v, want a failure", err)
	}
	b.open()
	b.must(b.sn.Remove(b.ctx, "key"))
	b.lazy("one")
	b.pull(im)
	if n := len(b.all()); n != 1 {
		t.Errorf("%d snapshots, want 1", n)
	}
}

func TestCleanupSparesSnapshotsInTheMaking(t *testing.T) {
	b := newBed(t, snapshot.Options{AsyncRemove: true})
	stop := make(chan struct{})
	var cleaner sync.WaitGroup
	cleaner.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := b.sn.Cleanup(b.ctx); err != nil {
				t.Errorf("Cleanup: %v", err)
				return
			}
		}
	})
	var makers sync.WaitGroup
	for i := range 4 {
		makers.Go(func() {
			key := string(rune('a' + i))
			for range 25 {
				mounts, err := b.sn.Prepare(b.ctx, key, "")
				if err != nil {
					t.Errorf("Prepare: %v", err)
					return
				}
				if _, err := os.Stat(mounts[0].Source); err != nil {
					t.Errorf("directory of a new snapshot: %v", err)
				}
				if err := b.sn.Remove(b.ctx, key); err != nil {
					t.Errorf("Remove: %v", err)
				}
			}
		})
	}
	makers.Wait()
	close(stop)
	cleaner.Wait()
	b.must(b.sn.Cleanup(b.ctx))
	if len(b.dirs()) != 0 {
		t.Errorf("directories %v are left", b.dirs())
	}
}
