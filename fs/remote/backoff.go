// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// pause is how long to wait before retry n (from 0): the doubled Backoff with
// its upper half random, at least what a host asked for, at most MaxBackoff.
func (o Options) pause(n int, asked time.Duration) time.Duration {
	d := o.MaxBackoff
	if n < 20 && o.Backoff<<n < d {
		d = o.Backoff << n
	}
	d = d/2 + rand.N(d/2+1)
	return min(max(d, asked), o.MaxBackoff)
}

// wait sleeps for d. It fails at once when ctx will not last that long: last,
// the error that made us wait, then says why.
func wait(ctx context.Context, d time.Duration, last error) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return fmt.Errorf("%w, no time to retry: %w", last, context.DeadlineExceeded)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w, after %s", ctx.Err(), last.Error())
	}
}

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3): seconds or a date.
// Anything else is 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
