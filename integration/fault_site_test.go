// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/integration/testbed"
	"github.com/spryd/spry/service/status"
)

// field is a host on which images are tried whose registries fail.
type field struct {
	*node
	backend *registryFixture
	hosts   string // directory of the daemon's hosts.toml files
	sites   uint64
}

// fieldTimeout bounds all that is tried on a field.
const fieldTimeout = 8 * time.Minute

// newField starts one. Reads wait for the deadline; nothing is fetched that is
// not read. The layer that all images begin with is local.
func newField(t *testing.T, deadline time.Duration) *field {
	t.Helper()
	return newFieldOn(t, deadline, nil)
}

// newFieldOn is newField with the daemon's state on a file system that mount
// mounts; nil: on that of the test.
func newFieldOn(t *testing.T, deadline time.Duration, mount func(dir string) error) *field {
	t.Helper()
	f := &field{backend: newRegistry(t), hosts: t.TempDir()}
	f.node = newNode(t, "2", fmt.Sprintf(`
[registry]
config_path = [%q]
retries = 2
header_timeout = "1s"
stall_timeout = "1s"
[index]
attempts = 2
none_for = "1ms"
[fetch]
background = false
deadline = %q
slow = "500ms"
`, f.hosts, deadline))
	ctx, cancel := context.WithTimeout(t.Context(), fieldTimeout+outage(t))
	t.Cleanup(cancel)
	f.ctx, f.backend.ctx = ctx, ctx
	if mount != nil {
		f.on(mount)
	}
	ref := f.backend.convert("warm", image(t, "busybox"))
	f.pull(ref)
	f.run(ref, "/bin/sha256sum", "/bin/busybox", "/etc/passwd")
	return f
}

// site is an image, and a registry that the daemon, but not containerd, asks
// for it. Each fault has a layer of its own in it.
type site struct {
	*field
	t      *testing.T
	ref    string
	faulty *remotetest.Server
	layers []plot
}

// plot is one layer and the files in it.
type plot struct {
	digest digest.Digest
	files  map[string][]byte
}

// site makes a new image with a layer for each of n faults; nothing of them is
// on the host. A layer is so small that the first read of it brings all.
func (f *field) site(t *testing.T, n int) *site {
	t.Helper()
	return f.siteOf(t, n, 40_000)
}

// siteOf is site with layers of 8 files of size bytes.
func (f *field) siteOf(t *testing.T, n, size int) *site {
	t.Helper()
	f.sites++
	s := &site{field: f, t: t}
	img := image(t, "busybox")
	for i := range n {
		l := plot{files: map[string][]byte{}}
		var entries []testbed.File
		for j := range 8 {
			name := fmt.Sprintf("fault%d-%d", i, j)
			l.files[name] = contents(f.sites<<16+uint64(i)<<8+uint64(j), size)
			entries = append(entries, file(name, l.files[name]))
		}
		made, err := testbed.NewLayer(t.TempDir(), func(tw *tar.Writer) error { return testbed.Write(tw, entries...) })
		if err != nil {
			t.Fatal(err)
		}
		l.digest = made.Descriptor.Digest
		img.Layers, s.layers = append(img.Layers, made), append(s.layers, l)
	}
	repo := fmt.Sprintf("site%d", f.sites)
	f.backend.convert(repo, img)
	s.faulty = remotetest.Front(t, f.backend.Host)
	front := remotetest.Front(t, f.backend.Host)
	s.ref = front.Host + "/" + repo + ":soci"
	if err := os.Mkdir(filepath.Join(f.hosts, front.Host), 0o755); err != nil {
		t.Fatal(err)
	}
	s.lead(s.faulty.URL)
	return s
}

// lead makes the daemon ask these for the site's image, the last as its origin.
func (s *site) lead(urls ...string) {
	s.t.Helper()
	last := len(urls) - 1
	conf := fmt.Sprintf("server = %q\n", urls[last])
	for _, u := range urls[:last] {
		conf += fmt.Sprintf("[host.%q]\ncapabilities = [\"pull\", \"resolve\"]\n", u)
	}
	host, _, _ := strings.Cut(s.ref, "/")
	// In one step: the daemon may be reading it.
	path := filepath.Join(s.hosts, host, "hosts.toml")
	tmp := filepath.Join(s.t.TempDir(), "hosts.toml")
	if err := errors.Join(os.WriteFile(tmp, []byte(conf), 0o644), os.Rename(tmp, path)); err != nil {
		s.t.Fatal(err)
	}
}

// root is the root directory of a container that ends with the test.
func (s *site) root() string {
	s.t.Helper()
	id, root := s.start()
	s.t.Cleanup(func() { s.end(id) })
	return root
}

// end removes a container.
func (s *site) end(id string) {
	for _, args := range [][]string{{"task", "rm", "-f", id}, {"container", "rm", id}} {
		if _, err := s.ctd.Ctr(context.WithoutCancel(s.ctx), args...); err != nil {
			s.t.Error(err)
		}
	}
}

// start starts a container of the image that does nothing, and gives its root
// directory.
func (s *site) start() (id, root string) {
	s.t.Helper()
	id = fmt.Sprintf("spry-%d-%d", os.Getpid(), containers.Add(1))
	s.ctr("run", "-d", "--net-host", "--snapshotter", "spry", s.ref, id, "/bin/sleep", "3600")
	return id, s.rootOf(id)
}

// rootOf is the root directory of a container that runs.
func (n *node) rootOf(id string) string {
	n.t.Helper()
	for line := range strings.Lines(n.ctr("task", "ls")) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == id {
			return "/proc/" + f[1] + "/root"
		}
	}
	n.t.Fatalf("container %s is not in the list", id)
	return ""
}

// outcome is how the reading of files went.
type outcome struct {
	mu      sync.Mutex
	right   int
	eio     int
	soonest time.Duration // until an EIO
	slowest time.Duration
}

// read reads all files of the plot below root, all at a time; those that have
// other bytes than the image, or fail with anything but EIO, fail the test.
func (l plot) read(t *testing.T, root string) *outcome {
	t.Helper()
	o := &outcome{soonest: time.Hour}
	var wg sync.WaitGroup
	for name := range l.files {
		wg.Go(func() {
			start := time.Now()
			got, err := readPage(filepath.Join(root, name))
			o.note(time.Since(start), err)
			switch {
			case err != nil && !errors.Is(err, syscall.EIO):
				t.Errorf("%s: %v", name, err)
			case err == nil && !bytes.Equal(got, l.files[name]):
				t.Errorf("%s: %d bytes that are not those of the image", name, len(got))
			}
		})
	}
	wg.Wait()
	return o
}

// note notes one read.
func (o *outcome) note(took time.Duration, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.slowest = max(o.slowest, took)
	if err == nil {
		o.right++
		return
	}
	o.eio++
	o.soonest = min(o.soonest, took)
}

// readPage reads a file whole. What it has read when it fails is dropped.
func readPage(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(f)
}

// all wants every file to be right.
func (l plot) all(t *testing.T, when, root string) {
	t.Helper()
	if o := l.read(t, root); o.right != len(l.files) {
		t.Errorf("%s: %d files right, %d EIO, want all %d right", when, o.right, o.eio, len(l.files))
	}
}

// reads is what the daemon says of its reads.
func (n *node) reads() status.Reads {
	r, err := status.Get(n.ctx, filepath.Join(filepath.Dir(n.spryd.Address()), "status.sock"))
	if err != nil {
		n.t.Fatal(err)
	}
	return r.Reads
}
