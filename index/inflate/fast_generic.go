// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

//go:build (!amd64 && !arm64) || purego

package inflate

// fast leaves everything to careful.
func (d *decoder) fast() exit { return exitMore }
