// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package pull

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spryd/spry/cmd/spry/internal/progress"
)

// watchInterval is how often containerd is asked how far it is.
const watchInterval = 200 * time.Millisecond

// manifests remembers the image manifest that a pull goes through.
type manifests struct {
	mu   sync.Mutex // guards desc
	desc *ocispec.Descriptor
}

// handle is an images.HandlerFunc that finds no children.
func (m *manifests) handle(_ context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if images.IsManifestType(desc.MediaType) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.desc == nil {
			m.desc = &desc
		}
	}
	return nil, nil
}

func (m *manifests) get() *ocispec.Descriptor {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.desc
}

// watcher shows how far a pull is, by what containerd and the snapshotter
// have. It is only for show: it ignores errors.
type watcher struct {
	options Options
	seen    *manifests
	task    *progress.Task
	chain   []digest.Digest // of the image, nil until its config is there
	ready   int             // layers whose snapshots are there
	cancel  context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended
}

func watch(ctx context.Context, o Options, seen *manifests) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{options: o, seen: seen, task: o.Display.Task("pull "+o.Ref, 0), cancel: cancel, done: make(chan struct{})}
	go w.run(ctx)
	return w
}

// stop ends the watching and takes the task away.
func (w *watcher) stop() {
	w.cancel()
	<-w.done
	w.task.Done("")
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.done)
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	w.task.State("resolving")
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(ctx)
		}
	}
}

func (w *watcher) look(ctx context.Context) {
	if w.chain == nil {
		w.findChain(ctx)
	}
	sn := w.options.Client.SnapshotService(w.options.Snapshotter)
	for w.ready < len(w.chain) {
		if _, err := sn.Stat(ctx, w.chain[w.ready].String()); err != nil {
			break
		}
		w.ready++
	}
	if w.chain != nil {
		w.task.State(fmt.Sprintf("%d of %d layers", w.ready, len(w.chain)))
	}
	statuses, err := w.options.Client.ContentStore().ListStatuses(ctx)
	if err != nil {
		return
	}
	var n int64
	for _, s := range statuses {
		n += s.Offset
	}
	w.task.Set(n)
}

func (w *watcher) findChain(ctx context.Context) {
	desc := w.seen.get()
	if desc == nil {
		return
	}
	cs := w.options.Client.ContentStore()
	m, err := images.Manifest(ctx, cs, *desc, nil)
	if err != nil {
		return
	}
	if chain, err := chainIDs(ctx, cs, m); err == nil {
		w.chain = chain
	}
}
