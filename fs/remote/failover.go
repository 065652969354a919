// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/containerd/log"
)

// failover runs try at one host after the other until it works. Hosts whose
// failure may pass are tried again after a pause, up to Options.Retries times
// while ctx lasts; wrong content is given one more chance.
func failover[T any](ctx context.Context, r *Registry, ts []target, try func(context.Context, target) (T, error)) (T, error) {
	var none T
	failed := &hostErrors{hosts: ts, errs: make([]error, len(ts))}
	for attempt := 0; ; attempt++ {
		for _, t := range r.health.order(failed.again(attempt)) {
			v, err := try(ctx, t)
			if err == nil {
				r.health.good(t.key())
				return v, nil
			}
			failed.set(t, err)
			r.blame(ctx, t, err)
			if ctx.Err() != nil {
				return none, err
			}
			log.G(ctx).WithError(err).WithField("attempt", attempt+1).Debug("registry host failed")
		}
		if attempt == r.options.Retries || len(failed.again(attempt+1)) == 0 {
			return none, failed.verdict()
		}
		if err := wait(ctx, r.options.pause(attempt, failed.asked()), failed.verdict()); err != nil {
			return none, err
		}
	}
}

// blame puts a host last for a while when it failed by itself. A deadline
// counts: a host that swallows packets is only ever seen so.
func (r *Registry) blame(ctx context.Context, t target, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	if Transient(err) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrProtocol) {
		r.health.bad(t.key(), askedBy(err))
	}
}

// hostErrors is the last error of each host, in configured order.
type hostErrors struct {
	hosts []target
	errs  []error
}

func (h *hostErrors) set(t target, err error) {
	for i := range h.hosts {
		if h.hosts[i].key() == t.key() {
			h.errs[i] = err
		}
	}
}

// again lists the hosts worth asking in this attempt.
func (h *hostErrors) again(attempt int) []target {
	var ts []target
	for i, err := range h.errs {
		wrong := errors.Is(err, ErrCorrupt) || errors.Is(err, ErrProtocol)
		if attempt == 0 || Transient(err) || (wrong && attempt == 1) {
			ts = append(ts, h.hosts[i])
		}
	}
	return ts
}

// asked is the shortest pause that the hosts asked for.
func (h *hostErrors) asked() time.Duration {
	var least time.Duration
	for i, err := range h.errs {
		if d := askedBy(err); i == 0 || d < least {
			least = d
		}
	}
	return least
}

func askedBy(err error) time.Duration {
	var status *StatusError
	if errors.As(err, &status) {
		return status.RetryAfter
	}
	return 0
}

// verdict is one error for all hosts: what may pass decides, then wrong
// content, then the last host, the origin. The others are told as text.
func (h *hostErrors) verdict() error {
	decides := len(h.errs) - 1
	for i := len(h.errs) - 1; i >= 0; i-- {
		if rank(h.errs[i]) > rank(h.errs[decides]) {
			decides = i
		}
	}
	err := h.errs[decides]
	for i, other := range h.errs {
		if i != decides {
			err = fmt.Errorf("%w (and %s)", err, other.Error())
		}
	}
	return err
}

func rank(err error) int {
	switch {
	case Transient(err):
		return 2
	case errors.Is(err, ErrCorrupt), errdefs.IsOutOfRange(err), errors.Is(err, ErrProtocol):
		return 1
	}
	return 0
}
