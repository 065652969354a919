// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spryd/spry/index/toc"
)

// checkPacked packs and unpacks a tree, and takes its tables apart.
func checkPacked(t testing.TB, tree *toc.Tree) {
	t.Helper()
	b, err := tree.Pack()
	if err != nil {
		t.Fatalf("pack: %v", err)
	}
	got, err := toc.Unpack(b)
	if err != nil {
		t.Fatalf("unpack: %v", err)
	}
	if d := cmp.Diff(tree.Tables(), got.Tables(), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("unpacked tree differs (-want +got):\n%.2000s", d)
	}
	mapped, err := toc.FromTables(got.Tables())
	if err != nil {
		t.Fatalf("from tables: %v", err)
	}
	if d := cmp.Diff(tree.Tables(), mapped.Tables(), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("mapped tree differs (-want +got):\n%.2000s", d)
	}
}

func packSample(t testing.TB) *toc.Tree {
	return mustTree(t,
		toc.Entry{Name: "a/", Type: toc.Directory, Mode: 0o755, ModTime: day, UID: 7},
		toc.Entry{Name: "a/z", Type: toc.Regular, Mode: 0o644, Offset: 1024, Size: 700, ModTime: day,
			PAX: []toc.Record{{Key: "SCHILY.xattr.user.x", Value: "v"}, {Key: "SCHILY.xattr.user.y", Value: ""}}},
		toc.Entry{Name: "a/b", Type: toc.Regular, Mode: 0o600, Offset: 5120, Size: 1, ModTime: day},
		toc.Entry{Name: "b", Type: toc.Hardlink, Linkname: "a/z", Mode: 0o644},
		toc.Entry{Name: "a/c/.wh..wh..opq", Type: toc.Regular},
		toc.Entry{Name: "a/c/s", Type: toc.Symlink, Linkname: "../z"},
		toc.Entry{Name: "dev/null", Type: toc.CharDevice, Devmajor: 1, Devminor: 3},
		toc.Entry{Name: "dev/p", Type: toc.FIFO, Mode: 0o600},
		toc.Entry{Name: "empty", Type: toc.Regular, Offset: 9216, Mode: 0o644},
		toc.Entry{Name: ".wh.gone", Type: toc.Regular},
	)
}

func TestPack(t *testing.T) {
	checkPacked(t, packSample(t))
	checkPacked(t, mustTree(t))
	checkPacked(t, mustTree(t, benchEntries()...))
}

// TestUnpackDamaged changes and cuts a packed tree everywhere: what still is a
// tree packs again.
func TestUnpackDamaged(t *testing.T) {
	good, err := packSample(t).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := toc.Unpack(good[:n]); !errors.Is(err, toc.ErrTree) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := toc.Unpack(append(bytes.Clone(good), 0)); !errors.Is(err, toc.ErrTree) {
		t.Errorf("one byte more: %v", err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for i := range good {
		for range 20 {
			b := bytes.Clone(good)
			b[i] = byte(rng.Uint32())
			tree, err := toc.Unpack(b)
			if err == nil {
				checkPacked(t, tree)
			} else if refused++; !errors.Is(err, toc.ErrTree) {
				t.Errorf("byte %d: %v", i, err)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

func TestFromTablesRefuses(t *testing.T) {
	for name, change := range map[string]func(*toc.Tables){
		"nothing":   func(tb *toc.Tables) { *tb = toc.Tables{} },
		"half node": func(tb *toc.Tables) { tb.Nodes = tb.Nodes[:len(tb.Nodes)-1] },
		"unaligned": func(tb *toc.Tables) { tb.Nodes = append([]byte{0}, tb.Nodes...)[1:] },
		"names":     func(tb *toc.Tables) { tb.Names = tb.Names[1:] },
	} {
		tb := packSample(t).Tables()
		change(&tb)
		if _, err := toc.FromTables(tb); !errors.Is(err, toc.ErrTree) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	good, err := packSample(f).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := toc.Unpack(b)
		if err != nil {
			if !errors.Is(err, toc.ErrTree) {
				t.Fatalf("error %v", err)
			}
			return
		}
		checkPacked(t, tree)
	})
}
