// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layoutFile is the content of every layout's oci-layout file.
const layoutFile = `{"imageLayoutVersion":"` + ocispec.ImageLayoutVersion + `"}`

// dirStore is the path of a layout in a directory.
type dirStore string

var _ store = dirStore("")

// path is where a blob lies. The digest is validated first: it comes from
// manifests and becomes part of a path.
func (d dirStore) path(dgst digest.Digest) (string, error) {
	if err := dgst.Validate(); err != nil {
		return "", fmt.Errorf("digest %q: %w", dgst, err)
	}
	return filepath.Join(string(d), ocispec.ImageBlobsDir, dgst.Algorithm().String(), dgst.Encoded()), nil
}

func (d dirStore) open(dgst digest.Digest) (blob, error) {
	p, err := d.path(dgst)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("content %s: %w", dgst, errdefs.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d dirStore) has(desc ocispec.Descriptor) (bool, error) {
	p, err := d.path(desc.Digest)
	if err != nil {
		return false, err
	}
	fi, err := os.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return fi.Mode().IsRegular() && (desc.Size == 0 || fi.Size() == desc.Size), nil
}

// put writes to a temporary file first, so that a blob is there whole or not
// at all, whoever else writes the same one.
func (d dirStore) put(ctx context.Context, desc ocispec.Descriptor, open Content) error {
	p, err := d.path(desc.Digest)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	rc, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = rc.Close() }()
	f, err := os.CreateTemp(filepath.Dir(p), ".put-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if src, ok := rc.(fileContent); ok && src.File() != nil {
		err = copyFile(ctx, f, src, desc)
	} else {
		err = copyVerified(f, contextReader{ctx, rc}, desc)
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", desc.Digest, err)
	}
	return os.Rename(f.Name(), p)
}

func (d dirStore) remove(dgst digest.Digest) error {
	p, err := d.path(dgst)
	if err != nil {
		return err
	}
	if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d dirStore) readIndex() ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(string(d), ocispec.ImageIndexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errdefs.ErrNotFound
	}
	return b, err
}

func (d dirStore) writeIndex(b []byte) error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(string(d), ocispec.ImageLayoutFile), []byte(layoutFile)); err != nil {
		return err
	}
	return replaceFile(filepath.Join(string(d), ocispec.ImageIndexFile), b)
}

func (d dirStore) close() error { return nil }
