// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import "runtime/debug"

// Version is set by the linker (-X main.Version=...).
var Version string

// version is what the linker says, or else the module's version.
func version() string {
	if Version != "" {
		return Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
