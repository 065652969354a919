// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// onTmpfs gives the daemon, which has no state yet, a file system of its own.
func (n *node) onTmpfs(options string) {
	n.t.Helper()
	if err := n.spryd.Stop(); err != nil {
		n.t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", n.spryd.Root(), "tmpfs", 0, options); err != nil {
		n.t.Fatal(err)
	}
	if err := n.spryd.Start(n.ctx); err != nil {
		n.t.Fatal(err)
	}
	n.reconnected()
}

// fill leaves no room on the daemon's file system, until the result is called.
func (n *node) fill() (empty func()) {
	n.t.Helper()
	path := filepath.Join(n.spryd.Root(), "filler")
	f, err := os.Create(path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for b := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(b)
	}
	if !errors.Is(err, unix.ENOSPC) {
		n.t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			n.t.Fatal(err)
		}
	}
}

// uncached makes the next reads of a plot's files come from the daemon.
func (l plot) uncached(t *testing.T, root string) {
	t.Helper()
	for name := range l.files {
		f, err := os.Open(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
}

// A full disk fails no read; a pull that finds no room for its metadata says
// so; all is well when there is room again.
func TestFullDisk(t *testing.T) {
	f := newFieldOn(t, 20*time.Second, "size=64m")
	s, other := f.site(t, 1), f.site(t, 1)
	s.pull(s.ref)
	root, l := s.root(), s.layers[0]
	empty := s.fill()
	l.all(t, "while the disk is full", root)
	l.uncached(t, root)
	l.all(t, "and again", root)
	_, err := f.ctd.Ctr(f.ctx, "image", "pull", "--plain-http", "--snapshotter", "spry", other.ref)
	if err == nil || !strings.Contains(err.Error(), unix.ENOSPC.Error()) {
		t.Errorf("a pull without room: %v", err)
	}
	empty()
	l.uncached(t, root)
	l.all(t, "afterwards", root)
	other.pull(other.ref)
	other.layers[0].all(t, "of an image that is pulled afterwards", other.root())
}

// What the daemon has stored of a lazy layer is damaged under it: it is fetched
// again.
func TestStoreDamaged(t *testing.T) {
	damages := map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"deleted":   os.Remove,
	}
	s := newField(t, 20*time.Second).site(t, len(damages))
	s.pull(s.ref)
	root := s.root()
	i := 0
	for name, damage := range damages {
		l := s.layers[i]
		i++
		t.Run(name, func(t *testing.T) {
			l.all(t, "at first", root)
			dir := filepath.Join(s.spryd.Root(), "layers", l.digest.Encoded(), "fs")
			for file := range l.files {
				stored := func() bool { _, err := os.Stat(filepath.Join(dir, file)); return err == nil }
				s.eventually(fmt.Sprintf("%s on disk", file), stored)
				if err := damage(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
			}
			if name == "deleted" { // and not open in the server
				pid := s.successor(0)
				if err := unix.Kill(pid, unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
				s.successor(pid)
			}
			before := s.faulty.Count("GET", l.digest.String())
			l.uncached(t, root)
			l.all(t, "when it is damaged", root)
			if s.faulty.Count("GET", l.digest.String()) == before {
				t.Error("nothing was fetched again: the test does not test")
			}
		})
	}
}
