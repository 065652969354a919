// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read

import "github.com/spryd/spry/index/span"

// hold keeps the decoded bytes of e, which is not published yet, until they
// were observed.
func (r *Reader) hold(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.copying++
}

// observe shows a published span to the observer and lets go of it.
func (r *Reader) observe(e *entry, data span.Verified, out []byte) {
	if r.options.Observer != nil {
		r.options.Observer(data, out)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.copying--
	r.freeLocked(e)
}
