// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// TestFailover reads through a mirror that fails in each way; the origin
// answers.
func TestFailover(t *testing.T) {
	blob := noise(10_000)
	for name, do := range map[string]remotetest.Action{
		"404":         remotetest.Status(404),
		"403":         remotetest.Status(403),
		"401":         remotetest.Status(401),
		"500":         remotetest.Status(500),
		"429":         remotetest.Status(429, "Retry-After", "3600"),
		"wrong range": remotetest.ContentRange("bytes 1-2/3"),
		"cut":         remotetest.Cut(100),
		"stall":       remotetest.Stall(100),
		"silent":      remotetest.Delay(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := remotetest.New(t)
			mirror := origin.Mirror()
			desc := origin.PushBlob(blob)
			mirror.Rule(remotetest.Rule{Do: do})
			o := impatient()
			o.Hosts = remote.Hosts(mirrored(t, origin, mirror))
			r := open(t, o)
			got, err := readRange(t.Context(), r.Blob("reg.test/app:x", desc.Digest), 100, 9000)
			if err != nil || !bytes.Equal(got, blob[100:9100]) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			if mirror.Count("", "/blobs/") == 0 {
				t.Error("mirror was not asked")
			}
		})
	}
}

func TestFailingHostIsTriedLast(t *testing.T) {
	origin := remotetest.New(t)
	mirror := origin.Mirror()
	desc := origin.PushBlob(noise(1000))
	mirror.Rule(remotetest.Rule{Do: remotetest.Status(502, "Retry-After", "3600")})
	o := quick()
	o.Hosts = remote.Hosts(mirrored(t, origin, mirror))
	b := open(t, o).Blob("reg.test/app:x", desc.Digest)
	for range 10 {
		if _, err := readRange(t.Context(), b, 0, 10); err != nil {
			t.Fatal(err)
		}
	}
	if n := mirror.Count("", ""); n != 1 {
		t.Errorf("failing mirror was asked %d times", n)
	}
}

func TestDeadMirror(t *testing.T) {
	origin := remotetest.New(t)
	mirror := origin.Mirror()
	desc := origin.PushBlob(noise(1000))
	o := quick()
	o.Hosts = remote.Hosts(mirrored(t, origin, mirror))
	mirror.Close()
	if _, err := readRange(t.Context(), open(t, o).Blob("reg.test/app", desc.Digest), 0, 10); err != nil {
		t.Error(err)
	}
}

// TestVerdict asks two hosts that both fail.
func TestVerdict(t *testing.T) {
	tests := []struct {
		name           string
		mirror, origin int
		is             func(error) bool
		transient      bool
	}{
		{"origin decides: not found", 403, 404, errdefs.IsNotFound, false},
		{"origin decides: unauthorized", 404, 401, errdefs.IsUnauthorized, false},
		{"what may pass decides", 404, 503, errdefs.IsUnavailable, true},
		{"what may pass decides, mirror", 503, 404, errdefs.IsUnavailable, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			origin := remotetest.New(t)
			mirror := origin.Mirror()
			desc := origin.PushBlob(noise(10))
			mirror.Rule(remotetest.Rule{Do: remotetest.Status(tt.mirror)})
			origin.Rule(remotetest.Rule{Do: remotetest.Status(tt.origin)})
			o := quick()
			o.Hosts = remote.Hosts(mirrored(t, origin, mirror))
			_, err := open(t, o).Get(t.Context(), "reg.test/app:x", desc, 100)
			if !tt.is(err) || remote.Transient(err) != tt.transient {
				t.Errorf("wrong error (transient %v): %v", remote.Transient(err), err)
			}
			if tt.is(err) && !tt.transient && (errdefs.IsPermissionDenied(err) || errdefs.IsUnauthorized(err) && errdefs.IsNotFound(err)) {
				t.Errorf("error matches more than the verdict: %v", err)
			}
		})
	}
}

func TestDefiniteHostsAreNotAskedAgain(t *testing.T) {
	origin := remotetest.New(t)
	mirror := origin.Mirror()
	desc := origin.PushBlob(noise(10))
	mirror.Rule(remotetest.Rule{Do: remotetest.Status(404)})
	origin.Rule(remotetest.Rule{Do: remotetest.Status(503), Times: 2})
	o := quick()
	o.Hosts = remote.Hosts(mirrored(t, origin, mirror))
	if _, err := open(t, o).Get(t.Context(), "reg.test/app:x", desc, 100); err != nil {
		t.Fatal(err)
	}
	if m, n := mirror.Count("", ""), origin.Count("", ""); m != 1 || n != 3 {
		t.Errorf("mirror asked %d times, origin %d, want 1 and 3", m, n)
	}
}

func TestGetTakesTheHostWithTheRightContent(t *testing.T) {
	origin := remotetest.New(t)
	mirror := origin.Mirror()
	blob := noise(1000)
	desc := origin.PushBlob(blob)
	rule := mirror.Rule(remotetest.Rule{Do: remotetest.Corrupt(1)})
	o := quick()
	o.Hosts = remote.Hosts(mirrored(t, origin, mirror))
	got, err := open(t, o).Get(t.Context(), "reg.test/app:x", desc, 1000)
	if err != nil || !bytes.Equal(got, blob) || rule.Hits() != 1 {
		t.Errorf("got %d bytes after %d wrong ones, %v", len(got), rule.Hits(), err)
	}
}

func TestNoHostCanPush(t *testing.T) {
	o := quick()
	o.Hosts = remote.Hosts(configured(t, "capabilities = [\"pull\"]\nserver = \"http://127.0.0.1:1\"\n"))
	err := open(t, o).Push(t.Context(), "reg.test/app:x", remotetest.New(t).PushBlob(nil), nil)
	if !errdefs.IsFailedPrecondition(err) || remote.Transient(err) {
		t.Errorf("wrong error: %v", err)
	}
}

func TestTransient(t *testing.T) {
	if remote.Transient(nil) {
		t.Error("no error is transient")
	}
	srv := remotetest.New(t)
	d := srv.PushBlob(noise(10))
	srv.Close()
	o := quick()
	o.Retries = -1
	_, err := open(t, o).Get(t.Context(), srv.Ref("a", "x"), d, 10)
	if !remote.Transient(err) || !errdefs.IsUnavailable(err) {
		t.Errorf("refused connection is not transient: %v", err)
	}
	if errdefs.IsNotFound(err) {
		t.Errorf("refused connection is a definite answer: %v", err)
	}
}
