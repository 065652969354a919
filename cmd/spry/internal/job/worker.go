// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/ztoc"
)

// worker indexes the layers of an image.
type worker struct {
	// from is where layers are read, dst where artifacts go.
	from, dst place.Image
	copier    *copier
	options   Options
	known     []place.Found // indexes that may be used again

	// mu guards results.
	mu      sync.Mutex
	results map[layerKey]result
}

// layerKey tells layers apart; the media type decides how one is indexed.
type layerKey struct {
	digest    digest.Digest
	mediaType string
}

// result is an indexed layer, or why it has no index.
type result struct {
	indexed *indexed
	skipped string
}

// hopeless says whether no layer qualifies, which needs no look at any.
func hopeless(manifests []*manifest, o Options) (*NothingError, bool) {
	nothing := &NothingError{}
	for _, m := range manifests {
		rep := PlatformReport{Platform: m.name(), Manifest: m.desc.Digest, Layers: []LayerReport{}}
		for _, desc := range m.content.Layers {
			_, skip := candidate(desc, o.MinLayerSize)
			if skip == "" {
				return nil, false
			}
			rep.Layers = append(rep.Layers, LayerReport{Digest: desc.Digest, Size: desc.Size, Skipped: skip})
		}
		nothing.Platforms = append(nothing.Platforms, rep)
	}
	return nothing, true
}

// todo is a layer to index.
type todo struct {
	desc        ocispec.Descriptor
	compression ztoc.Compression
}

// layers indexes the layers of all manifests, each once. The largest come
// first, so that in the end no processor waits long for another one.
func (w *worker) layers(ctx context.Context, manifests []*manifest) error {
	list := w.qualified(manifests)
	slices.SortStableFunc(list, func(a, b todo) int { return cmp.Compare(b.desc.Size, a.desc.Size) })
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, l := range list {
		g.Go(func() error { return w.run(ctx, l.desc, l.compression) })
	}
	return g.Wait()
}

// qualified are the layers of all manifests that are to be indexed, each once.
// It records the others as skipped.
func (w *worker) qualified(manifests []*manifest) (list []todo) {
	w.results = map[layerKey]result{}
	for _, m := range manifests {
		for _, desc := range m.content.Layers {
			key := keyOf(desc)
			if _, ok := w.result(key); ok {
				continue
			}
			w.record(key, result{})
			c, skip := candidate(desc, w.options.MinLayerSize)
			if skip != "" {
				w.options.Display.Printf("layer %s: skipped, %s", short(desc.Digest), skip)
				w.record(key, result{skipped: skip})
				continue
			}
			list = append(list, todo{desc, c})
		}
	}
	return list
}

func keyOf(desc ocispec.Descriptor) layerKey { return layerKey{desc.Digest, desc.MediaType} }

// run indexes one layer and records what became of it.
func (w *worker) run(ctx context.Context, desc ocispec.Descriptor, c ztoc.Compression) error {
	t := w.options.Display.Task("layer "+short(desc.Digest), desc.Size)
	ix, err := w.layer(ctx, desc, c, t)
	var skip *skipped
	switch {
	case errors.As(err, &skip):
		t.Done("skipped, " + skip.reason)
		w.record(keyOf(desc), result{skipped: skip.reason})
		return nil
	case err != nil:
		t.Done("")
		return err
	}
	what := "indexed"
	if ix.reused {
		what = "index reused"
	}
	done := fmt.Sprintf("%s, %s in %d spans, ztoc %s", what, progress.Size(desc.Size), ix.spans, progress.Size(ix.entry.Descriptor.Size))
	if c := ix.compact; c.made() {
		done += fmt.Sprintf(", compact %s in %d spans", progress.Size(c.ref.Descriptor.Size), c.spans)
	}
	t.Done(done)
	w.record(keyOf(desc), result{indexed: ix})
	return nil
}

func (w *worker) result(key layerKey) (result, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.results[key]
	return r, ok
}

func (w *worker) record(key layerKey, r result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results[key] = r
}

// index puts together the index of a manifest; nil if no layer has one.
func (w *worker) index(m *manifest) (*index.Index, []artifact, PlatformReport, error) {
	ix := &index.Index{Version: 2, BuildTool: index.DefaultBuildTool}
	rep := PlatformReport{Platform: m.name(), Manifest: m.desc.Digest, Layers: []LayerReport{}}
	for _, desc := range m.content.Layers {
		r, _ := w.result(keyOf(desc))
		rep.Layers = append(rep.Layers, r.report(desc))
		if r.indexed != nil {
			ix.Layers = append(ix.Layers, r.indexed.entry)
			if r.indexed.compact.made() {
				ix.Compact = append(ix.Compact, r.indexed.compact.ref)
			}
		}
	}
	if len(ix.Layers) == 0 {
		return nil, nil, rep, nil
	}
	prefetch, err := w.prefetch(m)
	for _, p := range prefetch {
		ix.Prefetch = append(ix.Prefetch, p.ref)
	}
	return ix, prefetch, rep, err
}

func (r result) report(desc ocispec.Descriptor) LayerReport {
	out := LayerReport{Digest: desc.Digest, Size: desc.Size, Skipped: r.skipped}
	if r.indexed != nil {
		out.Ztoc, out.ZtocSize = r.indexed.entry.Descriptor.Digest, r.indexed.entry.Descriptor.Size
		out.Spans, out.Reused = r.indexed.spans, r.indexed.reused
		c := r.indexed.compact
		out.Compact, out.CompactSize = c.ref.Descriptor.Digest, c.ref.Descriptor.Size
		out.CompactSpans, out.NoCompact = c.spans, c.missing
	}
	return out
}

// artifact is a prefetch artifact.
type artifact struct {
	ref   index.PrefetchRef
	bytes []byte
}

// prefetch makes the artifacts of a manifest: each wanted file is taken from
// the topmost layer that has it.
func (w *worker) prefetch(m *manifest) ([]artifact, error) {
	ranges := map[digest.Digest][]index.PrefetchRange{}
	for _, f := range w.options.PrefetchFiles {
		for i := len(m.content.Layers) - 1; i >= 0; i-- {
			desc := m.content.Layers[i]
			r, _ := w.result(keyOf(desc))
			if r.indexed == nil {
				continue
			}
			if pr, ok := r.indexed.prefetch[f]; ok {
				ranges[desc.Digest] = append(ranges[desc.Digest], pr)
				break
			}
		}
	}
	var out []artifact
	for _, desc := range m.content.Layers {
		rs, ok := ranges[desc.Digest]
		if !ok {
			continue
		}
		delete(ranges, desc.Digest) // an image may have a layer twice
		b, err := (&index.Prefetch{Ranges: merge(rs)}).Encode()
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", desc.Digest, err)
		}
		d := ocispec.Descriptor{MediaType: index.MediaTypePrefetch, Digest: digest.FromBytes(b), Size: int64(len(b))}
		out = append(out, artifact{index.PrefetchRef{Descriptor: d, Layer: desc.Digest}, b})
	}
	return out, nil
}
