// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spryd/spry/fs/remote/remotetest"
)

// fault is a way in which registries fail.
type fault struct {
	name string
	// begin begins it. seen says whether it was met often enough that whoever
	// met it tries again; nil is when reads wait.
	begin func(s *site) (seen func() bool, end func())
	// slow: what meets it does not try again soon.
	slow bool
	// harmless: reads are answered while it lasts.
	harmless bool
}

// often is how many requests meet a fault before it is seen.
const often = 6

// blobs answers requests for blobs with do.
func blobs(do remotetest.Action) func(*site) (func() bool, func()) {
	return rules(remotetest.Rule{Path: "/blobs/", Do: do})
}

// rules are for the faulty registry; the last one is the one to be met.
func rules(list ...remotetest.Rule) func(*site) (func() bool, func()) {
	return func(s *site) (func() bool, func()) {
		var met *remotetest.Applied
		for _, r := range list {
			met = s.faulty.Rule(r)
		}
		return func() bool { return met.Hits() >= often }, s.faulty.ClearRules
	}
}

// led leads the daemon to other places; they may be registries that were never
// there.
func led(to func(s *site) []string) func(*site) (func() bool, func()) {
	return func(s *site) (func() bool, func()) {
		s.lead(to(s)...)
		return nil, func() { s.lead(s.faulty.URL) }
	}
}

// dead is the address of a registry that is gone.
func dead(s *site) string {
	srv := remotetest.New(s.t)
	srv.Close()
	return srv.URL
}

var faults = []fault{
	{name: "connection refused", begin: func(s *site) (func() bool, func()) {
		s.faulty.Close()
		return nil, s.faulty.Reopen
	}},
	{name: "reset before the body", begin: blobs(remotetest.Cut(0))},
	{name: "reset in mid body", begin: blobs(remotetest.Cut(100))},
	{name: "no answer", begin: blobs(remotetest.Hold(nil))},
	{name: "stall in mid body", begin: blobs(remotetest.Stall(100))},
	{name: "stall, then on", begin: func(s *site) (func() bool, func()) {
		over := make(chan struct{})
		seen, unrule := blobs(remotetest.StallUntil(100, over))(s)
		return seen, func() { unrule(); close(over) }
	}},
	{name: "empty body", begin: blobs(remotetest.Short(0))},
	{name: "short body", begin: blobs(remotetest.Short(100))},
	{name: "200 instead of 206", begin: blobs(remotetest.NoRange()), harmless: true},
	{name: "wrong Content-Range", begin: blobs(remotetest.ContentRange("bytes 7-1000/1001"))},
	{name: "malformed Content-Range", begin: blobs(remotetest.ContentRange("bytes what/ever"))},
	{name: "no Content-Range", begin: blobs(remotetest.ContentRange(""))},
	{name: "wrong bytes", begin: blobs(remotetest.Corrupt(10))},
	{name: "another page", begin: blobs(remotetest.Override([]byte("<html>log in to the hotel's network</html>")))},
	{name: "400", begin: blobs(remotetest.Status(http.StatusBadRequest))},
	{name: "401", begin: blobs(remotetest.Status(http.StatusUnauthorized))},
	{name: "403", begin: blobs(remotetest.Status(http.StatusForbidden))},
	{name: "404 of a blob that was there", begin: blobs(remotetest.Status(http.StatusNotFound))},
	{name: "416", begin: blobs(remotetest.Status(http.StatusRequestedRangeNotSatisfiable))},
	{name: "429 with Retry-After", begin: blobs(remotetest.Status(http.StatusTooManyRequests, "Retry-After", "1"))},
	{name: "429 with a long Retry-After", begin: blobs(remotetest.Status(http.StatusTooManyRequests, "Retry-After", "20")), slow: true},
	{name: "500", begin: blobs(remotetest.Status(http.StatusInternalServerError))},
	{name: "503", begin: blobs(remotetest.Status(http.StatusServiceUnavailable))},
	{name: "token expires", harmless: true, begin: func(s *site) (func() bool, func()) {
		s.faulty.RequireToken("", "")
		var n atomic.Int64
		return blobs(func(w http.ResponseWriter, r *http.Request, proper http.Handler) {
			if n.Add(1)%3 == 0 {
				s.faulty.ExpireTokens()
			}
			proper.ServeHTTP(w, r)
		})(s)
	}},
	{name: "token server fails", begin: func(s *site) (func() bool, func()) {
		s.faulty.RequireToken("", "")
		return rules(remotetest.Rule{Path: "/token", Do: remotetest.Status(http.StatusBadGateway)})(s)
	}},
	{name: "token refused", begin: func(s *site) (func() bool, func()) {
		s.faulty.RequireToken("", "")
		return rules(remotetest.Rule{Path: "/token", Do: remotetest.Status(http.StatusForbidden)})(s)
	}},
	{name: "redirect to a dead host", begin: func(s *site) (func() bool, func()) {
		gone := remotetest.New(s.t)
		gone.Close()
		return blobs(remotetest.RedirectFor(gone, time.Minute))(s)
	}},
	{name: "redirect to an expired URL", begin: func(s *site) (func() bool, func()) {
		other := remotetest.Front(s.t, s.backend.Host)
		other.Rule(remotetest.Rule{Do: remotetest.Signed()})
		return blobs(remotetest.RedirectFor(other, -time.Second))(s)
	}},
	{name: "TLS of an unknown authority", begin: led(func(s *site) []string { return []string{remotetest.NewTLS(s.t).URL} })},
	{name: "name that does not resolve", begin: led(func(*site) []string { return []string{"http://registry.invalid:5000"} })},
	{name: "mirror is dead", harmless: true, begin: led(func(s *site) []string { return []string{dead(s), s.faulty.URL} })},
	{name: "mirror does not answer", harmless: true, begin: led(func(s *site) []string {
		mirror := remotetest.Front(s.t, s.backend.Host)
		mirror.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.Hold(nil)})
		return []string{mirror.URL, s.faulty.URL}
	})},
	{name: "mirror has wrong bytes", harmless: true, begin: led(func(s *site) []string {
		mirror := remotetest.Front(s.t, s.backend.Host)
		mirror.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.Corrupt(10)})
		return []string{mirror.URL, s.faulty.URL}
	})},
	{name: "mirror and origin are dead", begin: led(func(s *site) []string { return []string{dead(s), dead(s)} })},
}

// Whatever the registry does while a container reads: if it ends before the
// deadline, the container sees right bytes, and nothing else.
func TestFaultsThatPass(t *testing.T) {
	s := newField(t, time.Minute).site(t, len(faults))
	s.pull(s.ref)
	root := s.root()
	for i, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			seen, end := c.begin(s)
			result := make(chan *outcome, 1)
			go func() { result <- s.layers[i].read(t, root) }()
			if !c.harmless {
				if seen == nil || c.slow {
					seen = func() bool { return s.reads().Waiting > 0 }
				}
				s.eventually("the fault to be met", func() bool { return seen() || len(result) > 0 })
				end()
			}
			o := <-result
			if c.harmless {
				end()
			}
			if o.eio > 0 {
				t.Errorf("%d files right, %d EIO, the first after %v", o.right, o.eio, o.soonest)
			}
			t.Logf("the slowest read took %v", o.slowest.Round(time.Millisecond))
		})
	}
}

// While the registry fails for longer than the deadline, reads wait for that,
// and then there is EIO, never wrong bytes; the first read after it is right.
func TestFaultsThatLast(t *testing.T) {
	const deadline = 2 * time.Second
	s := newField(t, deadline).site(t, len(faults))
	s.pull(s.ref)
	root := s.root()
	for i, c := range faults {
		if c.harmless {
			continue // is not met for longer than a read
		}
		t.Run(c.name, func(t *testing.T) {
			_, end := c.begin(s)
			o := s.layers[i].read(t, root)
			end()
			if o.eio == 0 || o.soonest < deadline || o.slowest > 10*deadline {
				t.Errorf("%d files right, %d EIO, the first after %v, all after %v; want EIO not before %v and not long after",
					o.right, o.eio, o.soonest, o.slowest, deadline)
			}
			s.layers[i].all(t, "after the fault", root)
			t.Logf("%d EIO, from %v to %v", o.eio, o.soonest.Round(time.Millisecond), o.slowest.Round(time.Millisecond))
		})
	}
}
