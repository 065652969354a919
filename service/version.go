// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import "runtime/debug"

// Version is set by the linker; see BuildVersion.
var Version string

// BuildVersion is Version, or what the Go toolchain knows about the commit
// this binary was built from.
func BuildVersion() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
