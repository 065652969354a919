// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/ztoc"
)

// checkPrefix reads the blob bytes before span 0, which no span digest covers,
// if the checkpoints take for granted what they are: those of version 1 of the
// checkpoint blob start behind a gzip header of 10 bytes. If there is another
// one the layer cannot be decoded: [index.ErrNotLazy].
func checkPrefix(ctx context.Context, z *ztoc.Ztoc, blob read.BlobReader) error {
	if z.Compression != ztoc.Gzip || z.BlobVersion != 1 {
		return nil
	}
	prefix := make([]byte, z.Checkpoints[0].In)
	body, err := blob.ReadRange(ctx, 0, int64(len(prefix)))
	if err == nil {
		_, err = io.ReadFull(body, prefix)
		err = errors.Join(err, body.Close())
	}
	if err != nil {
		return fmt.Errorf("read gzip header: %w", err)
	}
	if err := z.CheckPrefix(prefix); err != nil {
		return fmt.Errorf("%w: %w", index.ErrNotLazy, err)
	}
	return nil
}
