// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layout is an image in an OCI layout. The layout is made when the first
// thing is put into it.
type layout struct {
	name  Name
	store store
	// whole is set by Resolve when index.json itself is the image.
	whole atomic.Pointer[wholeIndex]
}

var (
	_ Image   = (*layout)(nil)
	_ Indexed = (*layout)(nil)
)

func openLayout(name Name) (*layout, error) {
	fi, err := os.Stat(name.Path)
	if err == nil && !fi.IsDir() {
		return nil, fmt.Errorf("%s is not a directory, want oci-archive:%s for a tar", name.Path, name.Path)
	}
	return &layout{name: name, store: dirStore(name.Path)}, nil
}

func openArchive(name Name) (*layout, error) {
	s, err := openTarStore(name.Path)
	if err != nil {
		return nil, err
	}
	return &layout{name: name, store: s}, nil
}

// Name implements Image.
func (l *layout) Name() Name { return l.name }

// Local implements Image.
func (l *layout) Local() bool { return true }

// Close implements Image.
func (l *layout) Close() error { return l.store.close() }

// Resolve implements Source.
func (l *layout) Resolve(context.Context) (ocispec.Descriptor, error) {
	ix, err := l.readIndex()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc, err := pick(ix, l.name.Tag)
	if errors.Is(err, errWhole) {
		var w *wholeIndex
		if w, err = newWholeIndex(ix, l.store.has); err == nil {
			l.whole.Store(w)
			desc = w.desc
		}
	}
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("%s: %w", l.name, err)
	}
	return desc, nil
}

// Open implements Source.
func (l *layout) Open(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if rc, ok := l.whole.Load().open(desc); ok {
		return rc, nil
	}
	return l.store.open(desc.Digest)
}

// ReadRange implements Source.
func (l *layout) ReadRange(_ context.Context, desc ocispec.Descriptor, off, n int64) (io.ReadCloser, error) {
	b, err := l.store.open(desc.Digest)
	if err != nil {
		return nil, err
	}
	return section{io.NewSectionReader(b, off, n), b}, nil
}

// Put implements Sink.
func (l *layout) Put(ctx context.Context, desc ocispec.Descriptor, open Content) error {
	if ok, err := l.store.has(desc); ok || err != nil {
		return err
	}
	return l.store.put(ctx, desc, open)
}

// Tag implements Sink.
func (l *layout) Tag(_ context.Context, desc ocispec.Descriptor, _ []byte) error {
	ix, err := l.readIndex()
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return l.writeIndex(setImage(ix, l.name.Tag, desc))
}

// Attach implements Sink. The attachment becomes an entry of index.json with
// its artifact type, which is how other tools find referrers in a layout.
func (l *layout) Attach(_ context.Context, a Attachment) error {
	ix, err := l.readIndex()
	if err != nil {
		return err
	}
	return l.writeIndex(addArtifact(ix, a.Desc))
}

func (l *layout) readIndex() (ocispec.Index, error) {
	b, err := l.store.readIndex()
	if errdefs.IsNotFound(err) {
		return ocispec.Index{}, fmt.Errorf("no OCI layout at %s: %w", l.name.Path, errdefs.ErrNotFound)
	}
	if err != nil {
		return ocispec.Index{}, err
	}
	return parseIndexFile(b)
}

func (l *layout) writeIndex(ix ocispec.Index) error {
	b, err := json.Marshal(ix)
	if err != nil {
		return fmt.Errorf("encode index.json: %w", err)
	}
	return l.store.writeIndex(b)
}

// Indexes implements Indexed.
func (l *layout) Indexes(ctx context.Context) ([]Found, error) {
	ix, err := l.readIndex()
	if err != nil {
		return nil, err
	}
	return layoutIndexes(ctx, l, ix), nil
}

// RemoveIndex implements Indexed.
func (l *layout) RemoveIndex(ctx context.Context, dgst digest.Digest) error {
	ix, err := l.readIndex()
	if err != nil {
		return err
	}
	rest, unused, err := withoutIndex(ctx, l, ix, dgst)
	if err != nil {
		return err
	}
	if err := l.writeIndex(rest); err != nil {
		return err
	}
	for _, d := range unused {
		if err := l.store.remove(d); err != nil {
			return err
		}
	}
	return nil
}

// section is a part of a blob that closes it.
type section struct {
	io.Reader
	io.Closer
}
