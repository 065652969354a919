// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"context"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Fault is how a registry behind an [Outage] fails.
type Fault int

const (
	// Healthy is a registry that works.
	Healthy Fault = iota
	// Down ends every connection.
	Down
	// Stalled accepts requests and sends nothing, also not the rest of bodies.
	Stalled
	// Resetting breaks bodies somewhere.
	Resetting
	// Unavailable answers 503.
	Unavailable
)

var faultNames = [...]string{"healthy", "down", "stalled", "resetting", "unavailable"}

func (f Fault) String() string { return faultNames[f] }

// Outage is an HTTP proxy in front of a registry that fails as it is told. It
// notes the ranges that are asked of blobs.
type Outage struct {
	// Host is the address to use instead of the registry's.
	Host string

	srv  *http.Server
	done chan struct{}

	mu      sync.Mutex // guards the rest
	fault   Fault
	only    string        // the digest that it concerns; "" is all
	waiting int           // requests that are stalled
	changed chan struct{} // closed when fault changes
	ranges  map[string]map[string]int
}

var errOutage = errors.New("the registry is out of order")

// NewOutage listens on a loopback port and forwards to the registry at target.
func NewOutage(target string) (*Outage, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o := &Outage{Host: l.Addr().String(), done: make(chan struct{}), changed: make(chan struct{}), ranges: map[string]map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target})
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Body = &failing{ReadCloser: r.Body, r: r.Request, o: o}
		return nil
	}
	o.srv = &http.Server{Handler: o.in(proxy), ReadHeaderTimeout: time.Minute, ErrorLog: proxy.ErrorLog}
	go func() {
		defer close(o.done)
		_ = o.srv.Serve(l)
	}()
	return o, nil
}

// Set makes the registry fail, or work, from now on.
func (o *Outage) Set(f Fault) { o.SetFor(f, "") }

// SetFor makes it fail for content with that digest only; "" is all.
func (o *Outage) SetFor(f Fault, digest string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f != o.fault || digest != o.only {
		o.fault, o.only = f, digest
		close(o.changed)
		o.changed = make(chan struct{})
	}
}

// Ranges is how often each range, as in the Range header, was asked of the
// content at a path that ends in the digest.
func (o *Outage) Ranges(digest string) map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]int{}
	for r, n := range o.ranges[digest] {
		out[r] = n
	}
	return out
}

// Stop ends the proxy and every connection.
func (o *Outage) Stop() error {
	err := o.srv.Close()
	o.Set(Down) // wakes what is stalled
	<-o.done
	return err
}

// Waiting is the number of requests that are stalled.
func (o *Outage) Waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting
}

// now is the fault of what is at path, and what is closed when it changes.
func (o *Outage) now(path string) (Fault, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !strings.HasSuffix(path, o.only) {
		return Healthy, o.changed
	}
	return o.fault, o.changed
}

// wait waits until the fault changes or ctx ends.
func (o *Outage) wait(ctx context.Context, changed <-chan struct{}) error {
	o.mu.Lock()
	o.waiting++
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		o.waiting--
		o.mu.Unlock()
	}()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass returns nil when the registry works, after a stall; else how it fails.
func (o *Outage) pass(ctx context.Context, path string) error {
	for {
		fault, changed := o.now(path)
		switch fault {
		case Healthy:
			return nil
		case Resetting:
			if rand.IntN(4) > 0 {
				return nil
			}
			return errOutage
		case Stalled:
			if err := o.wait(ctx, changed); err != nil {
				return err
			}
		default:
			return errOutage
		}
	}
}

// in puts the outage in front of next.
func (o *Outage) in(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault, _ := o.now(r.URL.Path); fault == Unavailable {
			http.Error(w, "outage", http.StatusServiceUnavailable)
			return
		}
		if o.pass(r.Context(), r.URL.Path) != nil {
			panic(http.ErrAbortHandler)
		}
		o.note(r)
		next.ServeHTTP(w, r)
	})
}

// note counts a range.
func (o *Outage) note(r *http.Request) {
	if r.Method != http.MethodGet || r.Header.Get("Range") == "" || len(r.URL.Path) < 71 {
		return
	}
	digest := r.URL.Path[len(r.URL.Path)-71:] // sha256: and 64 digits
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ranges[digest] == nil {
		o.ranges[digest] = map[string]int{}
	}
	o.ranges[digest][r.Header.Get("Range")]++
}

// failing is a body that fails with its registry.
type failing struct {
	io.ReadCloser
	r *http.Request
	o *Outage
}

func (f *failing) Read(p []byte) (int, error) {
	if fault, _ := f.o.now(f.r.URL.Path); fault != Unavailable { // that of new requests
		if err := f.o.pass(f.r.Context(), f.r.URL.Path); err != nil {
			return 0, err
		}
	}
	return f.ReadCloser.Read(p)
}
