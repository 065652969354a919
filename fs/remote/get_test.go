// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

func TestGet(t *testing.T) {
	const limit = 100_000
	blob := noise(50_000)
	corrupt := func(err error) bool { return errors.Is(err, remote.ErrCorrupt) }
	large := func(err error) bool { return errors.Is(err, remote.ErrTooLarge) }
	chunked := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(blob)
	}
	endless := func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		for {
			if _, err := w.Write(blob); err != nil {
				return
			}
		}
	}
	tests := []struct {
		name string
		do   remotetest.Action
		size int64 // of the descriptor; 0 = unknown, -1 = right
		time int   // how often the rule applies
		is   func(error) bool
	}{
		{name: "proper", do: remotetest.Proper(), size: -1},
		{name: "size unknown", do: remotetest.Proper()},
		{name: "length unknown", do: chunked, size: -1},
		{name: "size and length unknown", do: chunked},
		{name: "cut", do: remotetest.Cut(20_000), size: -1, time: 2},
		{name: "cut, size unknown", do: remotetest.Cut(20_000), time: 2},
		{name: "corrupt once", do: remotetest.Corrupt(5), size: -1, time: 1},
		{name: "corrupt for ever", do: remotetest.Corrupt(5), size: -1, is: corrupt},
		{name: "wrong size", do: remotetest.Proper(), size: 49_999, is: corrupt},
		{name: "other content", do: remotetest.Override([]byte("x")), is: corrupt},
		{name: "empty", do: remotetest.Override(nil), is: corrupt},
		{name: "size over the limit", do: remotetest.Proper(), size: limit + 1, is: large},
		{name: "length over the limit", do: remotetest.Override(noise(limit + 1)), is: large},
		{name: "endless", do: endless, is: large},
		{name: "endless, size known", do: endless, size: -1}, // what was asked for is right
		{name: "404", do: remotetest.Status(404), size: -1, is: errdefs.IsNotFound},
		{name: "429", do: remotetest.Status(429), size: -1, time: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := remotetest.New(t)
			desc := srv.PushBlob(blob)
			if tt.size >= 0 {
				desc.Size = tt.size
			}
			srv.Rule(remotetest.Rule{Path: "/blobs/", Times: tt.time, Do: tt.do})
			got, err := open(t, quick()).Get(t.Context(), srv.Ref("a", "x"), desc, limit)
			switch {
			case tt.is == nil && (err != nil || !bytes.Equal(got, blob)):
				t.Errorf("got %d bytes, %v", len(got), err)
			case tt.is != nil && (err == nil || !tt.is(err) || remote.Transient(err)):
				t.Errorf("wrong error: %v", err)
			}
		})
	}
}

func TestGetManifest(t *testing.T) {
	srv := remotetest.New(t)
	img := srv.PushImage("app", "latest", remotetest.Tar(t))
	r := open(t, quick())
	b, err := r.Get(t.Context(), srv.Ref("app", "latest"), img.Manifest, 1<<20)
	if err != nil || !bytes.Equal(b, srv.Manifest("app", "latest")) {
		t.Errorf("got %s, %v", b, err)
	}
	if n := srv.Count("GET", "/v2/app/manifests/"); n != 1 {
		t.Errorf("%d requests for the manifest", n)
	}
}

func TestOpen(t *testing.T) {
	blob := noise(1 << 20)
	for name, do := range map[string]remotetest.Action{
		"proper":     remotetest.Proper(),
		"cut":        remotetest.Cut(300_000),
		"cut at end": remotetest.Cut(1 << 20),
	} {
		for _, known := range []string{"size known", "size unknown"} {
			t.Run(name+", "+known, func(t *testing.T) {
				srv := remotetest.New(t)
				desc := srv.PushBlob(blob)
				if known == "size unknown" {
					desc.Size = 0
				}
				srv.Rule(remotetest.Rule{Path: "/blobs/", Times: 2, Do: do})
				rc, err := open(t, quick()).Open(t.Context(), srv.Ref("a", "x"), desc)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(rc)
				if err != nil || !bytes.Equal(got, blob) {
					t.Errorf("got %d bytes, %v", len(got), err)
				}
				if err := rc.Close(); err != nil {
					t.Error(err)
				}
				if _, err := rc.Read(make([]byte, 1)); err == nil {
					t.Error("read after close works")
				}
			})
		}
	}
}

func TestBadDescriptors(t *testing.T) {
	r := open(t, quick())
	for name, desc := range map[string]ocispec.Descriptor{
		"no digest":     {},
		"not hex":       {Digest: "sha256:xyz"},
		"path":          {Digest: "sha256:../../../../etc/passwd"},
		"negative size": {Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Size: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := r.Get(t.Context(), "127.0.0.1:1/a", desc, 10); !errdefs.IsInvalidArgument(err) {
				t.Errorf("Get: %v", err)
			}
			if _, err := r.Open(t.Context(), "127.0.0.1:1/a", desc); !errdefs.IsInvalidArgument(err) {
				t.Errorf("Open: %v", err)
			}
		})
	}
}
