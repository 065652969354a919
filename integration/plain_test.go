// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plain says whether every layer is proven and complete on disk.
func (n *node) plain() bool {
	n.t.Helper()
	layers, err := filepath.Glob(filepath.Join(n.spryd.Root(), "layers", "*"))
	if err != nil {
		n.t.Fatal(err)
	}
	for _, dir := range layers {
		b, err := os.ReadFile(filepath.Join(dir, "sealed"))
		if err != nil || !bytes.Contains(b, []byte(" proven ")) {
			return false
		}
	}
	return len(layers) > 0
}

// lowerDirs are those of the overlay at / in what mountinfo says.
func lowerDirs(mountInfo string) []string {
	for line := range strings.Lines(mountInfo) {
		if f := strings.Fields(line); len(f) < 5 || f[4] != "/" {
			continue
		}
		if _, rest, ok := strings.Cut(line, "lowerdir="); ok {
			list, _, _ := strings.Cut(rest, ",")
			return strings.Split(strings.TrimSpace(list), ":")
		}
	}
	return nil
}

// A container that was started lazily reads on while its layers become plain;
// one that starts then has ordinary directories, and without the daemon's FUSE
// mounts after the first has ended. Removal leaves nothing.
func TestBecomesPlain(t *testing.T) {
	r := newRegistry(t)
	ref := r.convert("a", readersImage(t))
	n := newNode(t, "2", "")
	n.pull(ref)
	readers := n.startReaders(ref)
	n.eventually("plain layers", n.plain)
	readers.progress(readers.verified())
	n.eventually("a container on plain directories", func() bool {
		lowers := lowerDirs(n.run(ref, "cat", "/proc/self/mountinfo"))
		for _, dir := range lowers {
			if !strings.HasPrefix(dir, filepath.Join(n.spryd.Root(), "layers")) {
				return false
			}
		}
		return len(lowers) == 4
	})
	readers.progress(readers.verified())
	readers.end()
	n.eventually("the end of the lazy mounts", func() bool { return len(n.mounts("fuse", "erofs")) == 0 })
	n.ready("default", ref)
	n.removeImage("default", ref)
	n.nothingLeft()
	if m := n.mounts(); len(m) != 0 {
		t.Errorf("mounts after removal: %v", m)
	}
}
