// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// hashChunk is how much of a file is read at a time, in bytes.
const hashChunk = 256 << 10

// headers keeps what of the decoded stream is not file contents, in the order of
// the stream, in a file without a name. What cannot be kept is not missed: the
// DiffID is not known then.
type headers struct {
	file *os.File
	w    *bufio.Writer
	err  error        // nothing is kept any more
	size atomic.Int64 // in bytes
}

func newHeaders(dir string) *headers {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &headers{err: fmt.Errorf("keep headers in %s: %w", dir, err)}
	}
	f := os.NewFile(uintptr(fd), dir)
	return &headers{file: f, w: bufio.NewWriterSize(f, hashChunk)}
}

// keep adds what comes next.
func (h *headers) keep(b []byte) {
	if h.err == nil {
		_, h.err = h.w.Write(b)
		h.size.Add(int64(len(b)))
	}
}

// reader reads what was kept from its beginning on.
func (h *headers) reader() (io.Reader, error) {
	if h.err == nil {
		h.err = h.w.Flush()
	}
	if h.err != nil {
		return nil, h.err
	}
	return bufio.NewReaderSize(io.NewSectionReader(h.file, 0, 1<<62), hashChunk), nil
}

func (h *headers) close() error {
	if h.file == nil {
		return nil
	}
	return h.file.Close()
}

// errOpenEnd says that the stream may go on behind the last span.
var errOpenEnd = errors.New("the stream does not end with the last span")

// DiffID is the SHA-256 of all that a proven layer decompresses to, which its
// image's configuration should name. Run has returned nil. read fills p with the
// content of file id at off. It takes about a second of CPU for a gigabyte, and
// twice as long, so as to leave half of one to others.
func (p *Proof) DiffID(ctx context.Context, read func(id toc.NodeID, p []byte, off int64) error) (digest.Digest, error) {
	if !p.closedEnd {
		return "", errOpenEnd
	}
	kept, err := p.headers.reader()
	if err != nil {
		return "", err
	}
	hash := digest.Canonical.Digester()
	buf := make([]byte, hashChunk)
	for id := range span.ID(p.options.Layer.Len()) {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		began := time.Now()
		for piece, hole := range p.pieces(p.options.Layer.Span(id)) {
			if !hole {
				if _, err := io.CopyN(hash.Hash(), kept, piece.size()); err != nil {
					return "", fmt.Errorf("read kept headers: %w", err)
				}
				continue
			}
			data, _ := p.options.Tree.Data(piece.file)
			for at := piece.start; at < piece.end; at += span.UncompressedOffset(len(buf)) {
				b := buf[:min(len(buf), int(piece.end-at))]
				if err := read(piece.file, b, int64(at-data)); err != nil {
					return "", err
				}
				hash.Hash().Write(b)
			}
		}
		time.Sleep(time.Since(began))
	}
	return hash.Digest(), nil
}
