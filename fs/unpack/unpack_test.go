// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package unpack_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/below"
	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/fs/unpack"
	"github.com/spryd/spry/index"
)

// everything is a layer with an entry of each kind.
func everything(t *testing.T) []byte {
	t.Helper()
	return remotetest.Tar(t,
		remotetest.File{Name: "./"},
		remotetest.File{Name: "dir/", Mode: 0o2750, UID: 3, GID: 4},
		remotetest.File{Name: "dir/file", Body: strings.Repeat("content ", 10_000), Mode: 0o4755, UID: 1, GID: 2, Xattrs: map[string]string{"user.a": "b"}},
		remotetest.File{Name: "dir/hard", Type: tar.TypeLink, Link: "dir/file", Mode: 0o4755, UID: 1, GID: 2},
		remotetest.File{Name: "dir/soft", Link: "../elsewhere"},
		remotetest.File{Name: "pipe", Type: tar.TypeFifo, Mode: 0o600},
		remotetest.File{Name: "null", Type: tar.TypeChar, Mode: 0o666, Major: 1, Minor: 3},
		remotetest.File{Name: "dir/.wh.gone"},
		remotetest.File{Name: "opaque/"},
		remotetest.File{Name: "opaque/.wh..wh..opq"},
		remotetest.File{Name: "kept/deep/file", Body: "x"}, // without its parents
	)
}

// ref pushes a layer and names it.
func ref(srv *remotetest.Server, blob []byte) index.LayerRef {
	desc := srv.PushBlob(blob)
	return index.LayerRef{Image: srv.Ref("app", "latest"), Layer: desc.Digest, Size: desc.Size}
}

func registry(t *testing.T) *remote.Registry {
	t.Helper()
	r := remote.New(remote.Options{Retries: 2, Backoff: time.Millisecond})
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// listing describes every node of a tree in a line.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == "." {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		line := fmt.Sprintf("%s %s %d:%d", rel, info.Mode(), st.Uid, st.Gid)
		switch {
		case info.Mode()&fs.ModeDevice != 0:
			line += fmt.Sprintf(" dev %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
		case info.Mode().IsRegular():
			line += fmt.Sprintf(" %d bytes, %d links", info.Size(), st.Nlink)
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + to
		}
		for _, name := range []string{"user.a", "trusted.overlay.opaque"} {
			buf := make([]byte, 10)
			if n, err := unix.Lgetxattr(path, name, buf); err == nil {
				line += fmt.Sprintf(" %s=%s", name, buf[:n])
			}
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestLayer(t *testing.T) {
	tree := []string{
		"dir dgrwxr-x--- 3:4",
		"dir/file urwxr-xr-x 1:2 80000 bytes, 2 links user.a=b",
		"dir/gone Dc--------- 0:0 dev 0:0",
		"dir/hard urwxr-xr-x 1:2 80000 bytes, 2 links user.a=b",
		"dir/soft Lrwxrwxrwx 0:0 -> ../elsewhere",
		"kept drwx--x--x 7:8 user.a=7",
		"kept/deep drwxr-xr-x 0:0",
		"kept/deep/file -rw-r--r-- 0:0 1 bytes, 1 links",
		"null Dcrw-rw-rw- 0:0 dev 1:3",
		"opaque drwxr-xr-x 0:0 trusted.overlay.opaque=y",
		"pipe prw------- 0:0",
	}
	upper, lower := t.TempDir(), t.TempDir()
	for dir, id := range map[string]int{upper: 7, lower: 9} {
		kept := filepath.Join(dir, "kept")
		if err := errors.Join(os.Mkdir(kept, 0o711), os.Chown(kept, id, id+1), unix.Setxattr(kept, "user.a", fmt.Append(nil, id), 0),
			unix.Setxattr(kept, "trusted.overlay.opaque", []byte("y"), 0)); err != nil {
			t.Fatal(err)
		}
	}
	plain := everything(t)
	for name, blob := range map[string][]byte{
		"gzip":  remotetest.Gzip(t, plain),
		"zstd":  remotetest.Zstd(t, plain),
		"plain": plain,
		"gzip of several members": append(remotetest.Gzip(t, plain[:5000]),
			remotetest.Gzip(t, plain[5000:])...),
		"zstd behind a skippable frame": append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}, remotetest.Zstd(t, plain)...),
		"padded":                        append(append([]byte{}, plain...), make([]byte, 100_000)...),
	} {
		for _, fault := range []string{"", "cut", "no size"} {
			t.Run(name+" "+fault, func(t *testing.T) {
				srv := remotetest.New(t)
				layer := ref(srv, blob)
				switch fault {
				case "cut":
					srv.Rule(remotetest.Rule{Times: 2, Do: remotetest.Cut(int64(len(blob) / 3))})
				case "no size":
					layer.Size = 0
				}
				dir := t.TempDir()
				diffID, err := unpack.Layer(t.Context(), registry(t), layer, dir, below.New([]below.Layer{below.Dir(upper), below.Dir(lower)}))
				if err != nil {
					t.Fatal(err)
				}
				want := digest.FromBytes(plain)
				if name == "padded" {
					want = layer.Layer // is not compressed
				}
				if diffID != want {
					t.Errorf("DiffID %s, want %s", diffID, want)
				}
				if diff := cmp.Diff(tree, listing(t, dir)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestEmptyLayer(t *testing.T) {
	for name, blob := range map[string][]byte{"nothing at all": nil, "empty archive": remotetest.Gzip(t, remotetest.Tar(t))} {
		t.Run(name, func(t *testing.T) {
			srv := remotetest.New(t)
			dir := t.TempDir()
			if _, err := unpack.Layer(t.Context(), registry(t), ref(srv, blob), dir, below.New(nil)); err != nil {
				t.Fatal(err)
			}
			if got := listing(t, dir); len(got) != 0 {
				t.Errorf("unpacked %v", got)
			}
		})
	}
}

func TestLayerErrors(t *testing.T) {
	blob := remotetest.Gzip(t, everything(t))
	corrupt := func(err error) bool { return errors.Is(err, remote.ErrCorrupt) }
	broken := func(err error) bool { return err != nil && !corrupt(err) && !remote.Transient(err) }
	tests := []struct {
		name string
		blob []byte
		do   remotetest.Action
		is   func(error) bool
	}{
		{"corrupt inside", blob, remotetest.Corrupt(200), corrupt},
		{"corrupt checksum", blob, remotetest.Corrupt(int64(len(blob) - 6)), corrupt},
		{"corrupt magic", blob, remotetest.Corrupt(0), corrupt},
		{"other layer", blob, remotetest.Override(remotetest.Gzip(t, remotetest.Tar(t))), corrupt},
		{"broken by its maker", blob[:len(blob)/2], remotetest.Proper(), broken},
		{"trailing garbage", append(append([]byte{}, blob...), "garbage"...), remotetest.Proper(), broken},
		{"no archive", []byte(strings.Repeat("this is no archive ", 100)), remotetest.Proper(), broken},
		{"404", blob, remotetest.Status(404), errdefs.IsNotFound},
		{"cut for ever", blob, remotetest.Cut(5), remote.Transient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := remotetest.New(t)
			layer := ref(srv, tt.blob)
			srv.Rule(remotetest.Rule{Do: tt.do})
			diffID, err := unpack.Layer(t.Context(), registry(t), layer, t.TempDir(), below.New(nil))
			if diffID != "" {
				t.Errorf("DiffID %s despite the error", diffID)
			}
			if !tt.is(err) {
				t.Fatalf("wrong error: %v", err)
			}
			if !strings.Contains(err.Error(), layer.Layer.String()) {
				t.Errorf("error does not name the layer: %v", err)
			}
		})
	}
}

func TestLayerWithoutDigest(t *testing.T) {
	for _, d := range []digest.Digest{"", "sha256:x", "md5:00"} {
		_, err := unpack.Layer(t.Context(), registry(t), index.LayerRef{Image: "127.0.0.1:1/a", Layer: d}, t.TempDir(), below.New(nil))
		if !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", d, err)
		}
	}
}

func TestLayerIsCancelled(t *testing.T) {
	srv := remotetest.New(t)
	layer := ref(srv, everything(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	srv.Rule(remotetest.Rule{Do: remotetest.Stall(60_000)})
	dir := t.TempDir()
	done := make(chan error, 1)
	go func() {
		_, err := unpack.Layer(ctx, registry(t), layer, dir, below.New(nil))
		done <- err
	}()
	for { // it is in the middle of the first file
		if _, err := os.Stat(filepath.Join(dir, "dir/file")); err == nil {
			break
		}
		select {
		case err := <-done:
			t.Fatalf("ended early: %v", err)
		default:
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("wrong error: %v", err)
	}
}

// TestLayerStaysInside unpacks archives that want out.
func TestLayerStaysInside(t *testing.T) {
	outside := t.TempDir()
	for name, files := range map[string][]remotetest.File{
		"dots":     {{Name: "../../../../../../../../" + outside + "/a", Body: "x"}},
		"absolute": {{Name: outside + "/a", Body: "x"}},
		"symlink":  {{Name: "out", Link: outside}, {Name: "out/a", Body: "x"}},
		"hardlink": {{Name: "a", Type: tar.TypeLink, Link: "../../../../../etc/passwd"}},
		"whiteout": {{Name: "out", Link: outside}, {Name: "out/.wh.a"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := remotetest.New(t)
			// An error is as good as unpacking it inside.
			_, _ = unpack.Layer(t.Context(), registry(t), ref(srv, remotetest.Tar(t, files...)), t.TempDir(), below.New(nil))
			if got := listing(t, outside); len(got) != 0 {
				t.Errorf("wrote outside: %v", got)
			}
		})
	}
}
