// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"fmt"
	"strings"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// tarBlock is the size of a tar block; headers and data start at multiples.
const tarBlock = 512

// sparseKey starts the PAX records of sparse files, of which the table has the
// expanded size and the stream only the pieces.
const sparseKey = "GNU.sparse."

// CheckLazy returns nil if the files of the layer can be read by the table,
// or says, naming the entry, why not: the layer must be unpacked normally
// then. It wants each entry to have room for its header behind the data of the
// entry before, and to end within the archive.
//
// Links, directories, devices and pipes have no data, whatever size their
// header says: old tars have such headers, and unpacking ignores the size too.
//
// Errors match [ErrUnsupported] (sparse files) or [ErrInvalid].
func (z *Ztoc) CheckLazy() error {
	if err := z.checkSizes(); err != nil {
		return err
	}
	var end span.UncompressedOffset // of the entry before
	for i := range z.Entries {
		e := &z.Entries[i]
		if key, ok := sparseRecord(e); ok {
			return fmt.Errorf("entry %q: sparse file (%s): %w", e.Name, key, ErrUnsupported)
		}
		if e.Offset%tarBlock != 0 || e.Size < 0 {
			return fmt.Errorf("entry %q: data of %d bytes at %d: %w", e.Name, e.Size, e.Offset, ErrInvalid)
		}
		size := dataSize(e)
		limit := span.UncompressedOffset(z.UncompressedSize)
		if e.Offset > limit || size > limit-e.Offset {
			return fmt.Errorf("entry %q: data of %d bytes at %d, archive ends at %d: %w",
				e.Name, size, e.Offset, limit, ErrInvalid)
		}
		if e.Offset < end+tarBlock {
			return fmt.Errorf("entry %q: data at %d, entry before ends at %d: %w", e.Name, e.Offset, end, ErrInvalid)
		}
		end = e.Offset + (size+tarBlock-1)/tarBlock*tarBlock
	}
	return nil
}

// dataSize is the number of data bytes of e in the stream.
func dataSize(e *toc.Entry) span.UncompressedOffset {
	if e.Type != toc.Regular {
		return 0
	}
	return span.UncompressedOffset(e.Size)
}

// sparseRecord is a PAX key that tells that e is sparse.
func sparseRecord(e *toc.Entry) (key string, ok bool) {
	for _, r := range e.PAX {
		if strings.HasPrefix(r.Key, sparseKey) {
			return r.Key, true
		}
	}
	return "", false
}
