// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package index

// PrefetchRange is a run of spans of one ztoc.
type PrefetchRange struct {
	// Start and End are span ids, both inclusive.
	Start int32 `json:"start_span"`
	End   int32 `json:"end_span"`
	// Priority orders ranges, lower first; 0 if not said.
	Priority int `json:"priority,omitempty"`
}
