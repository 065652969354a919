// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
)

// spanSize is small, so that small layers have many spans.
const spanSize = 64 << 10

// host is one daemon's worth of parts over a root directory.
type host struct {
	*spryfs.FileSystem
	root     string
	loop     *session.Loop
	registry *remote.Registry
}

// erofsWorks says whether layers are shown as EROFS images: where that works, unless
// SPRY_FUSE is set to test what older kernels get.
var erofsWorks = sync.OnceValue(func() bool {
	if os.Getenv("SPRY_FUSE") != "" {
		return false
	}
	loop, err := session.New(session.Options{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = loop.Close() }()
	dir, err := os.MkdirTemp("", "spry")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return spryfs.TryErofs(loop, dir) == nil
})

// start makes the parts of a daemon; stop ends them.
func start(t *testing.T, root string, change func(*spryfs.Options)) *host {
	t.Helper()
	loop, err := session.New(session.Options{ReadsOwn: true, UnmountGrace: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{root: root, loop: loop, registry: remote.New(remote.Options{Retries: 1, Backoff: time.Millisecond})}
	o := spryfs.Options{Root: root, Registry: h.registry, Session: loop, Deadline: 20 * time.Second, MountGrace: 20 * time.Millisecond,
		Finder: discover.New(h.registry, discover.Options{Attempts: 1}), Erofs: erofsWorks()}
	if change != nil {
		change(&o)
	}
	if h.FileSystem, err = spryfs.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.stop(t) })
	return h
}

// stop ends everything, as a daemon that is told to.
func (h *host) stop(t *testing.T) {
	t.Helper()
	for _, c := range []interface{ Close() error }{h.FileSystem, h.loop, h.registry} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if m := mounts(t, h.root); len(m) != 0 {
		t.Errorf("mounts left: %v", m)
	}
}

// mounts are the mountpoints below dir.
func mounts(t *testing.T, dir string) []string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(b)) {
		if at := strings.ReplaceAll(strings.Fields(line)[1], `\040`, " "); strings.HasPrefix(at, dir+"/") {
			list = append(list, at)
		}
	}
	return list
}

// image is an image with an index in a registry.
type image struct {
	srv   *remotetest.Server
	ref   string
	desc  remotetest.Image
	files []map[string]string // content by path, by layer
	index digest.Digest
	ztocs []ocispec.Descriptor
}

// layers remembers what layer made: compressing is slow under the race
// detector.
var layers sync.Map // of seed to *made

type made struct {
	blob   []byte
	files  map[string]string
	change func(*ztoc.Ztoc) // what push indexes the layer with
}

// given makes layer give this blob for seed.
func given(seed uint64, blob []byte, change func(*ztoc.Ztoc)) {
	layers.Store(seed, &made{blob: blob, change: change})
}

// layer is a layer blob of n files that compress to about half. The same seed
// gives the same layer.
func layer(tb testing.TB, seed uint64, n int) (blob []byte, files map[string]string) {
	tb.Helper()
	if m, ok := layers.Load(seed); ok {
		return m.(*made).blob, m.(*made).files
	}
	defer func() { layers.Store(seed, &made{blob: blob, files: files}) }()
	rnd := rand.New(rand.NewPCG(seed, 0))
	files = map[string]string{}
	list := []remotetest.File{{Name: "dir/"}}
	for i := range n {
		var b strings.Builder
		for size := rnd.IntN(40_000); b.Len() < size; {
			fmt.Fprintf(&b, "%x", rnd.Uint64())
		}
		name := fmt.Sprintf("dir/file%03d-%d", i, seed)
		files[name] = b.String()
		list = append(list, remotetest.File{Name: name, Body: b.String()})
	}
	return remotetest.Gzip(tb, remotetest.Tar(tb, list...)), files
}

// push stores an image of layers with these seeds, and its index; tool is a
// part of the ztocs' digests.
func push(t *testing.T, srv *remotetest.Server, repo, tool string, seeds ...uint64) *image {
	t.Helper()
	return pushIndexed(t, srv, repo, tool, len(seeds), seeds...)
}

// pushIndexed is push of an image of which the first n layers have an index.
func pushIndexed(t *testing.T, srv *remotetest.Server, repo, tool string, n int, seeds ...uint64) *image {
	t.Helper()
	img := &image{srv: srv, ref: srv.Ref(repo, "latest")}
	var blobs [][]byte
	ix := index.Index{Version: 2, BuildTool: "test"}
	for i, seed := range seeds {
		blob, files := layer(t, seed, 60)
		blobs, img.files = append(blobs, blob), append(img.files, files)
		if i >= n {
			continue
		}
		res, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{SpanSize: spanSize, Tool: tool, Compression: ztoc.Gzip})
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := layers.Load(seed); ok && m.(*made).change != nil {
			m.(*made).change(res.Ztoc)
		}
		b, err := res.Ztoc.Encode()
		if err != nil {
			t.Fatal(err)
		}
		desc := srv.PushBlob(b)
		img.ztocs = append(img.ztocs, desc)
		ix.Layers = append(ix.Layers, index.LayerIndex{Descriptor: desc, Layer: digest.FromBytes(blob), SpanSize: spanSize})
	}
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	img.index = srv.PushManifest(repo, "", ocispec.MediaTypeImageManifest, b).Digest
	img.desc = srv.PushImageWith(repo, "latest", map[string]string{index.AnnotationIndexDigest: img.index.String()}, blobs...)
	return img
}

// layerRef names layer i.
func (img *image) layerRef(i int) index.LayerRef {
	return index.LayerRef{Image: img.ref, Manifest: img.desc.Manifest.Digest,
		Layer: img.desc.Layers[i].Digest, Size: img.desc.Layers[i].Size}
}

// mount mounts layer i for owner.
func (h *host) mount(t *testing.T, img *image, i int, owner string) {
	t.Helper()
	if err := h.Mount(t.Context(), img.layerRef(i), owner); err != nil {
		t.Fatal(err)
	}
}

// dir is where the layer is mounted.
func (h *host) dir(t *testing.T, d digest.Digest) string {
	t.Helper()
	dir, err := h.Dir(d)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// verify walks dir and compares all files.
func verify(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		got, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		if sha256.Sum256(got) != sha256.Sum256([]byte(want[rel])) {
			t.Errorf("%s: wrong bytes", rel)
		}
		return nil
	})
	if err != nil || seen != len(want) {
		t.Errorf("%d of %d files, error %v", seen, len(want), err)
	}
}

// waitWhole waits until every layer is whole.
func (h *host) waitWhole(t *testing.T) {
	t.Helper()
	waitFor(t, func() bool {
		for _, l := range h.Layers() {
			if s := l.State.String(); s != "whole" && s != "plain" {
				return false
			}
		}
		return true
	})
}

// waitFor polls a condition that must come true.
func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for !cond() {
		if t.Context().Err() != nil {
			t.Fatal("condition never came true")
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// canceled is a context that has ended.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestMain fails when goroutines or descriptors are left behind.
func TestMain(m *testing.M) {
	files := openFiles()
	code := m.Run()
	for deadline := time.Now().Add(10 * time.Second); code == 0; time.Sleep(20 * time.Millisecond) {
		var stacks [1 << 20]byte
		all := string(stacks[:runtime.Stack(stacks[:], true)])
		left := strings.Count(all, "spryd/spry/fs/") - strings.Count(all, "fs_test.TestMain")
		if left <= 0 && openFiles() <= files+2 {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "left behind: %d files (%d before)\n%s\n", openFiles(), files, all)
			code = 1
		}
	}
	os.Exit(code)
}

func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}
