// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package status

// Report is the state of a daemon.
type Report struct {
	Version string  `json:"version"`
	Reads   Reads   `json:"reads"`
	Images  []Image `json:"images"`
	Layers  []Layer `json:"layers"`
}

// Reads counts reads of files and what was fetched, since the daemon began.
type Reads struct {
	// Waiting is how many wait for data now; Waited how many had to, and
	// WaitSeconds for how long in all.
	Waiting     int64   `json:"waiting"`
	Waited      int64   `json:"waited"`
	WaitSeconds float64 `json:"wait_seconds"`
	// Slow waited longer than fetch.slow; Failed ended with an I/O error.
	Slow   int64 `json:"slow"`
	Failed int64 `json:"failed"`
	// WrongSpans are spans whose bytes did not match the index.
	WrongSpans int64 `json:"wrong_spans"`
	// Fetched is verified compressed bytes by class: demand, readahead,
	// prefetch, background.
	Fetched map[string]int64 `json:"fetched"`
}
