// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"fmt"
	"strconv"
	"strings"
)

// contentRange is a parsed Content-Range header of a 206.
type contentRange struct {
	first, last int64 // inclusive, 0 <= first <= last
	total       int64 // > last; -1 when the server does not know
}

// parseContentRange reads "bytes first-last/total" (RFC 9110, 14.4). Errors
// match ErrProtocol.
func parseContentRange(v string) (contentRange, error) {
	bad := fmt.Errorf("content range %.60q: %w", v, ErrProtocol)
	rest, ok := strings.CutPrefix(v, "bytes ")
	if !ok {
		return contentRange{}, bad
	}
	span, total, ok := strings.Cut(rest, "/")
	first, last, dash := strings.Cut(span, "-")
	if !ok || !dash {
		return contentRange{}, bad
	}
	r := contentRange{total: -1}
	var err [3]error
	r.first, err[0] = number(first)
	r.last, err[1] = number(last)
	if total != "*" {
		r.total, err[2] = number(total)
	}
	for _, e := range err {
		if e != nil {
			return contentRange{}, bad
		}
	}
	if r.first > r.last || (total != "*" && r.last >= r.total) {
		return contentRange{}, bad
	}
	return r, nil
}

// number reads plain decimal digits that fit an int64.
func number(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}
