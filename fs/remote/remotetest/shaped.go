// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// shaped is a ResponseWriter that spoils the proper answer on its way.
type shaped struct {
	http.ResponseWriter
	ctx          context.Context // of the request being answered
	sent         int64
	cut, stall   int64           // -1: never
	until        <-chan struct{} // ends the stall
	short        int64           // body bytes that are announced and sent; -1: all
	corrupt      int64           // -1: never
	chunk        int             // 0: whole writes
	pause        time.Duration
	contentRange *string
}

// body makes an action that writes the proper answer through a shaped writer.
func body(set func(*shaped)) Action {
	return func(w http.ResponseWriter, r *http.Request, proper http.Handler) {
		s := &shaped{ResponseWriter: w, ctx: r.Context(), cut: -1, stall: -1, corrupt: -1, short: -1}
		set(s)
		proper.ServeHTTP(s, r)
		s.limit(s.sent, s.cut, s.abort)
		s.limit(s.sent, s.stall, s.hang)
	}
}

// WriteHeader implements http.ResponseWriter.
func (s *shaped) WriteHeader(status int) {
	if s.contentRange != nil {
		s.Header().Del("Content-Range")
		if *s.contentRange != "" {
			s.Header().Set("Content-Range", *s.contentRange)
		}
	}
	if s.short >= 0 {
		s.Header().Set("Content-Length", strconv.FormatInt(s.short, 10))
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *shaped) Write(p []byte) (int, error) {
	written, all := 0, len(p)
	if s.short >= 0 {
		p = p[:min(int64(len(p)), s.short-s.sent)]
	}
	for len(p) > 0 {
		s.limit(s.sent, s.cut, s.abort)
		s.limit(s.sent, s.stall, s.hang)
		n, err := s.piece(p)
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return all, nil
}

// piece writes as much of p as the next limit allows.
func (s *shaped) piece(p []byte) (int, error) {
	for _, at := range []int64{s.cut, s.stall} {
		if at >= 0 && int64(len(p)) > at-s.sent {
			p = p[:at-s.sent]
		}
	}
	if s.chunk > 0 && len(p) > s.chunk {
		p = p[:s.chunk]
	}
	if at := s.corrupt - s.sent; s.corrupt >= 0 && at >= 0 && at < int64(len(p)) {
		p = append([]byte(nil), p...)
		p[at] ^= 0xff
	}
	n, err := s.ResponseWriter.Write(p)
	s.sent += int64(n)
	if err == nil && s.chunk > 0 {
		s.flush()
		select {
		case <-time.After(s.pause):
		case <-s.ctx.Done():
		}
	}
	return n, err
}

// limit runs then when sent has come to at.
func (s *shaped) limit(sent, at int64, then func()) {
	if at >= 0 && sent >= at {
		s.flush()
		then()
	}
}

func (s *shaped) flush() { _ = http.NewResponseController(s.ResponseWriter).Flush() }

// abort drops the connection; net/http knows this panic value.
func (s *shaped) abort() { panic(http.ErrAbortHandler) }

func (s *shaped) hang() {
	select {
	case <-s.until:
		s.stall = -1
	case <-s.ctx.Done():
		s.abort()
	}
}
