// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/index"
)

func TestPrefetch(t *testing.T) {
	cases := map[string]struct {
		in   string
		want []index.PrefetchRange
	}{
		"one":      {`{"version":"1.0","prefetch_spans":[{"start_span":0,"end_span":3}]}`, []index.PrefetchRange{{Start: 0, End: 3}}},
		"single":   {`{"version":"1.0","prefetch_spans":[{"start_span":7,"end_span":7}]}`, []index.PrefetchRange{{Start: 7, End: 7}}},
		"priority": {`{"version":"1.0","prefetch_spans":[{"start_span":1,"end_span":2,"priority":-4},{"start_span":0,"end_span":2147483647}]}`, []index.PrefetchRange{{Start: 1, End: 2, Priority: -4}, {End: math.MaxInt32}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := index.ParsePrefetch([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, p.Ranges); d != "" {
				t.Errorf("ranges (-want +got):\n%s", d)
			}
			b, err := p.Encode()
			if err != nil || string(b) != c.in {
				t.Errorf("encoded as %s, error %v", b, err)
			}
		})
	}
}

func TestPrefetchErrors(t *testing.T) {
	cases := map[string]struct{ in, reason string }{
		"no JSON":     {`[`, "unexpected end"},
		"no version":  {`{"prefetch_spans":[{"start_span":0,"end_span":0}]}`, "version"},
		"version 2":   {`{"version":"2.0","prefetch_spans":[{"start_span":0,"end_span":0}]}`, "version"},
		"no spans":    {`{"version":"1.0"}`, "without spans"},
		"empty spans": {`{"version":"1.0","prefetch_spans":[]}`, "without spans"},
		"negative":    {`{"version":"1.0","prefetch_spans":[{"start_span":-1,"end_span":0}]}`, "spans -1 to 0"},
		"backwards":   {`{"version":"1.0","prefetch_spans":[{"start_span":0,"end_span":1},{"start_span":3,"end_span":2}]}`, "range 1"},
		"overflow":    {`{"version":"1.0","prefetch_spans":[{"start_span":0,"end_span":2147483648}]}`, "int32"},
		"too large":   {`{"version":"1.0"` + strings.Repeat(" ", index.MaxPrefetchSize), "at most"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := index.ParsePrefetch([]byte(c.in))
			if !errors.Is(err, index.ErrInvalid) || !strings.Contains(err.Error(), c.reason) || p != nil {
				t.Errorf("prefetch %+v, error %v, want %q", p, err, c.reason)
			}
		})
	}
	for _, p := range []index.Prefetch{{}, {Ranges: []index.PrefetchRange{{Start: 2, End: 1}}}} {
		if b, err := p.Encode(); !errors.Is(err, index.ErrInvalid) {
			t.Errorf("encoded %+v as %s, error %v", p, b, err)
		}
	}
}

func FuzzPrefetch(f *testing.F) {
	f.Add([]byte(`{"version":"1.0","prefetch_spans":[{"start_span":0,"end_span":3}]}`))
	f.Add([]byte(`{"version":"1.0","prefetch_spans":[{"start_span":1,"end_span":2,"priority":9}],"x":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := index.ParsePrefetch(b)
		if err != nil {
			if p != nil || !errors.Is(err, index.ErrInvalid) {
				t.Errorf("prefetch %v, error %v", p, err)
			}
			return
		}
		once, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := index.ParsePrefetch(once)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, again); d != "" {
			t.Errorf("round trip:\n%s", d)
		}
	})
}
