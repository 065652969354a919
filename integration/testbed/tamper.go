// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tamper is an HTTP proxy in front of a registry that changes bytes of chosen
// content on the way, wherever a client's range begins, and counts requests.
type Tamper struct {
	// Host is the address to use instead of the registry's.
	Host string

	srv  *http.Server
	done chan struct{}

	mu    sync.Mutex       // guards flips and asked
	flips map[string]int64 // digest to the offset of the byte to change
	asked map[string]int   // digest to number of requests
}

// NewTamper listens on a loopback port and forwards to the registry at target.
func NewTamper(target string) (*Tamper, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &Tamper{Host: l.Addr().String(), done: make(chan struct{}), flips: map[string]int64{}, asked: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target})
	proxy.ModifyResponse = t.modify
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	t.srv = &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute, ErrorLog: proxy.ErrorLog}
	go func() {
		defer close(t.done)
		_ = t.srv.Serve(l)
	}()
	return t, nil
}

// Flip changes one byte of the content with that digest, at offset off,
// until Mend.
func (t *Tamper) Flip(digest string, off int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flips[digest] = off
}

// Mend lets all content through as it is.
func (t *Tamper) Mend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.flips)
}

// Asked is how often content with that digest was asked for.
func (t *Tamper) Asked(digest string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked[digest]
}

// Stop ends the proxy.
func (t *Tamper) Stop() error {
	err := t.srv.Close()
	<-t.done
	return err
}

// modify wraps the body of tampered content.
func (t *Tamper) modify(r *http.Response) error {
	_, digest, ok := strings.Cut(r.Request.URL.Path, "sha256:")
	if !ok || r.Request.Method != http.MethodGet {
		return nil
	}
	digest = "sha256:" + digest
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked[digest]++
	if off, ok := t.flips[digest]; ok && r.StatusCode/100 == 2 {
		r.Body = &flipped{ReadCloser: r.Body, at: off - rangeStart(r.Request)}
	}
	return nil
}

// rangeStart is the first byte that a request asks for.
func rangeStart(r *http.Request) int64 {
	spec, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if !ok {
		return 0
	}
	first, _, _ := strings.Cut(spec, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// flipped is a body with the byte at position at changed.
type flipped struct {
	io.ReadCloser
	at int64
}

func (f *flipped) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if f.at >= 0 && f.at < int64(n) {
		p[f.at] ^= 0x55
	}
	f.at -= int64(n)
	return n, err
}
