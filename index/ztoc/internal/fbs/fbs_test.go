// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fbs_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index/ztoc/internal/fbs"
)

// Slots of the table the tests write.
const (
	slotText = iota
	slotLong
	slotWord
	slotByte
	slotList
	slotInner
	slotBlob
)

// record is the content of that table.
type record struct {
	Text  string
	Long  int64
	Word  uint32
	Byte  int8
	List  []string
	Inner string
	Blob  []byte
}

// write writes r with a builder that starts with room for size bytes.
func write(r record, size int) []byte {
	b := fbs.NewBuilder(size)
	text := b.String(r.Text)
	var items []fbs.Offset
	for _, s := range r.List {
		items = append(items, b.String(s))
	}
	list := b.Offsets(items)
	blob, p := b.Bytes(len(r.Blob))
	copy(p, r.Blob)
	inner := b.String(r.Inner)
	b.StartTable()
	b.Ref(slotText, inner)
	table := b.EndTable()
	b.StartTable()
	b.Ref(slotText, text)
	b.Int64(slotLong, r.Long)
	b.Uint32(slotWord, r.Word)
	b.Int8(slotByte, r.Byte, 1)
	b.Ref(slotList, list)
	b.Ref(slotInner, table)
	b.Ref(slotBlob, blob)
	return b.Finish(b.EndTable())
}

// read reads what write wrote.
func read(b []byte) (record, error) {
	r := fbs.NewReader(b)
	t := r.Root()
	got := record{
		Text: string(t.Bytes(slotText)), Long: t.Int64(slotLong), Word: t.Uint32(slotWord),
		Byte: t.Int8(slotByte, 1), Inner: string(t.Table(slotInner).Bytes(slotText)), Blob: t.Bytes(slotBlob),
	}
	v := t.Vector(slotList)
	for i := range v.Len() {
		got.List = append(got.List, string(v.Bytes(i)))
		if r.Err() != nil {
			break
		}
	}
	return got, r.Err()
}

func TestRoundTrip(t *testing.T) {
	tests := map[string]record{
		"defaults": {Byte: 1, Blob: []byte{}},
		"all": {
			Text: "text", Long: -1 << 60, Word: 1<<32 - 1, Byte: -3, Inner: "deep",
			List: []string{"", "a", "bc", "def", strings.Repeat("x", 999)}, Blob: []byte{0, 1, 2, 0},
		},
		"nul": {Text: "a\x00b\xff", Byte: 0, Blob: make([]byte, 1001)},
	}
	for name, want := range tests {
		for _, size := range []int{0, 1, 64, 1 << 12} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				b := write(want, size)
				got, err := read(b)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("record (-want +got):\n%s", d)
				}
				if first := write(want, 0); string(first) != string(b) {
					t.Error("bytes depend on the room at the start")
				}
			})
		}
	}
}

// TestLayout compares with bytes worked out by hand from the format.
func TestLayout(t *testing.T) {
	b := fbs.NewBuilder(0)
	b.StartTable()
	b.Uint32(0, 2)
	b.Int64(1, 5)
	got := b.Finish(b.EndTable())
	want := strings.Join([]string{
		"0c000000",         // root: table at 12
		"0800",             // vtable of 8 bytes
		"1400",             // table of 20 bytes
		"1000",             // slot 0 at 16
		"0400",             // slot 1 at 4
		"08000000",         // table: vtable 8 bytes before
		"0500000000000000", // slot 1
		"00000000",         // alignment
		"02000000",         // slot 0
	}, "")
	if d := cmp.Diff(want, hex.EncodeToString(got)); d != "" {
		t.Errorf("layout (-want +got):\n%s", d)
	}
}

// TestVtableReuse writes tables with equal field offsets and unequal sizes.
func TestVtableReuse(t *testing.T) {
	size := func(tables int) int {
		b := fbs.NewBuilder(0)
		var last fbs.Offset
		for i := range tables {
			b.String(strings.Repeat("x", i)) // moves the alignment
			b.StartTable()
			b.Int64(0, 7)
			last = b.EndTable()
		}
		return len(b.Finish(last))
	}
	// A table with its vtable takes 12+6 bytes, one that shares it 12, and
	// the strings and alignment at most 16.
	if one, nine := size(1), size(9); nine-one > 8*(12+16) {
		t.Errorf("1 table: %d bytes, 9 tables: %d: vtable was not shared", one, nine)
	}
}

func TestHostile(t *testing.T) {
	good := write(record{Text: "text", List: []string{"a", "b"}, Inner: "c", Long: 1, Byte: 2}, 0)
	for n := range len(good) - 4 { // the last 4 are alignment
		if _, err := read(good[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were accepted", n, len(good))
		} else if !errors.Is(err, fbs.ErrBounds) {
			t.Errorf("got %v, want ErrBounds", err)
		}
	}
	if _, err := read(nil); err == nil {
		t.Error("nothing was accepted")
	}
}

func TestOutOfRange(t *testing.T) {
	r := fbs.NewReader(write(record{List: []string{"a"}}, 0))
	v := r.Root().Vector(slotList)
	for _, i := range []int{-1, 1, 1 << 30} {
		if b := v.Bytes(i); b != nil {
			t.Errorf("element %d: got %q, want none", i, b)
		}
		if s := v.Table(i).Bytes(0); s != nil {
			t.Errorf("element %d: got table with %q, want none", i, s)
		}
	}
	if got := r.Root().Int64(99); got != 0 {
		t.Errorf("slot 99: got %d, want 0", got)
	}
	if r.Err() != nil {
		t.Error(r.Err())
	}
}

// FuzzReader reads anything as a record: no panic, and errors are ErrBounds.
func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add(write(record{Text: "text", List: []string{"a", "b"}, Inner: "c", Blob: []byte("blob")}, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := read(b); err != nil && !errors.Is(err, fbs.ErrBounds) {
			t.Fatal(err)
		}
	})
}

// FuzzRoundTrip reads back what it writes.
func FuzzRoundTrip(f *testing.F) {
	f.Add("text", int64(1), uint32(2), int8(3), "a,b", []byte("blob"))
	f.Fuzz(func(t *testing.T, text string, long int64, word uint32, small int8, list string, blob []byte) {
		want := record{Text: text, Long: long, Word: word, Byte: small, List: strings.Split(list, ","), Inner: list, Blob: blob}
		got, err := read(write(want, len(text)))
		if err != nil {
			t.Fatal(err)
		}
		if want.Blob == nil {
			want.Blob = []byte{}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}
