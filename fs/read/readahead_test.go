// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/index/span"
)

const mib = 1 << 20

func TestStreams(t *testing.T) {
	tests := map[string]struct {
		reads [][2]int64 // offset, size
		end   int64      // of the file that is read, if not each read is one
		want  []string   // what is read ahead, in MiB or bytes
	}{
		"one read is no sequence": {reads: [][2]int64{{0, 128 << 10}}},
		"random":                  {reads: [][2]int64{{0, 256 << 10}, {100 * mib, 256 << 10}, {50 * mib, 256 << 10}, {200 * mib, 256 << 10}}},
		"one file": {
			reads: [][2]int64{{0, mib}, {mib, mib}, {2 * mib, mib}, {3 * mib, mib}, {4 * mib, mib}, {5 * mib, mib}, {6 * mib, mib}},
			end:   100 * mib,
			want:  []string{"1-5", "5-11", "11-23"},
		},
		"files in order: twice as far as was read": {
			reads: [][2]int64{{0, mib}, {mib, mib}, {2 * mib, mib}, {3 * mib, mib}, {4 * mib, mib}, {5 * mib, mib}, {6 * mib, mib}},
			want:  []string{"1-3", "3-6", "6-12"},
		},
		"the kernel's requests overtake each other": {
			reads: [][2]int64{{mib / 2, mib / 2}, {0, mib / 2}, {2 * mib, mib / 2}, {mib, mib}, {5 * mib / 2, mib / 2}},
			end:   100 * mib,
			want:  []string{"1-5", "5-11"},
		},
		"a header between two files": {
			reads: [][2]int64{{0, 401 << 10}, {402 << 10, 623 << 10}},
			want:  []string{fmt.Sprintf("%v-%v", 1025.0/1024, 3073.0/1024)},
		},
		"reading the same again": {
			reads: [][2]int64{{0, 256 << 10}, {0, 256 << 10}, {0, 256 << 10}, {0, 256 << 10}},
		},
		"two readers": {
			reads: [][2]int64{{0, mib}, {100 * mib, mib}, {mib, mib}, {101 * mib, mib}},
			want:  []string{"1-3", "101-103", "3-6", "103-106"},
		},
		"pages here and there: not behind the file": {
			reads: [][2]int64{{0, mib / 4}, {mib, mib / 4}, {2 * mib, mib / 4}, {3 * mib, mib / 4}, {4 * mib, mib / 4}},
			end:   6 * mib,
			want:  []string{"1.25-5.25", "5.25-6"},
		},
		"the end of such a file": {
			reads: [][2]int64{{0, mib / 4}, {mib, mib / 4}, {2 * mib, mib / 4}, {3 * mib, mib / 4}},
			end:   13 * mib / 4,
			want:  []string{"1.25-3.25"},
		},
		"here and there, then all": {
			reads: [][2]int64{{0, mib / 4}, {2 * mib, mib / 4}, {2*mib + mib/4, mib}, {3*mib + mib/4, mib}, {4*mib + mib/4, mib}, {5*mib + mib/4, mib}, {6*mib + mib/4, mib}},
			end:   6 * mib,
			want:  []string{"2.25-6", "6.25-14.25"},
		},
		"headers count as read": {
			reads: [][2]int64{{0, 300 << 10}, {304 << 10, 300 << 10}, {608 << 10, 300 << 10}},
			want:  []string{fmt.Sprintf("%v-%v", 604.0/1024, 1804.0/1024)},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var s read.Streams
			var got []string
			for _, r := range tt.reads {
				if from, to := s.Next(r[0], r[0]+r[1], max(tt.end, r[0]+r[1])); from < to {
					got = append(got, fmt.Sprintf("%v-%v", float64(from)/mib, float64(to)/mib))
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Windows are as large as they get after a long read, and never behind it.
func TestStreamsWindowIsBounded(t *testing.T) {
	var s read.Streams
	edge := int64(0)
	for off := int64(0); off < 1<<30; off += mib {
		from, to := s.Next(off, off+mib, off+mib)
		if from == to {
			continue
		}
		if from < edge || to-from > 64*mib || from < off {
			t.Fatalf("at %d MiB: read ahead %d to %d MiB, edge was %d", off/mib, from/mib, to/mib, edge/mib)
		}
		edge = to
	}
	if edge < 1<<30 {
		t.Errorf("edge %d MiB behind the reader", edge/mib)
	}
}

func TestManyStreamsAreForgotten(t *testing.T) {
	var s read.Streams
	for i := range int64(1000) {
		s.Next(i*10*mib, i*10*mib+mib/4, math.MaxInt64)
	}
	if from, to := s.Next(mib/4, mib/2, math.MaxInt64); from != to {
		t.Error("a stream of long ago is still known")
	}
}

func TestSequentialReaderFindsItsSpansFetched(t *testing.T) {
	l := layertest.New(t, 3, 6*mib, 512<<10)
	b := newBench(t, l, nil)
	path := "d2/e0/file0002"
	node, body := l.Node(t, path), l.Files[path]
	p := make([]byte, 256<<10)
	for off := 0; off < 2*mib; off += len(p) {
		if err := b.ReadAt(t.Context(), node, p, int64(off)); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(len(p), len(body[off:off+len(p)])); d != "" {
			t.Fatal(d)
		}
	}
	data, _ := l.Tree.Data(node)
	next := l.At(data + 3*mib)
	waitFor(t, func() bool { return b.store.Has(next) })
}

// A read that misses a part of a small file fetches all of it, also what is
// before; of a large file it fetches a piece.
func TestFileIsFetchedWhole(t *testing.T) {
	for size, whole := range map[int]bool{5 * mib: true, 7 * mib: false} {
		t.Run(fmt.Sprintf("%d MiB", size/mib), func(t *testing.T) {
			l := layertest.New(t, 3, size, 512<<10)
			b := newBench(t, l, nil)
			path := "d2/e0/file0002"
			node, body := l.Node(t, path), l.Files[path]
			p := make([]byte, 4096)
			if err := b.ReadAt(t.Context(), node, p, 2*mib); err != nil {
				t.Fatal(err)
			}
			if string(p) != string(body[2*mib:2*mib+len(p)]) {
				t.Error("wrong bytes")
			}
			data, n := l.Tree.Data(node)
			first, last := l.At(data), l.At(data+span.UncompressedOffset(n)-1)
			if !whole { // the block that the read is in
				first += (l.At(data+2*mib) - first) / read.Block * read.Block
				last = first + read.Block - 1
			}
			for id := first; id <= last; id++ {
				waitFor(t, func() bool { return b.store.Has(id) })
			}
			waitFor(t, func() bool { return b.Ahead() == 0 })
			if missing, _ := b.store.Missing(); missing != l.Len()-int(last-first+1) {
				t.Errorf("%d of %d spans are missing, want all but %d to %d", missing, l.Len(), first, last)
			}
			start, end := max(l.Span(first).OutStart-data, 0), min(l.Span(last).OutEnd-data, span.UncompressedOffset(n))
			if from, around := b.Around(node, 2*mib); from != int64(start) || around != int64(end-start) {
				t.Errorf("%d bytes at %d around the read, want %d at %d", around, from, end-start, start)
			}
		})
	}
}

// Of a large file that is read here and there only what is read is fetched, as soon
// as that shows, and pieces again when they are read.
func TestReadsHereAndThere(t *testing.T) {
	l := layertest.New(t, 3, 30*mib, 256<<10)
	b := newBench(t, l, nil)
	path := "d2/e0/file0002"
	node, body := l.Node(t, path), l.Files[path]
	data, size := l.Tree.Data(node)
	first, last := l.At(data), l.At(data+span.UncompressedOffset(size)-1)
	// fetched reads a byte of a span and says how many spans that brings.
	fetched := func(id span.ID) int {
		before, _ := b.store.Missing()
		p, off := make([]byte, 1), int64(l.Span(id).OutStart-data)
		if err := b.ReadAt(t.Context(), node, p, off); err != nil || p[0] != body[off] {
			t.Fatalf("span %d: wrong byte or error %v", id, err)
		}
		waitFor(t, func() bool { return b.Flights() == 0 && b.Ahead() == 0 })
		after, _ := b.store.Missing()
		return before - after
	}
	var got []int
	at := first + (last-first)/read.Block*read.Block
	for range 8 {
		at -= read.Block
		got = append(got, fetched(at+1))
	}
	for range 8 {
		at -= read.Block
		for id := at + read.Block - 1; id >= at; id-- {
			got = append(got, fetched(id))
		}
	}
	want := []int{read.Block, read.Block, read.Block, read.Block, 1, 1, 1, 1}
	want = append(want, slices.Repeat([]int{1}, read.Block)...) // the first of which all is read: a miss for each
	for range 7 {
		want = append(append(want, read.Block), make([]int, read.Block-1)...)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A read that misses fetches the directory around the file if that is small,
// which here is the root, and nothing else.
func TestSmallDirectoryIsFetchedWhole(t *testing.T) {
	for files, whole := range map[int]bool{10: true, 60: false} {
		t.Run(fmt.Sprint(files, " files"), func(t *testing.T) {
			l := layertest.New(t, files, 400<<10, 64<<10)
			node := l.Node(t, "d0/e1/file0009")
			b := newBench(t, l, nil)
			if err := b.ReadAt(t.Context(), node, make([]byte, 10), 0); err != nil {
				t.Fatal(err)
			}
			start, size := l.Tree.Data(node)
			end := start + span.UncompressedOffset(size)
			if whole {
				start, end = 0, l.Tree.DataEnd()
			}
			first, last := l.At(start), l.At(end-1)
			for id := first; id <= last; id++ {
				waitFor(t, func() bool { return b.store.Has(id) })
			}
			waitFor(t, func() bool { return b.Ahead() == 0 })
			if missing, _ := b.store.Missing(); missing != l.Len()-int(last-first+1) {
				t.Errorf("%d of %d spans are missing, want all but %d to %d", missing, l.Len(), first, last)
			}
		})
	}
}

func TestSizeClasses(t *testing.T) {
	last := -1
	for n := 1; n < 64*mib; n += 1 + n/50 {
		class, size := read.SizeClass(n)
		if size < n || (n > 4096 && size > n+n/4+1) || class < last {
			t.Fatalf("%d bytes: class %d of %d bytes, class before %d", n, class, size, last)
		}
		if again, same := read.SizeClass(size); again != class || same != size {
			t.Fatalf("%d bytes: class %d (%d), its size gives %d (%d)", n, class, size, again, same)
		}
		last = class
	}
}

// What a read misses and what is fetched ahead with it is one request.
func TestMissIsOneRequest(t *testing.T) {
	l := layertest.New(t, 3, 7*mib/2, 512<<10)
	b := newBench(t, l, nil)
	node := l.Node(t, "d2/e0/file0002")
	data, size := l.Tree.Data(node)
	if err := b.ReadAt(t.Context(), node, make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	for id := l.At(data); id <= l.At(data+span.UncompressedOffset(size)-1); id++ {
		waitFor(t, func() bool { return b.store.Has(id) })
	}
	if n := len(b.blob.Requests()); n != 1 {
		t.Errorf("%d requests: %v", n, b.blob.Requests())
	}
}

// Fetches that wait for their turn become one request where they are
// neighbours, on either side, and each returns when it has what it wants.
func TestWaitingNeighboursAreOneRequest(t *testing.T) {
	for _, class := range []fetch.Class{fetch.Readahead, fetch.Prefetch, fetch.Background} {
		t.Run(class.String(), func(t *testing.T) {
			l := layertest.New(t, 40, 60<<10, 16<<10)
			b := newBench(t, l, func(o *read.Options) { o.Scheduler = fetch.New(fetch.Options{Connections: 2, Reserved: 1}) })
			hold := make(chan struct{})
			b.blob.Answer(layertest.Hold(hold))
			var group errgroup.Group
			fetchSpan := func(id span.ID) { group.Go(func() error { return b.Fetch(t.Context(), class, id, id) }) }
			fetchSpan(40)
			waitFor(t, func() bool { return len(b.blob.Requests()) == 1 })
			wanted := []span.ID{12, 10, 14, 11, 13, 20}
			for i, id := range wanted {
				fetchSpan(id)
				waitFor(t, func() bool { return b.Wants() == i+1 || class == fetch.Background })
			}
			b.blob.Answer(nil)
			close(hold)
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			want := 3 // 40, 10 to 14, 20
			if class == fetch.Background {
				want = 7
			}
			if n := len(b.blob.Requests()); n != want {
				t.Errorf("%d requests, want %d: %v", n, want, b.blob.Requests())
			}
			for _, id := range append(wanted, 40) {
				waitFor(t, func() bool { return b.store.Has(id) })
			}
			if n := b.Wants(); n != 0 {
				t.Errorf("%d fetches still wait", n)
			}
		})
	}
}

// A run that has what others wanted does not end what they wait for when it
// fails: they take their turn.
func TestFailedNeighbourIsFetchedAgain(t *testing.T) {
	l := layertest.New(t, 40, 60<<10, 16<<10)
	b := newBench(t, l, func(o *read.Options) { o.Scheduler = fetch.New(fetch.Options{Connections: 2, Reserved: 1}) })
	hold := make(chan struct{})
	b.blob.Answer(layertest.Hold(hold))
	var group errgroup.Group
	fetchSpan := func(id span.ID) { group.Go(func() error { return b.Fetch(t.Context(), fetch.Readahead, id, id) }) }
	fetchSpan(40)
	waitFor(t, func() bool { return len(b.blob.Requests()) == 1 })
	for i, id := range []span.ID{10, 11, 12} {
		fetchSpan(id)
		waitFor(t, func() bool { return b.Wants() == i+1 })
	}
	b.blob.Answer(layertest.Corrupt(1))
	close(hold)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []span.ID{10, 11, 12, 40} {
		waitFor(t, func() bool { return b.store.Has(id) })
	}
}
