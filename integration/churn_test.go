// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// churn pulls an image, starts a container of it and removes both, again and
// again. It does what a kubelet does: what failed because a process in between
// died is tried again. Anything else is an error.
type churn struct {
	n         *node
	namespace string
	ref       string
	// excused says whether an error is owed to what the test did since then.
	excused func(since time.Time, err error) bool

	cancel context.CancelFunc
	ctx    context.Context // of churning
	wg     sync.WaitGroup

	pulls, starts, cut atomic.Int64
	mu                 sync.Mutex
	errs               []error
	slowest            time.Duration // call that worked
}

// startChurn starts it.
func (n *node) startChurn(namespace, ref string, excused func(time.Time, error) bool) *churn {
	c := &churn{n: n, namespace: namespace, ref: ref, excused: excused}
	c.ctx, c.cancel = context.WithCancel(n.ctx)
	c.wg.Go(func() {
		for c.ctx.Err() == nil {
			c.round()
		}
	})
	return c
}

// round does everything once. What it began it brings to an end, also when
// the churn is to end, so that nothing is left.
func (c *churn) round() {
	if c.again("pull", c.pull) {
		c.pulls.Add(1)
		if c.again("start", c.start) {
			c.starts.Add(1)
		}
	}
	c.again("remove", func() error {
		_, err := c.n.ctd.Ctr(c.n.ctx, "-n", c.namespace, "image", "rm", "--sync", c.ref)
		return err
	})
}

func (c *churn) pull() error {
	_, err := c.n.ctd.Ctr(c.n.ctx, "-n", c.namespace, "image", "pull", "--plain-http", "--snapshotter", "spry", c.ref)
	return err
}

// start runs a container that verifies its files, and says by its exit status
// whether they are right. What it prints may be lost: ctr stops copying when
// the container has ended, on a busy host before it has begun to.
func (c *churn) start() error {
	id := fmt.Sprintf("spry-%d-%d", os.Getpid(), containers.Add(1))
	args := slices.Concat([]string{"-n", c.namespace}, runArgs, []string{"--rm", c.ref, id})
	_, err := c.n.ctd.Ctr(c.n.ctx, args...)
	if err != nil {
		c.again("remove container", func() error { return c.n.removeContainer(c.namespace, id) })
		_ = c.pull() // another churn may have removed the image, and be over
	}
	return err
}

// removeContainer removes what is there of a container.
func (n *node) removeContainer(namespace, id string) error {
	out, err := n.ctd.Ctr(n.ctx, "-n", namespace, "container", "ls", "-q")
	if err != nil {
		return err
	}
	if strings.Contains(out, id+"\n") {
		_, _ = n.ctd.Ctr(n.ctx, "-n", namespace, "task", "rm", "-f", id) // it may have none
		if _, err := n.ctd.Ctr(n.ctx, "-n", namespace, "container", "rm", id); err != nil {
			return err
		}
	}
	// One that failed early has no container but may have this.
	if out, err = n.ctd.Ctr(n.ctx, "-n", namespace, "snapshot", "--snapshotter", "spry", "rm", id); err != nil && !strings.Contains(out, "not found") {
		return err
	}
	return nil
}

// again calls f until it works; false if it fails in a way that is an error.
func (c *churn) again(what string, f func() error) bool {
	for c.n.ctx.Err() == nil {
		start := time.Now()
		err := f()
		took := time.Since(start)
		switch {
		case err == nil:
			c.mu.Lock()
			c.slowest = max(c.slowest, took)
			c.mu.Unlock()
			return true
		case c.excused(start, err):
			c.cut.Add(1)
			select {
			case <-c.n.ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		default:
			c.mu.Lock()
			c.errs = append(c.errs, fmt.Errorf("%s %s: %w", what, c.ref, err))
			c.mu.Unlock()
			return false
		}
	}
	return false
}

// failed is what went wrong so far.
func (c *churn) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.errs...)
}

// end ends it after a whole round and fails the test if anything went wrong.
func (c *churn) end(t *testing.T) {
	t.Helper()
	c.cancel()
	c.wg.Wait()
	t.Logf("%s: %d pulls and %d starts, %d calls cut and made again, the slowest that worked took %v",
		c.ref, c.pulls.Load(), c.starts.Load(), c.cut.Load(), c.slowest)
	if err := c.failed(); err != nil {
		t.Error(err)
	}
	if c.pulls.Load() == 0 || c.starts.Load() == 0 {
		t.Errorf("%s: nothing was pulled or started", c.ref)
	}
}

// connectionLost are what containerd says of a call that was in progress when
// the server died.
var connectionLost = []string{"error reading from server", "error reading server preface", "Unavailable", "connection reset", "broken pipe", "transport is closing"}

// cutByKill excuses calls that the death of a server cut, and nothing else.
func cutByKill(_ time.Time, err error) bool {
	for _, s := range connectionLost {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

// never excuses nothing.
func never(time.Time, error) bool { return false }
