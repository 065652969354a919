// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layertest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
)

// Request is one range that was asked for.
type Request struct{ Off, Size int64 }

// Answer replaces what a [Blob] answers to a request: proper is the right body.
type Answer func(ctx context.Context, r Request, proper []byte) (io.ReadCloser, error)

// Blob serves a layer's bytes and counts. Safe for concurrent use.
type Blob struct {
	data []byte

	mu         sync.Mutex // guards everything below
	answer     Answer
	requests   []Request
	distrusted int
	open       int
}

// NewBlob serves l.
func NewBlob(l *Layer) *Blob { return &Blob{data: l.Blob} }

// Answer sets what is answered from now on; nil is the right bytes.
func (b *Blob) Answer(a Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = a
}

// Requests are the ranges asked for so far.
func (b *Blob) Requests() []Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// Distrusted is how often Distrust was called.
func (b *Blob) Distrusted() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.distrusted
}

// Open is how many bodies are not closed.
func (b *Blob) Open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// Distrust notes that the bytes of a body were wrong.
func (b *Blob) Distrust(io.ReadCloser) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.distrusted++
}

// ReadRange gives n bytes at off.
func (b *Blob) ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	r := Request{Off: off, Size: n}
	b.mu.Lock()
	b.requests = append(b.requests, r)
	answer := b.answer
	b.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	body := io.NopCloser(bytes.NewReader(b.data[off : off+n]))
	if answer != nil {
		var err error
		if body, err = answer(ctx, r, b.data[off:off+n]); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	b.open++
	b.mu.Unlock()
	return &counted{ReadCloser: body, blob: b}, nil
}

// counted counts its closing.
type counted struct {
	io.ReadCloser
	blob *Blob
	once sync.Once
}

// Close implements io.Closer.
func (c *counted) Close() error {
	c.once.Do(func() {
		c.blob.mu.Lock()
		defer c.blob.mu.Unlock()
		c.blob.open--
	})
	return c.ReadCloser.Close()
}
