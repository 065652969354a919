// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"cmp"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/spryd/spry/fs/remote/remotetest"
)

// prepareBound is how long a pull may take while a registry fails whose
// time-outs are a second.
const prepareBound = time.Minute

// While the daemon's registry fails, a pull ends in time and gives a container
// with right bytes; once it is back, the same image is lazy.
func TestFaultsAtPrepare(t *testing.T) {
	f := newField(t, time.Minute)
	for _, c := range []struct {
		name  string
		begin func(*site) (func() bool, func())
	}{
		{"connection refused", faults[0].begin},
		{"no answer", rules(remotetest.Rule{Do: remotetest.Hold(nil)})},
		{"no ztoc is answered", rules(remotetest.Rule{Path: "/blobs/", Do: remotetest.Hold(nil)})},
		{"stall in mid body", rules(remotetest.Rule{Do: remotetest.Stall(10)})},
		{"reset in mid body", rules(remotetest.Rule{Do: remotetest.Cut(10)})},
		{"short body", rules(remotetest.Rule{Do: remotetest.Short(10)})},
		{"wrong bytes", rules(remotetest.Rule{Do: remotetest.Corrupt(5)})},
		{"401", rules(remotetest.Rule{Do: remotetest.Status(http.StatusUnauthorized)})},
		{"403", rules(remotetest.Rule{Do: remotetest.Status(http.StatusForbidden)})},
		{"404", rules(remotetest.Rule{Do: remotetest.Status(http.StatusNotFound)})},
		{"429", rules(remotetest.Rule{Do: remotetest.Status(http.StatusTooManyRequests, "Retry-After", "20")})},
		{"503", rules(remotetest.Rule{Do: remotetest.Status(http.StatusServiceUnavailable)})},
		{"TLS of an unknown authority", led(func(s *site) []string { return []string{remotetest.NewTLS(s.t).URL} })},
		{"name that does not resolve", led(func(*site) []string { return []string{"http://registry.invalid:5000"} })},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := f.site(t, 1)
			_, end := c.begin(s)
			start := time.Now()
			s.pull(s.ref)
			took := time.Since(start)
			if took > prepareBound {
				t.Errorf("the pull took %v", took)
			}
			t.Logf("the pull took %v", took.Round(time.Millisecond))
			id, root := s.start()
			s.layers[0].all(t, "while it fails", root)
			s.end(id)
			end()
			s.removeImage("default", s.ref)
			before := len(s.lazyMounts())
			s.pull(s.ref)
			if got := len(s.lazyMounts()) - before; got != 1 {
				t.Errorf("%d more layers are lazy once the registry is back, want 1", got)
			}
			s.layers[0].all(t, "afterwards", s.root())
		})
	}
}

// URLs that a registry redirects to expire: the daemon asks the registry for
// new ones, and readers see nothing of it.
func TestRedirectsExpire(t *testing.T) {
	s := newField(t, time.Minute).siteOf(t, 2, 700_000) // too large to come at once
	s.pull(s.ref)
	root := s.root()
	const life = 300 * time.Millisecond
	other := remotetest.Front(t, s.backend.Host)
	other.Rule(remotetest.Rule{Do: remotetest.Signed()})
	sent := s.faulty.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.RedirectFor(other, life)})
	for i, l := range s.layers {
		for name := range l.files { // one after the other, over several lives
			one := plot{files: map[string][]byte{name: l.files[name]}}
			one.all(t, name, root)
			time.Sleep(life + life/4) // what is waited for is that URLs expire
		}
		if i == 0 && sent.Hits() == 0 {
			t.Error("nothing was redirected")
		}
	}
	expired := 0
	for _, r := range other.Requests() {
		if r.Status == http.StatusForbidden {
			expired++
		}
	}
	if expired == 0 || sent.Hits() < 2 {
		t.Errorf("%d URLs were used after their time, %d were given out: the test does not test", expired, sent.Hits())
	}
}

// New containers of an image that is local start while everything is gone, and
// so do those of others once it is back. SPRY_OUTAGE is how long that lasts.
func TestRegistryGone(t *testing.T) {
	s := newField(t, time.Second).site(t, 2)
	s.pull(s.ref)
	s.layers[0].all(t, "at first", s.root())
	s.faulty.Close()
	root := s.root()
	for end := time.Now().Add(outage(t)); time.Now().Before(end); {
		s.layers[0].all(t, "while everything is gone", root)
		if o := s.layers[1].read(t, root); o.right != 0 {
			t.Errorf("%d files were read that nobody has", o.right)
		}
	}
	s.faulty.Reopen()
	s.layers[1].all(t, "afterwards", root)
	s.layers[1].all(t, "in a new container", s.root())
}

// outage is how long everything is gone: long enough for a few reads to fail,
// or what SPRY_OUTAGE says.
func outage(t *testing.T) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(cmp.Or(os.Getenv("SPRY_OUTAGE"), "2s"))
	if err != nil {
		t.Fatalf("SPRY_OUTAGE: %v", err)
	}
	return d
}
