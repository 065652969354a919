// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"container/list"
	"os"
	"sync"

	"github.com/spryd/spry/index/toc"
)

// maxHandles is how many files of one layer stay open when nobody uses them.
const maxHandles = 32

// handles keeps the most recently used files of a layer open.
type handles struct {
	// mu guards everything below, and users and place of handles.
	mu     sync.Mutex
	open   map[toc.NodeID]*handle
	recent list.List // of *handle, most recently used first
	closed bool
}

// handle is an open file of a layer, shared by its users.
type handle struct {
	file  *os.File
	id    toc.NodeID
	users int
	place *list.Element // nil: forgotten, closed by its last user
}

// use returns the file of id, opened by open if it is not open yet. The
// caller must call done.
func (h *handles) use(id toc.NodeID, open func() (*os.File, error)) (*handle, error) {
	if hd, err := h.find(id); hd != nil || err != nil {
		return hd, err
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	hd, victims := h.add(id, f)
	closeAll(victims)
	if hd == nil {
		return nil, os.ErrClosed
	}
	return hd, nil
}

// find is the open handle of id with one more user, or nil.
func (h *handles) find(id toc.NodeID) (*handle, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, os.ErrClosed
	}
	hd := h.open[id]
	if hd == nil {
		return nil, nil
	}
	hd.users++
	h.recent.MoveToFront(hd.place)
	return hd, nil
}

// add makes f the handle of id, unless somebody was faster, and returns the
// files to close now. The handle is nil if h was closed meanwhile.
func (h *handles) add(id toc.NodeID, f *os.File) (*handle, []*os.File) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, []*os.File{f}
	}
	if hd := h.open[id]; hd != nil {
		hd.users++
		h.recent.MoveToFront(hd.place)
		return hd, []*os.File{f}
	}
	hd := &handle{file: f, id: id, users: 1}
	hd.place = h.recent.PushFront(hd)
	h.open[id] = hd
	var victims []*os.File
	for h.recent.Len() > maxHandles {
		victims = h.forgetLocked(h.recent.Back().Value.(*handle), victims)
	}
	return hd, victims
}

// done ends one use.
func (h *handles) done(hd *handle) {
	h.mu.Lock()
	hd.users--
	last := hd.users == 0 && hd.place == nil
	h.mu.Unlock()
	if last {
		_ = hd.file.Close()
	}
}

// forgetLocked takes hd out of the cache, adding its file to victims if nobody
// uses it.
func (h *handles) forgetLocked(hd *handle, victims []*os.File) []*os.File {
	h.recent.Remove(hd.place)
	hd.place = nil
	delete(h.open, hd.id)
	if hd.users == 0 {
		victims = append(victims, hd.file)
	}
	return victims
}

// forget drops every handle, so that paths are opened anew; files in use are
// closed by their last users.
func (h *handles) forget() {
	h.mu.Lock()
	var victims []*os.File
	for _, hd := range h.open {
		victims = h.forgetLocked(hd, victims)
	}
	h.mu.Unlock()
	closeAll(victims)
}

// close forgets every handle for good.
func (h *handles) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.forget()
}

// closeAll closes files whose data is written: nothing is lost with an error.
func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
