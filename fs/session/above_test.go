// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/detached"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/fs/session/sessiontest"
)

// rootFile is a file system whose root is a file.
type rootFile struct{ fuse.RawFileSystem }

func (rootFile) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.Attr = fuse.Attr{Ino: in.NodeId, Mode: fuse.S_IFREG | 0o400, Size: fileBytes, Nlink: 1}
	return fuse.OK
}

func (rootFile) Open(_ <-chan struct{}, _ *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH
	return fuse.OK
}

func (rootFile) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	n := min(uint64(in.Size), fileBytes-min(in.Offset, fileBytes))
	fillPattern(buf[:n], in.Offset)
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

// tmpfsAbove stands for what shows a session: a mount, and the session's file open.
type tmpfsAbove struct {
	fd   int
	held func() int // sessions that the keeper has
	err  error      // to fail with
}

func (a *tmpfsAbove) mount(root string) (_ *os.File, err error) {
	if a.held != nil && a.held() != 1 {
		return nil, errors.New("not kept, so nobody would answer if this process were killed now")
	}
	if a.fd, err = unix.Open(root, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, errors.Join(a.err, unix.Close(a.fd))
	}
	return detached.Mount("tmpfs")
}

// check reads the session's file.
func (a *tmpfsAbove) check(t *testing.T) {
	t.Helper()
	got, want := make([]byte, fileBytes+1), make([]byte, fileBytes)
	fillPattern(want, 0)
	n := 0
	for n < len(got) {
		m, err := unix.Pread(a.fd, got[n:], int64(n))
		if err != nil {
			t.Fatal(err)
		}
		if m == 0 {
			break
		}
		n += m
	}
	if !bytes.Equal(got[:n], want) {
		t.Errorf("%d bytes, not what was served", n)
	}
}

// What is mounted above a session is its mount: it is unmounted with it, and the session
// ends when that is gone and has closed the file.
func TestAbove(t *testing.T) {
	dir, k := t.TempDir(), sessiontest.NewKeeper(t)
	loop := newLoop(t, session.Options{Keeper: k})
	above := &tmpfsAbove{held: k.Len}
	s, err := loop.Mount(dir, rootFile{fuse.NewDefaultRawFileSystem()}, session.MountOptions{Identity: "x", Above: above.mount})
	if err != nil {
		t.Fatal(err)
	}
	above.check(t)
	if err := unix.Close(above.fd); err != nil {
		t.Fatal(err)
	}
	within(t, s.Done(), "end of a session that nobody has open")
	if err := s.Unmount(); err != nil {
		t.Error(err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Type == unix.TMPFS_MAGIC {
		t.Errorf("still mounted: %v", err)
	}
	if n := k.Len(); n != 0 {
		t.Errorf("the keeper has %d sessions", n)
	}
}

// A successor serves on what is shown by a mount above, and knows that by the mount.
func TestAboveIsTakenOver(t *testing.T) {
	dir, k := t.TempDir(), sessiontest.NewKeeper(t)
	raw := rootFile{fuse.NewDefaultRawFileSystem()}
	first, err := session.New(session.Options{ReadsOwn: true, Keeper: k})
	if err != nil {
		t.Fatal(err)
	}
	above := &tmpfsAbove{held: k.Len}
	o := session.MountOptions{Identity: "x", Above: above.mount}
	if _, err := first.Mount(dir, raw, o); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(above.fd) }()
	first.Leave()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	next := newLoop(t, session.Options{Keeper: k, Inherited: k.Inherit(t)})
	if got := next.Orphans(); len(got) != 1 || !got[0].Above || got[0].Mountpoint != dir {
		t.Fatalf("left behind: %+v", got)
	}
	o.Above = func(string) (*os.File, error) { return nil, errors.New("mounted anew") }
	s, err := next.Mount(dir, raw, o)
	if err != nil {
		t.Fatal(err)
	}
	above.check(t)
	if err := s.Unmount(); err != nil {
		t.Error(err)
	}
	if err := unix.Unmount(dir, 0); err == nil {
		t.Error("the mount above stayed")
	}
}

// Nothing stays of a session above which nothing can be mounted.
func TestNothingAbove(t *testing.T) {
	k := sessiontest.NewKeeper(t)
	loop := newLoop(t, session.Options{Keeper: k})
	raw := rootFile{fuse.NewDefaultRawFileSystem()}
	dir := t.TempDir()
	above := &tmpfsAbove{err: unix.ENOSPC}
	_, err := loop.Mount(dir, raw, session.MountOptions{Identity: "x", Above: above.mount})
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("error %v, want %v", err, unix.ENOSPC)
	}
	above = &tmpfsAbove{} // but there is no place for it
	_, err = loop.Mount(filepath.Join(dir, "missing"), raw, session.MountOptions{Identity: "x", Above: above.mount})
	if !errors.Is(err, unix.ENOENT) {
		t.Errorf("error %v, want %v", err, unix.ENOENT)
	}
	_ = unix.Close(above.fd)
	if k.Len() != 0 {
		t.Errorf("the keeper has %d sessions", k.Len())
	}
	if err := os.Remove(dir); err != nil {
		t.Error(err)
	}
}
