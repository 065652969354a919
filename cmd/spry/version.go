// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import "runtime/debug"

// version is that of the module as it was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
