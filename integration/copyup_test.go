// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Containers change lazy files while the server is killed: overlayfs holds the lock
// of all renames between directories of the upper file system while it asks the
// server for a file's attributes, and the next server has to start all the same.
func TestKilledDuringCopyUp(t *testing.T) {
	r := newRegistry(t)
	img := image(t, "busybox", "data", "odd")
	ref := r.convert("odd", img)
	n := newNode(t, "2", "")
	n.pull(ref)
	for range 12 {
		ended := make(chan error, 3)
		for range cap(ended) {
			go func() {
				out, err := n.tryRun("default", ref, "/bin/sh", "-c", "find /data /odd -type f | xargs touch; find /data -type d | xargs touch; echo READY")
				if err == nil && !strings.Contains(out, "READY") {
					t.Errorf("printed %q", out)
				}
				ended <- err
			}()
		}
		time.Sleep(rand.N(400 * time.Millisecond))
		n.killServer()
		for range cap(ended) {
			if err := <-ended; err != nil && !cutByKill(time.Time{}, err) {
				t.Errorf("container: %v", err)
			}
		}
	}
	n.removeImage("default", ref)
	n.nothingLeft()
}
