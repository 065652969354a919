// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report_test

import (
	"testing"

	"github.com/spryd/spry/integration/bench/report"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 100, 2}, 3},
	} {
		in := append([]float64(nil), c.values...)
		if got := report.Median(in); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
		for i := range in {
			if in[i] != c.values[i] {
				t.Errorf("%v became %v", c.values, in)
			}
		}
	}
}

func TestRatio(t *testing.T) {
	if r, ok := report.Ratio(1, 4); !ok || r != 0.25 {
		t.Errorf("got %v, %v", r, ok)
	}
	for _, b := range []float64{0, -1} {
		if r, ok := report.Ratio(1, b); ok {
			t.Errorf("1/%v is %v", b, r)
		}
	}
}
