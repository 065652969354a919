// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

// bed is a snapshotter over a fake file system.
type bed struct {
	*testing.T
	ctx  context.Context
	root string
	fsys *fakeFS
	sn   *snapshot.Snapshotter
	opts snapshot.Options
	told []string
}

func newBed(t *testing.T, o snapshot.Options) *bed {
	b := &bed{
		T:    t,
		ctx:  namespaces.WithNamespace(t.Context(), "testing"),
		root: t.TempDir(),
		fsys: newFakeFS(t),
		opts: o,
	}
	b.opts.OnFallback = func(ref index.LayerRef, reason string) { b.told = append(b.told, ref.Image+": "+reason) }
	b.open()
	t.Cleanup(func() { _ = b.sn.Close() })
	return b
}

// open opens the snapshotter, again after a Close.
func (b *bed) open() {
	b.Helper()
	sn, err := snapshot.New(b.ctx, b.root, b.fsys, b.opts)
	b.must(err)
	b.sn = sn
}

func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// image is a chain of layers named by words.
type image struct {
	name   string
	layers []string
}

func layerOf(word string) digest.Digest  { return digest.FromString("layer " + word) }
func diffIDOf(word string) digest.Digest { return digest.FromString("diff " + word) }

// chain is the chain id of the first n layers.
func (im image) chain(n int) string {
	ids := make([]digest.Digest, 0, n)
	for _, l := range im.layers[:n] {
		ids = append(ids, diffIDOf(l))
	}
	return identity.ChainID(ids).String()
}

// labels are those of containerd's pull for layer i.
func (im image) labels(i int) map[string]string {
	l := map[string]string{
		index.LabelTarget:                im.chain(i + 1),
		snapshots.LabelSnapshotDiffID:    diffIDOf(im.layers[i]).String(),
		index.LabelImage:                 im.name,
		index.LabelManifest:              digest.FromString(im.name).String(),
		index.LabelLayer:                 layerOf(im.layers[i]).String(),
		"containerd.io/snapshot/foreign": "kept",
	}
	if i > 0 {
		l["containerd.io/snapshot/parent-chain-id"] = im.chain(i)
	}
	return l
}

// lazy makes the layers lazy, each with one file named after it.
func (b *bed) lazy(words ...string) {
	for _, w := range words {
		b.set(w, plan{})
	}
}

// set plans a layer that has one file named after it.
func (b *bed) set(word string, p plan) {
	b.fsys.mu.Lock()
	defer b.fsys.mu.Unlock()
	p.files = map[string]string{word: word}
	if p.diffID == "" {
		p.diffID = diffIDOf(word)
	}
	b.fsys.plans[layerOf(word)] = p
}

// prepare asks for layer i the way containerd does, without rebase.
func (b *bed) prepare(im image, i int, parent string) (string, []mount.Mount, error) {
	key := fmt.Sprintf("extract-%d %s", len(b.all()), im.chain(i+1))
	m, err := b.sn.Prepare(b.ctx, key, parent, snapshots.WithLabels(im.labels(i)))
	return key, m, err
}

// pull pulls an image: layers that are not remote are written by hand. It
// returns the name of the uppermost snapshot.
func (b *bed) pull(im image) string {
	b.Helper()
	parent := ""
	for i, word := range im.layers {
		key, mounts, err := b.prepare(im, i, parent)
		if errdefs.IsAlreadyExists(err) {
			parent = b.find(im.chain(i+1), parent).Name
			continue
		}
		b.must(err)
		b.mounted(mounts, func(dir string) { b.must(writeFiles(dir, map[string]string{word: word})) })
		parent = "testing/1/" + im.chain(i+1)
		b.must(b.sn.Commit(b.ctx, parent, key, snapshots.WithLabels(im.labels(i))))
	}
	return parent
}

// find looks a target up as containerd does.
func (b *bed) find(chain, parent string) (found snapshots.Info) {
	b.Helper()
	filter := fmt.Sprintf("labels.%q==%s,parent==%q", index.LabelTarget, chain, parent)
	n := 0
	b.must(b.sn.Walk(b.ctx, func(_ context.Context, i snapshots.Info) error {
		if i.Kind == snapshots.KindCommitted {
			found = i
			n++
		}
		return nil
	}, filter))
	if n != 1 {
		b.Fatalf("%d snapshots are committed for target %s on %q, want 1", n, chain, parent)
	}
	return found
}

func (b *bed) all() map[string]snapshots.Info {
	b.Helper()
	m := map[string]snapshots.Info{}
	b.must(b.sn.Walk(b.ctx, func(_ context.Context, i snapshots.Info) error {
		m[i.Name] = i
		return nil
	}))
	return m
}

// dirs are the names below ROOT/snapshots.
func (b *bed) dirs() []string {
	b.Helper()
	entries, err := os.ReadDir(filepath.Join(b.root, "snapshots"))
	b.must(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// mounted calls fn with a directory where the mounts are.
func (b *bed) mounted(mounts []mount.Mount, fn func(dir string)) {
	b.Helper()
	dir := b.TempDir()
	b.must(mount.All(mounts, dir))
	defer func() { b.must(mount.UnmountAll(dir, 0)) }()
	fn(dir)
}

// tree is the content of the plain files of the mounts.
func (b *bed) tree(mounts []mount.Mount) map[string]string {
	b.Helper()
	got := map[string]string{}
	b.mounted(mounts, func(dir string) {
		entries, err := os.ReadDir(dir)
		b.must(err)
		for _, e := range entries {
			content, err := os.ReadFile(filepath.Join(dir, e.Name()))
			b.must(err)
			got[e.Name()] = string(content)
		}
	})
	return got
}
