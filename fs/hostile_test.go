// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// hostileTables are tables of files that lie about a layer whose every byte is
// right, as the index of an attacker may.
var hostileTables = map[string]func(z *ztoc.Ztoc){
	"dots":            rename(func(string) string { return "../../../../escaped" }),
	"dots inside":     rename(func(n string) string { return "dir/../../../../escaped/" + n }),
	"absolute":        rename(func(n string) string { return "/escaped/" + n }),
	"NUL":             rename(func(n string) string { return n + "\x00/../../escaped" }),
	"only a dot":      rename(func(string) string { return "." }),
	"empty":           rename(func(string) string { return "" }),
	"long name":       rename(func(n string) string { return n + strings.Repeat("x", 300) }),
	"long path":       rename(func(n string) string { return strings.Repeat("d/", 3000) + n }),
	"all one file":    rename(func(string) string { return "dir/one" }),
	"below files":     rename(func(n string) string { return n + "/below" }),
	"the daemon's":    rename(func(string) string { return "../sealed" }),
	"the record":      rename(func(string) string { return "../ref.json" }),
	"link out":        behindLink("../../../..", toc.Symlink),
	"absolute link":   behindLink("/", toc.Symlink),
	"hard link out":   behindLink("../../../../outside", toc.Hardlink),
	"hard link loop":  behindLink("dir/link", toc.Hardlink),
	"device":          retype(toc.BlockDevice),
	"directory":       retype(toc.Directory),
	"huge sizes":      resize(1 << 62),
	"negative sizes":  resize(-1),
	"other offsets":   func(z *ztoc.Ztoc) { shift(z, 1<<40) },
	"nothing at all":  func(z *ztoc.Ztoc) { z.Entries = nil },
	"duplicate table": func(z *ztoc.Ztoc) { z.Entries = append(z.Entries, z.Entries...) },
}

// files are the entries of files.
func filesOf(z *ztoc.Ztoc, do func(e *toc.Entry)) {
	for i := range z.Entries {
		if z.Entries[i].Type == toc.Regular {
			do(&z.Entries[i])
		}
	}
}

func rename(name func(string) string) func(*ztoc.Ztoc) {
	return func(z *ztoc.Ztoc) { filesOf(z, func(e *toc.Entry) { e.Name = name(e.Name) }) }
}

func retype(typ toc.Type) func(*ztoc.Ztoc) {
	return func(z *ztoc.Ztoc) { filesOf(z, func(e *toc.Entry) { e.Type, e.Devmajor, e.Devminor = typ, 8, 0 }) }
}

func resize(size int64) func(*ztoc.Ztoc) {
	return func(z *ztoc.Ztoc) { filesOf(z, func(e *toc.Entry) { e.Size = size }) }
}

func shift(z *ztoc.Ztoc, by span.UncompressedOffset) {
	filesOf(z, func(e *toc.Entry) { e.Offset += by })
}

// behindLink puts a link before the files, and the files behind it.
func behindLink(target string, typ toc.Type) func(*ztoc.Ztoc) {
	return func(z *ztoc.Ztoc) {
		rename(func(n string) string { return "dir/link/" + filepath.Base(n) })(z)
		z.Entries = append([]toc.Entry{{Name: "dir/", Type: toc.Directory, Mode: 0o755},
			{Name: "dir/link", Type: typ, Linkname: target, Mode: 0o777}}, z.Entries...)
	}
}

// No table makes the daemon create, change or open a file outside the layer's
// own directory, whether it is refused, served until it is found to lie, or
// finished.
func TestHostileTables(t *testing.T) {
	seed := uint64(7000)
	for name, change := range hostileTables {
		seed++
		blob, _ := layer(t, seed, 20)
		given(seed, blob, change)
		of := seed
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			for _, f := range []string{"outside", "escaped"} {
				if err := os.WriteFile(filepath.Join(top, f), []byte("mine"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			img := push(t, remotetest.New(t), "app", "", of)
			d := img.desc.Layers[0].Digest
			root := filepath.Join(top, "root")
			h := start(t, root, background)
			err := h.Mount(t.Context(), img.layerRef(0), "a")
			if err != nil && !errors.Is(err, index.ErrNotLazy) {
				t.Errorf("mount: %v", err)
			}
			if err == nil {
				dir := h.dir(t, d)
				_ = filepath.WalkDir(dir, func(path string, e iofs.DirEntry, err error) error {
					if err == nil && e.Type().IsRegular() {
						_, _ = os.ReadFile(path) // whatever comes
					}
					return nil
				})
				waitFor(t, func() bool { return over(h.Layers()) })
				t.Logf("layer is %v", h.Layers()[0].State)
			}
			if diff := cmp.Diff([]string{"escaped", "outside"}, outsideLayers(t, top, d.Encoded())); diff != "" {
				t.Errorf("files outside the layer (-want +got):\n%s", diff)
			}
			for _, f := range []string{"outside", "escaped"} {
				if b, err := os.ReadFile(filepath.Join(top, f)); err != nil || string(b) != "mine" {
					t.Errorf("%s is now %q, error %v", f, b, err)
				}
			}
		})
	}
}

// over says whether nothing more will happen to the layers.
func over(layers []spryfs.LayerStatus) bool {
	for _, l := range layers {
		if s := l.State.String(); s != "plain" && s != "condemned" {
			return false
		}
	}
	return true
}

// outsideLayers are the regular files below top that are not below the
// directory or the mountpoint of a layer.
func outsideLayers(t *testing.T, top, hex string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, d iofs.DirEntry, err error) error {
		rel, _ := filepath.Rel(top, path)
		switch {
		case err != nil:
			return err
		case rel == "root/layers/"+hex || rel == "root/condemned" || strings.HasPrefix(rel, "root/m/"):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case !d.IsDir():
			out = append(out, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
