// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Shaper is a TCP proxy in front of a loopback registry that gives it the
// bandwidth and the round-trip time of a real network.
//
// Every byte waits half the round-trip time in each direction, opening a
// connection costs a round trip, and all connections share one link for the
// bytes towards the clients. The bytes that crossed it are counted.
type Shaper struct {
	// Host is the address to use instead of the registry's.
	Host string

	target   string
	rtt      time.Duration
	link     link
	listener net.Listener
	down     atomic.Int64
	wg       sync.WaitGroup

	mu    sync.Mutex // guards conns and closed
	conns map[net.Conn]struct{}
	ended bool
}

// NewShaper listens on a loopback port and forwards to target. mbit is the
// bandwidth in megabit a second (0: unlimited).
func NewShaper(target string, mbit float64, rtt time.Duration) (*Shaper, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Shaper{Host: l.Addr().String(), target: target, rtt: rtt, listener: l, conns: map[net.Conn]struct{}{}}
	s.link.bytesPerSecond = mbit * 1e6 / 8
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

// Bytes is the number of bytes that crossed the link towards clients.
func (s *Shaper) Bytes() int64 { return s.down.Load() }

// Close ends every connection and waits for the proxy to be gone.
func (s *Shaper) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.ended = true
	for c := range s.conns {
		err = errors.Join(err, c.Close())
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func (s *Shaper) accept() {
	defer s.wg.Done()
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.wg.Add(1)
		go func() {
			defer s.wg.Done()
			s.serve(c)
		}()
	}
}

// track remembers a connection for Close; it says false when closing.
func (s *Shaper) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.conns[c] = struct{}{}
	}
	return !s.ended
}

func (s *Shaper) drop(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.conns[c]; ok {
		delete(s.conns, c)
		_ = c.Close()
	}
}

func (s *Shaper) serve(client net.Conn) {
	time.Sleep(s.rtt) // the handshake
	server, err := net.Dial("tcp", s.target)
	if err != nil {
		_ = client.Close()
		return
	}
	if !s.track(client) || !s.track(server) {
		_ = client.Close()
		_ = server.Close()
	}
	defer s.drop(client)
	defer s.drop(server)
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); s.pipe(server, client, nil) }()
	go func() { defer wg.Done(); s.pipe(client, server, &s.link) }()
	wg.Wait()
}

// parcel is bytes on their way and when they arrive.
type parcel struct {
	data []byte
	due  time.Time
}

// pipe carries bytes one way through l (nil: no bandwidth limit).
func (s *Shaper) pipe(dst, src net.Conn, l *link) {
	way := make(chan parcel, 256)
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer close(way)
		for {
			buf := make([]byte, 64<<10)
			n, err := src.Read(buf)
			if n > 0 {
				due := time.Now()
				if l != nil {
					s.down.Add(int64(n))
					due = l.reserve(n)
				}
				way <- parcel{buf[:n], due.Add(s.rtt / 2)}
			}
			if err != nil {
				return
			}
		}
	}()
	var failed bool
	for p := range way {
		time.Sleep(time.Until(p.due))
		if failed {
			continue
		}
		if _, err := dst.Write(p.data); err != nil {
			failed = true
			_ = src.Close()
		}
	}
	if t, ok := dst.(*net.TCPConn); ok {
		_ = t.CloseWrite()
	}
}

// link is a line of a bandwidth that all connections share.
type link struct {
	mu             sync.Mutex // guards free
	bytesPerSecond float64
	free           time.Time // when the line is next free
}

// reserve books n bytes and returns when the last of them has left the line.
func (l *link) reserve(n int) time.Time {
	now := time.Now()
	if l.bytesPerSecond <= 0 {
		return now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.bytesPerSecond * float64(time.Second)))
	return l.free
}

var _ io.Closer = (*Shaper)(nil)
