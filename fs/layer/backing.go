// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package layer

import (
	"os"

	"github.com/containerd/log"

	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
	"github.com/spryd/spry/index/toc"
)

// Backing opens the file on disk that holds the bytes of regular file id, if
// it is complete and may be read; the caller closes it. It does not fetch.
func (l *Layer) Backing(id toc.NodeID) (*os.File, bool) {
	if l.refused() {
		return nil, false
	}
	return l.store.Backing(id)
}

// Intact says whether the file on disk that [Layer.Backing] once opened is
// what was written. If it is not, it is being fetched again and written over.
func (l *Layer) Intact(id toc.NodeID) bool {
	if l.store.Intact(id) {
		return true
	}
	l.lost()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.mending[id] {
		return false
	}
	l.mending[id] = true
	l.work.Go(func() { l.mend(id) })
	return false
}

// mend fetches a file again, as reads of all of it would.
func (l *Layer) mend(id toc.NodeID) {
	entry := log.G(l.lifetime).WithField("path", l.Tree().Path(id))
	entry.WithError(store.ErrForeign).Warn("stored file is lost, fetching it again")
	spans, b := l.options.Spans, make([]byte, 1)
	data, size := l.Tree().Data(id)
	for off := int64(0); off < size; off = int64(spans.Span(spans.At(data+span.UncompressedOffset(off))).OutEnd - data) {
		if err := l.reader.ReadAt(l.lifetime, id, b, off); err != nil {
			entry.WithError(err).Warn("lost file is not here yet")
			sleep(l.lifetime, firstPause) // who asks for it asks all the time
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mending, id)
}

// lost has a layer completed again whose disk lost something when that was
// over.
func (l *Layer) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.state.CompareAndSwap(int32(Plain), int32(Proven)) {
		return
	}
	l.work.Go(func() { l.completeRest(l.completing) })
}
