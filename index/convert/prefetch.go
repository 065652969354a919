// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// PrefetchLayer is a layer whose spans can be prefetched. The zero value is a
// layer without a ztoc.
type PrefetchLayer struct {
	Entries []toc.Entry
	Spans   span.Layer
}

// Prefetch finds the spans that hold the given files. The layers are an image's
// in manifest order, bottom first. A file is taken from the topmost layer that
// has it with content; leading and trailing slashes and dots in paths and in
// tar names do not matter. The result has one element for each layer, nil where
// there is nothing to prefetch; missing are the paths found nowhere.
func Prefetch(layers []PrefetchLayer, paths []string) (found []*index.Prefetch, missing []string) {
	wanted := map[string]bool{}
	for _, p := range paths {
		wanted[cleanName(p)] = true
	}
	found = make([]*index.Prefetch, len(layers))
	for i := len(layers) - 1; i >= 0; i-- {
		if layers[i].Spans != nil && layers[i].Spans.Len() > 0 {
			found[i] = prefetchLayer(layers[i], wanted)
		}
	}
	for _, p := range paths {
		if wanted[cleanName(p)] {
			missing = append(missing, p)
		}
	}
	return found, missing
}

// prefetchLayer takes the files that the layer has out of wanted.
func prefetchLayer(l PrefetchLayer, wanted map[string]bool) *index.Prefetch {
	files := map[string]*toc.Entry{}
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Type != toc.Regular || e.Size <= 0 {
			continue
		}
		if name := cleanName(e.Name); wanted[name] {
			files[name] = e // the last one counts
		}
	}
	if len(files) == 0 {
		return nil
	}
	var ranges []index.PrefetchRange
	for name, e := range files {
		delete(wanted, name)
		// One span more than needed for a file that ends where a span
		// does: everyone writes these artifacts so.
		end := l.Spans.At(e.Offset + span.UncompressedOffset(e.Size))
		ranges = append(ranges, index.PrefetchRange{Start: int32(l.Spans.At(e.Offset)), End: int32(end)})
	}
	return &index.Prefetch{Ranges: merge(ranges)}
}

// merge sorts ranges and joins those that overlap or touch.
func merge(ranges []index.PrefetchRange) []index.PrefetchRange {
	slices.SortFunc(ranges, func(a, b index.PrefetchRange) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
	out := ranges[:1]
	for _, r := range ranges[1:] {
		last := &out[len(out)-1]
		if r.Start <= last.End+1 {
			last.End = max(last.End, r.End)
			continue
		}
		out = append(out, r)
	}
	return out
}

func cleanName(name string) string {
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}
