// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"
)

// paced is a body that yields size bytes every pause, until the request it
// belongs to is cancelled.
type paced struct {
	ctx   context.Context
	size  int
	pause time.Duration
	left  int
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(p.pause):
		p.left--
		return min(len(b), p.size), nil
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	}
}

// Close implements io.Closer.
func (p *paced) Close() error { return nil }

// TestWatchedBody runs on a clock of its own. The limit is 1000 bytes in 10 s.
func TestWatchedBody(t *testing.T) {
	tests := []struct {
		name   string
		size   int           // bytes at a time
		pause  time.Duration // between them
		reader time.Duration // spent by the reader between reads
		reads  int
		want   error
		took   time.Duration // at most
	}{
		{name: "fast", size: 1000, pause: time.Millisecond, reads: 1000},
		{name: "just enough", size: 120, pause: time.Second, reads: 60},
		{name: "bursts", size: 2000, pause: 9 * time.Second, reads: 10},
		{name: "busy reader", size: 100, pause: time.Millisecond, reader: time.Hour, reads: 20},
		{name: "drips", size: 10, pause: time.Second, reads: 60, want: errStalled, took: 11 * time.Second},
		{name: "silent", size: 1000, pause: time.Hour, reads: 1, want: errStalled, took: 10 * time.Second},
		{name: "short and slow", size: 1, pause: time.Second, reads: 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				w := &watchedBody{
					body:   &paced{ctx: ctx, size: tt.size, pause: tt.pause, left: tt.reads},
					cancel: cancel, window: 10 * time.Second, least: 1000,
				}
				start := time.Now()
				var err error
				for buf := make([]byte, 4096); err == nil; time.Sleep(tt.reader) {
					_, err = w.Read(buf)
				}
				if tt.want == nil {
					tt.want = io.EOF
				}
				if !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if took := time.Since(start); tt.took != 0 && took > tt.took {
					t.Errorf("noticed after %v", took)
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestWait(t *testing.T) {
	why := errors.New("why")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := wait(t.Context(), time.Minute, why); err != nil || time.Since(start) != time.Minute {
			t.Errorf("waited %v, %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		err := wait(ctx, time.Minute, why)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, why) || time.Since(start) != 0 {
			t.Errorf("deadline too near: waited %v, %v", time.Since(start), err)
		}
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		if err := wait(ctx, time.Minute, why); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestPenaltyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b target
		a.Host, b.Host = "a", "b"
		h := newHealth()
		first := func() string { return h.order([]target{a, b})[0].Host }
		for _, length := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			h.bad(a.key(), 0)
			time.Sleep(length*time.Second - 1)
			if first() != "b" {
				t.Errorf("penalty of %ds ended early", length)
			}
			time.Sleep(2 * time.Nanosecond)
			if first() != "a" {
				t.Errorf("penalty of %ds goes on", length)
			}
		}
	})
}

func TestGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGrant(wanted{host: "r"}, nil)
		fetches := 0
		fetch := func(context.Context, *grant) (string, time.Duration, error) {
			fetches++
			time.Sleep(time.Second)
			return "Bearer x", time.Minute, nil
		}
		for range 3 { // in 50 s one fetch is enough, then it is renewed
			for range 9 {
				if v, err := g.value(t.Context(), fetch); err != nil || v != "Bearer x" {
					t.Fatal(v, err)
				}
				time.Sleep(5 * time.Second)
			}
			time.Sleep(20 * time.Second)
		}
		if fetches != 3 {
			t.Errorf("%d fetches, want 3", fetches)
		}
		g.refused("Bearer older")
		if _, err := g.value(t.Context(), fetch); err != nil || fetches != 4 {
			t.Errorf("%d fetches, %v", fetches, err)
		}
		g.refused("Bearer x")
		if _, err := g.value(t.Context(), fetch); err != nil || fetches != 5 {
			t.Errorf("%d fetches after refusal, %v", fetches, err)
		}
	})
}

// TestGrantError gives the error of one fetch to all who waited for it, and to
// nobody who comes later.
func TestGrantError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGrant(wanted{host: "r"}, nil)
		fetches := 0
		fetch := func(context.Context, *grant) (string, time.Duration, error) {
			fetches++
			time.Sleep(time.Second)
			return "", 0, errdefs.ErrUnauthenticated
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := g.value(t.Context(), fetch); !errdefs.IsUnauthorized(err) {
					t.Errorf("wrong error: %v", err)
				}
			})
		}
		wg.Wait()
		if fetches != 1 {
			t.Errorf("%d fetches for 10 waiting", fetches)
		}
		if _, err := g.value(t.Context(), fetch); !errdefs.IsUnauthorized(err) || fetches != 2 {
			t.Errorf("later: %d fetches, %v", fetches, err)
		}
	})
}

func TestLocations(t *testing.T) {
	l := newLocations()
	for i := range maxLocations + 1 {
		l.put(string(rune('a'+i%26))+time.Duration(i).String(), nil)
	}
	if n := len(l.urls); n != 1 {
		t.Errorf("%d entries after the bound", n)
	}
	l.put("http://r/v2/a/blobs/x", nil)
	l.put("http://m/v2/b/blobs/x", nil)
	l.put("http://m/v2/b/blobs/y", nil)
	l.dropAll("/blobs/x")
	if n := len(l.urls); n != 2 {
		t.Errorf("%d entries left, want 2", n)
	}
}
