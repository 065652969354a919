// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package oracle

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index/span"
)

// even is n spans of 100 tar bytes; span i has i+1 compressed bytes.
func even(n int) spans {
	s := make(spans, n)
	for i := range s {
		out := span.UncompressedOffset(100 * i)
		s[i] = span.Span{ID: span.ID(i), End: span.CompressedOffset(i + 1), OutStart: out, OutEnd: out + 100}
	}
	return s
}

func TestAt(t *testing.T) {
	s := even(3)
	s[1].OutEnd, s[2].OutStart = s[1].OutStart, s[1].OutStart // an empty one
	for off, want := range map[span.UncompressedOffset]span.ID{0: 0, 99: 0, 100: 2, 299: 2, 300: 2, 1000: 2} {
		if got := s.at(off); got != want {
			t.Errorf("byte %d is in span %d, want %d", off, got, want)
		}
	}
}

func TestSet(t *testing.T) {
	l := even(100)
	for _, c := range []struct {
		name   string
		file   extent
		ranges []Range
		want   int64
	}{
		{"nothing resident", extent{0, 1000}, nil, 0},
		{"one byte", extent{0, 1}, []Range{{0, 4096}}, 1},
		{"the page goes on after the file", extent{50, 50}, []Range{{0, 4096}}, 1},
		{"across a border", extent{50, 51}, []Range{{0, 4096}}, 1 + 2},
		{"each span once", extent{0, 300}, []Range{{0, 120}, {150, 210}}, 1 + 2 + 3},
		{"offset in the file", extent{1000, 9000}, []Range{{4096, 4097}}, 51},
		{"resident behind the end", extent{0, 10}, []Range{{4096, 8192}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := set{}
			s.add(l, c.file, c.ranges)
			if got := s.bytes(l); got != c.want {
				t.Errorf("got %d bytes, want %d", got, c.want)
			}
		})
	}
}

func TestSetSharesSpans(t *testing.T) {
	l, s := even(10), set{}
	s.add(l, extent{0, 50}, []Range{{0, 4096}})
	s.add(l, extent{60, 10}, []Range{{0, 4096}})
	if got := s.bytes(l); got != 1 {
		t.Errorf("two files in one span count %d bytes, want 1", got)
	}
}

func TestBisect(t *testing.T) {
	for name, pages := range map[string]string{
		"empty": "", "none": ".....", "all": "xxxxxxx", "first": "x....", "last": "....x", "one of one": "x",
		"middle": "..xxxx..", "holes": "x.x..xx.xxx.", "borders": "xx.xxxx.x",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := bisect(0, int64(len(pages)), func(first, n int64) (int64, error) {
				var c int64
				for _, p := range pages[first : first+n] {
					if p == 'x' {
						c++
					}
				}
				return c, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(ranges(pages), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// ranges does the obvious thing.
func ranges(pages string) []Range {
	var out []Range
	for i, p := range pages {
		start := int64(i) * pageSize
		switch {
		case p != 'x':
		case len(out) > 0 && out[len(out)-1].End == start:
			out[len(out)-1].End += pageSize
		default:
			out = append(out, Range{start, start + pageSize})
		}
	}
	return out
}

func TestResident(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	content := make([]byte, 10*pageSize+5)
	_, _ = rand.Read(content)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Resident(file) // just written: all of it is in the cache
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Range{{0, 11 * pageSize}}, got); diff != "" {
		t.Error(diff)
	}
}
