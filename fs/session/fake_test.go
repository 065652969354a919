// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
)

const (
	fileBytes = 3<<20 + 5
	// patience is how long a test waits for what must happen; only failures
	// take that long.
	patience = 20 * time.Second
)

// fakeFS is a root directory in which every name "<kind><number>" is a file.
// Reads of kind "slow" wait for the gate, or are cancelled; those of "panic"
// panic, lookups of "oops" too; other kinds answer at once.
type fakeFS struct {
	fuse.RawFileSystem
	gate      chan struct{}
	entered   chan uint64 // node of every slow read
	cancelled chan uint64 // node of every cancelled read
	sizes     chan uint32 // of every other read
	unmounted chan struct{}
	unmount   sync.Once // OnUnmount is called for each session
}

func newFake() *fakeFS {
	return &fakeFS{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		gate:          make(chan struct{}), unmounted: make(chan struct{}),
		entered: make(chan uint64, 10000), cancelled: make(chan uint64, 10000), sizes: make(chan uint32, 10000),
	}
}

var kinds = []string{"fast", "slow", "panic"}

func (f *fakeFS) OnUnmount() { f.unmount.Do(func() { close(f.unmounted) }) }

func (f *fakeFS) attr(id uint64, out *fuse.Attr) {
	*out = fuse.Attr{Ino: id, Mode: fuse.S_IFREG | 0o644, Size: fileBytes, Nlink: 1}
	if id == fuse.FUSE_ROOT_ID {
		out.Mode = fuse.S_IFDIR | 0o755
	}
}

// Lookup gives node ids of 1000 a kind.
func (f *fakeFS) Lookup(_ <-chan struct{}, _ *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if strings.HasPrefix(name, "oops") {
		panic("lookup of " + name)
	}
	for k, kind := range kinds {
		if rest, ok := strings.CutPrefix(name, kind); ok {
			n, err := strconv.Atoi(rest)
			if err != nil {
				return fuse.ENOENT
			}
			out.NodeId = uint64(1000*(k+1) + n)
			f.attr(out.NodeId, &out.Attr)
			return fuse.OK
		}
	}
	return fuse.ENOENT
}

// Open avoids FLUSH: a process that dies with files of its own mount open
// would wait for itself.
func (f *fakeFS) Open(_ <-chan struct{}, _ *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_NOFLUSH
	return fuse.OK
}

func (f *fakeFS) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.attr(in.NodeId, &out.Attr)
	return fuse.OK
}

func (f *fakeFS) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	switch kinds[in.NodeId/1000-1] {
	case "panic":
		panic(fmt.Sprintf("read of node %d", in.NodeId))
	case "slow":
		f.entered <- in.NodeId
		select {
		case <-f.gate:
		case <-cancel:
			f.cancelled <- in.NodeId
			return nil, fuse.EINTR
		}
	default:
		f.sizes <- in.Size
	}
	n := min(uint64(in.Size), fileBytes-min(in.Offset, fileBytes))
	fillPattern(buf[:n], in.Offset)
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

func fillPattern(p []byte, off uint64) {
	for i := range p {
		p[i] = byte((off + uint64(i)) * 2654435761 >> 16)
	}
}

func newLoop(t testing.TB, o session.Options) *session.Loop {
	t.Helper()
	o.ReadsOwn = true
	loop, err := session.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := loop.Close(); err != nil {
			t.Error(err)
		}
	})
	return loop
}

func mount(t testing.TB, loop *session.Loop, f fuse.RawFileSystem) *session.Session {
	t.Helper()
	s, err := loop.Mount(t.TempDir(), f, session.MountOptions{ReadAhead: session.LargestReadAhead})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// readAll reads a file of the fake and checks it.
func readAll(s *session.Session, name string) error {
	return readFile(filepath.Join(s.Mountpoint(), name))
}

func readFile(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	want := make([]byte, fileBytes)
	fillPattern(want, 0)
	if !bytes.Equal(b, want) {
		return fmt.Errorf("%s: %d bytes, not what was served", name, len(b))
	}
	return nil
}

// within fails the test if nothing arrives in time.
func within[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
	return v
}

// isMounted says whether dir is in the mount table.
func isMounted(t testing.TB, dir string) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), " "+dir+" "+session.FSType+" ")
}

// openDirect opens a file past the page cache, so that reads are
// synchronous and can be interrupted.
func openDirect(t testing.TB, s *session.Session, name string) int {
	t.Helper()
	fd, err := unix.Open(filepath.Join(s.Mountpoint(), name), unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
