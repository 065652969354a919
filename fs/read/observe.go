// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import "github.com/spryd/spry/index/span"

// see looks at a span: its verified bytes and what they decode to, neither of
// which it may keep.
type see = func(data span.Verified, out []byte)

// hold asks the observer about e, which is not published yet, and keeps its
// decoded bytes if they are wanted.
func (r *Reader) hold(e *entry) see {
	if r.options.Observer == nil {
		return nil
	}
	look := r.options.Observer(e.id)
	if look != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		e.copying++
	}
	return look
}

// observe shows a published span to the observer and lets go of it.
func (r *Reader) observe(e *entry, look see, data span.Verified, out []byte) {
	if look == nil {
		return
	}
	look(data, out)
	r.mu.Lock()
	defer r.mu.Unlock()
	e.copying--
	r.freeLocked(e)
}
