// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/integration/testbed"
)

// Many containers of one image that start at the same time fetch every span
// once, together.
func TestManyStarts(t *testing.T) {
	r := newRegistry(t)
	proxy := r.outage()
	img := smallImage(t)
	ref := r.convert("small", img)
	n := newNode(t, "2", lazily)
	n.pull(ref)
	asked := map[string]map[string]int{} // by the pull: what proves that an index fits
	for _, l := range img.Layers {
		asked[l.Descriptor.Digest.String()] = proxy.Ranges(l.Descriptor.Digest.String())
	}
	var wg sync.WaitGroup
	for range rounds(t, "SPRY_STARTS", 50) {
		wg.Go(func() {
			if out, err := n.tryRun("default", ref); err != nil || !strings.Contains(out, "READY") {
				t.Errorf("start: %v: %q", err, out)
			}
		})
	}
	wg.Wait()
	for i, l := range img.Layers {
		d := l.Descriptor.Digest.String()
		var bytes int64
		for header, times := range proxy.Ranges(d) {
			var first, last int64
			if _, err := fmt.Sscanf(header, "bytes=%d-%d", &first, &last); err != nil {
				t.Fatalf("range %q: %v", header, err)
			}
			bytes += int64(times-asked[d][header]) * (last + 1 - first)
		}
		t.Logf("layer %d: %d of %d bytes", i, bytes, l.Descriptor.Size)
		// A run may begin within a byte that a neighbour ends in.
		if bytes > l.Descriptor.Size+l.Descriptor.Size/100 {
			t.Errorf("layer %d has %d bytes, %d were fetched", i, l.Descriptor.Size, bytes)
		}
	}
}

// Pulls, starts and removals of the same images by several clients at the same
// time may find something missing, and that is all.
func TestRaces(t *testing.T) {
	r := newRegistry(t)
	refs := []string{r.convert("a", smallImage(t)), r.convert("b", image(t, "busybox", "data", "other"))}
	n := newNode(t, "2", "")
	ctx, cancel := context.WithTimeout(n.ctx, 12*time.Second)
	defer cancel()
	missing := func(_ time.Time, err error) bool {
		for _, s := range seenByContainer {
			if strings.Contains(err.Error(), s) {
				return false
			}
		}
		return strings.Contains(err.Error(), "not found") || strings.Contains(err.Error(), "does not exist") ||
			strings.Contains(err.Error(), "already exists")
	}
	var churns []*churn
	for i := range 4 {
		churns = append(churns, n.startChurn("default", refs[i%2], missing))
	}
	<-ctx.Done()
	for _, c := range churns {
		c.end(t)
	}
	for _, ref := range refs {
		n.pull(ref)
		n.ready("default", ref)
		n.removeImage("default", ref)
	}
	n.nothingLeft()
}

// A pull during which the daemon or containerd ends fails, if at all; then the
// image can be pulled, lazily, and nothing of the first attempt is left.
func TestPullInterrupted(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(n *node) error
	}{
		{"daemon stops", func(n *node) error { return errors.Join(n.spryd.Stop(), n.spryd.Start(n.ctx)) }},
		{"daemon dies", func(n *node) error { n.spryd.Kill(); return n.spryd.Start(n.ctx) }},
		{"server dies", func(n *node) error {
			pid, err := n.spryd.ServerPid()
			return errors.Join(err, unix.Kill(pid, unix.SIGKILL))
		}},
		{"containerd stops", func(n *node) error { return errors.Join(n.ctd.Stop(), n.ctd.Start(n.ctx)) }},
		{"containerd dies", func(n *node) error { n.ctd.Kill(); return n.ctd.Start(n.ctx) }},
		{"client dies", func(*node) error { return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			proxy := r.outage()
			ref := r.push("small", smallImage(t))
			ix := r.create(ref)
			n := newNode(t, "2", onDemand)
			proxy.SetFor(testbed.Stalled, ix.String())
			ctx, cancel := context.WithCancel(n.ctx)
			defer cancel()
			pull := n.ctd.CtrCommand(ctx, "image", "pull", "--plain-http", "--snapshotter", "spry", ref)
			if err := pull.Start(); err != nil {
				t.Fatal(err)
			}
			n.eventually("a Prepare that waits", func() bool { return proxy.Waiting() > 0 })
			if c.name == "client dies" {
				cancel()
			}
			if err := c.end(n); err != nil {
				t.Fatal(err)
			}
			proxy.Set(testbed.Healthy)
			t.Logf("the pull ended with %v", pull.Wait())
			n.reconnected()
			n.endLeases("default")
			n.ctr("image", "rm", "--sync", ref) // whether it is there or not
			n.pull(ref)
			if got := len(n.lazyMounts()); got != 3 {
				t.Errorf("%d layers are lazy, want 3", got)
			}
			n.ready("default", ref)
			n.removeImage("default", ref)
			n.nothingLeft()
			if ids, err := os.ReadDir(filepath.Join(n.spryd.Root(), "snapshots")); err != nil || len(ids) != 0 {
				t.Errorf("%d directories of snapshots are left, error %v", len(ids), err)
			}
		})
	}
}

// endLeases ends those of clients that died, or lost containerd: they hold
// what was pulled for a day.
func (n *node) endLeases(namespace string) {
	n.t.Helper()
	for lease := range strings.Lines(n.ctr("-n", namespace, "leases", "ls", "-q")) {
		if !strings.HasPrefix(lease, "time=") { // a warning
			n.ctr("-n", namespace, "leases", "rm", strings.TrimSpace(lease))
		}
	}
}

// A namespace that was removed can be used again, and others see nothing of it.
func TestNamespaceRemoved(t *testing.T) {
	r := newRegistry(t)
	ref := r.convert("small", smallImage(t))
	n := newNode(t, "2", "")
	pull := func(ns string) {
		n.ctr("-n", ns, "image", "pull", "--plain-http", "--snapshotter", "spry", ref)
		n.ready(ns, ref)
	}
	pull("one")
	for range 2 {
		pull("two")
		n.removeImage("two", ref)
		n.eventually("an empty namespace", func() bool {
			_, err := n.ctd.Ctr(n.ctx, "namespace", "rm", "two")
			return err == nil
		})
		n.ready("one", ref)
	}
	n.removeImage("one", ref)
	n.nothingLeft()
}

// An image can be removed while a process of the host looks into its layers.
func TestBusyMount(t *testing.T) {
	r := newRegistry(t)
	ref := r.convert("small", smallImage(t))
	n := newNode(t, "2", onDemand)
	n.pull(ref)
	var open []*os.File
	for _, dir := range n.lazyMounts() {
		f, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, f)
	}
	n.removeImage("default", ref)
	if left := append(n.leftovers(), n.mounts()...); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	for _, f := range open {
		if _, err := unix.Openat(int(f.Fd()), "anything", unix.O_RDONLY, 0); err == nil {
			t.Error("a file of a removed layer can be opened")
		}
		_ = f.Close()
	}
	n.pull(ref)
	n.ready("default", ref)
}
