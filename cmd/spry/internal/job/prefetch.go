// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"path"
	"slices"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc"
)

// wanted finds where in a layer the wanted files are. Later entries of a name
// replace earlier ones; a hard link leads to the entry with the content.
func wanted(z *ztoc.Ztoc, files []string) (map[string]index.PrefetchRange, error) {
	if len(files) == 0 {
		return nil, nil
	}
	layer, err := z.Layer()
	if err != nil {
		return nil, err
	}
	found := map[string]*toc.Entry{}
	for i := range z.Entries {
		e := &z.Entries[i]
		name := cleanName(e.Name)
		if e.Type == toc.Hardlink {
			found[name] = found[cleanName(e.Linkname)]
			continue
		}
		found[name] = e
	}
	out := map[string]index.PrefetchRange{}
	for _, f := range files {
		e := found[cleanName(f)]
		if e == nil || e.Type != toc.Regular || e.Size == 0 {
			continue
		}
		// Other implementations take the span behind a file that ends where a
		// span does, and the artifact is to be the same.
		out[f] = index.PrefetchRange{
			Start: int32(layer.At(e.Offset)),
			End:   int32(layer.At(e.Offset + span.UncompressedOffset(e.Size))),
		}
	}
	return out, nil
}

// cleanName makes names of tars and of people comparable: no leading "/" or
// "./", no trailing "/".
func cleanName(name string) string { return path.Clean("/" + name)[1:] }

// merge sorts ranges and joins those that touch.
func merge(ranges []index.PrefetchRange) []index.PrefetchRange {
	slices.SortFunc(ranges, func(a, b index.PrefetchRange) int { return int(a.Start) - int(b.Start) })
	var out []index.PrefetchRange
	for _, r := range ranges {
		if n := len(out); n > 0 && r.Start <= out[n-1].End+1 {
			out[n-1].End = max(out[n-1].End, r.End)
			continue
		}
		out = append(out, r)
	}
	return out
}
