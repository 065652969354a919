// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// on gives the daemon the file system that mount mounts; it must be a new one,
// or the daemon's.
func (n *node) on(mount func(dir string) error) {
	n.t.Helper()
	if err := n.spryd.Stop(); err != nil {
		n.t.Fatal(err)
	}
	if err := mount(n.spryd.Root()); err != nil {
		n.t.Fatal(err)
	}
	if err := n.spryd.Start(n.ctx); err != nil {
		n.t.Fatal(err)
	}
	n.reconnected()
}

// fill leaves only so many bytes on the daemon's file system, until the result
// is called.
func (n *node) fill(room int64) (empty func()) {
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
	st, err := f.Stat()
	if err == nil {
		err = f.Truncate(st.Size() - room)
	}
	if err != nil {
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
	f := newFieldOn(t, 20*time.Second, func(dir string) error { return unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m") })
	s, other := f.site(t, 1), f.site(t, 1)
	s.pull(s.ref)
	root, l := s.root(), s.layers[0]
	empty := s.fill(0)
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

// With ever more room, pulls and starts fail for want of it in one place after
// the other: the metadata, an index, the table of a layer, its content, the
// directories of a container. Each says so or works, no read is wrong, and with
// room all of it works.
func TestDiskFillsUp(t *testing.T) {
	f := newFieldOn(t, 20*time.Second, func(dir string) error { return unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m") })
	s := f.site(t, 3)
	var pulls, starts int // that worked
	const rooms, step = 40, 4 << 10
	for i := range int64(rooms) {
		empty := s.fill(i * step)
		_, err := f.ctd.Ctr(f.ctx, "image", "pull", "--plain-http", "--snapshotter", "spry", s.ref)
		if err == nil {
			pulls++
			starts += s.tryStart(t, fmt.Sprintf("with room for %d bytes", i*step))
		} else if !strings.Contains(err.Error(), unix.ENOSPC.Error()) {
			t.Errorf("a pull with room for %d bytes: %v", i*step, err)
		}
		empty()
		s.ctr("image", "rm", "--sync", s.ref)
	}
	t.Logf("%d of %d pulls worked, and %d starts", pulls, rooms, starts)
	if pulls == 0 || pulls == rooms {
		t.Error("the test does not test")
	}
	s.pull(s.ref)
	root := s.root()
	for _, l := range s.layers {
		l.all(t, "with room", root)
	}
}

// tryStart starts and removes a container, and returns 1 if that worked. All of
// its reads have to work.
func (s *site) tryStart(t *testing.T, when string) int {
	t.Helper()
	id := fmt.Sprintf("spry-%d-%d", os.Getpid(), containers.Add(1))
	defer func() {
		_, _ = s.ctd.Ctr(s.ctx, "task", "rm", "-f", id)
		_, _ = s.ctd.Ctr(s.ctx, "container", "rm", id)
	}()
	_, err := s.ctd.Ctr(s.ctx, "run", "-d", "--net-host", "--snapshotter", "spry", s.ref, id, "/bin/sleep", "3600")
	if err != nil {
		if !strings.Contains(err.Error(), unix.ENOSPC.Error()) {
			t.Errorf("a start %s: %v", when, err)
		}
		return 0
	}
	root := s.rootOf(id)
	for _, l := range s.layers {
		l.all(t, when, root)
	}
	return 1
}

// each runs check for every damage, each on a layer of its own.
func (s *site) each(damages map[string]func(path string) error, check func(t *testing.T, name string, l plot, damage func(path string) error)) {
	s.t.Helper()
	i := 0
	for name, damage := range damages {
		l := s.layers[i]
		i++
		s.t.Run(name, func(t *testing.T) { check(t, name, l, damage) })
	}
}

// flip changes a byte in the middle of a file in place.
func flip(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, st.Size()/2); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b, st.Size()/2)
	return err
}

// What the daemon has stored of a lazy layer is damaged under it: it is fetched
// again, also where the kernel reads what is stored by itself.
func TestStoreDamaged(t *testing.T) {
	f := newField(t, 20*time.Second)
	t.Run("served", func(t *testing.T) { storeDamaged(t, f, 40_000) })
	t.Run("passed through", func(t *testing.T) { storeDamaged(t, f, 200_000) })
}

func storeDamaged(t *testing.T, f *field, size int) {
	damages := map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"flipped":   flip,
		"deleted":   os.Remove,
	}
	s := f.siteOf(t, len(damages), size)
	s.pull(s.ref)
	root := s.root()
	s.each(damages, func(t *testing.T, name string, l plot, damage func(path string) error) {
		l.all(t, "at first", root)
		dir := filepath.Join(s.spryd.Root(), "layers", l.digest.Encoded(), "fs")
		for file := range l.files {
			stored := func() bool { _, err := os.Stat(filepath.Join(dir, file)); return err == nil }
			s.eventually(fmt.Sprintf("%s on disk", file), stored)
		}
		l.all(t, "from disk", root) // passed through, if at all, from here on
		before := s.faulty.Count("GET", l.digest.String())
		for file := range l.files {
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
		l.uncached(t, root)
		l.all(t, "when it is damaged", root)
		// Who deletes a file takes nothing from those that have it open.
		kept := name == "deleted" && size > 64<<10
		if s.faulty.Count("GET", l.digest.String()) == before && !kept {
			t.Error("nothing was fetched again: the test does not test")
		}
	})
}

// newDisk makes an ext4 file system, and is how to mount it.
func newDisk(t *testing.T) (mount func(dir string) error) {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	if out, err := exec.Command("mkfs.ext4", "-q", disk, "128M").CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	return func(dir string) error {
		// A device of its own: one that failed stays failed as long as it is used.
		out, err := exec.Command("losetup", "--find", "--show", disk).CombinedOutput()
		if err != nil {
			return fmt.Errorf("losetup: %w: %s", err, out)
		}
		device := strings.TrimSpace(string(out))
		if out, err = exec.Command("mount", device, dir).CombinedOutput(); err != nil {
			err = fmt.Errorf("mount: %w: %s", err, out)
		}
		return errors.Join(err, exec.Command("losetup", "--detach", device).Run()) // when it is unmounted
	}
}

// turnReadOnly does to the daemon's ext4 what an error does.
func (s *site) turnReadOnly() {
	s.t.Helper()
	if err := unix.Mount("", s.spryd.Root(), "", unix.MS_REMOUNT, "abort"); err != nil {
		s.t.Skipf("the disk cannot be made read-only: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.spryd.Root(), "x"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		s.t.Fatalf("the disk is not read-only: %v", err)
	}
}

// A file system that the kernel makes read-only, as ext4 does after an error,
// fails no read; a pull fails. When it is mended all is as it was.
func TestDiskTurnsReadOnly(t *testing.T) {
	mount := newDisk(t)
	f := newFieldOn(t, 2*time.Second, mount)
	s := f.site(t, 2)
	s.pull(s.ref)
	id, root := s.start()
	s.layers[0].all(t, "at first", root)
	s.turnReadOnly()
	for _, when := range []string{"while the disk is read-only", "and again"} {
		for _, l := range s.layers {
			l.uncached(t, root)
			l.all(t, when, root)
		}
	}
	other := f.site(t, 1)
	if _, err := f.ctd.Ctr(f.ctx, "image", "pull", "--plain-http", "--snapshotter", "spry", other.ref); err == nil {
		t.Error("an image was pulled to a disk that is read-only")
	}
	s.end(id)
	s.on(func(dir string) error {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return err
		}
		return mount(dir)
	})
	root = s.root()
	for _, l := range s.layers {
		l.all(t, "when it is mended", root)
	}
	other.pull(other.ref)
	other.layers[0].all(t, "of an image that is pulled afterwards", other.root())
}

// A server that is killed while its disk is read-only has no successor; who
// reads waits until the disk is mended, and notices nothing else.
func TestKilledOnReadOnlyDisk(t *testing.T) {
	mount := newDisk(t)
	f := newFieldOn(t, 20*time.Second, mount)
	s := f.site(t, 2)
	s.pull(s.ref)
	root := s.root()
	local, other := s.layers[0], s.layers[1]
	local.all(t, "at first", root)
	s.turnReadOnly()
	pid := s.successor(0)
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	local.uncached(t, root)
	read := make(chan *outcome, 2)
	for _, l := range s.layers {
		go func() { read <- l.read(t, root) }()
	}
	select {
	case o := <-read:
		t.Errorf("%d reads, %d of them right, while nobody served them", o.right+o.eio, o.right)
	case <-time.After(3 * time.Second):
	}
	if err := mount(s.spryd.Root()); err != nil { // over the other: there is always a root
		t.Fatal(err)
	}
	for range s.layers {
		var o *outcome
		select {
		case o = <-read:
		case <-time.After(time.Minute):
			t.Fatal("reads do not end when the disk is mended")
		}
		if o.eio != 0 {
			t.Errorf("%d reads failed", o.eio)
		}
	}
	s.successor(pid)
	other.uncached(t, root)
	other.all(t, "when the disk is mended", root)
}

// What the daemon keeps of an index is damaged: it is loaded again, by the next
// server, for the containers of the one before. Losing a file that is mapped
// kills the server.
func TestIndexDamaged(t *testing.T) {
	flipped := func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		return os.WriteFile(path+".new", b, 0o600)
	}
	damages := map[string]func(path string) error{
		"flipped":   func(path string) error { return errors.Join(flipped(path), os.Rename(path+".new", path)) },
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"deleted":   os.Remove,
		"beside a damaged record": func(path string) error {
			path = filepath.Join(filepath.Dir(path), "ref.json")
			return errors.Join(flipped(path), os.Rename(path+".new", path))
		},
	}
	s := newField(t, 20*time.Second).site(t, len(damages))
	s.pull(s.ref)
	root := s.root()
	s.each(damages, func(t *testing.T, _ string, l plot, damage func(path string) error) {
		if err := damage(filepath.Join(s.spryd.Root(), "layers", l.digest.Encoded(), "index")); err != nil {
			t.Fatal(err)
		}
		pid := s.successor(0)
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) { // it may have noticed
			t.Fatal(err)
		}
		s.successor(pid)
		l.all(t, "when its index was damaged", root)
		l.all(t, "in a new container", s.root())
	})
}
