// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package toctest makes file tables for tests straight from tar archives,
// without the formats that indexes store them in.
package toctest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Tree is the table of an uncompressed tar, which must have a good one.
func Tree(tb testing.TB, tarball []byte) *toc.Tree {
	tb.Helper()
	entries, err := Entries(bytes.NewReader(tarball))
	if err != nil {
		tb.Fatal(err)
	}
	tree, err := toc.NewTree(entries)
	if err != nil {
		tb.Fatal(err)
	}
	return tree
}

// Entries reads an uncompressed tar stream up to its end marker and returns
// its entries as an index would store them.
func Entries(r io.Reader) ([]toc.Entry, error) {
	pos := &position{r: r}
	var entries []toc.Entry
	for tr := tar.NewReader(pos); ; {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("tar entry %d: %w", len(entries), err)
		}
		e, err := Entry(hdr)
		if err != nil {
			return nil, fmt.Errorf("tar entry %d: %w", len(entries), err)
		}
		e.Offset = span.UncompressedOffset(pos.n)
		entries = append(entries, e)
	}
}

// Entry is the entry of a tar header, without its offset.
func Entry(hdr *tar.Header) (toc.Entry, error) {
	types := map[byte]toc.Type{
		tar.TypeReg:     toc.Regular,
		tar.TypeDir:     toc.Directory,
		tar.TypeSymlink: toc.Symlink,
		tar.TypeLink:    toc.Hardlink,
		tar.TypeChar:    toc.CharDevice,
		tar.TypeBlock:   toc.BlockDevice,
		tar.TypeFifo:    toc.FIFO,
	}
	e := toc.Entry{
		Name: hdr.Name, Type: types[hdr.Typeflag], Size: hdr.Size, Linkname: hdr.Linkname,
		Mode: hdr.Mode, UID: uint32(hdr.Uid), GID: uint32(hdr.Gid), Uname: hdr.Uname, Gname: hdr.Gname,
		ModTime: hdr.ModTime, Devmajor: hdr.Devmajor, Devminor: hdr.Devminor,
	}
	if e.Type == 0 {
		return e, fmt.Errorf("%q has type %q", hdr.Name, hdr.Typeflag)
	}
	for k, v := range hdr.PAXRecords {
		e.PAX = append(e.PAX, toc.Record{Key: k, Value: v})
	}
	slices.SortFunc(e.PAX, func(a, b toc.Record) int { return strings.Compare(a.Key, b.Key) })
	return e, nil
}

// position counts what was read. It hides any Seek of the reader, since a tar
// reader would skip with it.
type position struct {
	r io.Reader
	n int64
}

func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n += int64(n)
	return n, err
}
