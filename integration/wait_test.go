// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// waitLocal waits until every lazy layer has streamed in: each says so by its
// seal on disk.
func (n *node) waitLocal() {
	n.t.Helper()
	for {
		layers, err := filepath.Glob(filepath.Join(n.spryd.Root(), "layers", "*"))
		if err != nil {
			n.t.Fatal(err)
		}
		sealed, err := filepath.Glob(filepath.Join(n.spryd.Root(), "layers", "*", "sealed"))
		if err != nil {
			n.t.Fatal(err)
		}
		if len(layers) > 0 && len(sealed) == len(layers) {
			return
		}
		select {
		case <-n.ctx.Done():
			n.t.Fatalf("%d of %d layers are local: %v", len(sealed), len(layers), n.ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (n *node) unmount(path string) {
	n.t.Helper()
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
		n.t.Errorf("unmount %s: %v", path, err)
	}
}

// reconnected waits until containerd has found the restarted daemon: a call of
// containerd's that met the gap makes its next attempts wait for a second or more.
func (n *node) reconnected() {
	n.t.Helper()
	for {
		_, err := n.ctd.Ctr(n.ctx, "snapshot", "--snapshotter", "spry", "ls")
		if err == nil {
			return
		}
		select {
		case <-n.ctx.Done():
			n.t.Fatalf("containerd does not find the daemon: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
