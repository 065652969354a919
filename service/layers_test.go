// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/discover"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/fs/session"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/snapshot"
)

// joined is a snapshotter over a real file system, as the daemon has it.
type joined struct {
	*testing.T
	snapshots.Snapshotter
	fsys *fs.FileSystem
}

func join(t *testing.T) *joined {
	t.Helper()
	j := &joined{T: t}
	reg := remote.New(remote.Options{Retries: 1, Backoff: time.Millisecond})
	j.closes(reg.Close)
	loop, err := session.New(session.Options{ReadsOwn: true})
	j.must(err)
	j.closes(loop.Close)
	root := t.TempDir()
	j.fsys, err = fs.New(t.Context(), fs.Options{Root: root, Registry: reg, Session: loop,
		Finder: discover.New(reg, discover.Options{Attempts: 1})})
	j.must(err)
	j.closes(j.fsys.Close)
	sn, err := snapshot.New(t.Context(), root, layers{j.fsys}, snapshot.Options{})
	j.must(err)
	j.closes(sn.Close)
	j.Snapshotter = sn
	return j
}

func (j *joined) closes(fn func() error) { j.Cleanup(func() { j.must(fn()) }) }

func (j *joined) must(err error) {
	j.Helper()
	if err != nil {
		j.Fatal(err)
	}
}

// tarLayer is a layer of an image; its tar is what it says it decompresses to.
type tarLayer struct {
	files   []remotetest.File
	indexed bool          // the index has a ztoc for it
	diffID  digest.Digest // "" for the true one
}

// pushed is an image as containerd announces it, layer by layer.
type pushed struct {
	labels []map[string]string
	blobs  []digest.Digest
}

// push stores an image of these layers and its index.
func push(t *testing.T, list ...tarLayer) pushed {
	t.Helper()
	srv := remotetest.New(t)
	ix := index.Index{Version: 2, BuildTool: "test"}
	var blobs [][]byte
	var diffIDs []digest.Digest
	for _, l := range list {
		plain := remotetest.Tar(t, l.files...)
		if l.diffID == "" {
			l.diffID = digest.FromBytes(plain)
		}
		blob := remotetest.Gzip(t, plain)
		if l.indexed {
			ix.Layers = append(ix.Layers, index.LayerIndex{Descriptor: pushZtoc(t, srv, blob),
				Layer: digest.FromBytes(blob), SpanSize: ztoc.DefaultSpanSize})
		}
		blobs, diffIDs = append(blobs, blob), append(diffIDs, l.diffID)
	}
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	found := srv.PushManifest("app", "", ocispec.MediaTypeImageManifest, b)
	im := srv.PushImageWith("app", "latest", map[string]string{index.AnnotationIndexDigest: found.Digest.String()}, blobs...)
	var p pushed
	for i, desc := range im.Layers {
		p.blobs = append(p.blobs, desc.Digest)
		p.labels = append(p.labels, map[string]string{
			index.LabelTarget:   identity.ChainID(append([]digest.Digest{}, diffIDs[:i+1]...)).String(),
			index.LabelImage:    srv.Ref("app", "latest"),
			index.LabelManifest: im.Manifest.Digest.String(),
			index.LabelLayer:    desc.Digest.String(),
		})
	}
	return p
}

func pushZtoc(t *testing.T, srv *remotetest.Server, blob []byte) ocispec.Descriptor {
	t.Helper()
	res, err := build.Layer(t.Context(), bytes.NewReader(blob), build.Options{Compression: ztoc.Gzip})
	if err != nil {
		t.Fatal(err)
	}
	b, err := res.Ztoc.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return srv.PushBlob(b)
}

// pull prepares every layer, all of which must be finished by the snapshotter,
// and returns the committed snapshots.
func (j *joined) pull(p pushed) []snapshots.Info {
	j.Helper()
	var infos []snapshots.Info
	parent := ""
	for i, labels := range p.labels {
		target := labels[index.LabelTarget]
		_, err := j.Prepare(j.Context(), "extract "+target, parent, snapshots.WithLabels(labels))
		if !errdefs.IsAlreadyExists(err) {
			j.Fatalf("prepare layer %d: %v", i, err)
		}
		info, err := j.Stat(j.Context(), target)
		j.must(err)
		infos, parent = append(infos, info), info.Name
	}
	return infos
}

// mounted calls fn with a directory that shows a view of the snapshot.
func (j *joined) mounted(name string, fn func(dir string)) {
	j.Helper()
	mounts, err := j.View(j.Context(), "view "+name, name)
	j.must(err)
	dir := j.TempDir()
	j.must(mount.All(mounts, dir))
	defer func() { j.must(mount.UnmountAll(dir, 0)) }()
	fn(dir)
}

// The index has no ztoc for the layer, so we unpack it; what it decompresses
// to is not what its image promised, and another image might.
func TestUnpackedLayerMustHaveItsDiffID(t *testing.T) {
	files := []remotetest.File{{Name: "file", Body: "content"}}
	base := tarLayer{files: []remotetest.File{{Name: "base", Body: "base"}}}
	for name, diffID := range map[string]digest.Digest{"true": "", "false": digest.FromString("of another image")} {
		t.Run(name, func(t *testing.T) {
			p, j := push(t, base, tarLayer{files: files, diffID: diffID}), join(t)
			below := j.pull(pushed{labels: p.labels[:1]})[0].Name
			_, err := j.Prepare(t.Context(), "key", below, snapshots.WithLabels(p.labels[1]))
			if diffID == "" {
				if !errdefs.IsAlreadyExists(err) {
					t.Errorf("prepare: %v, want the layer unpacked", err)
				}
				return
			}
			j.must(err) // left to containerd
			info, err := j.Stat(t.Context(), "key")
			j.must(err)
			got := digest.FromBytes(remotetest.Tar(t, files...))
			reason := info.Labels[index.LabelReason]
			if info.Kind != snapshots.KindActive || !strings.Contains(reason, got.String()) || !strings.Contains(reason, p.blobs[1].String()) {
				t.Errorf("%s snapshot, reason %q: want both digests", info.Kind, reason)
			}
		})
	}
}

// A layer with tmp/x but without tmp: the directory stays as the layer below
// has it, as if both had been unpacked.
func TestLazyLayerHidesNoDirectoryBelow(t *testing.T) {
	base := tarLayer{indexed: true, files: []remotetest.File{
		{Name: "tmp/", Mode: 0o1777}, {Name: "srv/", UID: 3, GID: 4}, {Name: "etc/"}, {Name: "etc/base", Body: "base"},
	}}
	tests := map[string]struct {
		file   string
		reason string // "": it is lazy
	}{
		"sticky":  {"tmp/x", "/tmp"},
		"owned":   {"srv/x", "/srv"},
		"default": {"etc/x", ""},
		"new":     {"opt/deep/x", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			top := tarLayer{indexed: true, files: []remotetest.File{
				{Name: "./", Mode: 0o700, UID: 9, GID: 9}, {Name: tt.file, Body: "top"},
			}}
			j := join(t)
			infos := j.pull(push(t, base, top))
			if infos[0].Labels[index.LabelLazyLayer] == "" {
				t.Fatalf("base is not lazy: %v", infos[0].Labels)
			}
			labels := infos[1].Labels
			if reason := labels[index.LabelReason]; (labels[index.LabelLazyLayer] != "") != (tt.reason == "") || !strings.Contains(reason, tt.reason) {
				t.Errorf("labels %v, want reason %q", labels, tt.reason)
			}
			j.mounted(infos[1].Name, func(dir string) {
				want := []string{". 0755 0:0", "etc 0755 0:0", "srv 0755 3:4", "tmp 1777 0:0"}
				if got := attributes(t, dir, ".", "etc", "srv", "tmp"); !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
				if b, err := os.ReadFile(filepath.Join(dir, tt.file)); err != nil || string(b) != "top" {
					t.Errorf("%s: %q, %v", tt.file, b, err)
				}
			})
		})
	}
}

// attributes are mode and owner of names in dir.
func attributes(t *testing.T, dir string, names ...string) []string {
	t.Helper()
	var list []string
	for _, name := range names {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, name), &st); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %04o %d:%d", name, st.Mode&0o7777, st.Uid, st.Gid))
	}
	return list
}
