// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

// refs watches what is taken from the window of an output, which ends at
// output.watch.
type refs struct {
	mask *Mask
	add  bool // to mask; otherwise only what is in it is allowed
	past bool // what a match gives past the limit of the output counts too
}

// allow decides about a match that begins inside the history.
func (r *refs) allow(o *output, m match) bool {
	if r == nil {
		return true
	}
	first := o.pos - m.dist
	end := min(first+m.length, o.watch)
	if !r.past {
		end = min(end, first+o.limit-o.pos)
	}
	if end <= first {
		return true
	}
	shift := WindowSize - o.watch // where it is in a whole window
	if r.add {
		r.mask.Add(first+shift, end+shift)
		return true
	}
	return r.mask.HasAll(first+shift, end+shift)
}
