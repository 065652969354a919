// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/node"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/toc/toctest"
)

// patience bounds the wait for what must happen.
const patience = 20 * time.Second

// gated is content that waits for a gate, or for its reader to leave.
type gated struct {
	tarContent
	gate    chan struct{}
	entered chan struct{}
	left    chan error
}

func newGated(c tarContent) gated {
	return gated{c, make(chan struct{}), make(chan struct{}, 1000), make(chan error, 1000)}
}

func (g gated) ReadAt(ctx context.Context, id toc.NodeID, p []byte, off int64) error {
	g.entered <- struct{}{}
	select {
	case <-g.gate:
		return g.tarContent.ReadAt(ctx, id, p, off)
	case <-ctx.Done():
		g.left <- ctx.Err()
		return fmt.Errorf("wait for span: %w", context.Cause(ctx))
	}
}

func within[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
	return v
}

// TestInterruptReachesContent: the context of a killed reader is done.
func TestInterruptReachesContent(t *testing.T) {
	layer := treetest.NewLayer().File("f", treetest.Noise(1, 1<<20)).File("g", "g").Bytes()
	tree := toctest.Tree(t, layer)
	content := newGated(tarContent{tree, layer})
	dir := mountTree(t, newLoop(t), tree, content, node.Options{})
	cmd := exec.Command("dd", "if="+filepath.Join(dir, "f"), "of=/dev/null", "bs=64k", "iflag=direct")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, content.entered, "read")
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("listing beside a blocked read: %v, %v", entries, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := within(t, content.left, "content to be left"); !errors.Is(err, context.Canceled) {
		t.Errorf("context: %v", err)
	}
	_ = cmd.Wait() // it was killed
	close(content.gate)
	if b, err := os.ReadFile(filepath.Join(dir, "g")); err != nil || string(b) != "g" {
		t.Errorf("read after an interrupted one: %q, %v", b, err)
	}
}

// TestConcurrentReaders: random reads of the same files.
func TestConcurrentReaders(t *testing.T) {
	const files, size = 8, 2<<20 + 77
	l := treetest.NewLayer()
	for i := range files {
		l.File(fmt.Sprintf("f%d", i), treetest.Noise(uint64(i), size))
	}
	dir := mountTar(t, newLoop(t), l.Bytes(), node.Options{})
	var wg sync.WaitGroup
	for r := range 16 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(r), 0))
			for range 20 {
				i := rng.IntN(files)
				off := rng.IntN(size)
				if err := checkRange(filepath.Join(dir, fmt.Sprintf("f%d", i)), treetest.Noise(uint64(i), size), off, rng.IntN(2)*unix.O_DIRECT); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// checkRange reads up to 100000 bytes at off, through the page cache or not.
func checkRange(path, want string, off, flags int) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	end := min(off+100000, len(want))
	got := make([]byte, end-off)
	if n, err := unix.Pread(fd, got, int64(off)); err != nil || n != len(got) {
		return fmt.Errorf("pread %d at %d of %s: %d, %w", len(got), off, path, n, err)
	}
	if string(got) != want[off:end] {
		return fmt.Errorf("%s: wrong bytes in [%d,%d), flags %#x", path, off, end, flags)
	}
	return nil
}

// TestMmap maps files in other processes: a page fault in this one would keep
// the P that has to answer it.
func TestMmap(t *testing.T) {
	const size = 3<<20 + 77
	content := treetest.Noise(3, size)
	dir := mountTar(t, newLoop(t), treetest.NewLayer().File("f", content).Bytes(), node.Options{})
	want := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), "SPRY_TEST_MMAP="+filepath.Join(dir, "f"))
			out, err := cmd.CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("digest %q, %v, want %q", got, err, want)
			}
		})
	}
	wg.Wait()
}

// TestLargeDirectory lists 10000 names, twice: the second time from the
// kernel's cache.
func TestLargeDirectory(t *testing.T) {
	const count = 10000
	dir := mountTar(t, newLoop(t), treetest.Many(count), node.Options{})
	for range 2 {
		entries, err := os.ReadDir(filepath.Join(dir, "many"))
		if err != nil || len(entries) != count {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		for i, e := range entries {
			if want := fmt.Sprintf("file-%05d", i); e.Name() != want || !e.Type().IsRegular() {
				t.Fatalf("entry %d is %q, %v", i, e.Name(), e.Type())
			}
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "many", "file-09999"))
	if err != nil || string(b) != "9999" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestSeekData: SEEK_DATA and SEEK_HOLE see one piece of data.
func TestSeekData(t *testing.T) {
	dir := mountTar(t, newLoop(t), treetest.NewLayer().File("f", treetest.Noise(1, 10000)).Bytes(), node.Options{})
	f, err := os.Open(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, c := range []struct {
		whence    int
		off, want int64
	}{{unix.SEEK_DATA, 100, 100}, {unix.SEEK_HOLE, 100, 10000}, {io.SeekEnd, 0, 10000}} {
		if got, err := f.Seek(c.off, c.whence); err != nil || got != c.want {
			t.Errorf("seek %d: %d, %v", c.whence, got, err)
		}
	}
}

// TestNoXattrs: attributes go when that is decided, for all files.
func TestNoXattrs(t *testing.T) {
	var hidden atomic.Bool
	dir := mountTar(t, newLoop(t), treetest.OddLayers()["xattr sizes"], node.Options{NoXattrs: &hidden})
	path := filepath.Join(dir, "v256")
	if n, err := unix.Lgetxattr(path, "user.v", nil); n != 256 || err != nil {
		t.Errorf("shown: %d, %v", n, err)
	}
	hidden.Store(true)
	for range 2 {
		if _, err := unix.Lgetxattr(path, "user.v", nil); err != unix.EOPNOTSUPP {
			t.Errorf("hidden: %v", err)
		}
		if _, err := unix.Llistxattr(path, nil); err != unix.EOPNOTSUPP {
			t.Errorf("hidden, list: %v", err)
		}
	}
}

// TestXattrSizes: the questions that programs ask of sizes.
func TestXattrSizes(t *testing.T) {
	dir := mountTar(t, newLoop(t), treetest.OddLayers()["xattr sizes"], node.Options{})
	path := filepath.Join(dir, "v256")
	if n, err := unix.Lgetxattr(path, "user.v", nil); n != 256 || err != nil {
		t.Errorf("size: %d, %v", n, err)
	}
	if n, err := unix.Lgetxattr(path, "user.v", make([]byte, 256)); n != 256 || err != nil {
		t.Errorf("exact: %d, %v", n, err)
	}
	if _, err := unix.Lgetxattr(path, "user.v", make([]byte, 255)); err != unix.ERANGE {
		t.Errorf("too small: %v", err)
	}
	if _, err := unix.Lgetxattr(path, "user.w", make([]byte, 255)); err != unix.ENODATA {
		t.Errorf("absent: %v", err)
	}
	if n, err := unix.Llistxattr(path, nil); n != len("user.v")+1 || err != nil {
		t.Errorf("list size: %d, %v", n, err)
	}
	if _, err := unix.Llistxattr(path, make([]byte, 3)); err != unix.ERANGE {
		t.Errorf("list too small: %v", err)
	}
	if n, err := unix.Lgetxattr(filepath.Join(dir, "v0"), "user.v", nil); n != 0 || err != nil {
		t.Errorf("empty value: %d, %v", n, err)
	}
}

// opens counts OPEN requests.
type opens struct {
	fuse.RawFileSystem
	count atomic.Int64
}

func (o *opens) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	o.count.Add(1)
	return o.RawFileSystem.Open(cancel, in, out)
}

// TestNoOpen: the kernel asks once, or every time.
func TestNoOpen(t *testing.T) {
	layer := treetest.Many(20)
	tree := toctest.Tree(t, layer)
	loop := newLoop(t)
	for noOpen, want := range map[bool]int64{false: 40, true: 1} {
		counted := &opens{RawFileSystem: node.New(tree, tarContent{tree, layer}, node.Options{NoOpen: noOpen})}
		s, err := loop.Mount(t.TempDir(), counted, session.MountOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			n := i % 20
			b, err := os.ReadFile(filepath.Join(s.Mountpoint(), fmt.Sprintf("many/file-%05d", n)))
			if err != nil || string(b) != fmt.Sprint(n) {
				t.Errorf("file %d: %q, %v", n, b, err)
			}
		}
		if got := counted.count.Load(); got != want {
			t.Errorf("NoOpen %v: %d requests, want %d", noOpen, got, want)
		}
		if err := s.Unmount(); err != nil {
			t.Error(err)
		}
	}
}
