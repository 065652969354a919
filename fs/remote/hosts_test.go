// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

func TestHostsOfLoopback(t *testing.T) {
	for name, srv := range map[string]*remotetest.Server{"http": remotetest.New(t), "https": remotetest.NewTLS(t)} {
		t.Run(name, func(t *testing.T) {
			desc := srv.PushBlob(noise(10))
			if _, err := open(t, quick()).Get(t.Context(), srv.Ref("app", "x"), desc, 10); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHostsCertificate(t *testing.T) {
	srv := remotetest.NewTLS(t)
	desc := srv.PushBlob(noise(10))
	o := quick()
	toml := fmt.Sprintf("server = %q\n", srv.URL)
	o.Hosts = remote.Hosts(configured(t, toml))
	_, err := open(t, o).Get(t.Context(), "reg.test/app", desc, 10)
	if !errdefs.IsFailedPrecondition(err) || remote.Transient(err) {
		t.Errorf("unknown certificate: %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, srv.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Hosts = remote.Hosts(configured(t, toml+fmt.Sprintf("ca = %q\n", ca)))
	if _, err := open(t, o).Get(t.Context(), "reg.test/app", desc, 10); err != nil {
		t.Error(err)
	}
}

func TestHostsTellTheNamespace(t *testing.T) {
	srv := remotetest.New(t)
	desc := srv.PushBlob(noise(10))
	o := quick()
	o.Hosts = remote.Hosts(mirrored(t, srv))
	if _, err := open(t, o).Get(t.Context(), "reg.test/app", desc, 10); err != nil {
		t.Fatal(err)
	}
	if q := srv.Requests()[0].Query; q != "ns=reg.test" {
		t.Errorf("query is %q", q)
	}
}

// TestHostsReload changes hosts.toml under a Registry in use.
func TestHostsReload(t *testing.T) {
	one, two := remotetest.New(t), remotetest.New(t)
	desc := one.PushBlob(noise(10))
	two.PushBlob(noise(10))
	root := t.TempDir()
	writeHosts(t, root, fmt.Sprintf("server = %q\n", one.URL))
	o := quick()
	o.Hosts = remote.Hosts(remote.HostOptions{ConfigDirs: []string{t.TempDir(), root}})
	r := open(t, o)
	for i, srv := range []*remotetest.Server{one, one, two} {
		if srv == two {
			writeHosts(t, root, fmt.Sprintf("server = %q\n# new\n", two.URL))
		}
		before := srv.Count("", "")
		if _, err := r.Get(t.Context(), "reg.test/app", desc, 10); err != nil {
			t.Fatal(err)
		}
		if srv.Count("", "") != before+1 {
			t.Errorf("read %d went elsewhere", i)
		}
	}
}

func TestHostsAreKept(t *testing.T) {
	hosts := remote.Hosts(remote.HostOptions{})
	clients := map[*http.Client]bool{}
	for range 3 {
		hs, err := hosts("127.0.0.1:5000")
		if err != nil {
			t.Fatal(err)
		}
		clients[hs[0].Client] = true
	}
	if len(clients) != 1 {
		t.Errorf("%d clients for one host", len(clients))
	}
}

func TestHostsErrors(t *testing.T) {
	hosts := remote.Hosts(configured(t, "server = \"http://127.0.0.1:1\"\nca = \"/does/not/exist\"\n"))
	if _, err := hosts("reg.test"); err == nil {
		t.Error("missing certificate is no error")
	}
	for _, ns := range []string{"..", ".", "a/b"} {
		if _, err := hosts(ns); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", ns, err)
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	srv := remotetest.New(t)
	desc := srv.PushBlob(noise(100_000))
	r := open(t, quick())
	remotes := map[string]bool{}
	srv.Rule(remotetest.Rule{Do: func(w http.ResponseWriter, req *http.Request, h http.Handler) {
		remotes[req.RemoteAddr] = true // requests come one after the other
		h.ServeHTTP(w, req)
	}})
	for i := range int64(20) {
		if _, err := readRange(t.Context(), r.Blob(srv.Ref("a", "x"), desc.Digest), i*1000, 5000); err != nil {
			t.Fatal(err)
		}
	}
	if len(remotes) != 1 {
		t.Errorf("20 reads took %d connections", len(remotes))
	}
}
