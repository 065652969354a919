// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// TestReadRangeFaults reads a range through every way a registry can go wrong
// and wants the right bytes or the named error.
func TestReadRangeFaults(t *testing.T) {
	const off, n = 1000, 300_000
	blob := noise(400_000)
	isPath := "/blobs/"
	protocol := func(err error) bool { return errors.Is(err, remote.ErrProtocol) }
	tests := []struct {
		name string
		rule remotetest.Rule
		want func(error) bool // nil: the right bytes
		gets int              // requests for the blob, 0 = not checked
		none bool             // the error is not Transient
		slow bool             // needs stalls to be noticed
	}{
		{name: "proper", rule: remotetest.Rule{Path: "/nothing/", Do: remotetest.Proper()}, gets: 1},
		{name: "cut once", rule: remotetest.Rule{Path: isPath, Times: 1, Do: remotetest.Cut(100_000)}, gets: 2},
		{name: "cut before the first byte", rule: remotetest.Rule{Path: isPath, Times: 1, Do: remotetest.Cut(0)}, gets: 2},
		{name: "cut thrice", rule: remotetest.Rule{Path: isPath, Times: 3, Do: remotetest.Cut(10)}, gets: 4},
		{name: "cut often but moving", rule: remotetest.Rule{Path: isPath, Do: remotetest.Cut(70_000)}, gets: 5},
		{name: "cut for ever", rule: remotetest.Rule{Path: isPath, Do: remotetest.Cut(10)}, want: errdefs.IsUnavailable, gets: 4},
		{name: "stalled once", rule: remotetest.Rule{Path: isPath, Times: 1, Do: remotetest.Stall(100_000)}, slow: true},
		{name: "no answer at all", rule: remotetest.Rule{Path: isPath, Times: 1, Do: remotetest.Delay(time.Hour)}, slow: true},
		{name: "too slow", rule: remotetest.Rule{Path: isPath, Times: 1, Do: remotetest.Trickle(10, 20*time.Millisecond)}, slow: true},
		{name: "200 instead of 206", rule: remotetest.Rule{Path: isPath, Do: remotetest.NoRange()}, gets: 1},
		{name: "200 once, broken", rule: remotetest.Rule{Path: isPath, Times: 1, Do: brokenWhole}, gets: 2},
		{name: "wrong range once", rule: remotetest.Rule{Path: isPath, Times: 1, Do: remotetest.ContentRange("bytes 0-299999/400000")}, gets: 2},
		{name: "wrong range", rule: remotetest.Rule{Path: isPath, Do: remotetest.ContentRange("bytes 0-299999/400000")}, want: protocol, gets: 2, none: true},
		{name: "no content range", rule: remotetest.Rule{Path: isPath, Do: remotetest.ContentRange("")}, want: protocol, none: true},
		{name: "garbage content range", rule: remotetest.Rule{Path: isPath, Do: remotetest.ContentRange("bytes x")}, want: protocol, none: true},
		{name: "too short", rule: remotetest.Rule{Path: isPath, Do: remotetest.ContentRange("bytes 1000-1999/2000")}, want: protocol, none: true},
		{name: "404", rule: remotetest.Rule{Path: isPath, Do: remotetest.Status(404)}, want: errdefs.IsNotFound, gets: 1, none: true},
		{name: "403", rule: remotetest.Rule{Path: isPath, Do: remotetest.Status(403)}, want: errdefs.IsPermissionDenied, gets: 1, none: true},
		{name: "401 without challenge", rule: remotetest.Rule{Path: isPath, Do: remotetest.Status(401)}, want: errdefs.IsUnauthorized, gets: 1, none: true},
		{name: "416", rule: remotetest.Rule{Path: isPath, Do: remotetest.Status(416)}, want: errdefs.IsOutOfRange, gets: 1, none: true},
		{name: "400", rule: remotetest.Rule{Path: isPath, Do: remotetest.Status(400)}, want: func(err error) bool { return status(err) == 400 }, gets: 1, none: true},
		{name: "429 once", rule: remotetest.Rule{Path: isPath, Times: 1, Do: remotetest.Status(429)}, gets: 2},
		{name: "burst of 503", rule: remotetest.Rule{Path: isPath, Times: 3, Do: remotetest.Status(503)}, gets: 4},
		{name: "500 for ever", rule: remotetest.Rule{Path: isPath, Do: remotetest.Status(500)}, want: errdefs.IsUnavailable, gets: 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := remotetest.New(t)
			d := srv.PushBlob(blob).Digest
			srv.Rule(tt.rule)
			o := quick()
			if tt.slow {
				o = impatient()
			}
			got, err := readRange(t.Context(), open(t, o).Blob(srv.Ref("app", "x"), d), off, n)
			switch {
			case tt.want != nil && (err == nil || !tt.want(err)):
				t.Errorf("wrong error: %v", err)
			case tt.want == nil && err != nil:
				t.Error(err)
			case tt.want == nil && !bytes.Equal(got, blob[off:off+n]):
				t.Errorf("got %d wrong bytes", len(got))
			}
			if err != nil && remote.Transient(err) == tt.none {
				t.Errorf("Transient(%v) = %v", err, !tt.none)
			}
			if gets := srv.Count(http.MethodGet, d.String()); tt.slow && gets < 2 {
				t.Errorf("took %d requests, want more", gets)
			}
			if gets := srv.Count(http.MethodGet, d.String()); tt.gets != 0 && gets != tt.gets {
				t.Errorf("took %d requests, want %d: %v", gets, tt.gets, srv.Ranges(d.String()))
			}
		})
	}
}

// brokenWhole ignores the range and breaks within the bytes to be skipped.
func brokenWhole(w http.ResponseWriter, r *http.Request, proper http.Handler) {
	remotetest.NoRange()(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		remotetest.Cut(500)(w, r, proper)
	}))
}

func status(err error) int {
	var s *remote.StatusError
	if errors.As(err, &s) {
		return s.Status
	}
	return 0
}

func TestReadRangeResumesAtTheByte(t *testing.T) {
	srv := remotetest.New(t)
	d := srv.PushBlob(noise(1000)).Digest
	srv.Rule(remotetest.Rule{Path: "/blobs/", Times: 1, Do: remotetest.Cut(123)})
	if _, err := readRange(t.Context(), open(t, quick()).Blob(srv.Ref("a", "x"), d), 200, 500); err != nil {
		t.Fatal(err)
	}
	want := []string{"bytes=200-699", "bytes=323-699"}
	if diff := cmp.Diff(want, srv.Ranges("/blobs/")); diff != "" {
		t.Error(diff)
	}
}

func TestReadRangeEdges(t *testing.T) {
	srv := remotetest.New(t)
	blob := noise(1000)
	d := srv.PushBlob(blob).Digest
	r := open(t, quick())
	tests := []struct {
		name   string
		ref    string
		dgst   digest.Digest
		off, n int64
		is     func(error) bool
	}{
		{name: "all", dgst: d, n: 1000},
		{name: "first byte", dgst: d, n: 1},
		{name: "last byte", dgst: d, off: 999, n: 1},
		{name: "nothing", dgst: d, off: 5},
		{name: "past the end", dgst: d, off: 990, n: 11, is: errdefs.IsOutOfRange},
		{name: "behind the end", dgst: d, off: 2000, n: 1, is: errdefs.IsOutOfRange},
		{name: "negative offset", dgst: d, off: -1, n: 1, is: errdefs.IsInvalidArgument},
		{name: "negative length", dgst: d, n: -1, is: errdefs.IsInvalidArgument},
		{name: "overflow", dgst: d, off: 1 << 62, n: 1 << 62, is: errdefs.IsInvalidArgument},
		{name: "no digest", dgst: "sha256:../../x", n: 1, is: errdefs.IsInvalidArgument},
		{name: "no repository", ref: srv.Host, dgst: d, n: 1, is: errdefs.IsInvalidArgument},
		{name: "no reference", ref: "https://x/y", dgst: d, n: 1, is: errdefs.IsInvalidArgument},
		{name: "other host directory", ref: "../y", dgst: d, n: 1, is: errdefs.IsInvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.ref == "" {
				tt.ref = srv.Ref("app", "latest")
			}
			got, err := readRange(t.Context(), r.Blob(tt.ref, tt.dgst), tt.off, tt.n)
			if tt.is != nil {
				if !tt.is(err) {
					t.Errorf("wrong error: %v", err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, blob[tt.off:tt.off+tt.n]) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	srv := remotetest.New(t)
	d := srv.PushBlob(noise(10)).Digest
	srv.Rule(remotetest.Rule{Path: "/blobs/", Times: 1, Do: remotetest.Status(429, "Retry-After", "1")})
	start := time.Now()
	if _, err := readRange(t.Context(), open(t, quick()).Blob(srv.Ref("a", "x"), d), 0, 10); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(start); waited < time.Second {
		t.Errorf("came back after %v, was told 1s", waited)
	}
}

func TestRetryAfterBeyondTheDeadlineFailsAtOnce(t *testing.T) {
	srv := remotetest.New(t)
	d := srv.PushBlob(noise(10)).Digest
	rule := srv.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.Status(429, "Retry-After", "3600")})
	o := quick()
	o.MaxBackoff = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := readRange(ctx, open(t, o).Blob(srv.Ref("a", "x"), d), 0, 10)
	if !errors.Is(err, context.DeadlineExceeded) || status(err) != 429 || !remote.Transient(err) {
		t.Errorf("wrong error: %v", err)
	}
	if ctx.Err() != nil || rule.Hits() != 1 {
		t.Errorf("waited for a deadline that was too near, %d requests", rule.Hits())
	}
}

func TestCancelEndsARead(t *testing.T) {
	for name, do := range map[string]remotetest.Action{
		"before the answer": remotetest.Delay(time.Hour),
		"in the body":       remotetest.Stall(10),
		"in the pause":      remotetest.Status(503, "Retry-After", "3600"),
	} {
		t.Run(name, func(t *testing.T) {
			srv := remotetest.New(t)
			d := srv.PushBlob(noise(1000)).Digest
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			srv.Rule(remotetest.Rule{Path: "/blobs/", Do: func(w http.ResponseWriter, r *http.Request, h http.Handler) {
				time.AfterFunc(10*time.Millisecond, cancel)
				do(w, r, h)
			}})
			o := quick()
			o.StallWindow, o.MaxBackoff = time.Hour, time.Hour
			_, err := readRange(ctx, open(t, o).Blob(srv.Ref("a", "x"), d), 0, 1000)
			if !errors.Is(err, context.Canceled) || remote.Transient(err) {
				t.Errorf("wrong error: %v", err)
			}
		})
	}
}

func TestDistrustAsksAnotherHost(t *testing.T) {
	srv := remotetest.New(t)
	mirror := srv.Mirror()
	blob := noise(1000)
	d := srv.PushBlob(blob).Digest
	mirror.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.Corrupt(7)})
	o := quick()
	o.Hosts = remote.Hosts(mirrored(t, srv, mirror))
	b := open(t, o).Blob("reg.test/app:latest", d)
	rc, err := b.ReadRange(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	b.Distrust(rc)
	_ = rc.Close()
	got, err := readRange(t.Context(), b, 0, 1000)
	if err != nil || !bytes.Equal(got, blob) {
		t.Errorf("still wrong bytes (%v)", err)
	}
}

func TestConcurrentRanges(t *testing.T) {
	srv := remotetest.New(t)
	store := srv.Mirror()
	srv.RequireToken("", "")
	blob := noise(1 << 20)
	d := srv.PushBlob(blob).Digest
	srv.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.Redirect(store)})
	for i := range 10 {
		store.Rule(remotetest.Rule{Path: "/blobs/", Skip: 3 * i, Times: 1, Do: remotetest.Cut(100)})
		store.Rule(remotetest.Rule{Path: "/blobs/", Skip: 3 * i, Times: 1, Do: remotetest.Status(503)})
	}
	o := quick()
	o.Retries = 20
	b := open(t, o).Blob(srv.Ref("app", "x"), d)
	var wg sync.WaitGroup
	for i := range int64(32) {
		wg.Go(func() {
			off, n := i*(1<<15), int64(1<<15)
			got, err := readRange(t.Context(), b, off, n)
			if err != nil || !bytes.Equal(got, blob[off:off+n]) {
				t.Errorf("range %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
}
