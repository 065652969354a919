// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/place"
	"github.com/spryd/spry/cmd/spry/internal/progress"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/ztoc"
)

// indexed is what an indexed layer adds to an index.
type indexed struct {
	entry   index.LayerIndex
	spans   int
	reused  bool
	compact compactForm
	// prefetch is by wanted path.
	prefetch map[string]index.PrefetchRange
}

// skipped is the reason why a layer has no index.
type skipped struct{ reason string }

// Error implements error.
func (s *skipped) Error() string { return s.reason }

// layer indexes one layer and puts what comes of it to the destination. It
// returns a *skipped for a layer that cannot be indexed.
func (w *worker) layer(ctx context.Context, desc ocispec.Descriptor, c ztoc.Compression, t *progress.Task) (*indexed, error) {
	z, reused, err := w.reuse(ctx, desc, t)
	if err != nil {
		return nil, err
	}
	res := &build.Result{Ztoc: z, Digest: desc.Digest}
	var form compactForm
	if z == nil {
		if res, err = w.build(ctx, desc, c, t); err != nil {
			return nil, err
		}
		if form, err = w.compact(ctx, res); err != nil {
			return nil, err
		}
		res.Spans = nil // make room: the ztoc is encoded next
	}
	out, err := w.putZtoc(ctx, desc, res)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	out.reused, out.compact = reused, form
	return out, nil
}

// putZtoc puts the ztoc of a layer to the destination.
func (w *worker) putZtoc(ctx context.Context, desc ocispec.Descriptor, res *build.Result) (*indexed, error) {
	z := res.Ztoc
	b, err := res.EncodeZtoc()
	if err != nil {
		return nil, fmt.Errorf("encode ztoc: %w", err)
	}
	out := &indexed{
		entry: index.LayerIndex{
			Descriptor:     ocispec.Descriptor{MediaType: index.MediaTypeZtoc, Digest: digest.FromBytes(b), Size: int64(len(b))},
			Layer:          desc.Digest,
			LayerMediaType: desc.MediaType,
			SpanSize:       z.SpanSize,
			DisableXattrs:  w.options.MarkXattrs && !hasXattrs(z),
		},
		spans: int(z.MaxSpanID) + 1,
	}
	if out.prefetch, err = wanted(z, w.options.PrefetchFiles); err != nil {
		return nil, err
	}
	if err := w.dst.Put(ctx, out.entry.Descriptor, place.Bytes(b)); err != nil {
		return nil, fmt.Errorf("store ztoc: %w", err)
	}
	return out, nil
}

// verified is the digest of a blob that is read from where it was just put, and
// compared with it.
func (w *worker) verified(desc ocispec.Descriptor) digest.Digest {
	if w.copier != nil && w.from == w.dst {
		return desc.Digest
	}
	return ""
}

// build indexes a layer, and proves the index, in one pass.
func (w *worker) build(ctx context.Context, desc ocispec.Descriptor, c ztoc.Compression, t *progress.Task) (*build.Result, error) {
	t.State("indexing")
	var res *build.Result
	err := w.read(ctx, desc, t, func(r io.Reader) error {
		var err error
		res, err = build.Layer(ctx, r, build.Options{
			SpanSize: w.options.SpanSize, FineSpanSize: w.options.CompactSpanSize,
			Compression: c, Digest: w.verified(desc), OmitDiffID: true, Repair: true,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if res.Digest != desc.Digest {
		return nil, fmt.Errorf("layer %s: content is %s", desc.Digest, res.Digest)
	}
	if err := res.Ztoc.CheckLazy(); err != nil {
		return nil, &skipped{plainReason(err)}
	}
	if _, err := res.Ztoc.Layer(); err != nil {
		return nil, &skipped{plainReason(err)}
	}
	return res, nil
}

// open streams the bytes of a layer from where they are read. Those of one that
// is being copied are verified when that has ended.
func (w *worker) open(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	rc, err := w.copier.follow(ctx, desc.Digest)
	if rc != nil || err != nil {
		return rc, err
	}
	return w.from.Open(ctx, desc)
}

// read runs use over the bytes of a layer. That the bytes cannot be read is
// an error; that use does not like them is a reason to skip the layer.
func (w *worker) read(ctx context.Context, desc ocispec.Descriptor, t *progress.Task, use func(io.Reader) error) error {
	rc, err := w.open(ctx, desc)
	if errdefs.IsNotFound(err) && w.from.Name().Kind == place.Containerd {
		return fmt.Errorf("layer %s: containerd keeps no layers of images that it pulled lazily or for other platforms, name the image as docker://%s: %w", desc.Digest, w.from.Name(), errdefs.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	defer func() { _ = rc.Close() }()
	r := &faultReader{r: t.Reader(rc)}
	err = use(r)
	copyErr := w.copier.wait(ctx, desc.Digest)
	var skip *build.SkipError
	switch {
	case copyErr != nil:
		return copyErr
	case err == nil:
		return nil
	case r.err != nil:
		return fmt.Errorf("read layer %s: %w", desc.Digest, r.err)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &skip):
		return &skipped{plainReason(skip)}
	default:
		return &skipped{err.Error()}
	}
}

// plainReason is the text of an error without what every reason has.
func plainReason(err error) string {
	s := strings.TrimPrefix(err.Error(), build.ErrSkip.Error()+": ")
	return strings.TrimSuffix(s, ": "+ztoc.ErrUnsupported.Error())
}

// faultReader remembers that reading failed.
type faultReader struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (f *faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// xattrPrefix starts the PAX records that are extended attributes.
const xattrPrefix = "SCHILY.xattr."

// opaqueMarker makes the directory it is in opaque, which is an attribute too.
const opaqueMarker = ".wh..wh..opq"

// hasXattrs says whether a mount of the layer has to answer for attributes.
func hasXattrs(z *ztoc.Ztoc) bool {
	for i := range z.Entries {
		if strings.HasSuffix(z.Entries[i].Name, opaqueMarker) {
			return true
		}
		for _, r := range z.Entries[i].PAX {
			if strings.HasPrefix(r.Key, xattrPrefix) {
				return true
			}
		}
	}
	return false
}
