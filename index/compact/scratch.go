// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package compact

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/spryd/spry/index/span"
)

// scratch is what decoding a span needs besides its output. It remembers the
// group and window it read last, as neighbouring spans mostly are decoded one
// after the other.
type scratch struct {
	window      window
	stored, raw []byte
	// group is group number number of layer, in stored or raw; layer is nil
	// if there is none.
	layer  *Layer
	number int
	group  groupReader
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// read reads the window of span i.
func (sc *scratch) read(l *Layer, i int) error {
	g, slot := l.window(i)
	same := sc.layer == l && sc.number == g
	sc.layer = nil // until it is read
	if !same {
		if err := sc.readGroup(l, g); err != nil {
			return fmt.Errorf("group %d: %w", g, err)
		}
	}
	if err := sc.group.read(&sc.window, slot); err != nil {
		return err
	}
	sc.layer, sc.number = l, g
	return nil
}

// readGroup reads and decompresses group g, once more after a repair.
func (sc *scratch) readGroup(l *Layer, g int) error {
	err := sc.readStored(l, g)
	if errors.Is(err, span.ErrDamaged) && l.repair != nil {
		if failed := l.repair(); failed != nil {
			return fmt.Errorf("%w: %w", err, failed)
		}
		err = sc.readStored(l, g)
	}
	return err
}

// readStored does not believe the tables: they were right when they were
// mapped, but are read from the disk again and again.
func (sc *scratch) readStored(l *Layer, g int) error {
	if g >= len(l.groups)/groupRecord {
		return fmt.Errorf("%w: %d groups", span.ErrDamaged, len(l.groups)/groupRecord)
	}
	le, rec := binary.LittleEndian, l.groups[g*groupRecord:]
	off, stored, raw := int64(le.Uint64(rec)), le.Uint32(rec[8:]), le.Uint32(rec[12:])
	if stored > maxGroup || raw > maxGroup {
		return fmt.Errorf("%w: %d bytes, %d decompressed", span.ErrDamaged, stored, raw)
	}
	sc.stored = sized(sc.stored, int(stored))
	if _, err := l.file.ReadAt(sc.stored, l.windows+off); err != nil {
		return fmt.Errorf("%w: %w", span.ErrDamaged, err)
	}
	if got, want := checksum(sc.stored), le.Uint32(rec[16:]); got != want {
		return fmt.Errorf("%w: checksum %08x, not %08x: %w", span.ErrDamaged, got, want, ErrInvalid)
	}
	if stored == raw {
		return sc.group.open(sc.stored)
	}
	sc.raw = sized(sc.raw, int(raw))
	if err := decompress(sc.raw, sc.stored); err != nil {
		return err
	}
	return sc.group.open(sc.raw)
}

// sized is b with length n.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
