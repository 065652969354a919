// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"net/http"
	"time"
)

// Action answers a request, by itself or by changing what proper would answer.
type Action func(w http.ResponseWriter, r *http.Request, proper http.Handler)

// Proper answers as if there was no rule; it only counts.
func Proper() Action {
	return func(w http.ResponseWriter, r *http.Request, proper http.Handler) { proper.ServeHTTP(w, r) }
}

// Status answers with a status, a short body and headers given as
// key, value, key, value.
func Status(code int, headers ...string) Action {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		writeError(w, code, "RULE", http.StatusText(code))
	}
}

// Cut breaks the connection after n bytes of the proper body.
func Cut(n int64) Action {
	return body(func(w *shaped) { w.cut = n })
}

// Stall sends n bytes of the proper body, then nothing until the client goes.
func Stall(n int64) Action {
	return body(func(w *shaped) { w.stall = n })
}

// StallUntil sends n bytes of the proper body, and the rest when the channel is
// closed.
func StallUntil(n int64, until <-chan struct{}) Action {
	return body(func(w *shaped) { w.stall, w.until = n, until })
}

// Short answers with the first n bytes of the proper body as if that was all,
// with the headers of the proper answer otherwise.
func Short(n int64) Action {
	return body(func(w *shaped) { w.short = n })
}

// Corrupt flips the bits of the byte at offset off of the proper body.
func Corrupt(off int64) Action {
	return body(func(w *shaped) { w.corrupt = off })
}

// Trickle sends the proper body a chunk of n bytes at a time with a pause
// after each.
func Trickle(n int, pause time.Duration) Action {
	return body(func(w *shaped) { w.chunk, w.pause = n, pause })
}

// Delay waits before the proper answer, or until the client goes.
func Delay(d time.Duration) Action {
	return func(w http.ResponseWriter, r *http.Request, proper http.Handler) {
		select {
		case <-time.After(d):
			proper.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Hold waits for the channel to be closed before the proper answer, or until
// the client goes.
func Hold(until <-chan struct{}) Action {
	return func(w http.ResponseWriter, r *http.Request, proper http.Handler) {
		select {
		case <-until:
			proper.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Redirect sends the client to the same path at another server, with a query
// that looks like a signature.
func Redirect(to *Server) Action {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, to.URL+r.URL.Path+"?X-Signature=secret", http.StatusTemporaryRedirect)
	}
}

// NoRange answers a range request with the whole content and status 200.
func NoRange() Action {
	return func(w http.ResponseWriter, r *http.Request, proper http.Handler) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
		proper.ServeHTTP(w, r)
	}
}

// ContentRange replaces the Content-Range header of the proper answer; ""
// removes it.
func ContentRange(v string) Action {
	return body(func(w *shaped) { w.contentRange = &v })
}

// Override answers 200 with other content than the proper one.
func Override(b []byte) Action {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write(b)
	}
}
