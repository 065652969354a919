// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/integration/testbed"
)

// Hosts of the benchmark run containers under overlayfs and under a daemon
// that is only known by its command line, and tell what these cost.
func TestHosts(t *testing.T) {
	r := newRegistry(t)
	img := smallImage(t)
	if _, err := img.Push(r.ctx, r.host+"/hosts:latest"); err != nil {
		t.Fatal(err)
	}
	binary, err := tools.Binary("spryd")
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string]string{}
	for _, sn := range []testbed.Snapshotter{testbed.Overlayfs, testbed.SprySnapshotter(binary)} {
		h := startHost(t, sn)
		ref := r.host + "/hosts:latest"
		if err := h.Pull(r.ctx, ref); err != nil {
			t.Fatal(err)
		}
		dirs, err := h.Lowerdirs(r.ctx, ref)
		if err != nil || len(dirs) != len(img.Layers) {
			t.Errorf("%s: directories %q, %v, want one for each of %d layers", sn.Name, dirs, err, len(img.Layers))
		}
		if lazy, err := testbed.OnLazy(dirs); err != nil || lazy {
			t.Errorf("%s: lazy %v, %v in an image without an index", sn.Name, lazy, err)
		}
		box, err := h.Run(r.ctx, testbed.RunOptions{ID: "box", Ref: ref, Args: []string{"/bin/sh", "-c", "echo READY; sleep 600"}, Bind: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if printed[sn.Name], err = box.Exec(r.ctx, "/bin/sh", "-c", "ls -d /testbed; cat /data/SUMS"); err != nil {
			t.Error(err)
		}
		box.Kill(r.ctx)
		u, err := h.Usage()
		if err != nil || (u.PeakBytes > 0) != (sn.Command != "") {
			t.Errorf("%s: usage %+v, %v", sn.Name, u, err)
		}
	}
	if diff := cmp.Diff(printed["overlayfs"], printed["spry"]); diff != "" || printed["spry"] == "" {
		t.Errorf("the containers differ: %s", diff)
	}
}

// startHost starts a host that ends with the test.
func startHost(t *testing.T, sn testbed.Snapshotter) *testbed.Host {
	t.Helper()
	dir, err := os.MkdirTemp("", "spry") //nolint:usetesting // t.TempDir is too long for a socket path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bin, err := tools.Containerd("2")
	if err != nil {
		t.Fatal(err)
	}
	h, err := testbed.StartHost(testContext(t), testbed.HostOptions{Dir: dir, Containerd: bin, Snapshotter: sn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(); err != nil {
			t.Error(err)
		}
	})
	return h
}
