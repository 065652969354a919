// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/convert"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// evenSpans is a layer of spans of 100 bytes.
type evenSpans struct {
	span.Layer
	count int
}

func (e evenSpans) Len() int { return e.count }

func (e evenSpans) At(off span.UncompressedOffset) span.ID {
	return span.ID(min(int(off/100), e.count-1))
}

func entry(name string, off, size int64) toc.Entry {
	return toc.Entry{Name: name, Type: toc.Regular, Offset: span.UncompressedOffset(off), Size: size}
}

func TestPrefetch(t *testing.T) {
	bottom := convert.PrefetchLayer{Spans: evenSpans{count: 20}, Entries: []toc.Entry{
		entry("etc/a", 0, 10), entry("./etc/b", 150, 10), entry("/c", 500, 250), entry("both", 900, 1),
		entry("end", 1990, 10), entry("twice", 0, 10), entry("twice", 1500, 20), entry("empty", 300, 0),
	}}
	top := convert.PrefetchLayer{Spans: evenSpans{count: 5}, Entries: []toc.Entry{
		entry("both", 10, 90),
		{Name: "etc/a", Type: toc.Symlink, Linkname: "b"},
		{Name: "dir/", Type: toc.Directory},
	}}
	layers := []convert.PrefetchLayer{bottom, {}, top, {Spans: evenSpans{}, Entries: bottom.Entries}}
	ranges := func(pairs ...int32) *index.Prefetch {
		p := &index.Prefetch{}
		for i := 0; i < len(pairs); i += 2 {
			p.Ranges = append(p.Ranges, index.PrefetchRange{Start: pairs[i], End: pairs[i+1]})
		}
		return p
	}
	cases := map[string]struct {
		paths   []string
		bottom  *index.Prefetch
		top     *index.Prefetch
		missing []string
	}{
		"nothing":            {nil, nil, nil, nil},
		"one":                {[]string{"etc/a"}, ranges(0, 0), nil, nil},
		"dots and slashes":   {[]string{"/etc/b", "./c/", "etc/../end"}, ranges(1, 1, 5, 7, 19, 19), nil, nil},
		"joined":             {[]string{"etc/a", "etc/b"}, ranges(0, 1), nil, nil},
		"topmost":            {[]string{"both"}, nil, ranges(0, 1), nil},
		"last of a layer":    {[]string{"twice"}, ranges(15, 15), nil, nil},
		"missing":            {[]string{"/no", "dir", "empty", "etc/a"}, ranges(0, 0), nil, []string{"/no", "dir", "empty"}},
		"one file two names": {[]string{"c", "/c"}, ranges(5, 7), nil, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found, missing := convert.Prefetch(layers, c.paths)
			if d := cmp.Diff([]*index.Prefetch{c.bottom, nil, c.top, nil}, found); d != "" {
				t.Errorf("ranges (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.missing, missing); d != "" {
				t.Errorf("missing (-want +got):\n%s", d)
			}
		})
	}
}

func TestHasXattrs(t *testing.T) {
	cases := map[string]struct {
		entry toc.Entry
		want  bool
	}{
		"plain":        {entry("a", 0, 1), false},
		"whiteout":     {entry(".wh.a", 0, 0), false},
		"opaque":       {entry("d/.wh..wh..opq", 0, 0), true},
		"xattr":        {toc.Entry{Name: "a", PAX: []toc.Record{{Key: "mtime"}, {Key: "SCHILY.xattr.user.a"}}}, true},
		"other record": {toc.Entry{Name: "a", PAX: []toc.Record{{Key: "mtime"}, {Key: "LIBARCHIVE.xattr.user.a"}}}, false},
	}
	for name, c := range cases {
		if got := convert.HasXattrs([]toc.Entry{entry("first", 0, 0), c.entry}); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
