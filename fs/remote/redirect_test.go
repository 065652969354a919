// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

func TestRedirectIsRememberedUntilItFails(t *testing.T) {
	for _, code := range []int{401, 403, 404, 410, 400, 500} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			srv := remotetest.New(t)
			store := srv.Mirror()
			blob := noise(1000)
			d := srv.PushBlob(blob).Digest
			srv.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.Redirect(store)})
			store.Rule(remotetest.Rule{Path: "/blobs/", Skip: 2, Times: 1, Do: remotetest.Status(code)})
			b := open(t, quick()).Blob(srv.Ref("app", "x"), d)
			for i := range int64(4) {
				got, err := readRange(t.Context(), b, i*100, 100)
				if err != nil || !bytes.Equal(got, blob[i*100:i*100+100]) {
					t.Fatalf("read %d: %v", i, err)
				}
			}
			// Reads 0 and 1 by one redirect; 2 finds it expired; 2 and 3 by the next.
			if n := srv.Count("GET", "/blobs/"); n != 2 {
				t.Errorf("asked the registry %d times, want 2", n)
			}
			if n := store.Count("GET", "/blobs/"); n != 5 {
				t.Errorf("asked the store %d times, want 5", n)
			}
		})
	}
}

func TestRedirectTargetGetsNoSecrets(t *testing.T) {
	srv := remotetest.New(t)
	store := srv.Mirror()
	srv.RequireBasic("me", "pw")
	d := srv.PushBlob(noise(100)).Digest
	srv.Rule(remotetest.Rule{Path: "/blobs/", Skip: 1, Do: remotetest.Redirect(store)})
	o := quick()
	host := configured(t, fmt.Sprintf("server = %q\n[header]\nX-Custom = \"mine\"\n", srv.URL))
	host.Credentials = func(string) (string, string, error) { return "me", "pw", nil }
	o.Hosts = remote.Hosts(host)
	if _, err := readRange(t.Context(), open(t, o).Blob("reg.test/app", d), 0, 100); err != nil {
		t.Fatal(err)
	}
	for _, r := range srv.Requests() {
		if r.Header.Get("X-Custom") != "mine" {
			t.Errorf("registry got no configured header: %v", r.Header)
		}
	}
	for _, r := range store.Requests() {
		if r.Header.Get("Authorization") != "" || r.Header.Get("X-Custom") != "" {
			t.Errorf("store got %v", r.Header)
		}
		if r.Range != "bytes=0-99" {
			t.Errorf("store got range %q", r.Range)
		}
	}
}

func TestRedirectErrors(t *testing.T) {
	srv := remotetest.New(t)
	store := srv.Mirror()
	d := srv.PushBlob(noise(100)).Digest
	location := func(to string) remotetest.Action {
		return remotetest.Status(http.StatusTemporaryRedirect, "Location", to)
	}
	tests := []struct {
		name string
		do   remotetest.Action
		is   func(error) bool
	}{
		{"store refuses", remotetest.Redirect(store), errdefs.IsPermissionDenied},
		{"loop", location("/v2/app/blobs/" + d.String() + "?sig=secret"), isProtocol},
		{"no location", remotetest.Status(http.StatusTemporaryRedirect), isProtocol},
		{"garbage", location("http://%zz/?secret"), isProtocol},
		{"file", location("file:///etc/passwd?secret"), isProtocol},
		{"store is gone", location("http://127.0.0.1:1/?secret"), errdefs.IsUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv.ClearRules()
			store.ClearRules()
			srv.Rule(remotetest.Rule{Path: "/blobs/", Do: tt.do})
			store.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.Status(403)})
			_, err := readRange(t.Context(), open(t, quick()).Blob(srv.Ref("app", "x"), d), 0, 10)
			if err == nil || !tt.is(err) {
				t.Errorf("wrong error: %v", err)
			}
			noSecrets(t, err)
		})
	}
}

func isProtocol(err error) bool { return errors.Is(err, remote.ErrProtocol) }
