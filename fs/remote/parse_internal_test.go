// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseContentRange(t *testing.T) {
	tests := []struct {
		in   string
		want contentRange
		ok   bool
	}{
		{"bytes 0-0/1", contentRange{0, 0, 1}, true},
		{"bytes 5-9/10", contentRange{5, 9, 10}, true},
		{"bytes 5-9/*", contentRange{5, 9, -1}, true},
		{"bytes 0-9223372036854775806/9223372036854775807", contentRange{0, 1<<63 - 2, 1<<63 - 1}, true},
		{in: ""}, {in: "bytes"}, {in: "bytes */10"}, {in: "bytes 5-9"}, {in: "items 5-9/10"},
		{in: "bytes 9-5/10"}, {in: "bytes 5-10/10"}, {in: "bytes -5-9/10"}, {in: "bytes +5-9/10"},
		{in: "bytes 5-9/-1"}, {in: "bytes 0-9223372036854775808/*"}, {in: "bytes 5-9/10, bytes 1-2/10"},
	}
	for _, tt := range tests {
		got, err := parseContentRange(tt.in)
		if (err == nil) != tt.ok || (tt.ok && got != tt.want) {
			t.Errorf("%q: got %+v, %v", tt.in, got, err)
		}
		if err != nil && !errors.Is(err, ErrProtocol) {
			t.Errorf("%q: %v", tt.in, err)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 5-9/10")
	f.Add("bytes 5-9/*")
	f.Add("bytes */10")
	f.Fuzz(func(t *testing.T, in string) {
		r, err := parseContentRange(in)
		if err != nil {
			return
		}
		if r.first < 0 || r.last < r.first || (r.total != -1 && r.total <= r.last) {
			t.Errorf("%q: %+v", in, r)
		}
		out := fmt.Sprintf("bytes %d-%d/%d", r.first, r.last, r.total)
		if r.total == -1 {
			out = fmt.Sprintf("bytes %d-%d/*", r.first, r.last)
		}
		if again, err := parseContentRange(out); err != nil || again != r {
			t.Errorf("%q: %+v, %v", out, again, err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-7": 0, "x": 0, "1.5": 0, "99999999999": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute,
		"Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {in}}, now); got != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("7")
	f.Add("Fri, 02 Jan 2026 03:05:05 GMT")
	f.Fuzz(func(t *testing.T, in string) {
		if d := retryAfter(http.Header{"Retry-After": {in}}, time.Unix(0, 0)); d < 0 {
			t.Errorf("%q: %v", in, d)
		}
	})
}

func TestNextPage(t *testing.T) {
	at, err := url.Parse("http://r/v2/a/referrers/x?artifactType=t")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		`</v2/a/referrers/x?last=1>; rel="next"`: "http://r/v2/a/referrers/x?last=1",
		`<x?last=2>; rel=next`:                   "http://r/v2/a/referrers/x?last=2",
		`<http://other/>; rel="next"`:            "http://other/",
		`</x>; rel="prev"`:                       "",
		`/x; rel="next"`:                         "",
		`<`:                                      "", `>`: "", ``: "", `<%zz>; rel=next`: "",
	} {
		got := ""
		if u := nextPage(at, http.Header{"Link": {in}}); u != nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzNextPage(f *testing.F) {
	f.Add(`</v2/a/referrers/x?last=1>; rel="next"`)
	at := &url.URL{Scheme: "http", Host: "r", Path: "/v2/"}
	f.Fuzz(func(t *testing.T, in string) {
		if u := nextPage(at, http.Header{"Link": {in}}); u != nil && u.String() == "" {
			t.Errorf("%q: empty", in)
		}
	})
}

func TestPause(t *testing.T) {
	o := Options{Backoff: time.Second, MaxBackoff: 10 * time.Second}.withDefaults()
	for n, most := range []time.Duration{1, 2, 4, 8, 10, 10} {
		for range 100 {
			if d := o.pause(n, 0); d < most*time.Second/2 || d > most*time.Second {
				t.Fatalf("pause %d is %v", n, d)
			}
		}
	}
	if d := o.pause(1000, 0); d > o.MaxBackoff {
		t.Errorf("pause 1000 is %v", d)
	}
	if d := o.pause(0, 7*time.Second); d != 7*time.Second {
		t.Errorf("asked for 7s, got %v", d)
	}
	if d := o.pause(0, time.Hour); d != o.MaxBackoff {
		t.Errorf("asked for 1h, got %v", d)
	}
}

func TestHealthOrder(t *testing.T) {
	host := func(name string) target {
		var t target
		t.Host = name
		return t
	}
	h := newHealth()
	all := []target{host("a"), host("b"), host("c")}
	order := func() (s string) {
		for _, t := range h.order(all) {
			s += t.Host
		}
		return s
	}
	var got []string
	for _, step := range []func(){
		func() {},
		func() { h.bad(all[0].key(), 0) },
		func() { h.bad(all[1].key(), 10*time.Second) },
		func() { h.good(all[0].key()) },
		func() { h.bad(all[2].key(), 0) },
	} {
		step()
		got = append(got, order())
	}
	if diff := cmp.Diff([]string{"abc", "bca", "cab", "acb", "acb"}, got); diff != "" {
		t.Error(diff)
	}
}
