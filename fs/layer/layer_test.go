// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/index/span"
)

var errNet = errors.New("connection refused")

// open opens a layer over blob in dir.
func open(t *testing.T, dir string, l *layertest.Layer, blob *layertest.Blob, change func(*layer.Options)) *layer.Layer {
	t.Helper()
	o := layer.Options{Digest: l.Digest(), Dir: dir, Tree: l.Tree, Spans: l, Blob: blob, Scheduler: fetch.New(fetch.Options{})}
	if change != nil {
		change(&o)
	}
	ly, err := layer.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ly.Close(); err != nil {
			t.Error(err)
		}
		if n := blob.Open(); n != 0 {
			t.Errorf("%d bodies left open", n)
		}
	})
	return ly
}

// waitWhole waits until the layer is whole.
func waitWhole(t *testing.T, ly *layer.Layer) {
	t.Helper()
	for ly.State() < layer.Plain {
		if t.Context().Err() != nil {
			t.Fatal("layer did not become whole")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if _, missing := ly.Spans(); missing != 0 {
		t.Errorf("a whole layer misses %d spans", missing)
	}
}

// waitState waits until the layer has come that far.
func waitState(t *testing.T, ly *layer.Layer, want layer.State) {
	t.Helper()
	for ly.State() != want {
		if t.Context().Err() != nil {
			t.Fatalf("state %v, want %v", ly.State(), want)
		}
		time.Sleep(time.Millisecond)
	}
}

func check(t *testing.T, ly *layer.Layer, l *layertest.Layer) {
	t.Helper()
	for path, body := range l.Files {
		p := make([]byte, len(body))
		if err := ly.ReadAt(t.Context(), l.Node(t, path), p, 0); err != nil || !bytes.Equal(p, body) {
			t.Errorf("%s: wrong bytes or error %v", path, err)
		}
	}
}

func TestBecomesWhole(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	blob := layertest.NewBlob(l)
	ly := open(t, t.TempDir(), l, blob, nil)
	if ly.State() != layer.Described || len(blob.Requests()) != 0 {
		t.Fatalf("state %v, %d requests before the start", ly.State(), len(blob.Requests()))
	}
	ly.Start()
	ly.Start()
	waitWhole(t, ly)
	requests := len(blob.Requests())
	check(t, ly, l)
	if n := len(blob.Requests()); n != requests {
		t.Error("a whole layer was fetched from")
	}
	if all, missing := ly.Bytes(); all != int64(len(l.Blob)) || missing != 0 {
		t.Errorf("%d of %d bytes missing", missing, all)
	}
	if bytes, inodes := ly.Usage(); bytes == 0 || inodes == 0 {
		t.Errorf("usage: %d bytes, %d inodes", bytes, inodes)
	}
}

// TestSealsWhenNothingIsFetched: a layer does not keep the disk busy while
// others are fetched.
func TestSealsWhenNothingIsFetched(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	s := fetch.New(fetch.Options{})
	other, err := s.Acquire(t.Context(), fetch.Background)
	if err != nil {
		t.Fatal(err)
	}
	ly := open(t, t.TempDir(), l, layertest.NewBlob(l), func(o *layer.Options) { o.Scheduler = s })
	ly.Start()
	waitState(t, ly, layer.Proven)
	time.Sleep(200 * time.Millisecond)
	if ly.State() != layer.Proven {
		t.Errorf("state %v while another layer is fetched", ly.State())
	}
	other.Release()
	waitState(t, ly, layer.Plain)
}

func TestWholeLayerNeedsNoNetworkAfterReopening(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	dir := filepath.Join(t.TempDir(), "layer")
	first := open(t, dir, l, layertest.NewBlob(l), nil)
	first.Start()
	waitWhole(t, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	blob := layertest.NewBlob(l)
	blob.Answer(layertest.Fail(errNet))
	second := open(t, dir, l, blob, nil)
	second.Start()
	waitWhole(t, second)
	check(t, second, l)
	if n := len(blob.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestKeepsTrying(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		blob := layertest.NewBlob(l)
		blob.Answer(layertest.Fail(errNet))
		ly := open(t, dir, l, blob, nil)
		ly.Start()
		time.Sleep(10 * time.Minute)
		if n := len(blob.Requests()); n < 5 || n > 200 {
			t.Errorf("%d requests in ten minutes without network", n)
		}
		blob.Answer(nil)
		time.Sleep(3 * time.Minute)
		if _, missing := ly.Spans(); missing != 0 {
			t.Errorf("%d spans missing three minutes after the network came back", missing)
		}
		synctest.Wait()
		if err := ly.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestOneWrongSpanKeepsNoOtherAway(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	l.BadDecode = 5
	ly := open(t, t.TempDir(), l, layertest.NewBlob(l), nil)
	ly.Start()
	waitState(t, ly, layer.Condemned) // its index cannot be right
	// The spans of its run may have failed with it.
	if all, missing := ly.Spans(); missing < 1 || missing > all/4 {
		t.Errorf("%d of %d spans missing", missing, all)
	}
}

// TestCondemnedBeforeItIsWhole: a layer whose index lies is found out although the
// rest of it never comes.
func TestCondemnedBeforeItIsWhole(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	l.Rewrite(3000, func(stream []byte) { stream[148] ^= 1 }) // the checksum of the first header
	blob := layertest.NewBlob(l)
	blob.Answer(func(_ context.Context, rq layertest.Request, proper []byte) (io.ReadCloser, error) {
		if rest := l.CompressedSize() / 2; rq.Off+int64(len(proper)) > rest {
			return io.NopCloser(io.MultiReader(bytes.NewReader(proper[:max(rest-rq.Off, 0)]), iotest.ErrReader(errNet))), nil
		}
		return io.NopCloser(bytes.NewReader(proper)), nil
	})
	told := 0
	ly := open(t, t.TempDir(), l, blob, func(o *layer.Options) { o.OnCondemned = func(error) { told++ } })
	ly.Start()
	waitState(t, ly, layer.Condemned)
	if err := ly.Close(); err != nil { // what completes it has ended
		t.Fatal(err)
	}
	if ly.State() != layer.Condemned || told != 1 {
		t.Errorf("state %v, told %d times", ly.State(), told)
	}
}

func TestPrefetchComesFirst(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	tests := map[string]struct {
		ranges []layer.Range
		err    error
		first  span.ID // of the first request
		alone  bool    // nothing else is fetched
	}{
		"ranges":        {ranges: []layer.Range{{First: 7, Last: 9}}, first: 7, alone: true},
		"impossible":    {ranges: []layer.Range{{First: 3, Last: 2}, {First: -1, Last: 4}, {First: 0, Last: 1 << 20}, {First: 8, Last: 8}}, first: 8, alone: true},
		"no artifact":   {err: errNet, first: 0},
		"with the rest": {ranges: []layer.Range{{First: 7, Last: 9}}, first: 7},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			blob := layertest.NewBlob(l)
			ly := open(t, t.TempDir(), l, blob, func(o *layer.Options) {
				o.Prefetch = func(context.Context) ([]layer.Range, error) { return tt.ranges, tt.err }
				o.OnDemandOnly = tt.alone
			})
			ly.Start()
			if !tt.alone {
				waitWhole(t, ly)
			}
			for len(blob.Requests()) == 0 {
				time.Sleep(time.Millisecond)
			}
			if got, want := blob.Requests()[0].Off, int64(l.Span(tt.first).Start); got != want {
				t.Errorf("first request at %d, want %d", got, want)
			}
		})
	}
}

func TestOnDemandOnlyFetchesNothingByItself(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		blob := layertest.NewBlob(l)
		ly := open(t, dir, l, blob, func(o *layer.Options) { o.OnDemandOnly = true })
		ly.Start()
		time.Sleep(time.Hour)
		if n := len(blob.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
		if err := ly.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseWhileFetching(t *testing.T) {
	l := layertest.New(t, 40, 8000, 3000)
	blob := layertest.NewBlob(l)
	begun := make(chan struct{}, 100)
	blob.Answer(func(ctx context.Context, _ layertest.Request, _ []byte) (io.ReadCloser, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	ly := open(t, t.TempDir(), l, blob, nil)
	ly.Start()
	<-begun
	for range 2 {
		if err := ly.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ly.Start()
	if err := ly.ReadAt(t.Context(), l.Node(t, "d0/e0/file0000"), make([]byte, 1), 0); err == nil {
		t.Error("a closed layer was read")
	}
}
