// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/log"
)

const (
	// firstPause and longestPause are before starts of servers that end
	// before they are ready, again and again.
	firstPause   = 50 * time.Millisecond
	longestPause = 10 * time.Second
	// leaveTimeout is how long a server may take to leave before it is
	// killed: its successor goes on where it was all the same.
	leaveTimeout = 20 * time.Second
	// helloTimeout is how long a successor may take to say hello.
	helloTimeout = 30 * time.Second
	// abortTimeout is how long a server that hangs may take to print its
	// stacks.
	abortTimeout = 2 * time.Second
)

// ExitError says that the server ended as it was told, or could not be
// started: the process should exit with Code.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("server exited with %d", e.Code) }

// Options of a keeper.
type Options struct {
	// Command makes the command that becomes a server: it calls Attach with
	// descriptor 3. The keeper adds that.
	Command func() *exec.Cmd
	// Listener is the listening socket that every server is given. It stays
	// the caller's.
	Listener *os.File
	// ListenerName is what it is stored as.
	ListenerName string
	// Held are sessions of an earlier keeper, by name. The keeper closes them.
	Held map[string][]*os.File
	// Store, if not nil, is given everything that is held.
	Store *Store
	// Signals are what the process is sent. See the package comment.
	Signals <-chan os.Signal
}

// keeper is the state of Run, which alone uses it.
type keeper struct {
	o       Options
	events  chan event
	readers sync.WaitGroup
	held    map[string][]*os.File

	serving *child // it has been given everything
	next    *child // it waits for serving to leave
	everRan bool   // a server was ready
	ending  bool
	pause   time.Duration
	timer   *time.Timer // when to start, or to lose patience
	onTimer func()
}

// NotifySignals is the channel for Options.Signals.
func NotifySignals() (c <-chan os.Signal, stop func()) {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGABRT)
	return ch, func() { signal.Stop(ch) }
}

// Run keeps a server running until a signal ends it, or the first one ends
// before it is ready; then the error is an [ExitError] unless the server
// exited with 0. It returns when no server runs and everything held is closed.
func Run(ctx context.Context, o Options) error {
	k := &keeper{o: o, events: make(chan event), held: o.Held, timer: time.NewTimer(time.Hour)}
	if k.held == nil {
		k.held = map[string][]*os.File{}
	}
	k.timer.Stop()
	looks := time.NewTicker(stuckPause)
	defer looks.Stop()
	defer k.readers.Wait()
	defer k.dropAll()
	if err := o.Store.put(o.ListenerName, []*os.File{o.Listener}); err != nil {
		log.G(ctx).WithError(err).Warn("listening socket is not in systemd's store")
	}
	if err := k.launch(); err != nil {
		return err
	}
	for {
		select {
		case e := <-k.events:
			if over, err := k.handle(ctx, e); over {
				return err
			}
		case s := <-o.Signals:
			if k.signalled(ctx, s) {
				return nil
			}
		case <-k.timer.C:
			k.onTimer()
		case <-looks.C:
			k.look(ctx)
		}
	}
}

// launch starts a server and gives it everything.
func (k *keeper) launch() error {
	c, err := start(k.o.Command(), k.events, &k.readers)
	if err != nil {
		return err
	}
	k.give(c)
	return nil
}

// give makes c the server: what it cannot be given ends it.
func (k *keeper) give(c *child) {
	k.serving = c
	c.started = time.Now()
	err := send(c.conn, message{kind: listen, files: []*os.File{k.o.Listener}})
	for _, name := range slices.Sorted(maps.Keys(k.held)) {
		if err == nil {
			err = send(c.conn, message{kind: session, name: name, files: k.held[name]})
		}
	}
	if err == nil {
		err = send(c.conn, message{kind: take})
	}
	if err != nil {
		c.signal(syscall.SIGKILL)
	}
}

// after has f called in d, and nothing else.
func (k *keeper) after(d time.Duration, f func()) {
	k.timer.Reset(d)
	k.onTimer = f
}

// handle is called for every event; over means that Run is.
func (k *keeper) handle(ctx context.Context, e event) (over bool, err error) {
	switch e.kind {
	case gone:
		return k.ended(ctx, e)
	case hold:
		k.put(ctx, e.message)
		return false, nil
	case drop:
		k.remove(ctx, e.name)
	case ready:
		e.child.ready, k.everRan = true, true
	case hello:
		if e.child == k.next && k.serving != nil && !k.serving.leaving {
			k.leave(k.serving)
		}
	}
	e.close()
	return false, nil
}

// leave has a server leave, soon.
func (k *keeper) leave(c *child) {
	c.leaving = true
	if err := send(c.conn, message{kind: leave}); err != nil {
		c.signal(syscall.SIGKILL)
	}
	k.after(leaveTimeout, func() { c.signal(syscall.SIGKILL) })
}

// look frees a server that was killed and cannot die.
func (k *keeper) look(ctx context.Context) {
	c := k.serving
	if c == nil {
		return
	}
	threads := undead(c.cmd.Process.Pid)
	again := c.undead
	c.undead = threads != nil
	if threads == nil || !again {
		return
	}
	log.G(ctx).WithField("duration", time.Since(c.started)).Error("server is dead but does not end: a thread waits for a mount")
	for _, files := range k.held {
		for _, f := range files {
			if err := free(f, threads); err != nil {
				log.G(ctx).WithError(err).Error("dead thread is not freed")
			}
		}
	}
}

// ended deals with the end of a server.
func (k *keeper) ended(ctx context.Context, e event) (over bool, err error) {
	if e.child == k.next {
		k.next = nil
		if k.serving == nil {
			return k.ending, nil
		}
		log.G(ctx).WithError(e.err).Error("upgrade failed: the new binary does not start")
		if !k.serving.leaving {
			k.timer.Stop()
		}
		return false, nil
	}
	if e.child != k.serving {
		return false, nil
	}
	k.serving = nil
	k.timer.Stop()
	switch {
	case k.ending && k.next != nil:
		return false, nil // it is being killed
	case k.next != nil:
		k.give(k.next)
		k.next = nil
		return false, nil
	case k.ending && !e.child.ready:
		return true, nil // it had nothing to close
	case k.ending || !k.everRan:
		if code := exitCode(e.err); code != 0 {
			return true, &ExitError{code}
		}
		return true, nil
	}
	log.G(ctx).WithError(e.err).WithField("duration", time.Since(e.child.started)).Error("server ended, starting another")
	k.restart(ctx, e.child)
	return false, nil
}

// restart starts a server after one that ended (nil: that could not be
// started), at once unless starting does not help.
func (k *keeper) restart(ctx context.Context, last *child) {
	if last != nil && last.ready {
		k.pause = 0
	}
	again := func() {
		if err := k.launch(); err != nil {
			log.G(ctx).WithError(err).Error("no server can be started, trying again")
			k.restart(ctx, nil)
		}
	}
	pause := k.pause
	k.pause = min(max(2*k.pause, firstPause), longestPause)
	if pause == 0 {
		again()
		return
	}
	k.after(pause, again)
}

// signalled deals with a signal; true means that Run is over.
func (k *keeper) signalled(ctx context.Context, s os.Signal) (over bool) {
	if s == syscall.SIGHUP {
		k.upgrade(ctx)
		return false
	}
	again := k.ending
	k.ending = true
	k.next.signal(syscall.SIGKILL)
	switch {
	case k.serving == nil:
		k.timer.Stop()
		return k.next == nil
	case s == syscall.SIGABRT:
		k.serving.signal(s)
		k.after(abortTimeout, func() { k.serving.signal(syscall.SIGKILL) })
	case k.o.Store != nil && !again:
		k.leave(k.serving) // to come back
	default:
		k.serving.signal(s)
	}
	return false
}

// upgrade starts a successor, which takes over once it said hello.
func (k *keeper) upgrade(ctx context.Context) {
	if k.ending || k.next != nil || k.serving == nil {
		log.G(ctx).Warn("no upgrade now: another start or end is in progress")
		return
	}
	next, err := start(k.o.Command(), k.events, &k.readers)
	if err != nil {
		log.G(ctx).WithError(err).Error("upgrade failed")
		return
	}
	k.next = next
	k.after(helloTimeout, func() { next.signal(syscall.SIGKILL) })
}

// put keeps the files of a session.
func (k *keeper) put(ctx context.Context, m message) {
	message{files: k.held[m.name]}.close()
	k.held[m.name] = m.files
	if err := k.o.Store.put(m.name, m.files); err != nil {
		log.G(ctx).WithError(err).Warn("session is not in systemd's store")
	}
}

// remove closes the files of a session.
func (k *keeper) remove(ctx context.Context, name string) {
	message{files: k.held[name]}.close()
	delete(k.held, name)
	if err := k.o.Store.remove(name); err != nil {
		log.G(ctx).WithError(err).Warn("session stays in systemd's store")
	}
}

// dropAll closes what is held; what systemd stores stays there.
func (k *keeper) dropAll() {
	for name, files := range k.held {
		message{files: files}.close()
		delete(k.held, name)
	}
}
