// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

// passTo goes on from the end of the output to bit position end, over what
// gives no output: the end of the block, empty blocks, trailers and headers of
// members, and, to the end of the input, zeros behind the last member.
func (d *decoder) passTo(end int64) error {
	o := &d.out
	if o.pos > o.limit {
		return ErrEnd // inside a match
	}
	o.limit = o.pos + 1 // the slack has room for what must not come
	for {
		if d.state == atHeader && d.final {
			if d.endsAt(end) {
				return nil
			}
			if err := d.nextMember(); err != nil {
				return ErrEnd
			}
		}
		if d.state == atHeader {
			if pos := d.bits.bitPos(); pos == end {
				return nil
			} else if pos > end {
				return ErrEnd
			}
		}
		switch ev, err := d.decode(); {
		case err != nil:
			return err
		case ev != evBlock && ev != evEnd || o.pos >= o.limit:
			return ErrEnd
		}
	}
}

// endsAt says whether end is the end of the input and the member that has
// ended is the last thing in it, but for zeros.
func (d *decoder) endsAt(end int64) bool {
	b := &d.bits
	b.align()
	if end != 8*int64(len(b.in)) || len(b.in)-b.pos < memberTrailer {
		return false
	}
	for _, c := range b.in[b.pos+memberTrailer:] {
		if c != 0 {
			return false
		}
	}
	return true
}
