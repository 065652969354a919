// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
	"github.com/spryd/spry/index/ztoc/internal/fbs"
)

// entry decodes t into e.
func (d *decoder) entry(e *toc.Entry, t fbs.Table) error {
	kind := t.Bytes(slotType)
	*e = toc.Entry{
		Name:     d.text(t.Bytes(slotName)),
		Type:     entryType(kind),
		Offset:   span.UncompressedOffset(t.Int64(slotOffset)),
		Size:     t.Int64(slotSize),
		Linkname: d.text(t.Bytes(slotLinkname)),
		Mode:     t.Int64(slotMode),
		UID:      t.Uint32(slotUID),
		GID:      t.Uint32(slotGID),
		Uname:    d.name(t.Bytes(slotUname)),
		Gname:    d.name(t.Bytes(slotGname)),
		ModTime:  d.mtime.parse(t.Bytes(slotModTime)),
		Devmajor: t.Int64(slotDevmajor),
		Devminor: t.Int64(slotDevminor),
	}
	if e.Type == 0 && d.r.Err() == nil {
		return fmt.Errorf("type %.20q: %w", kind, ErrInvalid)
	}
	return d.pax(e, t.Vector(slotXattrs))
}

// pax decodes the PAX records of e.
func (d *decoder) pax(e *toc.Entry, v fbs.Vector) error {
	if d.records += v.Len(); d.records > d.size/minRecordBytes {
		return fmt.Errorf("%d PAX records in %d bytes: %w", d.records, d.size, ErrInvalid)
	}
	if v.Len() == 0 {
		return nil
	}
	e.PAX = make([]toc.Record, v.Len())
	for i := range e.PAX {
		t := v.Table(i)
		e.PAX[i] = toc.Record{Key: d.name(t.Bytes(slotKey)), Value: d.text(t.Bytes(slotValue))}
	}
	byKey := func(a, b toc.Record) int { return cmp.Compare(a.Key, b.Key) }
	if !slices.IsSortedFunc(e.PAX, byKey) {
		slices.SortStableFunc(e.PAX, byKey)
	}
	return nil
}

// lastTime parses times. Neighbours in a layer tend to have the same.
type lastTime struct {
	text  []byte
	value time.Time
}

// parse is the time in text, zero if it is not RFC 3339. The result keeps the
// zone offset of the text.
func (l *lastTime) parse(text []byte) time.Time {
	if string(text) == string(l.text) {
		return l.value
	}
	var t time.Time
	if err := t.UnmarshalText(text); err != nil {
		t = time.Time{}
	}
	l.text, l.value = text, t
	return t
}
