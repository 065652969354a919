// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/index/toc"
)

// TestSmallContent: what is no layer, or too much, is not looked into.
func TestSmallContent(t *testing.T) {
	body := strings.Repeat("content ", 1000)
	tar := remotetest.Tar(t, remotetest.File{Name: "app/main", Body: body})
	blob := remotetest.Gzip(t, tar)
	limit := int64(len(tar))
	for name, blob := range map[string][]byte{
		"plain": tar, "gzip": blob, "more than the limit": remotetest.Gzip(t, append(tar, 0)), "cut off": blob[:len(blob)/2],
		"damaged": bytes.Replace(blob, blob[40:48], make([]byte, 8), 1), "no archive": []byte(body),
	} {
		c, err := newSmallContent(blob, limit)
		if good := name == "plain" || name == "gzip"; good != (err == nil) {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil {
			continue
		}
		dir, _ := c.Tree().Lookup(toc.RootID, "app")
		id, ok := c.Tree().Lookup(dir, "main")
		p := make([]byte, 100)
		if err := c.ReadAt(t.Context(), id, p, 8); !ok || err != nil || string(p) != body[8:108] {
			t.Errorf("%s: got %q, %v", name, p, err)
		}
		for _, off := range []int64{-1, int64(len(body)) - 99} {
			if c.ReadAt(t.Context(), id, p, off) == nil {
				t.Errorf("%s: 100 bytes at %d of %d were read", name, off, len(body))
			}
		}
		if !c.Follow(id) || c.Follow(id) {
			t.Errorf("%s: not followed once", name)
		}
	}
}
