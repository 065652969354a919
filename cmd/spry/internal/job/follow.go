// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package job

import (
	"context"
	"io"
	"os"
	"sync"

	"github.com/opencontainers/go-digest"
)

// growth is how much there is of the file that a blob is being copied to.
type growth struct {
	mu   sync.Mutex
	name string
	size int64
	more chan struct{} // closed, and another one made, when there is more
}

func newGrowth() growth { return growth{more: make(chan struct{})} }

// grow says that the file of that name has n bytes.
func (g *growth) grow(name string, n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.name, g.size = name, n
	close(g.more)
	g.more = make(chan struct{})
}

func (g *growth) get() (name string, size int64, more <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.name, g.size, g.more
}

// follow streams a blob from the destination, if that is possible already while
// it is being copied there. What was read is verified once wait has ended well.
// Without a stream and an error the blob has arrived.
func (c *copier) follow(ctx context.Context, dgst digest.Digest) (io.ReadCloser, error) {
	if c == nil {
		return nil, nil
	}
	b := c.byDigest[dgst]
	for {
		name, _, more := b.growth.get()
		if name != "" {
			if f, err := os.Open(name); err == nil {
				return &follower{ctx: ctx, copied: b, file: f}, nil
			}
			// It is about to arrive, and has its last name.
		}
		select {
		case <-b.done:
			return nil, b.err
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-more:
		}
	}
}

// follower reads a blob behind those who copy it.
type follower struct {
	ctx    context.Context // of one reading
	copied *blobCopy
	file   *os.File
	off    int64
}

// Read implements io.Reader.
func (f *follower) Read(p []byte) (int, error) {
	for ended := false; ; {
		_, size, more := f.copied.growth.get()
		switch n := min(size-f.off, int64(len(p))); {
		case n > 0:
			k, err := f.file.ReadAt(p[:n], f.off)
			f.off += int64(k)
			return k, err
		case ended && f.copied.err != nil:
			return 0, f.copied.err
		case ended:
			return 0, io.EOF
		}
		select {
		case <-more:
		case <-f.copied.done:
			ended = true
		case <-f.ctx.Done():
			return 0, f.ctx.Err()
		}
	}
}

// Close implements io.Closer.
func (f *follower) Close() error { return f.file.Close() }
