// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/integration/testbed"
)

// An index turns out to lie about two layers of an image after a container was
// started, whose reads of them then fail, or go on, as the configuration says.
// The next containers have the files of the image, without another pull and
// after every restart. Removal leaves nothing, and the lie is remembered.
func TestCondemned(t *testing.T) {
	for _, c := range []struct {
		name, onLie      string
		compact, restart bool // restart: before the next container
		again            int  // lazy layers of the next pull
	}{
		{name: "ztoc", onLie: "eio", again: 1},
		{name: "compact", onLie: "continue", compact: true, again: 3}, // by the ztocs, which do not lie
		{name: "restart", onLie: "eio", restart: true, again: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			img := smallImage(t)
			ref := r.push("small", img)
			r.lie(ref, img, c.compact)
			config := v1Config + fmt.Sprintf("[trust]\non_lie = %q\n", c.onLie)
			n := newNode(t, "2", config+lazily)
			n.pull(ref)
			n.wantLazy(3)
			first := n.deceive(ref, img)
			n.condemn(config, img.Layers[1:])
			first.reads(c.onLie == "continue", "data/SUMS", "data/d5/f5", "usr/suid")
			if c.restart {
				n.killServer()
				first.reads(c.onLie == "continue", "data/d6/f6")
			}
			n.wantUnpacked("condemned", ref, img)
			first.reads(c.onLie == "continue", "data/SUMS", "usr/suid")
			n.killServer()
			n.wantUnpacked("server killed", ref, img)
			first.reads(c.onLie == "continue", "data/d0/f7", "data/d1/f8")
			if out := n.ctr("task", "exec", "--exec-id", "x", first.id, "/bin/cat", "/etc/passwd"); !strings.Contains(out, "root") {
				t.Errorf("the first container printed %q", out)
			}
			if err := errors.Join(n.spryd.Stop(), n.spryd.Start(n.ctx)); err != nil {
				t.Fatal(err)
			}
			n.reconnected()
			n.wantUnpacked("daemon restarted", ref, img)
			if err := n.removeContainer("default", first.id); err != nil {
				t.Error(err)
			}
			n.removeImage("default", ref)
			n.wantEmpty()
			n.pull(ref)
			n.wantLazy(c.again)
			n.ready("default", ref)
			n.removeImage("default", ref)
			n.wantEmpty()
		})
	}
}

// lied changes what an index says of a file in each of two layers of the small
// image. Every byte of the layers is right, so that nothing but a proof of the
// whole layer finds it.
func lied(e *toc.Entry) {
	switch e.Name {
	case "data/d3/f3":
		e.Name = "data/d3/lie"
	case "usr/owned":
		e.Mode, e.UID = 0o4755, 0
	}
}

// lie pushes an index of a pushed image that lies, in its compact indexes if it
// has these, or in its ztocs.
func (r *registryFixture) lie(ref string, img testbed.Image, inCompact bool) {
	r.t.Helper()
	reg := remote.New(remote.Options{Hosts: remote.Hosts(remote.HostOptions{})})
	defer func() { _ = reg.Close() }()
	push := func(mediaType string, b []byte, err error) ocispec.Descriptor {
		r.t.Helper()
		desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
		if err = errors.Join(err, reg.Push(r.ctx, ref, desc, open)); err != nil {
			r.t.Fatal(err)
		}
		return desc
	}
	subject, err := reg.Resolve(r.ctx, ref)
	if err != nil {
		r.t.Fatal(err)
	}
	ix := index.Index{Version: 1, Subject: &subject}
	for _, l := range img.Layers {
		z, changed := r.ztocs(l)
		if inCompact {
			s, err := compact.FromZtoc(changed, l.Descriptor.Digest)
			if err != nil {
				r.t.Fatal(err)
			}
			b, err := compact.Encode(s)
			ix.Compact = append(ix.Compact, index.CompactRef{Descriptor: push(index.MediaTypeCompact, b, err), Layer: l.Descriptor.Digest})
		} else {
			z = changed
		}
		b, err := z.Encode()
		ix.Layers = append(ix.Layers, index.LayerIndex{Descriptor: push(index.MediaTypeZtoc, b, err), Layer: l.Descriptor.Digest,
			LayerMediaType: l.Descriptor.MediaType, SpanSize: z.SpanSize})
	}
	push(index.ConfigDescriptor(index.ArtifactTypeV1).MediaType, []byte(index.EmptyConfig), nil)
	b, err := ix.Encode()
	push(ocispec.MediaTypeImageManifest, b, err)
}

// ztocs are the one of a layer, and one that lies.
func (r *registryFixture) ztocs(l testbed.Layer) (honest, lying *ztoc.Ztoc) {
	r.t.Helper()
	b, err := os.ReadFile(l.Path)
	if err != nil {
		r.t.Fatal(err)
	}
	made, err := build.Layer(r.ctx, bytes.NewReader(b), build.Options{SpanSize: 65536})
	if err != nil {
		r.t.Fatal(err)
	}
	z := *made.Ztoc
	z.Entries = slices.Clone(z.Entries)
	for i := range z.Entries {
		lied(&z.Entries[i])
	}
	return made.Ztoc, &z
}

// deceived is a container that was started with a lying index.
type deceived struct {
	n        *node
	id, root string
	layers   []string // unpacked
}

// deceive starts one of a pulled image, and looks at what it is shown.
func (n *node) deceive(ref string, img testbed.Image) *deceived {
	n.t.Helper()
	d := &deceived{n: n, id: fmt.Sprintf("spry-%d-%d", os.Getpid(), containers.Add(1))}
	for _, l := range img.Layers {
		d.layers = append(d.layers, unpack(n.t, l))
	}
	n.ctr(slices.Concat(runArgs, []string{"-d", "--null-io", ref, d.id, "/bin/sleep", "3600"})...)
	n.t.Cleanup(func() {
		if n.t.Failed() { // before its end
			_, _ = n.ctd.Ctr(context.WithoutCancel(n.ctx), "task", "rm", "-f", d.id)
		}
	})
	d.root = n.rootOf(d.id)
	d.reads(true, "data/d4/f4", "opaque/above")
	var st unix.Stat_t
	err := errors.Join(unix.Stat(d.root+"/usr/owned", &st), unix.Access(d.root+"/data/d3/lie", unix.R_OK))
	if err != nil || st.Uid != 0 {
		n.t.Errorf("the index did not lie: owner %d, %v", st.Uid, err)
	}
	return d
}

// reads wants the container to read right what is in these files, or not to be
// able to: for this it has not read them before.
func (d *deceived) reads(right bool, files ...string) {
	d.n.t.Helper()
	for _, name := range files {
		got, err := readPage(filepath.Join(d.root, name))
		if !right && errors.Is(err, syscall.EIO) {
			continue
		}
		found := slices.ContainsFunc(d.layers, func(dir string) bool {
			want, wantErr := os.ReadFile(filepath.Join(dir, name))
			return wantErr == nil && bytes.Equal(got, want)
		})
		if !right || err != nil || !found {
			d.n.t.Errorf("%s: the first container read %d bytes, right %v, %v; want right %v", name, len(got), found, err, right)
		}
	}
}

// condemn has the server begin to fetch, and waits for what it finds.
func (n *node) condemn(config string, layers []testbed.Layer) {
	n.t.Helper()
	if err := n.spryd.Configure(config); err != nil {
		n.t.Fatal(err)
	}
	n.killServer()
	for _, l := range layers {
		n.eventually("condemnation of layer "+l.Descriptor.Digest.String(), func() bool { return tree{layer: l}.status(n).State == "condemned" })
	}
}

// killServer kills the server and waits for the next one.
func (n *node) killServer() {
	n.t.Helper()
	pid := n.successor(0)
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		n.t.Fatal(err)
	}
	n.successor(pid)
}

// wantUnpacked starts containers, at the same time and one more, and wants all
// but the lowest layer to be in the snapshots' own directories.
func (n *node) wantUnpacked(when, ref string, img testbed.Image) {
	n.t.Helper()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if out, err := n.tryRun("default", ref); err != nil || !strings.Contains(out, "READY") {
				n.t.Errorf("%s: start: %v: %q", when, err, out)
			}
		})
	}
	wg.Wait()
	lowers := lowerDirs(n.run(ref, "cat", "/proc/self/mountinfo"))
	if len(lowers) != len(img.Layers) {
		n.t.Fatalf("%s: lower directories %v", when, lowers)
	}
	slices.Reverse(lowers)
	for i, l := range img.Layers {
		own := strings.HasPrefix(lowers[i], filepath.Join(n.spryd.Root(), "snapshots")+"/")
		if own != (i > 0) {
			n.t.Errorf("%s: layer %d is shown by %s", when, i, lowers[i])
		}
		unpacked := unpack(n.t, l)
		tree{l, unpacked}.compare(n, when, lowers[i], timeless(unpacked))
	}
}

// wantLazy wants that many layers to have come lazily.
func (n *node) wantLazy(want int) {
	n.t.Helper()
	if got := len(n.lazyMounts()); got != want {
		n.t.Errorf("%d layers are lazy, want %d", got, want)
	}
}

// wantEmpty wants no mount, layer or snapshot to be left.
func (n *node) wantEmpty() {
	n.t.Helper()
	n.nothingLeft()
	if m := n.mounts(); len(m) != 0 {
		n.t.Errorf("mounts after removal: %v", m)
	}
	if left, err := filepath.Glob(filepath.Join(n.spryd.Root(), "snapshots", "*")); err != nil || len(left) != 0 {
		n.t.Errorf("snapshots after removal: %v, %v", left, err)
	}
}
