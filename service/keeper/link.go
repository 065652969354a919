// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Held are the files of a session that a server before this one gave to the
// keeper.
type Held struct {
	Name  string
	Files []*os.File
}

// Link is the server's side: the keeper as the server sees it. Safe for
// concurrent use.
type Link struct {
	conn   *net.UnixConn
	leave  chan struct{}
	reader sync.WaitGroup

	listener *os.File
	held     []Held
}

// Attach says hello to the keeper at the other end of a descriptor, and waits
// until the predecessor has ended and it is this process's turn, or ctx ends.
func Attach(ctx context.Context, fd uintptr) (*Link, error) {
	unix.CloseOnExec(int(fd)) // or the keeper would wait for our children
	conn, err := connOf(os.NewFile(fd, "keeper"))
	if err != nil {
		return nil, err
	}
	l := &Link{conn: conn, leave: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := errors.Join(send(conn, message{kind: hello}), l.inherit()); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("attach to keeper: %w", errors.Join(err, ctx.Err()))
	}
	l.reader.Go(l.wait)
	return l, nil
}

// inherit receives what the keeper has, until it says take.
func (l *Link) inherit() error {
	for {
		m, err := receive(l.conn)
		if err != nil {
			return err
		}
		switch {
		case m.kind == take:
			if l.listener == nil {
				return errors.New("no listening socket")
			}
			return nil
		case m.kind == listen && len(m.files) == 1:
			l.listener = m.files[0]
		case m.kind == session:
			l.held = append(l.held, Held{m.name, m.files})
		default:
			m.close()
			return fmt.Errorf("unexpected message %c with %d files", m.kind, len(m.files))
		}
	}
}

// wait waits until the keeper wants this server to leave, or is gone.
func (l *Link) wait() {
	defer close(l.leave)
	for {
		m, err := receive(l.conn)
		if err != nil || m.kind == leave {
			return
		}
		m.close()
	}
}

// Listener is the listening socket, which the caller owns from now on.
func (l *Link) Listener() (net.Listener, error) {
	defer func() { _ = l.listener.Close() }()
	return net.FileListener(l.listener)
}

// Held are the sessions of the predecessor; their files are the caller's.
func (l *Link) Held() []Held { return l.held }

// Leave is closed when this server is to end and leave its mounts as they
// are: for a successor, or because the keeper is gone.
func (l *Link) Leave() <-chan struct{} { return l.leave }

// Ready tells the keeper that this server serves.
func (l *Link) Ready() error { return send(l.conn, message{kind: ready}) }

// Hold gives the keeper duplicates of files, instead of what it has under that
// name. Once it returned they outlive this process.
func (l *Link) Hold(name string, files ...*os.File) error {
	return send(l.conn, message{kind: hold, name: name, files: files})
}

// Drop has the keeper close what it has under a name.
func (l *Link) Drop(name string) error { return send(l.conn, message{kind: drop, name: name}) }

// Close ends the connection.
func (l *Link) Close() error {
	err := l.conn.Close()
	l.reader.Wait()
	return err
}
