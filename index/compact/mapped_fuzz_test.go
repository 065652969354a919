// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact_test

import (
	"bytes"
	"testing"

	"github.com/spryd/spry/index/compact"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/ztoc"
)

// FuzzMapped opens a mapped form as a damaged disk or another version might
// have left it. What its checksum does not know is opened all the same, as a
// caller would who has looked at it before.
func FuzzMapped(f *testing.F) {
	blob := sample(f)
	s, _ := sourceOf(f, blob, 64<<10, ztoc.Gzip)
	var buf bytes.Buffer
	if err := compact.Map(&buf, s); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add(buf.Bytes()[:200])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		tables, err := compact.Inspect(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			tables = int64(len(b))
		}
		if tables < 0 || tables > int64(len(b)) {
			t.Fatalf("tables of %d bytes in a file of %d", tables, len(b))
		}
		l, err := compact.Open(bytes.Clone(b[:tables]), bytes.NewReader(b))
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		for id := range span.ID(min(l.Len(), 20)) {
			if _, err := l.CheckWindow(id, nil); err != nil && !known(err) {
				t.Fatal(err)
			}
		}
	})
}
