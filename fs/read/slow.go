// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import (
	"errors"
	"strings"
	"time"

	"github.com/spryd/spry/index/span"
)

// outage is a time in which nothing of a layer arrives. It is guarded by
// Reader.mu.
type outage struct {
	cause  error // of the last run that failed
	logged bool
}

// errSilent is the cause as long as no request has failed; the images say whose
// registries were asked.
var errSilent = errors.New("nothing has arrived, no request has ended yet")

// watch calls attention to a read that waits too long. Of all that wait for
// the same outage one is logged. The result ends the watch.
func (r *Reader) watch(rq request) (stop func() bool) {
	since := time.Now()
	return time.AfterFunc(r.options.Slow, func() {
		r.counters.Slow.Add(1)
		r.mu.Lock()
		cause, logged := r.outage.cause, r.outage.logged
		r.outage.logged = true
		r.mu.Unlock()
		if logged || r.lifetime.Err() != nil {
			return
		}
		entry := r.log().WithField("span", r.missing(rq)).WithField("duration", time.Since(since))
		if r.options.Images != nil {
			entry = entry.WithField("image", strings.Join(r.options.Images(), " "))
		}
		if cause == nil {
			cause = errSilent
		}
		entry.WithError(cause).Warn("a read waits for its registry")
	}).Stop
}

// missing is the first span that rq waits for.
func (r *Reader) missing(rq request) span.ID {
	for id := rq.first; id < rq.last; id++ {
		if !r.store.Has(id) {
			return id
		}
	}
	return rq.last
}
