// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// copyPiece is how many bytes the kernel copies between looks at the context.
const copyPiece = 4 << 20

// copyVerified copies a blob and compares its size and digest with desc; a
// size of 0 is not known.
func copyVerified(w io.Writer, r io.Reader, desc ocispec.Descriptor) error {
	if desc.Size > 0 {
		r = io.LimitReader(r, desc.Size+1)
	}
	h := desc.Digest.Algorithm().Digester()
	n, err := io.Copy(io.MultiWriter(w, h.Hash()), r)
	if err != nil {
		return err
	}
	if desc.Size > 0 && n != desc.Size {
		return fmt.Errorf("got %d bytes or more, want %d: %w", n, desc.Size, errdefs.ErrDataLoss)
	}
	if got := h.Digest(); got != desc.Digest {
		return fmt.Errorf("got %s: %w", got, errdefs.ErrDataLoss)
	}
	return nil
}

// copyFile is copyVerified between files: the kernel copies, and what arrived is
// read to verify it.
func copyFile(ctx context.Context, dst *os.File, src fileContent, desc ocispec.Descriptor) error {
	for done, total := false, int64(0); !done; {
		n, err := io.CopyN(dst, src.File(), copyPiece)
		done = errors.Is(err, io.EOF)
		total += n
		src.Copied(dst.Name(), total)
		if err == nil || done {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", n, err)
		}
	}
	if _, err := dst.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return copyVerified(io.Discard, contextReader{ctx, dst}, desc)
}

// replaceFile writes a small file whole or not at all.
func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".put-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

// contextReader ends a copy between two reads when ctx ends.
type contextReader struct {
	ctx context.Context // of one copy, never kept longer
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
