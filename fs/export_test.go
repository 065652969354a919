// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

// ParseMount exposes the reading of mountinfo.
func ParseMount(line string) (mountpoint, fsType string) { return parseMount(line) }
