// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

func TestPullOutcomes(t *testing.T) {
	im := image{name: "r.example/a:1", layers: []string{"one"}}
	remote := map[string]string{
		index.LabelRemote:    index.LabelRemoteValue,
		index.LabelHasIndex:  "true",
		index.LabelNamespace: "testing",
		index.LabelLazyLayer: layerOf("one").String(),
	}
	tests := map[string]struct {
		plan    plan
		exists  bool              // Prepare answers ErrAlreadyExists
		own     map[string]string // labels written, reasons by substring
		owners  int
		entries int // directories
		told    string
	}{
		"lazy": {exists: true, own: remote, owners: 1},
		"not lazy": {
			plan:    plan{mountErr: index.ErrNotLazy},
			exists:  true,
			own:     map[string]string{index.LabelHasIndex: "true", index.LabelNamespace: "testing", index.LabelReason: "lazily"},
			entries: 1,
		},
		"not lazy, unpack fails": {
			plan:    plan{mountErr: index.ErrNotLazy, unpackErr: errors.New("registry is gone")},
			own:     map[string]string{index.LabelReason: "registry is gone"},
			entries: 1, told: "registry is gone",
		},
		"not lazy, other files than the image promised": {
			plan:    plan{mountErr: index.ErrNotLazy, diffID: diffIDOf("evil")},
			own:     map[string]string{index.LabelReason: diffIDOf("evil").String()},
			entries: 1, told: "chain id",
		},
		"no index": {
			plan:    plan{mountErr: index.ErrNoIndex},
			own:     map[string]string{index.LabelReason: "no index"},
			entries: 1, told: "no index",
		},
		"anything else": {
			plan:    plan{mountErr: errors.New("disk on fire" + strings.Repeat("!", 5000))},
			own:     map[string]string{index.LabelReason: "disk on fire!!!"},
			entries: 1, told: "disk on fire!!!",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, snapshot.Options{})
			b.set("one", tc.plan)
			key, mounts, err := b.prepare(im, 0, "")
			if got := errdefs.IsAlreadyExists(err); got != tc.exists || (err == nil) == tc.exists {
				t.Fatalf("Prepare: %v, want ErrAlreadyExists: %t", err, tc.exists)
			}
			var info snapshots.Info
			if tc.exists {
				info = b.find(im.chain(1), "")
			} else {
				if tree := b.tree(mounts); len(tree) != 0 {
					t.Errorf("active snapshot is not clean: %v", tree)
				}
				b.must(b.sn.Commit(b.ctx, "committed", key, snapshots.WithLabels(im.labels(0))))
				info, err = b.sn.Stat(b.ctx, "committed")
				b.must(err)
			}
			checkLabels(t, info.Labels, im.labels(0), tc.own)
			if got := len(b.fsys.ownersOf(layerOf("one"))); got != tc.owners {
				t.Errorf("layer has %d owners, want %d", got, tc.owners)
			}
			if got := b.dirs(); len(got) != tc.entries {
				t.Errorf("directories %v, want %d", got, tc.entries)
			}
			if told := strings.Join(b.told, "\n"); (told == "") != (tc.told == "") || !strings.Contains(told, tc.told) {
				t.Errorf("told %q, want %q", told, tc.told)
			}
		})
	}
}

// checkLabels wants all of request unchanged and exactly the own labels.
func checkLabels(t *testing.T, got, request, own map[string]string) {
	t.Helper()
	for k, v := range request {
		if got[k] != v {
			t.Errorf("label %s = %q, want %q", k, got[k], v)
		}
	}
	for k, v := range got {
		if _, ok := request[k]; ok {
			continue
		}
		if want, ok := own[k]; !ok || !strings.Contains(v, want) || len(v) > 600 {
			t.Errorf("label %s = %q, want %q", k, v, want)
		}
	}
	for k := range own {
		if got[k] == "" {
			t.Errorf("label %s is missing", k)
		}
	}
}

func TestPullSharesWhatIsThere(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one", "two")
	im := image{name: "r.example/a:1", layers: []string{"one", "two"}}
	b.pull(im)
	before := b.all()
	b.pull(im)
	if diff := cmp.Diff(before, b.all()); diff != "" {
		t.Errorf("second pull changed snapshots (-before +after):\n%s", diff)
	}
	if b.fsys.mounts != 2 {
		t.Errorf("layers were mounted %d times, want 2", b.fsys.mounts)
	}
}

// Two namespaces have other names for the same parent when containerd unpacked
// it; each needs the layer above on its own parent.
func TestPullOnForeignParent(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("two", "three")
	im := image{name: "r.example/a:1", layers: []string{"one", "two", "three"}}
	for _, parent := range []string{"ns1/1", "ns2/2"} {
		_, err := b.sn.Prepare(b.ctx, "key", "")
		b.must(err)
		b.must(b.sn.Commit(b.ctx, parent, "key", snapshots.WithLabels(im.labels(0))))
		for i, on := 1, parent; i < 3; i++ {
			if _, _, err := b.prepare(im, i, on); !errdefs.IsAlreadyExists(err) {
				t.Fatalf("Prepare layer %d on %s: %v", i, on, err)
			}
			on = b.find(im.chain(i+1), on).Name
		}
	}
	if got := len(b.fsys.ownersOf(layerOf("three"))); got != 2 {
		t.Errorf("layer has %d owners, want 2", got)
	}
}

// TestChainIDOfAnotherImage: a lazy layer was not compared with the DiffID that
// its image gives it. What another image has under a chain id is not taken for the
// layer that a pull asks for.
func TestChainIDOfAnotherImage(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("evil", "base")
	honest := image{name: "r.example/base:1", layers: []string{"base"}}
	labels := image{name: "r.example/evil:1", layers: []string{"base"}}.labels(0)
	labels[index.LabelLayer] = layerOf("evil").String()
	if _, err := b.sn.Prepare(b.ctx, "evil", "", snapshots.WithLabels(labels)); !errdefs.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	key, mounts, err := b.prepare(honest, 0, "")
	b.must(err)
	info, err := b.sn.Stat(b.ctx, key)
	b.must(err)
	if why := info.Labels[index.LabelReason]; !strings.Contains(why, layerOf("evil").String()) {
		t.Errorf("reason %q does not name the other layer", why)
	}
	if tree := b.tree(mounts); len(tree) > 0 {
		t.Errorf("the snapshot has %v, want to be filled by containerd", tree)
	}
}

// TestHashedLayer: when it is known what a lazy layer decompresses to, new
// containers are refused that have it under another layer's chain id.
func TestHashedLayer(t *testing.T) {
	for i, lying := range []string{"one", "two"} {
		b := newBed(t, snapshot.Options{})
		b.lazy("one", "two", "three")
		im := image{name: "r.example/a:1", layers: []string{"one", "two", "three"}}
		top := b.pull(im)
		for _, word := range im.layers[:2] {
			b.set(word, plan{hashed: diffIDOf(word)})
		}
		_, err := b.sn.Prepare(b.ctx, "honest", top)
		b.must(err)
		b.set(lying, plan{hashed: diffIDOf("evil")})
		_, err = b.sn.Prepare(b.ctx, "container", top)
		for _, want := range []string{im.name, layerOf(lying).String(), diffIDOf("evil").String(), im.chain(i + 1)} {
			if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want it to name %s", lying, err, want)
			}
		}
	}
}

func TestWarnsOncePerImage(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	for _, name := range []string{"r.example/a:1", "r.example/b:1", "r.example/a:1"} {
		im := image{name: name, layers: []string{"one", "two"}}
		for i := range im.layers {
			_, _, err := b.prepare(im, i, "")
			b.must(err)
		}
	}
	if len(b.told) != 2 {
		t.Errorf("warnings %q, want one for each of two images", b.told)
	}
}

func TestPullWithoutAnnotations(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one")
	for n, base := range []string{"one", "another"} {
		im := image{name: "", layers: []string{base, "two"}}
		parent := ""
		for i := range im.layers {
			key, mounts, err := b.prepare(im, i, parent)
			b.must(err)
			b.tree(mounts)
			parent = im.chain(i + 1)
			b.must(b.sn.Commit(b.ctx, parent, key, snapshots.WithLabels(im.labels(i))))
			info, err := b.sn.Stat(b.ctx, parent)
			b.must(err)
			if why := info.Labels[index.LabelReason]; !strings.Contains(why, "annotations") {
				t.Errorf("reason %q of layer %d, want a hint at snapshot annotations", why, i)
			}
		}
		if len(b.told) != n+1 || !strings.Contains(b.told[n], "annotations") {
			t.Errorf("told %q, want a hint at snapshot annotations for each of %d images", b.told, n+1)
		}
	}
}

func TestCancelledPrepareLeavesNothing(t *testing.T) {
	for _, kind := range []error{nil, index.ErrNotLazy} {
		b := newBed(t, snapshot.Options{})
		b.set("one", plan{mountErr: kind, block: make(chan struct{}), entered: make(chan struct{}, 1)})
		ctx, cancel := context.WithCancel(b.ctx)
		p := b.fsys.plan(layerOf("one"))
		done := make(chan error)
		im := image{name: "r.example/a:1", layers: []string{"one"}}
		go func() {
			_, err := b.sn.Prepare(ctx, "key", "", snapshots.WithLabels(im.labels(0)))
			done <- err
		}()
		<-p.entered
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Prepare: %v, want context.Canceled", err)
		}
		if len(b.all())+len(b.dirs())+len(b.fsys.ownersOf(layerOf("one"))) != 0 {
			t.Errorf("left: snapshots %v, directories %v", b.all(), b.dirs())
		}
	}
}

// cancelFS cancels the request at the moment the layer is mounted.
type cancelFS struct {
	*fakeFS
	cancel context.CancelFunc
}

func (f cancelFS) Mount(ctx context.Context, ref index.LayerRef, owner string) error {
	err := f.fakeFS.Mount(ctx, ref, owner)
	f.cancel()
	return err
}

func TestCancelAfterMountReleases(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one")
	ctx, cancel := context.WithCancel(b.ctx)
	sn, err := snapshot.New(b.ctx, t.TempDir(), cancelFS{b.fsys, cancel}, snapshot.Options{})
	b.must(err)
	im := image{name: "r.example/a:1", layers: []string{"one"}}
	if _, err := sn.Prepare(ctx, "key", "", snapshots.WithLabels(im.labels(0))); !errors.Is(err, context.Canceled) {
		t.Errorf("Prepare: %v, want context.Canceled", err)
	}
	if owners := b.fsys.ownersOf(layerOf("one")); len(owners) != 0 {
		t.Errorf("layer still has owners %v", owners)
	}
	b.must(sn.Close())
}

func TestConcurrentPullsOfOneImage(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one")
	im := image{name: "r.example/a:1", layers: []string{"one"}}
	const pulls = 16
	errs := make([]error, pulls)
	var wg sync.WaitGroup
	for i := range pulls {
		wg.Go(func() {
			key := "key " + digest.FromString(strings.Repeat("x", i)).String()
			_, errs[i] = b.sn.Prepare(b.ctx, key, "", snapshots.WithLabels(im.labels(0)))
		})
	}
	wg.Wait()
	for _, err := range errs {
		if !errdefs.IsAlreadyExists(err) {
			t.Errorf("Prepare: %v, want ErrAlreadyExists", err)
		}
	}
	b.find(im.chain(1), "")
	if n := len(b.all()); n != 1 || b.fsys.mounts != 1 {
		t.Errorf("%d snapshots, %d mounts, want 1 and 1", n, b.fsys.mounts)
	}
}

func TestWaitingPrepareCanBeCancelled(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	block := make(chan struct{})
	b.set("one", plan{block: block, entered: make(chan struct{}, 1)})
	p := b.fsys.plan(layerOf("one"))
	im := image{name: "r.example/a:1", layers: []string{"one"}}
	first := make(chan error)
	go func() {
		_, err := b.sn.Prepare(b.ctx, "first", "", snapshots.WithLabels(im.labels(0)))
		first <- err
	}()
	<-p.entered
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if _, err := b.sn.Prepare(ctx, "second", "", snapshots.WithLabels(im.labels(0))); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting Prepare: %v, want context.Canceled", err)
	}
	close(block)
	if err := <-first; !errdefs.IsAlreadyExists(err) {
		t.Errorf("first Prepare: %v", err)
	}
}

func TestIDMappedIsRefused(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	labels := snapshots.WithLabels(map[string]string{snapshots.LabelSnapshotUIDMapping: "0:1000:1"})
	if _, err := b.sn.Prepare(b.ctx, "key", "", labels); !errdefs.IsNotImplemented(err) {
		t.Errorf("Prepare: %v, want ErrNotImplemented", err)
	}
	if len(b.all()) != 0 {
		t.Errorf("snapshots are left: %v", b.all())
	}
}
