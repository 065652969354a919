// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"testing"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/snapshot"
)

// An image's annotations become labels. They must not make an ordinary
// snapshot show some other layer of this host.
func TestHostileLabels(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("secret")
	b.pull(image{name: "r.example/private:1", layers: []string{"secret"}})
	hostile := map[string]string{
		index.LabelLazyLayer:                        layerOf("secret").String(),
		index.LabelRemote:                           index.LabelRemoteValue,
		index.LabelNamespace:                        "other",
		"containerd.io/snapshot/remote/spry.staged": "true",
		"containerd.io/snapshot/foreign":            "kept",
	}
	mounts, err := b.sn.Prepare(b.ctx, "key", "", snapshots.WithLabels(hostile))
	b.must(err)
	if tree := b.tree(mounts); len(tree) != 0 {
		t.Errorf("active snapshot shows %v", tree)
	}
	b.must(b.sn.Commit(b.ctx, "name", "key", snapshots.WithLabels(hostile)))
	_, err = b.sn.Update(b.ctx, snapshots.Info{Name: "name", Labels: hostile})
	b.must(err)
	_, err = b.sn.Update(b.ctx, snapshots.Info{Name: "name", Labels: hostile}, "labels."+index.LabelLazyLayer)
	b.must(err)
	info, err := b.sn.Stat(b.ctx, "name")
	b.must(err)
	if diff := cmp.Diff(map[string]string{"containerd.io/snapshot/foreign": "kept"}, info.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	mounts, err = b.sn.View(b.ctx, "view", "name", snapshots.WithLabels(hostile))
	b.must(err)
	if tree := b.tree(mounts); len(tree) != 0 {
		t.Errorf("view shows %v", tree)
	}
}

func TestUpdateKeepsOwnLabels(t *testing.T) {
	b := newBed(t, snapshot.Options{})
	b.lazy("one")
	name := b.pull(image{name: "r.example/a:1", layers: []string{"one"}})
	before, err := b.sn.Stat(b.ctx, name)
	b.must(err)
	for _, paths := range [][]string{nil, {"labels"}, {"labels." + index.LabelLazyLayer}, {"labels.mine", "labels." + index.LabelRemote}} {
		_, err := b.sn.Update(b.ctx, snapshots.Info{Name: name, Labels: map[string]string{"mine": "x"}}, paths...)
		b.must(err)
		after, err := b.sn.Stat(b.ctx, name)
		b.must(err)
		for _, own := range []string{index.LabelLazyLayer, index.LabelRemote, index.LabelHasIndex, index.LabelNamespace} {
			if after.Labels[own] != before.Labels[own] {
				t.Errorf("Update %v: label %s = %q, want %q", paths, own, after.Labels[own], before.Labels[own])
			}
		}
	}
	info, err := b.sn.Stat(b.ctx, name)
	b.must(err)
	if info.Labels["mine"] != "x" || info.Labels[index.LabelImage] != "" {
		t.Errorf("Update did not replace the client's labels: %v", info.Labels)
	}
}
