// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// login is a credential source.
func login(user, secret string) func(string) (string, string, error) {
	return func(string) (string, string, error) { return user, secret, nil }
}

func TestAuth(t *testing.T) {
	basic := func(s *remotetest.Server) { s.RequireBasic("me", "pw") }
	token := func(s *remotetest.Server) { s.RequireToken("me", "pw") }
	unauthorized := errdefs.IsUnauthorized
	tests := []struct {
		name   string
		server func(*remotetest.Server)
		creds  func(string) (string, string, error)
		is     func(error) bool
	}{
		{"basic", basic, login("me", "pw"), nil},
		{"basic, wrong password", basic, login("me", "no"), unauthorized},
		{"basic, nobody", basic, nil, unauthorized},
		{"token for anybody", func(s *remotetest.Server) { s.RequireToken("", "") }, nil, nil},
		{"token", token, login("me", "pw"), nil},
		{"token, no OAuth", func(s *remotetest.Server) {
			token(s)
			s.Rule(remotetest.Rule{Method: "POST", Path: "/token", Do: remotetest.Status(404)})
		}, login("me", "pw"), nil},
		{"identity token", token, login("", "pw"), nil},
		{"token, wrong password", token, login("me", "no"), unauthorized},
		{"token, nobody", token, nil, unauthorized},
		{"token server is gone", func(s *remotetest.Server) {
			token(s)
			s.Rule(remotetest.Rule{Path: "/token", Do: remotetest.Status(404)})
		}, nil, unauthorized},
		{"token server in trouble", func(s *remotetest.Server) {
			token(s)
			s.Rule(remotetest.Rule{Path: "/token", Times: 2, Do: remotetest.Status(503)})
		}, login("me", "pw"), nil},
		{"token server breaks", func(s *remotetest.Server) {
			token(s)
			s.Rule(remotetest.Rule{Path: "/token", Times: 1, Do: remotetest.Cut(0)})
		}, login("me", "pw"), nil},
		{"credentials fail", token, func(string) (string, string, error) { return "", "", errors.New("helper is broken") },
			func(err error) bool { return !errdefs.IsNotFound(err) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := remotetest.New(t)
			desc := srv.PushBlob(noise(100))
			tt.server(srv)
			o := quick()
			o.Hosts = remote.Hosts(remote.HostOptions{Credentials: tt.creds})
			_, err := open(t, o).Get(t.Context(), srv.Ref("app", "x"), desc, 100)
			if tt.is == nil && err != nil {
				t.Error(err)
			}
			if tt.is != nil && (err == nil || !tt.is(err) || errdefs.IsNotFound(err)) {
				t.Errorf("wrong error: %v", err)
			}
		})
	}
}

func TestTokenIsKeptAndRenewed(t *testing.T) {
	srv := remotetest.New(t)
	desc := srv.PushBlob(noise(100))
	srv.RequireToken("me", "pw")
	o := quick()
	o.Hosts = remote.Hosts(remote.HostOptions{Credentials: login("me", "pw")})
	b := open(t, o).Blob(srv.Ref("app", "x"), desc.Digest)
	read := func(tokens int) {
		t.Helper()
		for range 3 {
			if _, err := readRange(t.Context(), b, 0, 10); err != nil {
				t.Fatal(err)
			}
		}
		if n := srv.Count("", "/token"); n != tokens {
			t.Errorf("%d tokens were asked for, want %d", n, tokens)
		}
	}
	read(1)
	srv.ExpireTokens() // earlier than they said
	read(2)
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	srv := remotetest.New(t)
	desc := srv.PushBlob(noise(100))
	srv.RequireToken("", "")
	srv.TokenLifetime(3600)
	o := quick()
	b := open(t, o).Blob(srv.Ref("app", "x"), desc.Digest)
	for range 2 {
		if _, err := readRange(t.Context(), b, 0, 10); err != nil {
			t.Fatal(err)
		}
	}
	if n := srv.Count("GET", "/blobs/"); n != 3 { // one 401
		t.Errorf("%d blob requests, want 3", n)
	}
}

func TestEveryRepositoryHasItsToken(t *testing.T) {
	srv := remotetest.New(t)
	desc := srv.PushBlob(noise(100))
	srv.RequireToken("", "")
	r := open(t, quick())
	for _, repo := range []string{"a", "b/c", "a"} {
		if _, err := r.Get(t.Context(), srv.Ref(repo, "x"), desc, 100); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Push(t.Context(), srv.Ref("a", "x"), describe("x", noise(7)), from(noise(7))); err != nil {
		t.Error(err)
	}
	if n := srv.Count("", "/token"); n != 3 { // a, b/c, push to a
		t.Errorf("%d tokens were asked for, want 3", n)
	}
}

func TestManyReadersOneToken(t *testing.T) {
	srv := remotetest.New(t)
	desc := srv.PushBlob(noise(100))
	srv.RequireToken("me", "pw")
	var asked atomic.Int64
	o := quick()
	o.Hosts = remote.Hosts(remote.HostOptions{Credentials: func(string) (string, string, error) {
		asked.Add(1)
		return "me", "pw", nil
	}})
	r := open(t, o)
	// One read teaches the host; then all want a token at once.
	if _, err := r.Get(t.Context(), srv.Ref("first", "x"), desc, 100); err != nil {
		t.Fatal(err)
	}
	srv.Reset()
	asked.Store(0)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := r.Get(t.Context(), srv.Ref("app", "x"), desc, 100); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := srv.Count("", "/token"); n != 1 || asked.Load() != 1 {
		t.Errorf("%d tokens, %d credentials were asked for, want 1", n, asked.Load())
	}
}

// TestCancelledReaderLeavesNoTrace cancels who fetches the token; who waits
// for it must not suffer, nor who comes later.
func TestCancelledReaderLeavesNoTrace(t *testing.T) {
	srv := remotetest.New(t)
	desc := srv.PushBlob(noise(100))
	srv.RequireToken("", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	arrived := make(chan struct{})
	srv.Rule(remotetest.Rule{Path: "/token", Times: 1, Do: func(w http.ResponseWriter, r *http.Request, h http.Handler) {
		close(arrived)
		remotetest.Hold(ctx.Done())(w, r, h)
	}})
	r := open(t, quick())
	done := make(chan error, 1)
	go func() {
		_, err := r.Get(ctx, srv.Ref("app", "x"), desc, 100)
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("wrong error: %v", err)
	}
	if _, err := r.Get(t.Context(), srv.Ref("app", "x"), desc, 100); err != nil {
		t.Error(err)
	}
}

func TestPasswordIsNotSentInTheClear(t *testing.T) {
	srv := remotetest.NewTLS(t)
	token := remotetest.New(t)
	desc := srv.PushBlob(noise(10))
	srv.Rule(remotetest.Rule{Do: remotetest.Status(401, "WWW-Authenticate", `Bearer realm="`+token.URL+`/token",service="x"`)})
	o := quick()
	o.Hosts = remote.Hosts(remote.HostOptions{Credentials: login("me", "pw")})
	_, err := open(t, o).Get(t.Context(), srv.Ref("app", "x"), desc, 10)
	if !errdefs.IsUnauthorized(err) || len(token.Requests()) != 0 {
		t.Errorf("wrong error: %v (%d requests)", err, len(token.Requests()))
	}
}
