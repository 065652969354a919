// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spryd/spry/index/ztoc"
	"github.com/spryd/spry/index/ztoc/internal/fbs"
)

// shared is a ztoc with n entries that are all the same table, whose PAX
// records are m times the same one with text as its value.
func shared(n, m int, text string) []byte {
	b := fbs.NewBuilder(1 << 20)
	name, kind := b.String(text), b.String("reg")
	b.StartTable()
	b.Ref(1, name)
	record := b.EndTable()
	records := b.Offsets(repeat(record, m))
	b.StartTable()
	b.Ref(0, name)
	b.Ref(1, kind)
	b.Ref(13, records)
	file := b.EndTable()
	files := b.Offsets(repeat(file, n))
	b.StartTable()
	b.Ref(0, files)
	table := b.EndTable()
	blob, p := b.Bytes(12)
	p[0] = 1 // version 1, one span
	b.StartTable()
	b.Ref(3, blob)
	info := b.EndTable()
	b.StartTable()
	b.Ref(4, table)
	b.Ref(5, info)
	return b.Finish(b.EndTable())
}

func repeat(o fbs.Offset, n int) []fbs.Offset {
	list := make([]fbs.Offset, n)
	for i := range list {
		list[i] = o
	}
	return list
}

// TestSharedTables is about ztocs that are small and would decode to much: each
// of them is refused before memory is used that its size does not justify.
func TestSharedTables(t *testing.T) {
	if _, err := ztoc.Decode(shared(2, 2, "name")); err != nil {
		t.Fatalf("harmless ztoc: %v", err)
	}
	tests := map[string]struct {
		entries, records int
		text             string
		want             string
	}{
		"entries": {100_000, 0, "", "entries"},
		"records": {2000, 20_000, "", "records"},
		"texts":   {100, 0, strings.Repeat("x", 100_000), "texts"},
		"values":  {1, 100, strings.Repeat("x", 100_000), "texts"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := shared(test.entries, test.records, test.text)
			var err error
			allocated := allocation(func() { _, err = ztoc.Decode(b) })
			if !errors.Is(err, ztoc.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ErrInvalid for %s", err, test.want)
			}
			if limit := uint64(16*len(b) + 1<<20); allocated > limit {
				t.Errorf("allocated %d bytes for a ztoc of %d, want at most %d", allocated, len(b), limit)
			}
		})
	}
}

// TestHugeCounts is about counts that the buffer cannot hold.
func TestHugeCounts(t *testing.T) {
	for _, n := range []uint32{2, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		b := fbs.NewBuilder(0)
		blob, p := b.Bytes(12)
		p[0], p[1], p[2], p[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		b.StartTable()
		b.Ref(3, blob)
		info := b.EndTable()
		b.StartTable()
		b.Ref(5, info)
		if _, err := ztoc.Decode(b.Finish(b.EndTable())); !errors.Is(err, ztoc.ErrInvalid) {
			t.Errorf("%d checkpoints in 12 bytes: got %v, want ErrInvalid", n, err)
		}
	}
}
