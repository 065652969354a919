// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
)

// needPassthrough skips the test where the kernel or the file system below
// dir has no passthrough.
func needPassthrough(t testing.TB, dir string) {
	t.Helper()
	support, err := newLoop(t, session.Options{}).Probe(dir)
	if err != nil {
		t.Fatal(err)
	}
	if support.Passthrough != nil {
		t.Skip(support.Passthrough)
	}
}

func TestProbe(t *testing.T) {
	loop := newLoop(t, session.Options{})
	if loop.Support().Passthrough == nil {
		t.Error("passthrough before it was tried")
	}
	dir := t.TempDir()
	killed := filepath.Join(dir, ".probe7", "m") // while it probed
	if err := os.MkdirAll(killed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", killed, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	found, err := loop.Probe(dir)
	if err != nil || loop.Support() != found {
		t.Errorf("got %+v, %v, then %+v", found, err, loop.Support())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := loop.Probe(filepath.Join(dir, "missing")); err == nil {
		t.Error("no error for a missing directory")
	}
}

// TestProbeOverlay: the kernel takes no backing files on an overlay when
// another overlay is to fit on top.
func TestProbeOverlay(t *testing.T) {
	needPassthrough(t, t.TempDir())
	dir := t.TempDir()
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	merged := filepath.Join(dir, "merged")
	opts := "lowerdir=" + dir + "/lower,upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	if err := unix.Mount("overlay", merged, "overlay", 0, opts); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(merged, 0) }()
	found, err := newLoop(t, session.Options{}).Probe(merged)
	if err != nil || found.Passthrough == nil {
		t.Errorf("on an overlay: %+v, %v", found, err)
	}
}

// backingFile is a complete file once it is ready, and counts its opens.
type backingFile struct {
	path  string
	ready atomic.Bool
	opens atomic.Int64
}

func newBacking(t *testing.T) *backingFile {
	t.Helper()
	b := &backingFile{path: filepath.Join(t.TempDir(), "backing")}
	content := make([]byte, fileBytes)
	fillPattern(content, 0)
	if err := os.WriteFile(b.path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *backingFile) open(uint64) (*os.File, bool) {
	if !b.ready.Load() {
		return nil, false
	}
	b.opens.Add(1)
	f, err := os.Open(b.path)
	return f, err == nil
}

// TestPassthrough: files are passed through from the first open after they
// are complete that finds no other open file.
func TestPassthrough(t *testing.T) {
	needPassthrough(t, t.TempDir())
	b, fake := newBacking(t), newFake()
	s, err := newLoop(t, session.Options{}).Mount(t.TempDir(), fake, session.MountOptions{Nodes: 5000, Backing: b.open})
	if err != nil {
		t.Fatal(err)
	}
	early := openDirect(t, s, "fast1")
	b.ready.Store(true)
	for range 3 { // with a file open through fuse, all are
		if err := readAll(s, "fast1"); err != nil {
			t.Error(err)
		}
	}
	if n := b.opens.Load(); n != 0 {
		t.Errorf("%d registrations while the file is open through fuse", n)
	}
	if err := unix.Close(early); err != nil {
		t.Error(err)
	}
	for len(fake.sizes) > 0 {
		<-fake.sizes
	}
	// RELEASE is asynchronous: once it has arrived, the next file is passed
	// through.
	for b.opens.Load() == 0 && t.Context().Err() == nil {
		if err := readAll(s, "fast1"); err != nil {
			t.Fatal(err)
		}
	}
	for len(fake.sizes) > 0 {
		<-fake.sizes
	}
	held := openDirect(t, s, "fast1")
	defer func() { _ = unix.Close(held) }()
	before := b.opens.Load()
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 20 {
				if err := readAll(s, "fast1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Wait()
	if n := b.opens.Load(); n != before {
		t.Errorf("%d more registrations while the file is open", n-before)
	}
	if n := len(fake.sizes); n != 0 {
		t.Errorf("%d reads reached the server", n)
	}
	if err := readAll(s, "fast2"); err != nil {
		t.Error(err)
	}
}

// TestPassthroughRegistersAnew: opening and closing more files than ids are
// kept, from all sides, registers and unregisters without an error.
func TestPassthroughRegistersAnew(t *testing.T) {
	needPassthrough(t, t.TempDir())
	b := newBacking(t)
	b.ready.Store(true)
	fake := newFake()
	s, err := newLoop(t, session.Options{}).Mount(t.TempDir(), fake, session.MountOptions{Nodes: 5000, Backing: b.open})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, 100)
	fillPattern(want, 4096)
	const files = 100
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			got := make([]byte, len(want))
			for i := range 3 * files {
				f, err := os.Open(filepath.Join(s.Mountpoint(), fmt.Sprintf("fast%d", i%files)))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := f.ReadAt(got, 4096); err != nil || !bytes.Equal(got, want) {
					t.Errorf("read: %v", err)
				}
				_ = f.Close()
			}
		})
	}
	readers.Wait()
	if n := b.opens.Load(); n <= files {
		t.Errorf("%d registrations of %d files", n, files)
	}
	if n := len(fake.sizes); n != 0 {
		t.Errorf("%d reads reached the server", n)
	}
}

// TestPassthroughOutlivesServer: an open file that is passed through needs no
// server, and the successor gives the same id to those who open it again.
func TestPassthroughOutlivesServer(t *testing.T) {
	needPassthrough(t, t.TempDir())
	dir := t.TempDir()
	h := startHelper(t, dir)
	at := filepath.Join(dir, "m")
	f, err := os.Open(filepath.Join(at, "fast1"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	h.kill()
	buf := make([]byte, 4096)
	if _, err := f.ReadAt(buf, 1<<20); err != nil {
		t.Errorf("read without a server: %v", err)
	}
	loop := newLoop(t, session.Options{Keeper: &dropped{}, Inherited: []session.Inherited{h.held}})
	s, err := loop.Mount(at, newFake(), heldOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := readAll(s, "fast1"); err != nil {
			t.Error(err)
		}
	}
}

// TestPassthroughIntact: an id that is kept is not used again for a file that
// is not what it was; as long as the file is open, others wait.
func TestPassthroughIntact(t *testing.T) {
	needPassthrough(t, t.TempDir())
	b, fake := newBacking(t), newFake()
	b.ready.Store(true)
	var intact atomic.Bool
	intact.Store(true)
	s, err := newLoop(t, session.Options{}).Mount(t.TempDir(), fake, session.MountOptions{Nodes: 5000, Backing: b.open,
		Intact: func(uint64) bool { return intact.Load() }, OpenWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		if err := readAll(s, "fast1"); err != nil {
			t.Fatal(err)
		}
	}
	read()
	read()
	if n := b.opens.Load(); n != 1 {
		t.Fatalf("%d registrations of an intact file", n)
	}
	held := openDirect(t, s, "fast1")
	intact.Store(false)
	b.ready.Store(false)
	opened := make(chan error)
	go func() { opened <- readAll(s, "fast1") }()
	select {
	case err := <-opened:
		t.Errorf("opened although it is changed: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := readAll(s, "fast2"); err != nil { // the session is served on
		t.Error(err)
	}
	for len(fake.sizes) > 0 {
		<-fake.sizes
	}
	intact.Store(true)
	if err := <-opened; err != nil {
		t.Error(err)
	}
	if n := len(fake.sizes); n != 0 {
		t.Errorf("%d reads reached the server while the file is open otherwise", n)
	}
	intact.Store(false)
	if err := unix.Close(held); err != nil {
		t.Error(err)
	}
	for len(fake.sizes) == 0 && t.Context().Err() == nil { // RELEASE is asynchronous
		read()
	}
	intact.Store(true)
	b.ready.Store(true)
	for b.opens.Load() == 1 && t.Context().Err() == nil {
		read()
	}
}
