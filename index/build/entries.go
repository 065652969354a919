// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"strings"

	"github.com/spryd/spry/index/toc"
)

// Entries reads the entries of a tar stream that is pushed at it piece by
// piece, as [Layer] does, to compare them with a table from elsewhere. Owner
// names and PAX records that neither are extended attributes nor tell of sparse
// files are left out: no tree shows them. Not safe for concurrent use, but
// calls may come from different goroutines (that are not locked to threads).
type Entries struct{ table *table }

// NewEntries begins a stream. The caller closes the result.
func NewEntries() *Entries {
	t := newTable(newBudget())
	t.slim = true
	return &Entries{t}
}

// Push takes the next bytes of the stream. The error is a [*SkipError]: what
// stands there cannot be an entry of a table. It stays.
func (e *Entries) Push(p []byte) error { return e.table.push(p) }

// Skip passes over the next n bytes of the stream. They must be contents of a
// file, without its last byte; if the stream has a header in them it ends with
// an error like that of Push.
func (e *Entries) Skip(n int64) error { return e.table.skip(n) }

// Ended says whether the archive's end marker was among the bytes so far: what
// follows is no part of it.
func (e *Entries) Ended() bool { return e.table.ended }

// Finish ends the stream, be it before the end marker, and returns its entries.
func (e *Entries) Finish() ([]toc.Entry, error) {
	_, entries, err := e.table.finish()
	return entries, err
}

// Close frees what reads the stream. It may be called again.
func (e *Entries) Close() { e.table.close() }

// slim takes from e what no tree shows, and lets the memory of that go.
func slim(e *toc.Entry) {
	e.Uname, e.Gname = "", ""
	var shown []toc.Record
	for _, r := range e.PAX {
		if strings.HasPrefix(r.Key, "SCHILY.xattr.") || strings.HasPrefix(r.Key, "GNU.sparse.") {
			shown = append(shown, r)
		}
	}
	if e.PAX = shown; len(shown) == 0 { // the names may be parts of all records
		e.Name, e.Linkname = strings.Clone(e.Name), strings.Clone(e.Linkname)
	}
}
