// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// RedirectFor sends the client to the same path at another server, for which
// [Signed] is the rule, with a URL that is good for the time d.
func RedirectFor(to *Server, d time.Duration) Action {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, fmt.Sprintf("%s%s?X-Expires=%d", to.URL, r.URL.Path, time.Now().Add(d).UnixNano()), http.StatusTemporaryRedirect)
	}
}

// Signed answers 403 unless the URL is one of [RedirectFor] whose time has not
// passed, as blob stores do.
func Signed() Action {
	return func(w http.ResponseWriter, r *http.Request, proper http.Handler) {
		until, err := strconv.ParseInt(r.URL.Query().Get("X-Expires"), 10, 64)
		if err != nil || time.Now().UnixNano() > until {
			writeError(w, http.StatusForbidden, "EXPIRED", "request has expired")
			return
		}
		proper.ServeHTTP(w, r)
	}
}
