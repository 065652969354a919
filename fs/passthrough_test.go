// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"testing"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/node/treetest"
	"github.com/spryd/spry/index/toc/toctest"
)

// TestPrefersPassthrough: few large files are passed through, many small ones
// are not.
func TestPrefersPassthrough(t *testing.T) {
	large := treetest.Noise(1, 4<<20)
	tests := map[string]struct {
		layer []byte
		want  bool
	}{
		"empty":          {treetest.NewLayer().Dir("d").Bytes(), false},
		"one binary":     {treetest.NewLayer().File("b", large).Bytes(), true},
		"many small":     {treetest.Many(1000), false},
		"large and few":  {treetest.NewLayer().File("b", large).File("c", "small").File("d", "small").Bytes(), true},
		"large in small": {append(untrailed(treetest.Many(1000)), treetest.NewLayer().File("b", large).Bytes()...), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := spryfs.PrefersPassthrough(toctest.Tree(t, tt.layer)); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// untrailed is a tar without the end mark.
func untrailed(tar []byte) []byte { return tar[:len(tar)-1024] }
