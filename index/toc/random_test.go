// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc_test

import (
	"archive/tar"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestRandomLayers compares trees with unpacks of layers made of few names and
// all kinds of entries, so that entries replace, link and hide each other.
func TestRandomLayers(t *testing.T) {
	const count = 600
	equal, refused, declined := 0, 0, 0
	for seed := range uint64(count) {
		tarball := pack(t, randomLayer(rand.New(rand.NewPCG(seed, 1)))...)
		dir, unpackErr := unpack(t, tarball)
		tree, err := treeOf(t, tarball)
		switch {
		case err == nil && unpackErr == nil:
			equal++
			compare(t, tree, tarball, dir)
		case err == nil:
			t.Errorf("seed %d: presented, but unpack says: %v", seed, unpackErr)
		case unpackErr == nil:
			declined++
			if !strings.Contains(err.Error(), "symlink") {
				t.Errorf("seed %d: unpacked, but tree says: %v", seed, err)
			}
		default:
			refused++
		}
		if t.Failed() {
			t.Fatalf("seed %d failed", seed)
		}
	}
	t.Logf("%d equal, %d refused by both, %d declined", equal, refused, declined)
	if equal < count/4 || refused == 0 || declined == 0 {
		t.Errorf("%d equal, %d refused by both, %d declined: too one-sided", equal, refused, declined)
	}
}

func randomLayer(r *rand.Rand) []tar.Header {
	var headers []tar.Header
	for range 1 + r.IntN(14) {
		h := randomHeader(r)
		if h.Typeflag == tar.TypeLink && len(headers) > 0 && r.IntN(10) > 0 {
			h.Linkname = headers[r.IntN(len(headers))].Name
		}
		headers = append(headers, h)
	}
	return headers
}

func randomHeader(r *rand.Rand) tar.Header {
	h := tar.Header{
		Name:    randomPath(r, 2),
		Mode:    r.Int64N(0o10000),
		Uid:     []int{0, 1, 1000, -1}[r.IntN(4)],
		Gid:     []int{0, 2, 1000, -1}[r.IntN(4)],
		ModTime: time.Unix(r.Int64N(4e9)-1e9, r.Int64N(1e9)),
	}
	switch n := r.IntN(20); {
	case n < 7:
		h.Typeflag = tar.TypeReg
	case n < 13:
		h.Typeflag, h.Name = tar.TypeDir, randomPath(r, 0)+"/"
	case n < 14:
		h.Typeflag, h.Linkname = tar.TypeSymlink, randomPath(r, 1)
	case n < 17:
		h.Typeflag, h.Linkname = tar.TypeLink, randomPath(r, 2)
	case n < 18:
		h.Typeflag = tar.TypeFifo
	case n < 19:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, r.Int64N(2), r.Int64N(300)
	default:
		h.Typeflag = tar.TypeReg
		dir, base := "", h.Name
		if i := strings.LastIndexByte(h.Name, '/'); i >= 0 {
			dir, base = h.Name[:i+1], h.Name[i+1:]
		}
		h.Name = dir + ".wh." + base
		if r.IntN(2) == 0 {
			h.Name = dir + ".wh..wh..opq"
		}
	}
	if r.IntN(4) == 0 {
		name := []string{"user.a", "user.b", "trusted.c", "security.d"}[r.IntN(4)]
		h = with(h, name, string(rune('a'+r.IntN(26))))
	}
	if r.IntN(6) == 0 {
		h = with(h, "security.capability", capability)
	}
	return h
}

// randomPath is a path of letters. Directories (deep 0) and files (deep 2) are
// mostly of different letters, so that files seldom are in the way.
func randomPath(r *rand.Rand, deep int) string {
	prefix := []string{"", "", "", "./", "/", "../", "a/../"}[r.IntN(7)]
	parts := make([]string, 1+r.IntN(3))
	for i := range parts {
		parts[i] = string(rune('a' + r.IntN(3)))
	}
	if deep > 0 && r.IntN(8) > 0 {
		parts[len(parts)-1] = string(rune('p' + r.IntN(4)))
	}
	return prefix + strings.Join(parts, "/")
}
