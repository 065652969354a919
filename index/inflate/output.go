// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

// match is a back-reference, in bytes.
type match struct{ length, dist int }

// output is the buffer that history and output share.
type output struct {
	buf   []byte // len(buf) >= limit+OutputSlack
	hist  int    // back-references reach down to here
	watch int    // those that reach below here are looked at one by one
	pos   int    // next byte to write
	limit int    // decoding stops when pos >= limit; pos can end up to
	// OutputSlack-1 bytes past it
}

// newOutput is an output with window in front and room for n bytes. It uses
// buf's capacity if that is enough.
func newOutput(buf, window []byte, n int) output {
	size := len(window) + n + OutputSlack
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	copy(buf, window)
	return output{buf: buf, pos: len(window), limit: len(window) + n}
}

// near is the place down to which a reference is a plain copy.
func (o *output) near() int { return max(o.hist, o.watch) }

// slide makes room: it moves the last WindowSize bytes to the front.
func (o *output) slide() {
	shift := o.pos - WindowSize
	if shift <= 0 {
		return
	}
	copy(o.buf, o.buf[shift:o.pos])
	o.pos = WindowSize
	o.hist, o.watch = max(0, o.hist-shift), max(0, o.watch-shift)
}

// window is the up to WindowSize bytes before pos, whichever member they
// belong to.
func (o *output) window() []byte { return o.buf[max(0, o.pos-WindowSize):o.pos] }

// copyMatch appends length bytes from dist bytes back.
func (o *output) copyMatch(length, dist int) {
	dst, src := o.pos, o.pos-dist
	o.pos += length
	if dist >= length {
		copy(o.buf[dst:o.pos], o.buf[src:])
		return
	}
	for ; dst < o.pos; dst, src = dst+1, src+1 {
		o.buf[dst] = o.buf[src]
	}
}
