// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package status

// Layer is one layer that Spry serves, or served until it became plain.
// Sizes are compressed bytes.
type Layer struct {
	Digest     string `json:"digest"`
	State      string `json:"state"`
	Error      string `json:"error,omitempty"`
	Size       int64  `json:"size"`
	Missing    int64  `json:"missing"`
	Spans      int    `json:"spans"`
	Mountpoint string `json:"mountpoint,omitempty"`
	// Shown is what new containers get: directory, erofs (an EROFS image of the names
	// whose contents come through FUSE), passthrough (FUSE, but the kernel reads complete large files
	// on its own) or fuse.
	Shown     string   `json:"shown,omitempty"`
	Images    []string `json:"images"`
	Snapshots []string `json:"snapshots"`
}
