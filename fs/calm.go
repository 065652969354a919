// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/containerd/log"
)

const (
	// calmAfter is how long after the last change of a layer, and the last request
	// for one, their memory is given back. Loading the indexes of an image takes
	// tens of megabytes of heap, fetching as much, which the runtime would keep for
	// minutes; a daemon with mounts for which nothing is fetched needs next to none.
	calmAfter = 5 * time.Second
	// leastHeap is what the runtime may use in any case, in bytes: enough for
	// what is in flight ([read.DefaultMemory]). While 465 MB stream in on two
	// CPUs the daemon peaks at 190 MiB without a limit and 131 with this one,
	// for 7.1 to 7.3 s of CPU time in both cases.
	leastHeap = 96 << 20
	// liveMetric is the heap that the last collection left, in bytes.
	liveMetric = "/gc/heap/live:bytes"
)

// heap is the limit that this process has set to its heap.
var heap struct {
	sync.Mutex
	limit int64
}

// limitHeap makes the runtime collect garbage before it uses about a third more than
// what lives, or leastHeap if that is more. GOMEMLIMIT overrides it.
func limitHeap() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	live := []metrics.Sample{{Name: liveMetric}}
	metrics.Read(live)
	limit := leastHeap
	if live[0].Value.Kind() == metrics.KindUint64 {
		limit = max(limit, int(live[0].Value.Uint64()/3*4))
	}
	heap.Lock()
	defer heap.Unlock()
	if more := int64(limit) - heap.limit; more > heap.limit/8 || more < -heap.limit/8 { // it stops the world
		heap.limit = int64(limit)
		debug.SetMemoryLimit(heap.limit)
	}
}

// stir says that a layer changed, or fetches.
func (f *FileSystem) stir() {
	limitHeap()
	f.calm.Reset(calmAfter)
}

// newCalm is a timer that gives memory back; it does not run yet.
func (f *FileSystem) newCalm() *time.Timer {
	limitHeap()
	t := time.AfterFunc(calmAfter, f.rest)
	t.Stop()
	return t
}

// rest gives back the memory that layers need only while they change or fetch: of the
// heap, of their indexes, and of requests.
func (f *FileSystem) rest() {
	for _, s := range f.allServed() {
		if err := s.index.idle(); err != nil {
			log.L.WithField("mountpoint", s.mountpoint).WithError(err).Debug("index stays in memory")
		}
	}
	f.options.Session.Rest()
	runtime.GC()         // buffers to use again survive it
	debug.FreeOSMemory() // but not another
	limitHeap()
}

// allServed are the layers that are served now, none after Close.
func (f *FileSystem) allServed() (all []*served) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	for _, e := range f.entries {
		if e.served != nil {
			all = append(all, e.served)
		}
	}
	return all
}
