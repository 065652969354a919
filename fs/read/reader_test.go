// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// bench is a reader over a layer of which nothing is stored.
type bench struct {
	*read.Reader
	layer  *layertest.Layer
	blob   *layertest.Blob
	store  *store.Store
	memory *read.Memory
	sched  *fetch.Scheduler
}

// newBench makes one; change may adapt the options. At the end everything must
// be given back.
func newBench(t *testing.T, l *layertest.Layer, change func(*read.Options)) *bench {
	t.Helper()
	s, err := store.Open(t.TempDir(), l.Tree, l)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{layer: l, blob: layertest.NewBlob(l), store: s, memory: read.NewMemory(0), sched: fetch.New(fetch.Options{})}
	o := read.Options{Layer: l, Tree: l.Tree, Store: s, Blob: b.blob, Scheduler: b.sched, Memory: b.memory, Digest: "sha256:test"}
	if change != nil {
		change(&o)
	}
	b.memory = o.Memory
	b.Reader = read.New(o)
	t.Cleanup(func() { b.finish(t) })
	return b
}

// finish closes everything and looks for what was left behind.
func (b *bench) finish(t *testing.T) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.store.Close(); err != nil {
		t.Error(err)
	}
	if n := b.Flights(); n != 0 {
		t.Errorf("%d spans left in memory", n)
	}
	if !b.memory.Free() {
		t.Error("memory was not given back")
	}
	if n := b.blob.Open(); n != 0 {
		t.Errorf("%d bodies left open", n)
	}
	for c := fetch.Demand; c <= fetch.Background; c++ {
		if n := b.sched.Active(c); n != 0 {
			t.Errorf("%d %v leases left", n, c)
		}
	}
}

// file reads a whole file.
func (b *bench) file(ctx context.Context, id toc.NodeID) ([]byte, error) {
	_, size := b.layer.Tree.Data(id)
	p := make([]byte, size)
	err := b.ReadAt(ctx, id, p, 0)
	return p, err
}

// check reads a whole file and compares it.
func (b *bench) check(t *testing.T, path string) {
	t.Helper()
	got, err := b.file(t.Context(), b.layer.Node(t, path))
	if err != nil {
		t.Errorf("read %s: %v", path, err)
	} else if !bytes.Equal(got, b.layer.Files[path]) {
		t.Errorf("read %s: wrong bytes", path)
	}
}

// a file that is not empty and lies in the middle of the layer
const some = "d1/e0/file0004"

func TestReadsEqualTheLayer(t *testing.T) {
	for name, spanSize := range map[string]int{"tiny spans": 100, "small": 3000, "one": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			l := layertest.New(t, 40, 8000, spanSize)
			b := newBench(t, l, nil)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() { b.randomReads(t, 100) })
			}
			wg.Wait()
			for path := range l.Files {
				b.check(t, path)
			}
		})
	}
}

// randomReads reads pieces of random files and compares them.
func (b *bench) randomReads(t *testing.T, n int) {
	var ids []toc.NodeID
	for id := range b.layer.Tree.Files(0, span.UncompressedOffset(len(b.layer.Stream))) {
		ids = append(ids, id)
	}
	for range n {
		id := ids[rand.IntN(len(ids))]
		data, size := b.layer.Tree.Data(id)
		off := rand.Int64N(size)
		p := make([]byte, 1+rand.Int64N(size-off))
		if err := b.ReadAt(t.Context(), id, p, off); err != nil {
			t.Error(err)
			return
		}
		if start := int64(data) + off; !bytes.Equal(p, b.layer.Stream[start:start+int64(len(p))]) {
			t.Errorf("wrong bytes of %s at %d", b.layer.Tree.Path(id), off)
		}
	}
}

func TestNeighboursAreOneRequest(t *testing.T) {
	l := layertest.New(t, 10, 8000, 500)
	b := newBench(t, l, nil)
	path := "d0/e1/file0009"
	b.check(t, path)
	data, size := l.Tree.Data(l.Node(t, path))
	first, last := l.At(data), l.At(data+span.UncompressedOffset(size)-1)
	if last-first < 5 {
		t.Fatalf("the file is in spans %d to %d only", first, last)
	}
	got := b.blob.Requests()
	want := layertest.Request{Off: int64(l.Span(first).Start), Size: int64(l.Span(last).End - l.Span(first).Start)}
	if !slices.Contains(got, want) { // what else is in the directory is fetched too
		t.Errorf("got requests %v, want %v", got, want)
	}
}

func TestRunsAreBounded(t *testing.T) {
	l := layertest.New(t, 10, 8000, 500)
	b := newBench(t, l, func(o *read.Options) { o.RunSize = 1600 })
	if err := b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.blob.Requests() {
		if r.Size > 1600 {
			t.Errorf("request of %d bytes", r.Size)
		}
	}
	if n, _ := b.store.Missing(); n != 0 {
		t.Errorf("%d spans missing after fetching all", n)
	}
}

func TestReadersShareAFetch(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	b := newBench(t, l, nil)
	release := make(chan struct{})
	b.blob.Answer(layertest.Hold(release))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { b.check(t, some) })
	}
	waitFor(t, func() bool { return len(b.blob.Requests()) > 0 })
	close(release)
	wg.Wait()
	if n := len(b.blob.Requests()); n != 1 {
		t.Errorf("%d requests for one span", n)
	}
}

// waitFor polls a condition that must come true.
func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for ctx := t.Context(); !cond(); {
		if ctx.Err() != nil {
			t.Fatal("condition never came true")
		}
		time.Sleep(time.Millisecond)
	}
}

// A run is served span by span: the first file is there while the rest of the
// body is still to come.
func TestServedAsTheBodyArrives(t *testing.T) {
	l := layertest.New(t, 10, 8000, 4000)
	b := newBench(t, l, nil)
	release := make(chan struct{})
	b.blob.Answer(layertest.HoldAfter(int(l.Span(2).End), release))
	done := make(chan error, 1)
	go func() { done <- b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len()-1)) }()
	waitFor(t, func() bool { return len(b.blob.Requests()) == 1 })
	b.check(t, "d0/e0/file0000")
	if len(b.blob.Requests()) != 1 {
		t.Error("the read began a fetch of its own")
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCancelledReaderLeavesAndTheFetchGoesOn(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	b := newBench(t, l, nil)
	release := make(chan struct{})
	b.blob.Answer(layertest.Hold(release))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.file(ctx, l.Node(t, some))
		done <- err
	}()
	waitFor(t, func() bool { return len(b.blob.Requests()) == 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled read: %v", err)
	}
	close(release)
	b.check(t, some)
	if n := len(b.blob.Requests()); n != 1 {
		t.Errorf("%d requests: the fetch was not kept", n)
	}
}

func TestEmptyAndImpossibleReads(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1000)
	b := newBench(t, l, nil)
	node := l.Node(t, some)
	_, size := l.Tree.Data(node)
	if err := b.ReadAt(t.Context(), node, nil, 0); err != nil {
		t.Errorf("empty read: %v", err)
	}
	for _, tt := range []struct{ off, n int64 }{{-1, 1}, {size, 1}, {size - 1, 2}, {1 << 62, 1}} {
		if err := b.ReadAt(t.Context(), node, make([]byte, tt.n), tt.off); err == nil {
			t.Errorf("%d bytes at %d of %d were read", tt.n, tt.off, size)
		}
	}
	if err := b.Fetch(t.Context(), fetch.Background, 0, span.ID(l.Len())); err == nil {
		t.Error("a span that does not exist was fetched")
	}
}

func TestClosedReader(t *testing.T) {
	l := layertest.New(t, 10, 8000, 1<<20)
	b := newBench(t, l, nil)
	b.blob.Answer(layertest.Hold(nil))
	node := l.Node(t, some)
	done := make(chan error, 2)
	go func() {
		_, err := b.file(t.Context(), node)
		done <- err
	}()
	go func() { done <- b.Fetch(t.Context(), fetch.Background, 0, 0) }()
	waitFor(t, func() bool { return len(b.blob.Requests()) == 1 })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-done; !errors.Is(err, read.ErrClosed) {
			t.Errorf("in progress: got %v", err)
		}
	}
	if _, err := b.file(t.Context(), node); !errors.Is(err, read.ErrClosed) {
		t.Errorf("afterwards: got %v", err)
	}
	if err := b.Fetch(t.Context(), fetch.Demand, 0, 0); !errors.Is(err, read.ErrClosed) {
		t.Errorf("fetch afterwards: got %v", err)
	}
}

var _ read.BlobReader = (*layertest.Blob)(nil)
var _ read.Distruster = (*layertest.Blob)(nil)
