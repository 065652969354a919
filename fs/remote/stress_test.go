// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// TestRandomFaults reads through random faults of a mirror, an origin and the
// store they redirect to. All of them pass, so every read must end with the
// right bytes.
func TestRandomFaults(t *testing.T) {
	blob := noise(600_000)
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 0))
			origin := remotetest.New(t)
			mirror, store := origin.Mirror(), origin.Mirror()
			desc := origin.PushBlob(blob)
			if rnd.IntN(2) == 0 {
				origin.RequireToken("", "")
			}
			for range 12 {
				srv := []*remotetest.Server{origin, mirror, store}[rnd.IntN(3)]
				srv.Rule(remotetest.Rule{Skip: rnd.IntN(5), Times: 1, Do: passing(rnd, store)})
			}
			o := impatient()
			o.Retries = 30
			hosts := mirrored(t, origin, mirror)
			hosts.TokenTimeout = o.HeaderTimeout
			o.Hosts = remote.Hosts(hosts)
			r := open(t, o)
			b := r.Blob("reg.test/app:x", desc.Digest)
			for range 8 {
				off := rnd.Int64N(int64(len(blob)))
				n := rnd.Int64N(int64(len(blob)) - off + 1)
				got, err := readRange(t.Context(), b, off, n)
				if err != nil || !bytes.Equal(got, blob[off:off+n]) {
					t.Fatalf("range of %d at %d: got %d bytes, %v", n, off, len(got), err)
				}
			}
			rc, err := r.Open(t.Context(), "reg.test/app:x", desc)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = rc.Close() }()
			if got, err := io.ReadAll(rc); err != nil || !bytes.Equal(got, blob) {
				t.Fatalf("whole blob: got %d bytes, %v", len(got), err)
			}
		})
	}
}

// passing is a fault that a client must get over.
func passing(rnd *rand.Rand, store *remotetest.Server) remotetest.Action {
	n := rnd.Int64N(200_000)
	return []remotetest.Action{
		remotetest.Cut(n),
		remotetest.Stall(n),
		remotetest.Status(429),
		remotetest.Status(500 + rnd.IntN(5)),
		remotetest.NoRange(),
		remotetest.Redirect(store),
		remotetest.Redirect(store),
		remotetest.Delay(time.Hour),
		remotetest.Trickle(1, 50*time.Millisecond),
	}[rnd.IntN(9)]
}

func TestDistrustForgetsTheRedirect(t *testing.T) {
	srv := remotetest.New(t)
	bad, good := srv.Mirror(), srv.Mirror()
	blob := noise(1000)
	d := srv.PushBlob(blob).Digest
	srv.Rule(remotetest.Rule{Times: 1, Do: remotetest.Redirect(bad)})
	srv.Rule(remotetest.Rule{Do: remotetest.Redirect(good)})
	bad.Rule(remotetest.Rule{Do: remotetest.Corrupt(0)})
	b := open(t, quick()).Blob(srv.Ref("app", "x"), d)
	rc, err := b.ReadRange(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, rc); err != nil {
		t.Fatal(err)
	}
	_ = rc.Close()
	b.Distrust(rc)
	if got, err := readRange(t.Context(), b, 0, 1000); err != nil || !bytes.Equal(got, blob) {
		t.Errorf("still wrong bytes (%v)", err)
	}
	b.Distrust(io.NopCloser(nil)) // not one of ours: nothing happens
}
